//! `quiz`: eight instruction tasks over the embedded pictures, with the answer forms of CoIN (Chen et al. 2024,
//! arXiv 2403.08350), small enough that a model learns one in seconds on two cores.
//!
//! Pictures and their labels are real (Fashion-MNIST, digits, Omniglot); the questions are templates, and where on the body
//! something is worn and to which group it belongs follows from its class. Train and test items show pictures of the
//! train and test parts of their data sets, so they share none.
//!
//! Every picture has 3 x 32 x 32 bytes. 32 is the least power of two that holds an image of Fashion-MNIST or Omniglot
//! (28 x 28, two black pixels around), four of them at half size, and two digits (8 x 8) side by side at twice their size; so
//! patches of 4 or 8 fit, and all tasks share one size. The three channels are equal, since vision towers take RGB.

pub mod member;
mod pictures;
mod questions;
mod things;

use super::super::{digits, fashion, load, omniglot};
use super::{DataFacts, Examples, Places};
use crate::components::scoring::Scorer;
use crate::components::styles::Prompts;
use crate::components::{Problem, Spec, Value};
use crate::nn::rng::Stream;
use crate::text::item::{Item, Picture, Style};
use pictures::Canvas;
use questions::Question;
use std::sync::Arc;

/// One of the eight tasks, in the order of CoIN's that they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuizTask {
    /// which of four things is shown: the letter of an option
    Option,
    /// where something is worn: a short answer
    Short,
    /// of which alphabet a character is: the name of a class
    Class,
    /// whether a statement about a digit holds
    YesNo,
    /// what is shown: a sentence
    Sentence,
    /// where something is: a box
    Box,
    /// how many there are
    Count,
    /// two digits to read
    Reading,
}

/// A task with its items.
#[derive(Clone, Debug, PartialEq)]
pub struct Quiz {
    pub task: QuizTask,
    pub train: Vec<Item>,
    pub test: Vec<Item>,
}

/// How many items a task has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub train: usize,
    pub test: usize,
}

impl Default for Size {
    fn default() -> Size {
        Size { train: 400, test: 100 }
    }
}

impl QuizTask {
    pub const ALL: [QuizTask; 8] = [
        QuizTask::Option,
        QuizTask::Short,
        QuizTask::Class,
        QuizTask::YesNo,
        QuizTask::Sentence,
        QuizTask::Box,
        QuizTask::Count,
        QuizTask::Reading,
    ];

    /// As programs write it.
    pub fn word(self) -> &'static str {
        match self {
            QuizTask::Option => "option",
            QuizTask::Short => "short",
            QuizTask::Class => "class",
            QuizTask::YesNo => "yes_no",
            QuizTask::Sentence => "sentence",
            QuizTask::Box => "box",
            QuizTask::Count => "count",
            QuizTask::Reading => "reading",
        }
    }

    /// The task that a word names.
    pub fn of(word: &str) -> Option<QuizTask> {
        QuizTask::ALL.into_iter().find(|task| task.word() == word)
    }

    /// The form of its answers.
    pub fn style(self) -> Style {
        match self {
            QuizTask::Option => Style::MultipleChoice,
            QuizTask::YesNo => Style::YesNo,
            QuizTask::Sentence => Style::Brief,
            _ => Style::Short,
        }
    }

    /// What its answers are scored by.
    pub fn scorer(self) -> Scorer {
        match self {
            QuizTask::Option => Scorer::ScienceQa,
            QuizTask::Short => Scorer::Gqa,
            QuizTask::Class => Scorer::ImageNet,
            QuizTask::YesNo | QuizTask::Count => Scorer::VqaV2,
            QuizTask::Sentence => Scorer::Sentence,
            QuizTask::Box => Scorer::Grounding,
            QuizTask::Reading => Scorer::OcrVqa,
        }
    }

    fn data(self) -> &'static crate::components::Member {
        match self {
            QuizTask::Class => &omniglot::MEMBER,
            QuizTask::YesNo | QuizTask::Reading => &digits::MEMBER,
            _ => &fashion::MEMBER,
        }
    }
}

/// The items of a task: the same for the same size, seed and prompts. The first items of a larger size are those of a
/// smaller one. Each question ends with the response format prompt of the task's style.
///
/// # Errors
/// Embedded files that cannot be read.
pub fn build(task: QuizTask, size: Size, seed: u64, prompts: &Prompts) -> Result<Quiz, Problem> {
    let member = task.data();
    // The embedded sets take no argument that has no default.
    let args = member.params.iter().map(|param| param.default.value(|_| Value::None).unwrap_or(Value::None));
    let spec = Spec { member, args: args.collect() };
    let data = load(&spec, &Places::default(), 0)?;
    let part = |examples: &Examples, name: &str, split: u64, count: usize| -> Vec<Item> {
        let images = Images::of(examples, &data.facts, task);
        let item = |at: usize| {
            let mut stream = Stream::new(seed, &format!("quiz/{}", task.word()), &[split, at as u64]);
            let asked = questions::ask(task, &images, &mut stream);
            asked.item(format!("quiz/{}/{name}/{at:04}", task.word()), task.style(), prompts)
        };
        (0..count).map(item).collect()
    };
    let train = part(&data.train, "train", 0, size.train);
    let test = part(&data.test, "test", 1, size.test);
    Ok(Quiz { task, train, test })
}

/// The images of one part of a data set, by class.
struct Images {
    side: usize,
    /// grey bytes of each image, by class; characters of an alphabet are one class
    classes: Vec<Vec<Vec<u8>>>,
}

impl Images {
    fn of(examples: &Examples, facts: &DataFacts, task: QuizTask) -> Images {
        let class_of: Vec<Option<usize>> = match task {
            QuizTask::Class => things::alphabets_of(&facts.class_names),
            _ => (0..facts.classes).map(Some).collect(),
        };
        let count = class_of.iter().flatten().max().map_or(0, |last| last + 1);
        let mut classes = vec![Vec::new(); count];
        for (at, label) in examples.all_labels().iter().enumerate() {
            if let Some(Some(class)) = class_of.get(*label as usize) {
                let bytes = examples.batch(&[at]).into_iter().map(|x| (x * 255.0).round() as u8);
                classes[*class].push(bytes.collect());
            }
        }
        Images { side: facts.image()[1], classes }
    }

    /// An image of a class, each as likely.
    fn draw(&self, class: usize, stream: &mut Stream) -> &[u8] {
        let images = &self.classes[class];
        &images[stream.below(images.len())]
    }
}

impl Question {
    fn item(self, id: String, style: Style, prompts: &Prompts) -> Item {
        let Question { canvas, question, answer, expected } = self;
        let picture = Picture::Pixels { shape: [3, Canvas::SIDE, Canvas::SIDE], bytes: Arc::from(canvas.rgb()) };
        let question = prompts.asked(&question, style);
        let turns = vec![crate::text::item::Turn { question, answer }];
        Item { id, picture: Some(picture), turns, expected: Some(expected), origin: None }
    }
}

#[cfg(test)]
mod tests;
