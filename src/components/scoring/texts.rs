//! Answers that are words.

use super::Mode;

/// The name of a class.
///
/// `strict`: equal, but for case, surrounding space and a final full stop. Published: one is part of the other, case
/// counts, so that an answer of nothing is right.
pub(super) fn class(mode: Mode, answer: &str, truth: &str) -> bool {
    match mode {
        Mode::Strict => equal(answer, truth),
        _ => answer.contains(truth) || truth.contains(answer),
    }
}

/// `strict`: as for a class. Published: equal to the truth as it is, after full stops at the end of the answer are gone and
/// it is in lower case.
pub(super) fn gqa(mode: Mode, answer: &str, truth: &str) -> bool {
    match mode {
        Mode::Strict => equal(answer, truth),
        _ => answer.trim_end_matches('.').to_lowercase() == truth,
    }
}

/// VizWiz and VQAv2. `strict`: as for a class. Published: equal in upper case.
pub(super) fn same(mode: Mode, answer: &str, truth: &str) -> bool {
    match mode {
        Mode::Strict => equal(answer, truth),
        _ => answer.to_uppercase() == truth.to_uppercase(),
    }
}

/// What is written in a picture. `strict`: as for a class. Published: equal in lower case, but an answer that contains
/// `Unanswerable` is wrong.
pub(super) fn reading(mode: Mode, answer: &str, truth: &str) -> bool {
    match mode {
        Mode::Strict => equal(answer, truth),
        _ => !answer.contains("Unanswerable") && answer.to_lowercase() == truth.to_lowercase(),
    }
}

/// Equal but for case, surrounding space and a final full stop.
fn equal(answer: &str, truth: &str) -> bool {
    let core = |text: &str| text.trim().trim_end_matches('.').trim_end().to_lowercase();
    let (answer, truth) = (core(answer), core(truth));
    answer == truth && !answer.is_empty()
}
