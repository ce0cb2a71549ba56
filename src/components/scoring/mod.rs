//! How good answers of a language model are: one scorer for each kind of task of CoIN (Chen et al. 2024,
//! arXiv 2403.08350), as SEFE (arXiv 2505.02486) uses them for its truth alignment, and what is made of scores.
//!
//! Each scorer has modes. `reference` does what the published scripts do, their oddities included, so that figures can be
//! compared with published ones; `strict` does what their description says and accepts nothing by accident.

mod contractions;
mod evalai;
mod forgetting;
mod form;
mod judge;
mod knowledge;
mod letters;
mod matrix;
mod regions;
mod texts;

pub use evalai::normalize;
pub use forgetting::{Judged, RIGHT, Shares, Verdict, shares, verdict};
pub use form::{has_form, stated};
pub use judge::{judged, question_for_judge, rating};
pub use knowledge::{knowledge, knows};
pub use matrix::Accuracies;
pub use regions::{iou, padded, region, written};

use crate::components::{Problem, ProblemKind};
use crate::text::item::Expected;

/// What compares an answer with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scorer {
    /// the letter of an option
    ScienceQa,
    /// agreement with several people's answers
    TextVqa,
    /// the name of a class
    ImageNet,
    /// a word or phrase
    Gqa,
    /// a word or phrase
    VizWiz,
    /// a box around what is asked for
    Grounding,
    /// a word or phrase
    VqaV2,
    /// what is written in the picture
    OcrVqa,
    /// a sentence that has to contain the truth; not one of CoIN's eight
    Sentence,
}

/// How closely a scorer follows the published scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// what the scorer's description says
    Strict,
    /// SEFE's scripts
    Reference,
    /// CoIN's scripts: they differ from SEFE's in how a letter is found (`scienceqa`)
    Coin,
}

impl Scorer {
    pub const ALL: [Scorer; 9] = [
        Scorer::ScienceQa,
        Scorer::TextVqa,
        Scorer::ImageNet,
        Scorer::Gqa,
        Scorer::VizWiz,
        Scorer::Grounding,
        Scorer::VqaV2,
        Scorer::OcrVqa,
        Scorer::Sentence,
    ];

    /// As programs and files write it: `scienceqa`.
    pub fn word(self) -> &'static str {
        match self {
            Scorer::ScienceQa => "scienceqa",
            Scorer::TextVqa => "textvqa",
            Scorer::ImageNet => "imagenet",
            Scorer::Gqa => "gqa",
            Scorer::VizWiz => "vizwiz",
            Scorer::Grounding => "grounding",
            Scorer::VqaV2 => "vqav2",
            Scorer::OcrVqa => "ocrvqa",
            Scorer::Sentence => "sentence",
        }
    }

    /// The scorer that a word names.
    pub fn of(word: &str) -> Option<Scorer> {
        Scorer::ALL.into_iter().find(|scorer| scorer.word() == word)
    }

    /// How right an answer is, from 0 to 1.
    ///
    /// # Errors
    /// A truth of a kind that this scorer does not compare with, and in the published modes other than ten people's
    /// answers for `textvqa`.
    pub fn score(self, mode: Mode, answer: &str, expected: &Expected) -> Result<f64, Problem> {
        let right = |right: bool| Ok(f64::from(u8::from(right)));
        match (self, expected) {
            (Scorer::ScienceQa, Expected::Option { right: truth, options }) => {
                right(letters::named(mode, answer, *options) == Some(*truth))
            }
            (Scorer::TextVqa, Expected::People(people)) => {
                if mode != Mode::Strict && people.len() != 10 {
                    let message = format!("`textvqa` compares with 10 people's answers, not {}", people.len());
                    return Err(wrong(message).help("the mode `strict` takes any number"));
                }
                Ok(evalai::agreement(answer, people))
            }
            (Scorer::VizWiz | Scorer::VqaV2, Expected::People(people)) if mode == Mode::Strict => {
                Ok(evalai::agreement(answer, people))
            }
            (Scorer::ImageNet, Expected::Text(truth)) => right(texts::class(mode, answer, truth)),
            (Scorer::Gqa, Expected::Text(truth)) => right(texts::gqa(mode, answer, truth)),
            (Scorer::VizWiz | Scorer::VqaV2, Expected::Text(truth)) => right(texts::same(mode, answer, truth)),
            (Scorer::OcrVqa, Expected::Text(truth)) => right(texts::reading(mode, answer, truth)),
            (Scorer::Sentence, Expected::Text(truth)) => right(knowledge::contains(answer, truth)),
            (Scorer::Grounding, Expected::Region(truth)) => {
                right(regions::found(mode, answer).is_some_and(|found| iou(found, *truth) > 0.5))
            }
            _ => Err(self.unfit(expected)),
        }
    }

    /// The mean over the items of a task, of which those without an answer have `None`. Such items count as wrong in
    /// `strict`, and for `scienceqa` in CoIN's scripts; the other published scripts leave them out. `None` where nothing
    /// is left.
    pub fn mean(self, mode: Mode, scores: &[Option<f64>]) -> Option<f64> {
        let all = mode == Mode::Strict || (mode == Mode::Coin && self == Scorer::ScienceQa);
        let answered: Vec<f64> = scores.iter().flatten().copied().collect();
        let count = if all { scores.len() } else { answered.len() };
        // A sum of nothing is -0.
        (count > 0).then(|| (answered.iter().sum::<f64>() + 0.0) / count as f64)
    }

    fn unfit(self, expected: &Expected) -> Problem {
        let found = match expected {
            Expected::Option { .. } => "an option",
            Expected::Text(_) => "a text",
            Expected::People(_) => "several people's answers",
            Expected::Region(_) => "a box",
        };
        let wanted = match self {
            Scorer::ScienceQa => "an option",
            Scorer::TextVqa => "several people's answers",
            Scorer::Grounding => "a box",
            Scorer::VizWiz | Scorer::VqaV2 => "a text; in the mode `strict` also with several people's answers",
            _ => "a text",
        };
        wrong(format!("`{}` compares with {wanted}; the truth of the item is {found}", self.word()))
    }
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Strict, Mode::Reference, Mode::Coin];

    /// As programs write it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Strict => "strict",
            Mode::Reference => "reference",
            Mode::Coin => "coin",
        }
    }

    /// The mode that a word names.
    pub fn of(word: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

fn wrong(message: String) -> Problem {
    Problem::new(ProblemKind::DoesNotFit, message)
}

/// What Python's `\w` matches: of what is no ASCII, a few marks less than it.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
