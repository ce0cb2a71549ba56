//! Tasks: parts of a data set that are learned, kept and measured by themselves.

pub mod seen;
mod split;

use super::data::DataFacts;
use crate::components::{Member, Problem, Spec, Value, entries};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt;

/// Some classes of a data set, in each of its splits; of conversations a task of theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// a member of [`crate::components::Family::Data`]
    pub data: Spec,
    /// by number, ascending
    pub classes: Vec<u32>,
    /// of conversations, what the task is called
    pub name: Option<String>,
    /// counts only once it has been learned: `seen(tasks)`
    pub once_learned: bool,
}

type Build = fn(&Spec, &DataFacts) -> Result<Vec<Task>, Problem>;

/// The family's members with what makes their tasks, in the order in which they are listed.
static TASKS: [(&Member, Build); 2] =
    [(&split::MEMBER, split::build), (&seen::MEMBER, |spec, _| Ok(seen::tasks(spec).unwrap_or_default()))];

/// The descriptions of all that makes tasks.
pub static MEMBERS: &[&Member] = &entries::members(&TASKS);

/// The tasks that `spec` describes, of data with these facts.
///
/// # Errors
/// Arguments that do not fit the data.
pub fn build(spec: &Spec, facts: &DataFacts) -> Result<Vec<Task>, Problem> {
    entries::builder(&TASKS, spec.name())(spec, facts)
}

impl Task {
    /// Canonical JSON; part of the plan.
    pub fn to_json(&self) -> serde_json::Value {
        match self.once_learned {
            true => json!({ "data": self.data.to_json(), "classes": self.classes, "seen": true }),
            false => json!({ "data": self.data.to_json(), "classes": self.classes }),
        }
    }
}

/// The tasks of a value of type [`crate::components::Type::Tasks`].
pub fn of(value: &Value) -> Vec<&Task> {
    fn task(value: &Value) -> Option<&Task> {
        match value {
            Value::Task(task) => Some(task),
            _ => None,
        }
    }
    match value {
        Value::List(items) => items.iter().filter_map(task).collect(),
        value => task(value).into_iter().collect(),
    }
}

/// The tasks that a data set of conversations consists of, as a list; `None` of images, which `split` divides.
pub fn of_data(data: &Spec, facts: &DataFacts) -> Option<Value> {
    let texts = facts.texts()?;
    let task = |number: usize| {
        let name = Some(texts.tasks[number].name.clone());
        Value::Task(Task { data: data.clone(), classes: vec![number as u32], name, once_learned: false })
    };
    Some(Value::List((0..texts.tasks.len()).map(task).collect()))
}

/// The numbers of tasks, or of their classes, within their data; ascending.
pub fn numbers(value: &Value) -> Vec<u32> {
    let numbers: BTreeSet<u32> = of(value).into_iter().flat_map(|task| task.classes.iter().copied()).collect();
    numbers.into_iter().collect()
}

/// What several tasks hold together: the classes of each data set, in the order in which it is met first.
pub fn joined<'t>(tasks: &[&'t Task]) -> Vec<(&'t Spec, BTreeSet<u32>)> {
    let mut joined: Vec<(&Spec, BTreeSet<u32>)> = Vec::new();
    for task in tasks {
        match joined.iter_mut().find(|(data, _)| *data == &task.data) {
            Some((_, classes)) => classes.extend(&task.classes),
            None => joined.push((&task.data, task.classes.iter().copied().collect())),
        }
    }
    joined
}

/// In short: `classes 0..=4`, `classes 0..=2, 7 and 9`, `option, short`.
pub fn shown(tasks: &[&Task]) -> String {
    let names: Option<Vec<&str>> = tasks.iter().map(|task| task.name.as_deref()).collect();
    if let Some(names) = names.filter(|names| !names.is_empty()) {
        let names = names.join(", ");
        return if tasks.iter().any(|task| task.once_learned) { format!("seen of {names}") } else { names };
    }
    let parts = joined(tasks);
    let with_data = parts.len() > 1;
    let part = |(data, classes): &(&Spec, BTreeSet<u32>)| {
        let of = if with_data { format!(" of {}", data.name()) } else { String::new() };
        format!("{}{of}", ranges(classes))
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// Runs of numbers as ranges.
fn ranges(classes: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &class in classes {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == class => *end = class,
            _ => runs.push((class, class)),
        }
    }
    let run = |(start, end): &(u32, u32)| if start == end { start.to_string() } else { format!("{start}..={end}") };
    let word = if classes.len() == 1 { "class" } else { "classes" };
    format!("{word} {}", runs.iter().map(run).collect::<Vec<_>>().join(", "))
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&[self]))
    }
}
