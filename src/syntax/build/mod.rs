//! pest pairs → tree. Every rule of the grammar that can match has its place here; error productions become diagnostics.

mod arguments;
mod errors;
mod expressions;
mod habits;
mod headers;
mod operands;
mod statements;

pub use statements::HOSTS;

use std::cell::Cell;

use pest::iterators::Pair;

use super::Rule;
use super::prepare::{Part, Unclosed};
use super::report::Report;
use super::tree::{Expr, ExprKind, Name};
use crate::source::Span;

/// Turns the pairs of one part of a prepared text into a tree.
pub struct Builder<'b> {
    part: Part<'b>,
    report: &'b Report,
    /// Sorted by opener; with each, where the grammar found that its closer should have stood.
    unclosed: Vec<(&'b Unclosed, Cell<Option<usize>>)>,
}

impl<'b> Builder<'b> {
    /// Builds the tree of this part of a text, and reports on the way.
    pub fn new(part: Part<'b>, report: &'b Report) -> Builder<'b> {
        let unclosed = part.unclosed().iter().map(|u| (u, Cell::new(None))).collect();
        Builder { part, report, unclosed }
    }

    /// The pair of rule `expression`: one expression and nothing else.
    pub fn lone_expression(&self, pair: Pair<Rule>, whole: Span) -> Expr {
        let mut value = Expr { kind: ExprKind::Error, span: whole };
        let mut found = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::inner => {
                    value = self.expression(part);
                    found = true;
                }
                Rule::anything => {
                    self.expected(
                        part.as_span().start(),
                        if found { &[Rule::loose, Rule::EOI] } else { &[Rule::inner] },
                    );
                    return Expr { kind: ExprKind::Error, span: whole };
                }
                _ => {}
            }
        }
        if !found {
            self.expected(self.part.text.len(), &[Rule::inner]);
        }
        value
    }

    fn span(&self, pair: &Pair<Rule>) -> Span {
        let span = pair.as_span();
        self.part.span(span.start(), span.end())
    }

    fn name(&self, pair: &Pair<Rule>) -> Name {
        Name { text: pair.as_str().to_string(), span: self.span(pair) }
    }

    /// An `Error` expression with nothing in it, just behind a byte of the prepared text.
    fn nothing(&self, offset: usize) -> Expr {
        let at = self.part.end(offset);
        Expr { kind: ExprKind::Error, span: Span::new(self.part.file, at, at) }
    }

    /// An `Error` expression in place of a pair.
    fn error(&self, pair: &Pair<Rule>) -> Expr {
        Expr { kind: ExprKind::Error, span: self.span(pair) }
    }
}
