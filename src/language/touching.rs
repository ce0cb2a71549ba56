//! Which statements of a file stand at a place.

use crate::source::Span;
use crate::syntax::tree::{Block, Statement, StatementKind};

/// The innermost statements that touch `place`, in order.
pub(super) fn innermost(statements: &[Statement], place: Span) -> Vec<&Statement> {
    let mut found = Vec::new();
    walk(statements, place, &mut |statement, inner| {
        if !inner {
            found.push(statement);
        }
    });
    found
}

/// The outermost statements that begin in `place`, in order.
pub(super) fn beginning(statements: &[Statement], place: Span) -> Vec<&Statement> {
    let mut found: Vec<&Statement> = Vec::new();
    walk(statements, place, &mut |statement, _| {
        if place.start <= statement.span.start {
            found.push(statement);
        }
    });
    found
}

/// Calls `f` with each statement that touches the place, inner ones first, and whether one in it does.
fn walk<'t>(statements: &'t [Statement], place: Span, f: &mut impl FnMut(&'t Statement, bool)) -> bool {
    let first = statements.partition_point(|s| s.span.end <= place.start);
    let touching = statements[first..].iter().take_while(|s| s.span.start < place.end);
    let mut any = false;
    for statement in touching {
        let mut inner = false;
        for block in blocks(statement) {
            inner |= walk(&block.statements, place, f);
        }
        f(statement, inner);
        any = true;
    }
    any
}

/// The blocks of a statement, in order.
pub(super) fn blocks(statement: &Statement) -> Vec<&Block> {
    match &statement.kind {
        StatementKind::Simple(simple) | StatementKind::Assignment { simple, .. } => {
            simple.with.iter().chain(&simple.block).collect()
        }
        StatementKind::Phase { body, .. } | StatementKind::For { body, .. } => vec![body],
        StatementKind::Repeat { body, .. } => body.iter().collect(),
        StatementKind::If { then, otherwise, .. } => std::iter::once(then).chain(otherwise).collect(),
        StatementKind::Block(block) => vec![block],
        StatementKind::Let { .. } | StatementKind::Param(_) | StatementKind::Use { .. } | StatementKind::Error => {
            Vec::new()
        }
    }
}
