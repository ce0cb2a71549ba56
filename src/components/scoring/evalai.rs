//! Answers of several people, compared as EvalAI's challenge on VQA does (as in Pythia and MMF).

use super::contractions::contracted;

/// Marks that are taken out, or become a space where neither side of the mark has one anywhere in the text.
const MARKS: &str = ";/[]\"{}()=+\\_-><@`,?!";

/// Full stops that are taken out at most: the published program hands a flag to a parameter that counts.
const MOST_STOPS: usize = 32;

/// An answer in the form in which answers are compared: in lower case, `, ?` and other marks taken out, numbers up to ten
/// as digits, without articles, contractions with their apostrophe.
pub fn normalize(answer: &str) -> String {
    let text = answer.to_lowercase().replace([',', '?'], "").replace("'s", " 's");
    let text = trimmed(&text).replace(['\n', '\t'], " ");
    let text = without_marks(trimmed(&text));
    let words = without_stops(&text).to_lowercase();
    let words = words.split(is_space).filter(|word| !word.is_empty()).map(number);
    let words: Vec<&str> = words.filter(|word| !matches!(*word, "a" | "an" | "the")).map(contracted).collect();
    words.join(" ")
}

/// How far an answer agrees with those of several people: the mean, with each of them left out once, of a third of those
/// others who gave the same answer, at most 1.
pub(super) fn agreement(answer: &str, people: &[String]) -> f64 {
    let answer = normalize(answer);
    let same: Vec<bool> = people.iter().map(|person| normalize(person) == answer).collect();
    let all = same.iter().filter(|same| **same).count();
    if all == 0 {
        return 0.0;
    }
    let without = |same: &bool| (all - usize::from(*same)) as f64 / 3.0;
    same.iter().map(|same| without(same).min(1.0)).sum::<f64>() / people.len() as f64
}

fn without_marks(text: &str) -> String {
    let apart: Vec<bool> =
        MARKS.chars().map(|mark| text.contains(&format!("{mark} ")) || text.contains(&format!(" {mark}"))).collect();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match MARKS.chars().position(|mark| mark == c) {
            None => out.push(c),
            Some(at) if apart[at] => {}
            Some(_) => out.push(' '),
        }
    }
    out
}

/// Full stops go unless a digit follows.
fn without_stops(text: &str) -> String {
    let mut left = MOST_STOPS;
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let goes = c == '.' && left > 0 && !chars.peek().is_some_and(char::is_ascii_digit);
        if goes {
            left -= 1;
        } else {
            out.push(c);
        }
    }
    out
}

fn number(word: &str) -> &str {
    const WORDS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    const DIGITS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    match WORDS.iter().position(|name| *name == word) {
        Some(at) => DIGITS[at],
        None if word == "none" => "0",
        None => word,
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// What Python takes for space: four separators of ASCII more than Unicode does.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
