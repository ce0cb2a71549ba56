//! Lines of source for the renderer: found by line index instead of a scan, and harmless to a terminal.

use crate::record::screen::{harmless, is_harmful};
use crate::source::{FileId, Source, Sources, Span};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::borrow::Cow;

/// Bytes of a line that a label underlines at most.
const LONGEST_LABEL: usize = 100;
/// Bytes of source that are shown for one label; of longer lines only what is around the label.
const LONGEST_WINDOW: usize = 2000;

/// The texts of [`Sources`], ready to be drawn.
pub(super) struct Snippets<'a> {
    files: Vec<Snippet<'a>>,
}

/// One text with its control characters replaced, byte for byte as long as the original.
struct Snippet<'a> {
    source: &'a Source,
    name: String,
    text: Cow<'a, str>,
}

impl<'a> Snippets<'a> {
    /// Snippets of these texts, none drawn yet.
    pub fn new(sources: &'a Sources) -> Snippets<'a> {
        let snippet =
            |source: &'a Source| Snippet { source, name: harmless(&source.name), text: visible(&source.text) };
        Snippets { files: sources.iter().map(|(_, s)| snippet(s)).collect() }
    }

    /// The text of a file, as the renderer reads it.
    pub fn get(&self, file: FileId) -> &(dyn SourceCode + 'a) {
        &self.files[file.0 as usize]
    }

    /// The span moved into its text and onto character boundaries.
    pub fn clamp(&self, span: Span) -> Span {
        let text = &self.files[span.file.0 as usize].text;
        let start = floor(text, span.start as usize);
        let end = floor(text, (span.end as usize).max(start));
        Span::new(span.file, start, end)
    }

    /// Where a label is drawn: one line at most, and for what is missing at the end of the text, the last word there
    /// (an empty span at the end would not be drawn at all).
    pub fn anchor(&self, span: Span) -> Span {
        let text: &str = &self.files[span.file.0 as usize].text;
        let Span { start, end, .. } = self.clamp(span);
        let (start, end) = (start as usize, end as usize);
        let last = text.trim_end().len();
        if start >= last {
            let word = text[..last].rfind(char::is_whitespace).map_or(0, |i| i + 1);
            return Span::new(span.file, floor(text, word.max(last.saturating_sub(LONGEST_LABEL))), last);
        }
        let line_end = text[start..end].find('\n').map_or(end, |i| start + i);
        Span::new(span.file, start, floor(text, line_end.min(start + LONGEST_LABEL)))
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|o| text.is_char_boundary(*o)).unwrap_or(0)
}

/// Each harmful character by one of as many bytes, so that spans stay right.
fn visible(text: &str) -> Cow<'_, str> {
    let lone_return = |i: usize, c: char| c == '\r' && text.as_bytes().get(i + 1) != Some(&b'\n');
    if !text.char_indices().any(|(i, c)| is_harmful(c) || lone_return(i, c)) {
        return Cow::Borrowed(text);
    }
    let replaced = text.char_indices().map(|(i, c)| match c.len_utf8() {
        _ if !is_harmful(c) && !lone_return(i, c) => c,
        // A byte order mark is no character of the program: a blank in front of it.
        _ if c == '\u{feff}' && i == 0 => '\u{feff}',
        1 => '?',
        2 => '\u{b7}',
        _ => '\u{fffd}',
    });
    Cow::Owned(replaced.collect())
}

impl SourceCode for Snippet<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        if end > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let lines = &self.source.lines;
        let mut first = lines.line(start).saturating_sub(lines_before);
        let mut last = (lines.line(end) + lines_after).min(lines.len() - 1);
        let (mut from, mut to) = self.lines(first, last);
        if to - from > LONGEST_WINDOW {
            if end - start > LONGEST_LABEL {
                // Two labels far apart: miette shows them one by one instead.
                return Err(MietteError::OutOfBounds);
            }
            (first, last) = (lines.line(start), lines.line(end));
            let (line_from, line_to) = self.lines(first, last);
            from = floor(&self.text, start.saturating_sub(LONGEST_LABEL)).max(line_from);
            to = floor(&self.text, end + LONGEST_LABEL).min(line_to);
        }
        let place = lines.line_column(&self.source.text, start);
        // The heading names the label's own column; a context begins with its line.
        let column = if lines_before + lines_after == 0 { place.column - 1 } else { 0 };
        let data = self.text[from..to].as_bytes();
        let window = SourceSpan::from((from, to - from));
        let count = last + 1 - first;
        Ok(Box::new(MietteSpanContents::new_named(self.name.clone(), data, window, first, column, count)))
    }
}

impl Snippet<'_> {
    /// The bytes of two lines (from 0) and all between.
    fn lines(&self, first: usize, last: usize) -> (usize, usize) {
        let lines = &self.source.lines;
        (lines.start(first), if last + 1 < lines.len() { lines.start(last + 1) } else { self.text.len() })
    }
}
