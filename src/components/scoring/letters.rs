//! Which option an answer names.

use super::{Mode, is_word};

/// What the published scripts take for options, however many a question has.
const PUBLISHED: std::ops::RangeInclusive<char> = 'A'..='E';

/// The option that an answer names, counted from 0.
///
/// `strict`: one letter, of either case, that may stand in parentheses or before a `.`, `)` or `:`; nothing else.
///
/// The published scripts, which know the letters A to E: the letter alone; else a letter at the beginning, followed by `. `.
/// Else in SEFE's the letter in `The answer is X`, followed by anything, where that stands in the answer exactly once; in
/// CoIN's the first letter, digit or `_` that stands alone, in upper case.
pub(super) fn named(mode: Mode, answer: &str, options: usize) -> Option<usize> {
    let letter = match mode {
        Mode::Strict => alone(answer),
        Mode::Reference => leading(answer).or_else(|| stated(answer)),
        Mode::Coin => leading(answer).or_else(|| single(answer)),
    }?;
    let place = (letter as usize).checked_sub('A' as usize)?;
    let known = mode == Mode::Strict || PUBLISHED.contains(&letter);
    (known && place < options).then_some(place)
}

/// The letter that is the whole answer, in upper case.
pub(super) fn alone(answer: &str) -> Option<char> {
    let inside = answer.trim();
    let inside = inside.strip_prefix('(').unwrap_or(inside);
    let inside = inside.strip_suffix(['.', ':']).unwrap_or(inside);
    let inside = inside.strip_suffix(')').unwrap_or(inside);
    let mut letters = inside.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    letters.next().is_none().then(|| letter.to_ascii_uppercase())
}

fn leading(answer: &str) -> Option<char> {
    let first = answer.chars().next().filter(|c| PUBLISHED.contains(c))?;
    let rest = &answer[1..];
    (rest.is_empty() || rest.starts_with(". ")).then_some(first)
}

fn stated(answer: &str) -> Option<char> {
    const WORDS: &str = "The answer is ";
    let mut found = None;
    let mut rest = answer;
    while let Some(at) = rest.find(WORDS) {
        rest = &rest[at + WORDS.len()..];
        let mut next = rest.chars();
        let letter = next.next().filter(char::is_ascii_uppercase);
        // The pattern's last dot stands for any character but the end of a line.
        if let (Some(letter), Some(_)) = (letter, next.next().filter(|c| *c != '\n')) {
            if found.is_some() {
                return None;
            }
            found = Some(letter);
        }
    }
    found
}

fn single(answer: &str) -> Option<char> {
    let words = answer.split(|c| !is_word(c));
    let first = words.filter_map(|word| word.chars().next().filter(|c| c.len_utf8() == word.len())).next()?;
    let mut upper = first.to_uppercase();
    // Some letters have two in upper case, and those are no option.
    upper.next().filter(|_| upper.next().is_none())
}
