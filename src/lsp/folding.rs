//! What can be folded: brackets over several lines, runs of comments, runs of imports. Read from the tokens, so that it
//! is there in broken texts too.

use super::document::Document;
use crate::syntax::tokens::{Token, TokenKind, tokens};
use crate::syntax::tree::StatementKind;
use lsp_types::{FoldingRange, FoldingRangeKind, FoldingRangeParams, Position};

/// `textDocument/foldingRange`
pub fn folding(doc: &Document, _: &FoldingRangeParams) -> Option<Vec<FoldingRange>> {
    let all = tokens(doc.text());
    let mut found = brackets(doc, &all);
    found.extend(comments(doc, &all));
    found.extend(imports(doc));
    found.sort_by_key(|f| (f.start_line, f.end_line, f.start_character));
    Some(found)
}

/// A fold from the end of one line on, if it has lines to hide.
fn fold(doc: &Document, start: Position, end: Position, kind: Option<FoldingRangeKind>) -> Option<FoldingRange> {
    let columns = !doc.client.line_folding_only;
    (start.line < end.line).then(|| FoldingRange {
        start_line: start.line,
        start_character: columns.then_some(start.character),
        end_line: end.line,
        end_character: columns.then_some(end.character),
        kind,
        collapsed_text: None,
    })
}

/// Between brackets; the closing one stays to be seen.
fn brackets(doc: &Document, all: &[Token]) -> Vec<FoldingRange> {
    let mut open: Vec<&Token> = Vec::new();
    let mut found = Vec::new();
    for token in all {
        match token.kind {
            TokenKind::Open => open.push(token),
            TokenKind::Close => {
                let Some(opener) = open.iter().rposition(|o| fits(o.text(doc.text()), token.text(doc.text()))) else {
                    continue;
                };
                let start = doc.position(open[opener].end as usize);
                let mut end = doc.position(token.start as usize);
                if doc.client.line_folding_only {
                    end.line = end.line.saturating_sub(1);
                }
                found.extend(fold(doc, start, end, None));
                open.truncate(opener);
            }
            _ => {}
        }
    }
    found
}

fn fits(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{", "}"))
}

/// Two or more lines with nothing but a comment.
fn comments(doc: &Document, all: &[Token]) -> Vec<FoldingRange> {
    let mut runs: Vec<(&Token, &Token)> = Vec::new();
    let mut last = TokenKind::Newline;
    let mut newlines = 0;
    for token in all {
        match token.kind {
            TokenKind::Newline => newlines += 1,
            TokenKind::Comment if last == TokenKind::Newline => {
                match runs.last_mut().filter(|_| newlines == 1) {
                    Some(run) => run.1 = token,
                    None => runs.push((token, token)),
                }
                newlines = 0;
            }
            // What stands between keeps the next comment from joining the run.
            _ => newlines = 2,
        }
        last = token.kind;
    }
    let place = |(first, last): (&Token, &Token)| {
        let (start, end) = (doc.position(first.end as usize), doc.position(last.end as usize));
        fold(doc, start, end, Some(FoldingRangeKind::Comment))
    };
    runs.into_iter().filter_map(place).collect()
}

/// Two or more `use` statements in a row.
fn imports(doc: &Document) -> Vec<FoldingRange> {
    let statements = &doc.analysis.file.statements;
    let is_use = |s: &&crate::syntax::tree::Statement| matches!(s.kind, StatementKind::Use { .. });
    let runs = statements.chunk_by(|a, b| is_use(&a) == is_use(&b)).filter(|run| is_use(&&run[0]));
    let place = |run: &[crate::syntax::tree::Statement]| {
        let (first, last) = (run.first()?, run.last()?);
        let (start, end) = (doc.position(first.span.end as usize), doc.position(last.span.end as usize));
        fold(doc, start, end, Some(FoldingRangeKind::Imports))
    };
    runs.filter_map(place).collect()
}
