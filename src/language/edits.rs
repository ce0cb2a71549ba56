//! Edits that leave a tidy text behind.

use crate::source::{Sources, Span};

/// What to delete so that a statement or comment is gone: its whole lines where nothing else stands on them, else with
/// it the `;` and the blanks that parted it from its neighbour.
pub(super) fn with_line(span: Span, sources: &Sources) -> Span {
    let text = &sources.get(span.file).text;
    let (start, end) = (span.start as usize, span.end as usize);
    let blank = |c: char| matches!(c, ' ' | '\t');
    let before = &text[..start];
    let left = before.trim_end_matches(blank);
    let after = &text[end..];
    let semicolon = |t: &str| t.trim_start_matches(blank).strip_prefix(';').map(|t| t.trim_start_matches(blank).len());
    let right = semicolon(after).unwrap_or(after.trim_start_matches(blank).len());
    let right = text.len() - right;
    let line_begins = left.is_empty() || left.ends_with('\n');
    let newline = ["\r\n", "\n"].into_iter().find(|n| text[right..].starts_with(n)).map_or(0, str::len);
    let line_ends = newline > 0 || right == text.len();
    match (line_begins, line_ends) {
        (true, true) => Span::new(span.file, left.len(), right + newline),
        (true, false) => Span::new(span.file, start, right),
        // The last one of its line takes the `;` before it along.
        (false, true) => Span::new(span.file, left.trim_end_matches(';').trim_end_matches(blank).len(), right),
        (false, false) => Span::new(span.file, start, right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn without(text: &str, part: &str) -> String {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("a.fsched", text));
        let at = text.find(part).unwrap();
        let gone = with_line(Span::new(file, at, at + part.len()), &sources);
        let mut text = text.to_string();
        text.replace_range(gone.range(), "");
        text
    }

    #[test]
    fn what_is_left_is_tidy() {
        assert_eq!(without("a 1\n  b 2\nc 3\n", "b 2"), "a 1\nc 3\n");
        assert_eq!(without("a 1; b 2; c 3\n", "b 2"), "a 1; c 3\n");
        assert_eq!(without("a 1; b 2\n", "b 2"), "a 1\n");
        assert_eq!(without("  a 1; b 2\n", "a 1"), "  b 2\n");
        assert_eq!(without("{ a 1 }", "a 1"), "{ }");
        assert_eq!(without("a 1", "a 1"), "");
        assert_eq!(without("a 1  # why\nb 2", "a 1"), "# why\nb 2");
        assert_eq!(without("a 1  # why\r\nb 2", "# why"), "a 1\r\nb 2");
    }
}
