//! Makes of any text one that the grammar can read: what is wrong below its level is reported, and repaired in a copy.
//! Spans are mapped back, so everybody else only ever sees places in the text as it was written.

use std::borrow::Cow;

use super::report::Report;
use super::tokens::{Token, TokenKind, tokens};
use super::{brackets, foreign};
use crate::source::{FileId, Span};

/// A stretch of the text as it was written, and what the grammar reads in its place.
#[derive(Clone, Debug)]
pub struct Repair {
    pub start: usize,
    pub end: usize,
    pub text: String,
}

/// A bracket that was never closed, closed in the prepared text.
#[derive(Clone, Debug)]
pub struct Unclosed {
    /// Byte of the opener.
    pub open: usize,
    /// Byte at which it was closed.
    pub closed: usize,
    /// What would close it.
    pub closer: char,
    /// Whether nothing is to be said of it, because a string that has no end may hold the closer.
    pub silent: bool,
}

/// The text that the grammar reads, with the way back.
pub struct Prepared<'t> {
    /// As it was written.
    pub source: &'t str,
    pub file: FileId,
    /// Repaired.
    pub text: Cow<'t, str>,
    /// Of the source.
    pub tokens: Vec<Token>,
    pub unclosed: Vec<Unclosed>,
    /// Bytes of the source, in order, at which a repair is a mere guess.
    guesses: Vec<usize>,
    shifts: Vec<Shift>,
}

/// A repair as seen from both texts.
struct Shift {
    prepared: (usize, usize),
    source: (usize, usize),
}

/// Nested too deeply: where.
pub struct TooDeep {
    pub at: usize,
}

/// Reports and repairs what the grammar should not have to know.
pub fn prepare<'t>(file: FileId, source: &'t str, report: &Report) -> Result<Prepared<'t>, TooDeep> {
    let tokens = tokens(source);
    let (mut repairs, guesses) = foreign::repairs(file, source, &tokens, report);
    let found = brackets::balance(file, source, &tokens, report)?;
    repairs.extend(found.repairs);
    // At one place, what closes something goes before what replaces the next token.
    repairs.sort_by_key(|r| (r.start, r.end > r.start));
    let (text, shifts) = apply(source, repairs);
    Ok(Prepared { source, file, text, tokens, unclosed: found.unclosed, guesses, shifts })
}

fn apply(source: &str, repairs: Vec<Repair>) -> (Cow<'_, str>, Vec<Shift>) {
    if repairs.is_empty() {
        return (Cow::Borrowed(source), Vec::new());
    }
    let mut text = String::with_capacity(source.len() + 16);
    let mut shifts = Vec::with_capacity(repairs.len());
    let mut at = 0;
    for repair in repairs.into_iter().filter(|r| !r.text.is_empty() || r.end > r.start) {
        if repair.start < at {
            continue; // Overlaps the one before, which has been reported.
        }
        text.push_str(&source[at..repair.start]);
        let start = text.len();
        text.push_str(&repair.text);
        shifts.push(Shift { prepared: (start, text.len()), source: (repair.start, repair.end) });
        at = repair.end;
    }
    text.push_str(&source[at..]);
    (Cow::Owned(text), shifts)
}

impl Prepared<'_> {
    /// The span in the source of bytes of the prepared text.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let (from, to) = (self.start(start), self.end(end));
        Span::new(self.file, from.min(to), to)
    }

    /// Where in the source something begins that begins at this byte of the prepared text.
    pub fn start(&self, offset: usize) -> usize {
        match self.shifts.partition_point(|s| s.prepared.0 <= offset).checked_sub(1).map(|i| &self.shifts[i]) {
            Some(s) if offset < s.prepared.1 => s.source.0,
            Some(s) => offset - s.prepared.1 + s.source.1,
            None => offset,
        }
    }

    /// Where in the source something ends that ends at this byte of the prepared text.
    pub fn end(&self, offset: usize) -> usize {
        match self.shifts.partition_point(|s| s.prepared.0 < offset).checked_sub(1).map(|i| &self.shifts[i]) {
            Some(s) if offset <= s.prepared.1 => s.source.1,
            Some(s) => offset - s.prepared.1 + s.source.1,
            None => offset,
        }
    }

    /// Whether a repair within the span is a mere guess.
    pub fn guessed(&self, span: Span) -> bool {
        let first = self.guesses.partition_point(|g| *g < span.start as usize);
        self.guesses.get(first).is_some_and(|g| *g < span.end as usize)
    }

    /// Comments of the source, in order.
    pub fn comments(&self) -> Vec<Span> {
        let comments = self.tokens.iter().filter(|t| t.kind == TokenKind::Comment);
        comments.map(|t| Span::new(self.file, t.start as usize, t.end as usize)).collect()
    }

    /// The last token of code that begins before a byte of the source.
    pub fn token_before(&self, offset: usize) -> Option<Token> {
        let behind = self.tokens.partition_point(|t| (t.start as usize) < offset);
        self.tokens[..behind].iter().rev().find(|t| t.is_code()).copied()
    }

    /// The first token that is no comment and ends behind a byte of the source.
    pub fn token_at(&self, offset: usize) -> Option<Token> {
        let first = self.tokens.partition_point(|t| t.end as usize <= offset);
        self.tokens[first..].iter().find(|t| t.is_code() || t.kind == TokenKind::Newline).copied()
    }

    /// The span of a token.
    pub fn token_span(&self, token: Token) -> Span {
        Span::new(self.file, token.start as usize, token.end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_mapped_back_through_repairs() {
        let source = "ab cd ef";
        let repairs = vec![
            Repair { start: 2, end: 3, text: String::new() },
            Repair { start: 5, end: 5, text: ")".into() },
            Repair { start: 6, end: 8, text: "xyz".into() },
        ];
        let (text, shifts) = apply(source, repairs);
        assert_eq!(text, "abcd) xyz");
        let file = FileId(0);
        let prepared =
            Prepared { source, file, text, tokens: tokens(source), unclosed: Vec::new(), guesses: Vec::new(), shifts };
        assert_eq!(prepared.span(0, 2), Span::new(file, 0, 2));
        assert_eq!(prepared.span(2, 4), Span::new(file, 3, 5));
        assert_eq!(prepared.span(2, 5), Span::new(file, 3, 5));
        assert_eq!(prepared.span(6, 9), Span::new(file, 6, 8));
        assert_eq!(prepared.span(7, 8), Span::new(file, 6, 8));
        assert_eq!(prepared.span(0, 9), Span::new(file, 0, 8));
    }
}
