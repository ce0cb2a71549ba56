//! What an answer shows of knowledge, whatever its form: the rule that judges where no language model does.

use super::evalai::normalize;
use super::form::is_yes_or_no;
use super::regions::iou;
use super::{is_word, letters};
use crate::components::styles::options;
use crate::text::item::Expected;

/// How much of the truth an answer contains, from 0 to 1, in any form.
///
/// Texts are compared word by word in [`normalize`]d form. Truth of words: the share of them that stand in the answer; 1
/// only where they stand there side by side. Yes or no: whether the first `yes` or `no` in the answer is the right one.
/// An option: its letter, where the answer is a letter or begins as `B.`; else the text of the option, which the question
/// lists, without that of another. A box: how far the first four numbers of the answer cover it (intersection over union).
/// Several people: the best of their answers.
pub fn knowledge(question: &str, answer: &str, expected: &Expected) -> f64 {
    match expected {
        Expected::Text(truth) => words(answer, truth),
        Expected::People(people) => people.iter().map(|truth| words(answer, truth)).fold(0.0, f64::max),
        Expected::Region(truth) => numbers(answer).map_or(0.0, |found| iou(found, *truth)),
        Expected::Option { right, .. } => f64::from(u8::from(chosen(question, answer) == Some(*right))),
    }
}

/// Whether an answer contains the truth in any form: all of it, or more than half of a box.
pub fn knows(question: &str, answer: &str, expected: &Expected) -> bool {
    let found = knowledge(question, answer, expected);
    if matches!(expected, Expected::Region(_)) { found > 0.5 } else { found >= 1.0 }
}

/// Whether all words of the truth stand in the answer side by side.
pub(super) fn contains(answer: &str, truth: &str) -> bool {
    let (answer, truth) = (normalize(answer), normalize(truth));
    let (answer, truth): (Vec<&str>, Vec<&str>) = (answer.split(' ').collect(), truth.split(' ').collect());
    !truth[0].is_empty() && answer.windows(truth.len()).any(|part| part == truth)
}

fn words(answer: &str, truth: &str) -> f64 {
    if is_yes_or_no(truth) {
        let first = normalize(answer).split(' ').find(|word| is_yes_or_no(word)).map(String::from);
        return f64::from(u8::from(first.is_some_and(|first| normalize(truth) == first)));
    }
    if contains(answer, truth) {
        return 1.0;
    }
    let (answer, truth) = (normalize(answer), normalize(truth));
    let known: Vec<&str> = answer.split(' ').collect();
    let wanted: Vec<&str> = truth.split(' ').filter(|word| !word.is_empty()).collect();
    let found = wanted.iter().filter(|word| known.contains(word)).count();
    // Words that stand apart are less than the whole: half of it at most.
    found as f64 / (2.0 * wanted.len().max(1) as f64)
}

/// The option that an answer chooses by letter or by text.
fn chosen(question: &str, answer: &str) -> Option<usize> {
    let answer = answer.trim();
    let first = answer.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
    let marked = first.len() > 1 && !first.chars().next_back().is_some_and(is_word);
    let letter = letters::alone(answer).or_else(|| letters::alone(first).filter(|_| marked));
    if let Some(letter) = letter {
        return Some(letter as usize - 'A' as usize);
    }
    let options = options::of(question);
    let mut found = (0..options.len()).filter(|at| contains(answer, &options[*at]));
    found.next().filter(|_| found.next().is_none())
}

/// The first four numbers of a text.
fn numbers(text: &str) -> Option<[f64; 4]> {
    let parts = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let numbers = parts.filter_map(|part| part.trim_matches('.').parse::<f64>().ok());
    numbers.take(4).collect::<Vec<f64>>().try_into().ok()
}
