//! Wrong answers, drawn from the answers of the task.

use super::native::{Kind, Reading};
use crate::components::scoring::{iou, region};
use crate::nn::rng::Stream;
use std::collections::{BTreeMap, HashMap};

/// All answers of a task, each once however it is written, by kind.
#[derive(Debug, Default)]
pub(super) struct Pool {
    kinds: BTreeMap<Kind, Vec<String>>,
}

impl Pool {
    pub(super) fn of<'r>(readings: impl Iterator<Item = &'r Reading>) -> Pool {
        let mut kinds: BTreeMap<Kind, BTreeMap<String, &str>> = BTreeMap::new();
        for reading in readings {
            let Some(truth) = &reading.truth else { continue };
            let spelt = kinds.entry(reading.kind).or_default().entry(folded(truth)).or_insert(truth);
            // Of several spellings the first in the order of bytes, so that the file's order does not matter.
            *spelt = (*spelt).min(truth);
        }
        let listed =
            |(kind, answers): (Kind, BTreeMap<String, &str>)| (kind, answers.into_values().map(String::from).collect());
        Pool { kinds: kinds.into_iter().map(listed).collect() }
    }

    /// Up to so many different wrong answers to a question, each of those that the pool has equally likely; fewer where
    /// it has no more. A question that lists options has its wrong options instead.
    pub(super) fn draw(&self, reading: &Reading, count: usize, stream: &mut Stream) -> Vec<String> {
        let Some(truth) = &reading.truth else { return Vec::new() };
        let own: Vec<String>;
        let answers: &[String] = match (reading.kind, reading.options.len()) {
            (Kind::YesNo, 0) => {
                own = vec![opposite(truth).to_string()];
                &own
            }
            (kind, 0) => self.kinds.get(&kind).map_or(&[], Vec::as_slice),
            _ => {
                own = reading.options.clone();
                &own
            }
        };
        let wrong = |candidate: &str| is_wrong(reading, truth, candidate);
        let mut drawn: Vec<String> = Vec::new();
        // The beginning of a Fisher-Yates shuffle, of which only what moved is kept.
        let mut moved: HashMap<usize, usize> = HashMap::new();
        for at in 0..answers.len() {
            if drawn.len() == count {
                break;
            }
            let other = at + stream.below(answers.len() - at);
            let picked = moved.get(&other).copied().unwrap_or(other);
            let here = moved.get(&at).copied().unwrap_or(at);
            moved.insert(other, here);
            let candidate = &answers[picked];
            if wrong(candidate) && !drawn.iter().any(|drawn| folded(drawn) == folded(candidate)) {
                drawn.push(candidate.clone());
            }
        }
        drawn
    }

    /// Whether there is a wrong answer to the question.
    pub(super) fn has_wrong(&self, reading: &Reading) -> bool {
        let Some(truth) = &reading.truth else { return false };
        let wrong = |candidate: &String| is_wrong(reading, truth, candidate);
        match (reading.kind, reading.options.len()) {
            (Kind::YesNo, 0) => true,
            (kind, 0) => self.kinds.get(&kind).is_some_and(|answers| answers.iter().any(wrong)),
            _ => reading.options.iter().any(wrong),
        }
    }
}

/// Whether an answer is another one than the truth and than all that is right beside it; a box has to lie elsewhere.
pub(super) fn is_wrong(reading: &Reading, truth: &str, candidate: &str) -> bool {
    let candidate_folded = folded(candidate);
    let apart = match (region(truth), region(candidate)) {
        (Some(truth), Some(candidate)) => iou(truth, candidate) <= 0.5,
        _ => true,
    };
    let mut right = std::iter::once(truth).chain(reading.accepted.iter().map(String::as_str));
    apart && !candidate_folded.is_empty() && right.all(|right| folded(right) != candidate_folded)
}

/// What two spellings of an answer share.
pub(super) fn folded(answer: &str) -> String {
    answer.trim().trim_end_matches('.').trim_end().to_lowercase()
}

/// `No` for `Yes`, in the case of the truth.
fn opposite(truth: &str) -> &'static str {
    let yes = folded(truth) == "yes";
    match (yes, truth.trim().starts_with(char::is_uppercase)) {
        (true, true) => "No",
        (true, false) => "no",
        (false, true) => "Yes",
        (false, false) => "yes",
    }
}
