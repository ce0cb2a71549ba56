//! `easy_vqa("folder")`: questions about coloured shapes.

use super::coin::words;
use super::{MOST_ITEMS, Part, Places, Problem, unreadable};
use crate::components::scoring::Scorer;
use crate::components::{Default, Family, Member, Param, ProblemKind, Spec, Type, Value};
use crate::text::instructions::easy_vqa;
use crate::text::item::{Item, Style};

/// What is asked for: the shape, its colour, whether there is such a shape, whether something has such a colour.
const TASKS: &[&str] = &["shape", "color", "has_shape", "has_color"];

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "easy_vqa",
    params: &[
        Param::new("folder", Type::Text, "holds train/ and test/ with questions.json and images/"),
        Param::new(
            "order",
            Type::List(&Type::Word(TASKS)),
            "tasks by what is asked for, in the order of learning; none: all questions are one task",
        )
        .or(Default::Absent)
        .named(),
        Param::new("train", Type::Int, "so many questions of each task to learn, the first ones; none: all")
            .or(Default::Absent)
            .named()
            .within(1.0, 1e9),
        Param::new("test", Type::Int, "the same to measure on").or(Default::Absent).named().within(1.0, 1e9),
    ],
    doc: "easy-VQA as PyPI's package has it: 48,248 questions about 5,000 pictures of coloured shapes",
    source: "Zhou 2019, easy-vqa; the tasks are ours",
    example: "data easy_vqa(\"data/easy-vqa\")",
};

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Vec<Part>, Problem> {
    let folder = places.resolve(spec.text("folder")).map_err(|e| e.of("folder"))?;
    let wrong = |wrong| unreadable(wrong, "folder", &[(&folder, spec.text("folder"))]);
    let split = |name: &str| easy_vqa::read(&folder, name).map_err(wrong);
    let (train, test) = (split("train")?, split("test")?);
    let most = |name: &str| match spec.get(name) {
        Value::Int(n) => usize::try_from(*n).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    // One task of all questions, or tasks of some.
    let part = |name: &str, style: Style, at: usize, wanted: &dyn Fn(&Item) -> bool| {
        let of = |items: &[Item], most: usize| -> Vec<Item> {
            items.iter().filter(|item| wanted(item)).take(most).cloned().collect()
        };
        let (train, test) = (of(&train, most("train")), of(&test, most("test")));
        if train.is_empty() || test.is_empty() {
            let message = format!("there are no questions for the task `{name}` in train or in test");
            return Err(Problem::new(ProblemKind::BadFile, message).of("folder"));
        }
        let first_id = at as u64 * MOST_ITEMS;
        Ok(Part { name: name.into(), scorer: Scorer::VqaV2, style, train, test, first_id })
    };
    if *spec.get("order") == Value::None {
        return Ok(vec![part("easy_vqa", Style::Short, 0, &|_| true)?]);
    }
    let task = |name: &str| {
        let style = if name.starts_with("has_") { Style::YesNo } else { Style::Short };
        let at = TASKS.iter().position(|task| *task == name).unwrap_or_default();
        part(name, style, at, &|item| asked(item) == name)
    };
    words(spec.get("order"), TASKS).into_iter().map(task).collect()
}

/// The task of a question. Of those that are answered by yes or no, shapes are named only where no colour is.
fn asked(item: &Item) -> &'static str {
    let Some(turn) = item.turns.first() else { return TASKS[0] };
    let asks_for = |words: &[&str]| turn.question.split(|c: char| !c.is_alphabetic()).any(|w| words.contains(&w));
    match turn.answer.as_str() {
        "yes" | "no" if asks_for(&["circle", "rectangle", "triangle"]) => "has_shape",
        "yes" | "no" => "has_color",
        _ if asks_for(&["color"]) => "color",
        _ => "shape",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_tasks_by_what_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let questions = serde_json::json!([
            ["what color is the circle?", "blue", 0],
            ["what shape is present?", "circle", 0],
            ["what is the blue shape?", "circle", 0],
            ["is there a circle?", "yes", 0],
            ["is no blue shape present?", "no", 0],
            ["is a teal shape present?", "no", 0]
        ]);
        for split in ["train", "test"] {
            let images = folder.path().join(format!("easy/{split}/images"));
            std::fs::create_dir_all(&images).unwrap();
            image::RgbImage::new(8, 8).save(images.join("0.png")).unwrap();
            std::fs::write(images.with_file_name("questions.json"), questions.to_string()).unwrap();
        }
        let places = Places { program: folder.path().into(), ..Places::default() };
        let read = |arguments: &[(&str, Value)]| {
            let args = MEMBER.params.iter().map(|_| Value::None).collect();
            let mut spec = Spec { member: &MEMBER, args };
            for (name, value) in [("folder", Value::Text("easy".into()))].iter().chain(arguments) {
                let (at, _) = MEMBER.param(name).unwrap();
                spec.args[at] = value.clone();
            }
            let parts = read(&spec, &places).map_err(|problem| problem.message)?;
            let told = |items: &[Item]| items.iter().map(|item| item.turns[0].question.clone()).collect::<Vec<_>>();
            Ok::<_, String>(
                parts.iter().map(|part| (part.name.clone(), told(&part.train), part.test.len())).collect::<Vec<_>>(),
            )
        };
        let words = |words: &[&str]| Value::List(words.iter().map(|word| Value::Word((*word).into())).collect());
        let all = read(&[]).unwrap();
        assert_eq!((all.len(), all[0].1.len()), (1, 6));
        let two = read(&[("order", words(&["has_color", "shape"])), ("train", Value::Int(1))]).unwrap();
        let expected = [("has_color", "is no blue shape present?", 2), ("shape", "what shape is present?", 2)];
        assert_eq!(two, expected.map(|(name, question, tests)| (name.into(), vec![question.into()], tests)));
        let rest = read(&[("order", words(&["color", "has_shape"])), ("test", Value::Int(1))]).unwrap();
        let expected = [("color", "what color is the circle?", 1), ("has_shape", "is there a circle?", 1)];
        assert_eq!(rest, expected.map(|(name, question, tests)| (name.into(), vec![question.into()], tests)));
    }
}
