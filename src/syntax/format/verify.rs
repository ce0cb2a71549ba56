//! Whether two texts say the same: the same tokens and comments in the same order, and the same tree. Commas, semicolons
//! and newlines are no tokens here: where the language lets them come and go, the tree shows what they mean.

use crate::diagnostic::has_errors;
use crate::source::FileId;
use crate::syntax::tokens::{Token, TokenKind, tokens};
use crate::syntax::tree::File;
use crate::syntax::{dump, parse};

/// The byte of the old text from which on the new one says something else.
pub fn difference(old: &str, old_tree: &File, new: &str) -> Option<usize> {
    let (old_tokens, new_tokens) = (tokens(old), tokens(new));
    let mut left = words(old, &old_tokens);
    let mut right = words(new, &new_tokens);
    loop {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some((_, a)), Some((_, b))) if a == b => {}
            (Some((at, _)), _) => return Some(at),
            (None, Some(_)) => return Some(old.trim_end().len()),
        }
    }
    let (new_tree, diagnostics) = parse(FileId(0), new);
    let same = !has_errors(&diagnostics) && old_tree.statements.len() == new_tree.statements.len();
    let mut pairs = old_tree.statements.iter().zip(&new_tree.statements);
    let different = pairs.find(|(a, b)| dump::statement(a) != dump::statement(b));
    match different {
        Some((statement, _)) => Some(statement.span.start as usize),
        None if same => None,
        None => Some(0),
    }
}

/// What must not change, with its place.
fn words<'t>(text: &'t str, tokens: &'t [Token]) -> impl Iterator<Item = (usize, &'t str)> {
    let separator = |t: &&Token| t.kind == TokenKind::Newline || [",", ";"].contains(&t.text(text));
    tokens.iter().filter(move |t| !separator(t)).map(|t| (t.start as usize, t.text(text).trim_end()))
}
