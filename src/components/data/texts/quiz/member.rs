//! `quiz`: the eight built-in tasks in a program.

use super::super::coin::words;
use super::super::{MOST_ITEMS, Part, TextTask, of_tasks};
use super::{QuizTask, Size, build};
use crate::components::data::{DataFacts, Places};
use crate::components::styles::Prompts;
use crate::components::{Default, Family, Member, Param, Problem, Spec, Type};

const TASKS: &[&str] = &["option", "short", "class", "yes_no", "sentence", "box", "count", "reading"];

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "quiz",
    params: &[
        Param::new("order", Type::List(&Type::Word(TASKS)), "its tasks in the order of learning; none: all eight")
            .or(Default::Absent)
            .named(),
        Param::new("train", Type::Int, "conversations of each task to learn")
            .or(Default::Int(400))
            .named()
            .within(1.0, 1e6),
        Param::new("test", Type::Int, "conversations of each task to measure on")
            .or(Default::Int(100))
            .named()
            .within(1.0, 1e6),
    ],
    doc: "questions about Fashion-MNIST, digits and Omniglot, built in: eight tasks with the answer forms of CoIN",
    source: "the forms: Chen et al. 2024, arXiv 2403.08350; the wording ours",
    example: "data quiz(order: [option, short, yes_no])",
};

/// Items do not depend on a run's seed, so runs with several seeds are of the same questions.
const SEED: u64 = 0;

/// Of a conversation with the default sizes, on average.
const CHARACTERS: usize = 100;

pub(in crate::components::data) fn read(spec: &Spec, _: &Places) -> Result<Vec<Part>, Problem> {
    let part = |task: QuizTask| {
        let quiz = build(task, size(spec), SEED, &Prompts::default())?;
        let first_id = task as u64 * MOST_ITEMS;
        Ok(Part {
            name: task.word().into(),
            scorer: task.scorer(),
            style: task.style(),
            train: quiz.train,
            test: quiz.test,
            first_id,
        })
    };
    tasks(spec).into_iter().map(part).collect()
}

pub(in crate::components::data) fn describe(spec: &Spec) -> Result<DataFacts, Problem> {
    let Size { train, test } = size(spec);
    let task = |task: QuizTask| TextTask {
        name: task.word().into(),
        scorer: task.scorer(),
        style: task.style(),
        counts: [train, 0, test],
    };
    Ok(of_tasks(tasks(spec).into_iter().map(task).collect(), CHARACTERS, [true, true]))
}

fn tasks(spec: &Spec) -> Vec<QuizTask> {
    words(spec.get("order"), TASKS).into_iter().filter_map(QuizTask::of).collect()
}

fn size(spec: &Spec) -> Size {
    Size { train: spec.usize("train"), test: spec.usize("test") }
}
