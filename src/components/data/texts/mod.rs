//! Data sets of conversations: questions with answers, about pictures or about none, in tasks that are learned one after
//! another. Each member's file holds its description and its `read`; what the checker must know is read from the files
//! themselves, which have no headers.

mod coin;
mod easy_vqa;
mod instructions;
mod nlvr;
pub mod quiz;

use super::reader::FIRST_IDS;
use super::{DataFacts, Dataset, Examples, Holds, Places};
use crate::components::scoring::Scorer;
use crate::components::{Member, Problem, ProblemKind, Spec, Split, Value};
use crate::text::instructions::Wrong;
use crate::text::item::{Expected, Item, Picture, Style};
use sha2::{Digest, Sha256};
use std::path::Path;

/// What the checker must know of conversations.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// in the order in which they are learned; their names are the classes of the data
    pub tasks: Vec<TextTask>,
    /// of a conversation, on average: what costs are estimated from
    pub characters: usize,
    /// whether some are about pictures
    pub pictures: bool,
    /// whether all are
    pub only_pictures: bool,
}

/// A part of the data with answers of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct TextTask {
    pub name: String,
    /// what its answers are compared by
    pub scorer: Scorer,
    /// the form of its answers
    pub style: Style,
    /// conversations in train, validation, test
    pub counts: [usize; 3],
}

/// A task as it is read.
pub(super) struct Part {
    name: String,
    scorer: Scorer,
    style: Style,
    train: Vec<Item>,
    test: Vec<Item>,
    /// of the first item of each split; further ones count on
    first_id: u64,
}

type Read = fn(&Spec, &Places) -> Result<Vec<Part>, Problem>;

/// All data sets of texts, with what reads them.
pub(super) static ENTRIES: [(&Member, Read); 5] = [
    (&quiz::member::MEMBER, quiz::member::read),
    (&instructions::MEMBER, instructions::read),
    (&coin::MEMBER, coin::read),
    (&easy_vqa::MEMBER, easy_vqa::read),
    (&nlvr::MEMBER, nlvr::read),
];

/// Items of two tasks never share an id: a task has at most so many in a split.
const MOST_ITEMS: u64 = 1 << 24;

impl Texts {
    /// Conversations of these tasks, by number, in a split.
    pub fn count(&self, tasks: &[u32], split: Split) -> usize {
        tasks.iter().filter_map(|task| self.tasks.get(*task as usize)).map(|task| task.counts[split as usize]).sum()
    }
}

fn entry(spec: &Spec) -> Option<Read> {
    ENTRIES.iter().find(|(member, _)| *member == spec.member).map(|(_, read)| *read)
}

/// Whether it is a data set of texts.
pub fn is_one(spec: &Spec) -> bool {
    entry(spec).is_some()
}

/// The facts of such a data set; `None` of any other.
pub(super) fn describe(spec: &Spec, places: &Places) -> Option<Result<DataFacts, Problem>> {
    let read = entry(spec)?;
    if spec.maybe("order") == Some(&Value::List(Vec::new())) {
        let problem = Problem::new(ProblemKind::NothingMeant, "a list of no tasks");
        return Some(Err(problem.help("leave `order:` out for all tasks, or name some").of("order")));
    }
    // The built-in one need not be drawn for that.
    if spec.member == &quiz::member::MEMBER {
        return Some(quiz::member::describe(spec));
    }
    Some(read(spec, places).and_then(|parts| facts(&parts)))
}

/// All of such a data set; `None` of any other.
pub(super) fn load(spec: &Spec, places: &Places) -> Option<Result<Dataset, Problem>> {
    entry(spec).map(|read| {
        let parts = read(spec, places)?;
        let (facts, checksum) = (facts(&parts)?, checksum(&parts));
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for (task, part) in parts.into_iter().enumerate() {
            train.push((task as u32, FIRST_IDS[0] + part.first_id, part.train));
            test.push((task as u32, FIRST_IDS[2] + part.first_id, part.test));
        }
        let validation = examples(Vec::new());
        Ok(Dataset { facts, train: examples(train), validation, test: examples(test), checksum })
    })
}

fn examples(parts: Vec<(u32, u64, Vec<Item>)>) -> Examples {
    let (mut items, mut labels, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (task, first, part) in parts {
        labels.extend(std::iter::repeat_n(task, part.len()));
        ids.extend(first..first + part.len() as u64);
        items.extend(part);
    }
    Examples::of_texts(items, labels, ids)
}

fn facts(parts: &[Part]) -> Result<DataFacts, Problem> {
    let items = || parts.iter().flat_map(|part| part.train.iter().chain(&part.test));
    let (mut characters, mut count, mut pictures) = (0, 0, 0);
    for item in items() {
        characters += item.turns.iter().map(|turn| turn.question.len() + turn.answer.len()).sum::<usize>();
        count += 1;
        pictures += usize::from(item.picture.is_some());
    }
    let tasks = parts.iter().map(|part| TextTask {
        name: part.name.clone(),
        scorer: part.scorer,
        style: part.style,
        counts: [part.train.len(), 0, part.test.len()],
    });
    let tasks: Vec<TextTask> = tasks.collect();
    if let Some(large) = tasks.iter().find(|task| task.counts.iter().any(|n| *n as u64 > MOST_ITEMS)) {
        let message =
            format!("the task `{}` has more than {MOST_ITEMS} conversations; at most that is read", large.name);
        return Err(Problem::new(ProblemKind::BadFile, message));
    }
    Ok(of_tasks(tasks, characters / count.max(1), [pictures > 0, pictures == count]))
}

fn of_tasks(tasks: Vec<TextTask>, characters: usize, [pictures, only_pictures]: [bool; 2]) -> DataFacts {
    let sum = |split: usize| tasks.iter().map(|task| task.counts[split]).sum();
    DataFacts {
        classes: tasks.len(),
        class_names: tasks.iter().map(|task| task.name.clone()).collect(),
        counts: [sum(0), sum(1), sum(2)],
        holds: Holds::Texts(Texts { tasks, characters, pictures, only_pictures }),
    }
}

/// Of all texts, and of the pictures or of where they lie.
fn checksum(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for part in parts {
        put(part.name.as_bytes());
        for item in part.train.iter().chain(&part.test) {
            put(item.id.as_bytes());
            item.turns.iter().flat_map(|turn| [&turn.question, &turn.answer]).for_each(|text| put(text.as_bytes()));
            match &item.picture {
                None => put(b""),
                Some(Picture::Pixels { bytes, .. }) => put(bytes),
                Some(Picture::File(path)) => put(path.file_name().unwrap_or_default().as_encoded_bytes()),
            }
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong with the files of an argument. They are called what the program calls them: by paths as they were resolved, and as
/// they are written, those of files before those of their folders.
fn unreadable(wrong: Wrong, argument: &'static str, named: &[(&Path, &str)]) -> Problem {
    let mut message = wrong.to_string();
    for (resolved, written) in named {
        for end in ["`", "/"] {
            message = message.replace(&format!("`{}{end}", resolved.display()), &format!("`{written}{end}"));
        }
    }
    Problem::new(ProblemKind::BadFile, message).of(argument)
}

/// The folder that pictures lie in beside a file, as it was resolved and as it is written.
fn beside<'p>(resolved: &'p Path, written: &'p str) -> (&'p Path, &'p str) {
    let folder = Path::new(written).parent().and_then(Path::to_str).filter(|folder| !folder.is_empty());
    (resolved.parent().unwrap_or(Path::new("")), folder.unwrap_or("."))
}

/// The words of scorers that compare texts with one truth.
const TEXT_SCORERS: &[&str] = &["gqa", "imagenet", "vizwiz", "vqav2", "ocrvqa", "sentence"];

/// The form of answers that a scorer compares.
fn style_of(scorer: Scorer) -> Style {
    match scorer {
        Scorer::ScienceQa => Style::MultipleChoice,
        Scorer::Sentence => Style::Brief,
        _ => Style::Short,
    }
}

/// Items whose last answer is the truth.
fn expecting(mut items: Vec<Item>) -> Vec<Item> {
    for item in &mut items {
        let truth = item.turns.last().map(|turn| turn.answer.clone()).unwrap_or_default();
        item.expected.get_or_insert(Expected::Text(truth));
    }
    items
}
