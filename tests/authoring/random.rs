//! Random texts: fragments that mean something in this language or in others, and programs with random changes.

use super::corpus::programs;
use super::fragments::FRAGMENTS;
use proptest::prelude::*;

/// A piece of text.
pub fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(FRAGMENTS).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ]
}

/// A program of the corpus in which some stretches have been replaced by fragments.
pub fn changed_program() -> impl Strategy<Value = String> {
    let texts: Vec<String> = programs().iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    let change = (any::<prop::sample::Index>(), 0_usize..6, fragment());
    (prop::sample::select(texts), prop::collection::vec(change, 1..4)).prop_map(|(text, changes)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, removed, put) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, put.chars());
        }
        text.into_iter().collect()
    })
}

/// A program of the corpus in which blanks, newlines and comments have been put between tokens, so that many still are
/// programs.
pub fn respaced_program() -> impl Strategy<Value = String> {
    let texts: Vec<String> = programs().iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    let blank =
        prop::sample::select(vec![" ", "  ", "\t", "\n", "\n\n\n", " # c\n", "\n# c\n", "; ", ";\n", ",", "\r\n"]);
    (prop::sample::select(texts), prop::collection::vec((any::<prop::sample::Index>(), blank), 1..12)).prop_map(
        |(mut text, changes)| {
            for (at, put) in changes {
                let places: Vec<usize> = text
                    .char_indices()
                    .filter(|(_, c)| " \n,;()[]{}".contains(*c))
                    .map(|(i, c)| i + c.len_utf8())
                    .collect();
                if !places.is_empty() {
                    text.insert_str(places[at.index(places.len())], put);
                }
            }
            text
        },
    )
}
