//! A data set, divided into tasks of so many classes each.

use super::Task;
use crate::components::data::DataFacts;
use crate::components::{Family, Member, Param, Problem, ProblemKind, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Task,
    name: "split",
    params: &[
        Param::new("data", Type::Component(Family::Data), "the data set that is divided"),
        Param::new("by", Type::Word(&["class"]), "what keeps the tasks apart: each has classes of its own").named(),
        Param::new("size", Type::Int, "classes in a task; the last task has those that are left").named().at_least(1.0),
    ],
    doc: "a list of tasks: the classes of the data in their order, so many in each",
    source: "van de Ven and Tolias 2019, arXiv 1904.07734",
    example: "let tasks = split(fashion, by: class, size: 5)",
};

pub(super) fn build(spec: &Spec, facts: &DataFacts) -> Result<Vec<Task>, Problem> {
    let (data, size) = (spec.component("data"), spec.usize("size"));
    if facts.texts().is_some() {
        let message = format!("`{}` holds conversations, which are in tasks already", data.name());
        let help = format!("it is the list of its tasks itself: `for task in {} {{ … }}`", data.name());
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("data"));
    }
    if size > facts.classes {
        let message = format!("`size` of `split` is {size}, but `{}` has {} classes", data.name(), facts.classes);
        return Err(Problem::new(ProblemKind::DoesNotFit, message).of("size"));
    }
    let classes: Vec<u32> = (0..facts.classes as u32).collect();
    Ok(classes
        .chunks(size)
        .map(|classes| Task { data: data.clone(), classes: classes.to_vec(), name: None, once_learned: false })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::components::data::{Places, describe};
    use crate::components::testing::spec;

    fn tasks(size: i64) -> Result<Vec<Task>, Problem> {
        let data = spec(crate::components::catalogue::find(Family::Data, "digits").unwrap(), &[]);
        let facts = describe(&data, &Places::default(), 0).unwrap();
        let given = [("data", Value::Component(data)), ("by", Value::Word("class".into())), ("size", Value::Int(size))];
        super::super::build(&spec(&MEMBER, &given), &facts)
    }

    #[test]
    fn classes_keep_their_order_and_the_last_task_has_what_is_left() {
        let classes: Vec<Vec<u32>> = tasks(4).unwrap().into_iter().map(|task| task.classes).collect();
        assert_eq!(classes, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
        assert_eq!((tasks(10).unwrap().len(), tasks(1).unwrap().len()), (1, 10));
        assert_eq!(tasks(11).unwrap_err().message, "`size` of `split` is 11, but `digits` has 10 classes");
    }

    #[test]
    fn tasks_are_shown_by_their_classes_and_joined_as_sets() {
        let all = tasks(4).unwrap();
        let pick = |places: &[usize]| shown(&places.iter().map(|i| &all[*i]).collect::<Vec<_>>());
        assert_eq!(
            [pick(&[0]), pick(&[2, 0, 0]), pick(&[1, 0])],
            ["classes 0..=3", "classes 0..=3, 8..=9", "classes 0..=7"]
        );
        assert_eq!(tasks(1).unwrap()[7].to_string(), "class 7");
    }
}
