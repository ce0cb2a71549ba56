//! Whether an answer has the form that was asked for, whatever it says.

use super::letters;
use super::regions::region;
use crate::text::item::{Expected, Style};

/// Words that a short answer has at most.
const SHORT_WORDS: usize = 5;

/// Words that a brief answer has at least, and at most; a detailed one has more. About 20 are asked for in a brief one and
/// about 50 in a detailed one: 31 is the geometric mean, and 4 make the shortest sentence that says something of a picture.
const BRIEF_WORDS: std::ops::RangeInclusive<usize> = 4..=31;

/// Whether an answer has the form that a style asks for. What is expected tells forms of the same style apart: a box is a
/// short answer where a box is asked for, `Yes` where the truth is yes or no, a letter where the truth is a letter.
///
/// - `yes_no`: `yes` or `no` alone, in either case, a full stop may follow.
/// - `multiple_choice`: one letter alone, of an option that there is; it may stand in parentheses or before `.`, `)`, `:`.
/// - `short`: one line of 1 to 5 words; or a box.
/// - `brief`: 4 to 31 words. `detailed`: more than 31.
pub fn has_form(style: Style, answer: &str, expected: Option<&Expected>) -> bool {
    let words = answer.split_whitespace().count();
    match style {
        Style::YesNo => is_yes_or_no(answer),
        Style::MultipleChoice => letters::alone(answer).is_some_and(|letter| {
            let place = letter as usize - 'A' as usize;
            !matches!(expected, Some(Expected::Option { options, .. }) if place >= *options)
        }),
        Style::Short => is_short(answer, words, expected),
        Style::Brief => BRIEF_WORDS.contains(&words) && !is_region(answer),
        Style::Detailed => words > *BRIEF_WORDS.end(),
    }
}

fn is_short(answer: &str, words: usize, expected: Option<&Expected>) -> bool {
    let truths: &[String] = match expected {
        Some(Expected::Region(_)) => return is_region(answer),
        Some(Expected::Text(truth)) => std::slice::from_ref(truth),
        Some(Expected::People(people)) => people,
        _ => &[],
    };
    let as_truths = |is: &dyn Fn(&str) -> bool| truths.is_empty() || truths.iter().any(|truth| is(truth));
    let is_letter = |text: &str| text.trim().len() == 1 && letters::alone(text).is_some();
    let longest = truths.iter().map(|truth| truth.split_whitespace().count()).max().unwrap_or(0).max(SHORT_WORDS);
    (1..=longest).contains(&words)
        && answer.trim().lines().count() == 1
        && !is_region(answer)
        && (!is_yes_or_no(answer) || as_truths(&is_yes_or_no))
        && (!is_letter(answer) || as_truths(&is_letter))
}

/// What is said in front of a question when it is asked again in its own style, because the first answer had another form.
pub fn stated(style: Style, expected: Option<&Expected>) -> String {
    match (style, expected) {
        (Style::YesNo, _) => "The answer must be one word, Yes or No.".to_string(),
        (Style::MultipleChoice, Some(Expected::Option { options, .. })) if (1..=26).contains(options) => {
            let last = char::from(b'A' + (*options as u8 - 1));
            format!("The answer must be one letter from A to {last}, the letter of an option.")
        }
        (Style::MultipleChoice, _) => "The answer must be one letter, the letter of an option.".to_string(),
        (Style::Short, Some(Expected::Region(_))) => {
            "The answer must be a box as [x1,y1,x2,y2], four numbers from 0 to 1.".to_string()
        }
        (Style::Short, _) => "The answer must be a word, a number or a short phrase, and nothing else.".to_string(),
        (Style::Brief, _) => "The answer must be a sentence of about 20 words.".to_string(),
        (Style::Detailed, _) => "The answer must be a text of about 50 words.".to_string(),
    }
}

pub(super) fn is_yes_or_no(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.');
    text.eq_ignore_ascii_case("yes") || text.eq_ignore_ascii_case("no")
}

fn is_region(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('[') && text.ends_with(']') || region(text).is_some()
}
