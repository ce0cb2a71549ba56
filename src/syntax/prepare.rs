//! Makes of any text one that the grammar can read: what is wrong below its level is reported, and repaired in a copy.
//! Spans are mapped back, so everybody else only ever sees places in the text as it was written.

use std::borrow::Cow;
use std::ops::Range;

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
    /// By opener.
    unclosed: Vec<Unclosed>,
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
    let mut found = brackets::balance(file, source, &tokens, report)?;
    found.unclosed.sort_by_key(|u| u.open);
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
    /// The bytes of the prepared text that `range` holds.
    pub fn part(&self, range: Range<usize>) -> Part<'_> {
        Part { source: self.source, file: self.file, text: &self.text[range.clone()], base: range.start, whole: self }
    }

    /// Tokens of the prepared text.
    pub fn text_tokens(&self) -> Cow<'_, [Token]> {
        match &self.text {
            Cow::Borrowed(_) => Cow::Borrowed(&self.tokens),
            Cow::Owned(text) => Cow::Owned(tokens(text)),
        }
    }

    /// Comments of the source, in order.
    pub fn comments(&self) -> Vec<Span> {
        let comments = self.tokens.iter().filter(|t| t.kind == TokenKind::Comment);
        comments.map(|t| Span::new(self.file, t.start as usize, t.end as usize)).collect()
    }

    /// Where in the source something begins that begins at this byte of the prepared text.
    fn start(&self, offset: usize) -> usize {
        match self.shifts.partition_point(|s| s.prepared.0 <= offset).checked_sub(1).map(|i| &self.shifts[i]) {
            Some(s) if offset < s.prepared.1 => s.source.0,
            Some(s) => offset - s.prepared.1 + s.source.1,
            None => offset,
        }
    }

    /// Where in the source something ends that ends at this byte of the prepared text.
    fn end(&self, offset: usize) -> usize {
        match self.shifts.partition_point(|s| s.prepared.0 < offset).checked_sub(1).map(|i| &self.shifts[i]) {
            Some(s) if offset <= s.prepared.1 => s.source.1,
            Some(s) => offset - s.prepared.1 + s.source.1,
            None => offset,
        }
    }
}

/// A stretch of the prepared text; the bytes that its methods take count from its own beginning.
#[derive(Clone, Copy)]
pub struct Part<'p> {
    /// The whole, as it was written.
    pub source: &'p str,
    pub file: FileId,
    /// Repaired.
    pub text: &'p str,
    base: usize,
    whole: &'p Prepared<'p>,
}

impl<'p> Part<'p> {
    /// The span in the source of bytes of this part.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let (from, to) = (self.start(start), self.end(end));
        Span::new(self.file, from.min(to), to)
    }

    /// Where in the source something begins that begins at this byte.
    pub fn start(&self, offset: usize) -> usize {
        self.whole.start(self.base + offset)
    }

    /// Where in the source something ends that ends at this byte.
    pub fn end(&self, offset: usize) -> usize {
        self.whole.end(self.base + offset)
    }

    /// Tokens of the source.
    pub fn tokens(&self) -> &'p [Token] {
        &self.whole.tokens
    }

    /// The brackets of this part that were never closed, by opener.
    pub fn unclosed(&self) -> &'p [Unclosed] {
        let all = &self.whole.unclosed;
        let [from, to] = [self.start(0), self.start(self.text.len())].map(|at| all.partition_point(|u| u.open < at));
        // The last part has what was opened at the very end of the source.
        let to = if self.base + self.text.len() == self.whole.text.len() { all.len() } else { to };
        &all[from..to]
    }

    /// Whether a repair within a span of the source is a mere guess.
    pub fn guessed(&self, span: Span) -> bool {
        let guesses = &self.whole.guesses;
        let first = guesses.partition_point(|g| *g < span.start as usize);
        guesses.get(first).is_some_and(|g| *g < span.end as usize)
    }

    /// The last token of code that begins before a byte of the source.
    pub fn token_before(&self, offset: usize) -> Option<Token> {
        let behind = self.tokens().partition_point(|t| (t.start as usize) < offset);
        self.tokens()[..behind].iter().rev().find(|t| t.is_code()).copied()
    }

    /// The first token that is no comment and ends behind a byte of the source.
    pub fn token_at(&self, offset: usize) -> Option<Token> {
        let first = self.tokens().partition_point(|t| t.end as usize <= offset);
        self.tokens()[first..].iter().find(|t| t.is_code() || t.kind == TokenKind::Newline).copied()
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
        let whole = prepared.part(0..prepared.text.len());
        assert_eq!(whole.span(0, 2), Span::new(file, 0, 2));
        assert_eq!(whole.span(2, 4), Span::new(file, 3, 5));
        assert_eq!(whole.span(2, 5), Span::new(file, 3, 5));
        assert_eq!(whole.span(6, 9), Span::new(file, 6, 8));
        assert_eq!(whole.span(7, 8), Span::new(file, 6, 8));
        assert_eq!(whole.span(0, 9), Span::new(file, 0, 8));
    }
}
