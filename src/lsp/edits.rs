//! Changes of a whole text as small edits, so that cursors, marks and undo of the editor survive.

use super::document::Document;
use crate::source::Span;
use lsp_types::TextEdit;
use std::iter::Peekable;
use std::str::CharIndices;

/// Edits that make `new` of the document's text. Where the two differ in blanks alone, as after formatting, only those
/// blanks are replaced.
pub fn edits(doc: &Document, new: &str) -> Vec<TextEdit> {
    let changes = blanks(doc.text(), new).unwrap_or_else(|| vec![middle(doc.text(), new)]);
    let changed = changes.into_iter().filter(|c| doc.text()[c.0.clone()] != *c.1);
    changed.map(|(old, new)| edit(doc, old, new)).collect()
}

fn edit(doc: &Document, old: std::ops::Range<usize>, new: &str) -> TextEdit {
    TextEdit { range: doc.range(Span::new(doc.file(), old.start, old.end)), new_text: new.to_string() }
}

type Change<'t> = (std::ops::Range<usize>, &'t str);

/// The runs of blanks that differ; `None` where anything else does.
fn blanks<'t>(old: &str, new: &'t str) -> Option<Vec<Change<'t>>> {
    let (mut a, mut b) = (old.char_indices().peekable(), new.char_indices().peekable());
    let mut changes = Vec::new();
    loop {
        let (from, to) = (run(&mut a, old.len()), run(&mut b, new.len()));
        let (mut from, mut blank) = (from, &new[to]);
        if old[from.clone()] != *blank {
            // What stays of the run stays: its breaks before what is indented.
            let same = old[from.clone()].bytes().zip(blank.bytes()).take_while(|(x, y)| x == y && *x != b'\r').count();
            if blank.is_char_boundary(same) && !old[from.clone()].contains('\r') {
                from.start += same;
                blank = &blank[same..];
            }
            changes.push((from, blank));
        }
        match (a.next(), b.next()) {
            (None, None) => return Some(changes),
            (Some((_, x)), Some((_, y))) if x == y => {}
            _ => return None,
        }
    }
}

/// The bytes of the blanks that come next.
fn run(chars: &mut Peekable<CharIndices<'_>>, end: usize) -> std::ops::Range<usize> {
    let start = chars.peek().map_or(end, |(i, _)| *i);
    while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
    start..chars.peek().map_or(end, |(i, _)| *i)
}

/// Everything between what both begin with and what both end with, in whole lines.
fn middle<'t>(old: &str, new: &'t str) -> Change<'t> {
    let same = |a: &str, b: &str| a == b;
    let lines = |text: &'t str| text.split_inclusive('\n');
    let head: usize =
        old.split_inclusive('\n').zip(lines(new)).take_while(|(a, b)| same(a, b)).map(|(a, _)| a.len()).sum();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let from_the_end = old_rest.split_inclusive('\n').rev().zip(lines(new_rest).rev());
    let tail: usize = from_the_end.take_while(|(a, b)| same(a, b)).map(|(a, _)| a.len()).sum();
    (head..old.len() - tail, &new[head..new.len() - tail])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(old: &str, changes: Vec<Change<'_>>) -> String {
        let mut text = old.to_string();
        for (range, new) in changes.into_iter().rev() {
            text.replace_range(range, new);
        }
        text
    }

    #[test]
    fn blanks_alone_are_replaced() {
        for (old, new) in [
            ("a  b\n\n\n c", "a b\n\n  c\n"),
            ("\r\n a\r\n  b", "a\r\nb\r\n"),
            (" ", ""),
            ("", ""),
            ("漢 😀\u{3000}x", "漢\n😀 x\n"),
            ("\u{feff} a", "\u{feff}a\n"),
        ] {
            assert_eq!(changed(old, blanks(old, new).unwrap()), new);
        }
        assert_eq!(blanks("a\n      b c", "a\n  b c"), Some(vec![(4..8, "")]));
        assert_eq!(blanks("ab", "a b"), Some(vec![(1..1, " ")]));
        assert_eq!(blanks("ab", "ac"), None);
        assert_eq!(blanks("a", "ab"), None);
    }

    #[test]
    fn whole_lines_are_replaced_where_words_change() {
        for (old, new) in
            [("a\nb\nc\n", "a\nx\ny\nc\n"), ("a", "b"), ("", "a\n"), ("a\na\n", "a\n"), ("a\nb", "a\nb\n")]
        {
            let (range, text) = middle(old, new);
            assert_eq!(changed(old, vec![(range, text)]), new);
        }
        assert_eq!(middle("a\nb\nc\n", "a\nx\nc\n"), (2..4, "x\n"));
    }
}
