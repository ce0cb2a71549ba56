//! A step as it was written, short enough for a line.

use super::screen::harmless;
use crate::source::{Sources, Span};

const LONGEST: usize = 48;

/// The statement's own words up to its block: `relearn 10 with …`; `fallback` where a step has no place.
pub fn step_text(sources: &Sources, span: Option<Span>, fallback: &str) -> String {
    let written = span.map_or("", |s| sources.text(s));
    let head = written.split('{').next().unwrap_or("").split('#').next().unwrap_or("");
    let words: Vec<&str> = head.split_whitespace().collect();
    let text = words.join(" ");
    let text = match text.strip_suffix(" with") {
        Some(step) => format!("{step} with …"),
        None => text,
    };
    let text = if text.is_empty() { fallback.to_string() } else { text };
    shorten(&harmless(&text))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_string();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Source};

    #[test]
    fn blocks_comments_and_length_are_left_out() {
        let mut sources = Sources::default();
        let texts =
            ["relearn  10 with { batch 1 }", "train 2 # long", &format!("forget params(\"{}\") 3%", "x".repeat(60))];
        let text = texts.join("\n");
        sources.add(Source::new("a", text.clone()));
        let span = |t: &str| {
            let start = text.find(t).unwrap();
            Some(Span::new(FileId::default(), start, start + t.len()))
        };
        assert_eq!(step_text(&sources, span(texts[0]), "relearn"), "relearn 10 with …");
        assert_eq!(step_text(&sources, span(texts[1]), "train"), "train 2");
        let long = step_text(&sources, span(texts[2]), "forget");
        assert_eq!((long.chars().count(), long.ends_with('…')), (48, true));
        assert_eq!(step_text(&sources, None, "train"), "train");
    }
}
