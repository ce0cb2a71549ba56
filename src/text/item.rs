//! Questions with their answers, as files of instructions and built-in tasks hold them.

use std::path::PathBuf;
use std::sync::Arc;

/// One conversation, about a picture or about none.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// stable: names it in records, and keys its random draws
    pub id: String,
    pub picture: Option<Picture>,
    /// in order, the person's question first; at least one. The picture comes before the first question, unless another one begins
    /// with `<image>`
    pub turns: Vec<Turn>,
    /// what an answer to the last question is scored by; `None` where the item is only for training
    pub expected: Option<Expected>,
    /// where it was made from another item
    pub origin: Option<Origin>,
}

/// A question and the answer that is learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub question: String,
    pub answer: String,
}

/// What the item is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// a PNG or JPEG
    File(PathBuf),
    /// bytes C·H·W in that order
    Pixels { shape: [usize; 3], bytes: Arc<[u8]> },
}

/// The truth that an answer is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// the right one of so many options, counted from 0: `A` is 0
    Option { right: usize, options: usize },
    /// one right text
    Text(String),
    /// what several people answered
    People(Vec<String>),
    /// x1, y1, x2, y2 in 0..=1 of the picture padded to a square
    Region([f64; 4]),
}

/// The form that a question asks its answer in (SEFE, Chen et al. 2025, arXiv 2505.02486: answer style diversification).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// whether a statement is right: `Yes` or `No`
    YesNo,
    /// the letter of an option
    MultipleChoice,
    /// a word or phrase
    Short,
    /// about 20 words
    Brief,
    /// about 50 words
    Detailed,
}

impl Style {
    pub const ALL: [Style; 5] = [Style::YesNo, Style::MultipleChoice, Style::Short, Style::Brief, Style::Detailed];

    /// As programs and files write it: `yes_no`.
    pub fn word(self) -> &'static str {
        match self {
            Style::YesNo => "yes_no",
            Style::MultipleChoice => "multiple_choice",
            Style::Short => "short",
            Style::Brief => "brief",
            Style::Detailed => "detailed",
        }
    }

    /// The style that a word names.
    pub fn of(word: &str) -> Option<Style> {
        Style::ALL.into_iter().find(|style| style.word() == word)
    }
}

/// How an item came from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub style: Style,
    /// the other item's id
    pub source: String,
    /// what the draws were keyed by
    pub seed: u64,
}
