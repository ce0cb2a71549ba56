//! What an item of an instruction file is before it is rewritten: its style, the truth, of what kind that is.

use super::options;
use super::prompts::Prompts;
use crate::components::scoring::region;
use crate::text::item::{Expected, Item, Style, Turn};

/// What an answer is. Wrong answers are drawn from those of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    YesNo,
    Number,
    Region,
    Text,
}

/// A question and its answer, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) style: Style,
    /// the question without the sentence about the form of its answer; options stay
    pub(super) question: String,
    /// the right answer in short; none where the answer is a text and nothing says what it comes to
    pub(super) truth: Option<String>,
    /// of the truth
    pub(super) kind: Kind,
    /// the texts of the options that the question lists, and which is right
    pub(super) options: Vec<String>,
    pub(super) right: usize,
    /// answers that are right beside the truth
    pub(super) accepted: Vec<String>,
}

/// Words from which an answer is a text, also without a full stop at its end; with one it takes 4.
const TEXT_WORDS: usize = 8;

/// Words that a brief answer has at most.
const BRIEF_WORDS: usize = 31;

/// An item's turns, understood. What is expected belongs to the last question.
pub(super) fn readings(item: &Item, prompts: &Prompts) -> Vec<Reading> {
    let last = item.turns.len().saturating_sub(1);
    let expected = |at| item.expected.as_ref().filter(|_| at == last);
    item.turns.iter().enumerate().map(|(at, turn)| reading(turn, expected(at), prompts)).collect()
}

/// The style of an item: that of most of its turns, of the first where they are as many.
pub(super) fn style_of(readings: &[Reading]) -> Option<Style> {
    let count = |style| readings.iter().filter(|reading| reading.style == style).count();
    // The last of equal ones would win.
    readings.iter().rev().map(|reading| reading.style).max_by_key(|style| count(*style))
}

fn reading(turn: &Turn, expected: Option<&Expected>, prompts: &Prompts) -> Reading {
    let question = prompts.bare(&turn.question).to_string();
    let answer = turn.answer.trim();
    let options = options::of(&question);
    let accepted = match expected {
        Some(Expected::People(people)) => people.clone(),
        _ => Vec::new(),
    };
    let reading = |style, truth: Option<&str>, kind| Reading {
        style,
        question: question.clone(),
        truth: truth.map(String::from),
        kind,
        options: Vec::new(),
        right: 0,
        accepted: accepted.clone(),
    };
    if let Some(right) = chosen(answer, &options) {
        let truth = options[right].clone();
        let kind = kind_of(&truth);
        let reading = reading(Style::MultipleChoice, Some(&truth), kind);
        return Reading { options, right, ..reading };
    }
    match kind_of(answer) {
        // A short question with the same answer is told from one that asks for it by the sentence about its form alone.
        Kind::YesNo => reading(Style::YesNo, Some(answer), Kind::YesNo),
        Kind::Text if is_text(answer) => {
            let truth = match expected {
                Some(Expected::Text(truth)) if truth.trim() != answer => Some(truth.trim()),
                _ => None,
            };
            let long = answer.split_whitespace().count() > BRIEF_WORDS;
            let style = if long { Style::Detailed } else { Style::Brief };
            reading(style, truth, truth.map_or(Kind::Text, kind_of))
        }
        kind => reading(Style::Short, Some(answer), kind),
    }
}

/// Which option the answer is: a letter as `B`, `B.` or `(B)`, with or without the option's text.
fn chosen(answer: &str, options: &[String]) -> Option<usize> {
    let open = answer.strip_prefix('(');
    let mut rest = open.unwrap_or(answer).chars();
    let place = (rest.next()? as usize).checked_sub('A' as usize).filter(|place| *place < options.len())?;
    let behind = rest.as_str().trim_start_matches([')', '.', ':']);
    let marked = behind.len() < rest.as_str().len();
    let whole = behind.trim().is_empty() || (marked && behind.trim() == options[place]);
    whole.then_some(place)
}

/// The kind of a short answer.
pub(super) fn kind_of(answer: &str) -> Kind {
    let core = answer.trim().trim_end_matches('.');
    if core.eq_ignore_ascii_case("yes") || core.eq_ignore_ascii_case("no") {
        Kind::YesNo
    } else if core.parse::<f64>().is_ok_and(f64::is_finite) {
        Kind::Number
    } else if region(answer).is_some() {
        Kind::Region
    } else {
        Kind::Text
    }
}

fn is_text(answer: &str) -> bool {
    let words = answer.split_whitespace().count();
    words >= TEXT_WORDS || (words >= 4 && answer.ends_with('.'))
}
