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
    let split = |name: &str| easy_vqa::read(&folder, name).map_err(|e| unreadable(e).of("folder"));
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
