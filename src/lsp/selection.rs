//! What selections grow to: the word, what is in brackets, the statement, its block, the text.

use super::document::Document;
use crate::source::Span;
use crate::syntax::tokens::{Token, TokenKind, tokens};
use crate::syntax::tree::{Block, Statement, StatementKind};
use lsp_types::{Position, SelectionRange, SelectionRangeParams};

/// `textDocument/selectionRange`
pub fn selection(doc: &Document, params: &SelectionRangeParams) -> Option<Vec<SelectionRange>> {
    let all = tokens(doc.text());
    Some(params.positions.iter().map(|p| grown(doc, &all, *p)).collect())
}

/// From the innermost outwards; each holds the one before it.
fn grown(doc: &Document, all: &[Token], position: Position) -> SelectionRange {
    let at = doc.offset(position);
    let mut spans = vec![Span::new(doc.file(), 0, doc.text().len())];
    spans.extend(brackets(doc, all, at));
    statements(&doc.analysis.file.statements, at, &mut spans);
    let word = all.iter().find(|t| t.is_code() && holds(t.start, t.end, at));
    spans.extend(word.map(|t| Span::new(doc.file(), t.start as usize, t.end as usize)));
    spans.sort_by_key(|s| (std::cmp::Reverse(s.end - s.start), s.start));
    spans.dedup();
    let mut selection: Option<SelectionRange> = None;
    let mut outer = spans[0];
    for span in spans {
        // What a bracket tears apart in a broken text is left out.
        if span.start >= outer.start && span.end <= outer.end {
            selection = Some(SelectionRange { range: doc.range(span), parent: selection.map(Box::new) });
            outer = span;
        }
    }
    selection.unwrap_or_else(|| SelectionRange { range: doc.range(outer), parent: None })
}

fn holds(start: u32, end: u32, at: usize) -> bool {
    start as usize <= at && at <= end as usize
}

/// Pairs of brackets around a place, with them and without.
fn brackets(doc: &Document, all: &[Token], at: usize) -> Vec<Span> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for token in all {
        match token.kind {
            TokenKind::Open => open.push(token),
            TokenKind::Close => {
                let Some(opener) = open.pop().filter(|o| holds(o.start, token.end, at)) else { continue };
                found.push(Span::new(doc.file(), opener.start as usize, token.end as usize));
                if holds(opener.end, token.start, at) {
                    found.push(Span::new(doc.file(), opener.end as usize, token.start as usize));
                }
            }
            _ => {}
        }
    }
    found
}

fn statements(list: &[Statement], at: usize, found: &mut Vec<Span>) {
    let Some(statement) = list.iter().find(|s| holds(s.span.start, s.span.end, at)) else { return };
    found.push(statement.span);
    for block in blocks(statement) {
        statements(&block.statements, at, found);
    }
}

/// The blocks of a statement.
fn blocks(statement: &Statement) -> Vec<&Block> {
    match &statement.kind {
        StatementKind::Simple(simple) => simple.with.iter().chain(&simple.block).collect(),
        StatementKind::Phase { body, .. } | StatementKind::For { body, .. } | StatementKind::Block(body) => vec![body],
        StatementKind::Repeat { body, .. } => body.iter().collect(),
        StatementKind::If { then, otherwise, .. } => std::iter::once(then).chain(otherwise).collect(),
        _ => vec![],
    }
}
