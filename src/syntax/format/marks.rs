//! What the tree knows of single tokens and their texts do not say: which operator this `-` is, whether this bracket calls
//! something, whether a comma belongs here.

use std::collections::HashMap;

use super::Lists;
use crate::source::Span;
use crate::syntax::describe::RESERVED;
use crate::syntax::tokens::{Token, TokenKind};
use crate::syntax::tree::*;

/// What is to be done with the comma of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comma {
    #[default]
    AsWritten,
    /// This comma goes.
    Drop,
    /// One comes behind this token.
    After,
}

/// What is known of one token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// Touches the token before it.
    pub before: bool,
    /// Touches the token behind it.
    pub after: bool,
    /// An operator with blanks around it, behind which a line may end; the loosest has the smallest number.
    pub level: Option<u8>,
    pub comma: Comma,
    /// An opening bracket that holds entries, so that a comma may stand behind the last.
    pub entries: bool,
}

/// Marks for all tokens, and the block that each `{` opens.
pub struct Marks<'f> {
    pub marks: Vec<Mark>,
    pub blocks: HashMap<u32, &'f Block>,
}

/// Reads them off the tree.
pub fn marks<'f>(text: &str, tokens: &[Token], file: &'f File, lists: Lists<'_>) -> Marks<'f> {
    let marks = Marks { marks: vec![Mark::default(); tokens.len()], blocks: HashMap::new() };
    let mut walk = Walk { text, tokens, lists, found: marks };
    walk.statements(&file.statements);
    walk.found
}

struct Walk<'w, 'f> {
    text: &'w str,
    tokens: &'w [Token],
    lists: Lists<'w>,
    found: Marks<'f>,
}

impl<'f> Walk<'_, 'f> {
    /// The first token of code that begins at a byte or behind it.
    fn index(&self, offset: u32) -> Option<usize> {
        let first = self.tokens.partition_point(|t| t.start < offset);
        let found = self.tokens[first..].iter().position(|t| t.is_code());
        found.map(|i| first + i)
    }

    fn text_at(&self, offset: u32) -> &str {
        self.index(offset).map_or("", |i| self.tokens[i].text(self.text))
    }

    fn mark(&mut self, offset: u32, change: impl FnOnce(&mut Mark)) {
        if let Some(i) = self.index(offset) {
            change(&mut self.found.marks[i]);
        }
    }

    /// The bracket of a call or of parameters.
    fn call(&mut self, offset: u32) {
        self.mark(offset, |m| (m.before, m.entries) = (true, true));
    }

    fn statements(&mut self, statements: &'f [Statement]) {
        statements.iter().for_each(|s| self.statement(s));
    }

    fn block(&mut self, block: &'f Block) {
        if self.text_at(block.span.start) == "{" {
            self.found.blocks.insert(block.span.start, block);
        }
        self.statements(&block.statements);
    }

    fn statement(&mut self, statement: &'f Statement) {
        match &statement.kind {
            StatementKind::Simple(simple) => self.simple(simple),
            StatementKind::Let { value, .. } => self.expr(value),
            StatementKind::Param(param) => {
                let parts = [Some(&param.default), param.range.as_ref(), param.text.as_ref()];
                parts.into_iter().flatten().for_each(|e| self.expr(e));
            }
            StatementKind::Phase { name, parameters, body } => {
                if self.text_at(name.span.end) == "(" {
                    self.call(name.span.end);
                }
                parameters.iter().filter_map(|p| p.default.as_ref()).for_each(|e| self.expr(e));
                self.block(body);
            }
            StatementKind::Use { path } => self.expr(path),
            StatementKind::Repeat { count, body } => {
                self.expr(count);
                body.iter().for_each(|b| self.block(b));
            }
            StatementKind::For { list, body, .. } => {
                self.expr(list);
                self.block(body);
            }
            StatementKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.block(then);
                otherwise.iter().for_each(|b| self.block(b));
            }
            StatementKind::Block(block) => self.block(block),
            StatementKind::Assignment { .. } | StatementKind::Error => {}
        }
    }

    fn simple(&mut self, simple: &'f Simple) {
        if simple.called {
            self.call(simple.word.span.end);
        } else {
            self.commas(simple);
        }
        simple.arguments.iter().for_each(|a| self.expr(&a.value));
        simple.on.iter().for_each(|e| self.expr(e));
        simple.with.iter().chain(&simple.block).for_each(|b| self.block(b));
        simple.otherwise.iter().for_each(|s| self.simple(s));
    }

    /// A comma stands between named arguments, and between values of a list; none before the first named one. What else
    /// is written between two arguments stays.
    fn commas(&mut self, simple: &Simple) {
        let list_from = self.lists.get(&simple.word.text);
        let mut unnamed = 0;
        for pair in simple.arguments.windows(2) {
            unnamed += usize::from(pair[0].name.is_none());
            let wanted = match (&pair[0].name, &pair[1].name) {
                (Some(_), Some(_)) => true,
                (None, None) if list_from.is_some_and(|from| unnamed > from) => true,
                (None, Some(name)) if !RESERVED.contains(&&*name.text) => false,
                _ => continue,
            };
            self.comma(pair[0].span, wanted);
        }
    }

    fn comma(&mut self, before: Span, wanted: bool) {
        let Some(next) = self.index(before.end) else { return };
        let written = self.tokens[next].text(self.text) == ",";
        // A comment may only stand behind the comma, which then stays.
        let behind = self.tokens[next + 1..].iter().find(|t| t.kind != TokenKind::Newline);
        let comment = behind.is_some_and(|t| t.kind == TokenKind::Comment);
        if written && !wanted && !comment {
            self.found.marks[next].comma = Comma::Drop;
        } else if wanted && !written {
            let last = self.tokens[..next].iter().rposition(|t| t.is_code() && t.kind != TokenKind::Newline);
            if let Some(last) = last {
                self.found.marks[last].comma = Comma::After;
            }
        }
    }

    fn expr(&mut self, expr: &'f Expr) {
        match &expr.kind {
            ExprKind::Quantity { number, .. } => self.expr(number),
            ExprKind::Call { callee, arguments } => {
                self.call(callee.span.end);
                arguments.iter().for_each(|a| self.expr(&a.value));
            }
            ExprKind::Index { base, index } => {
                self.expr(base);
                self.mark(base.span.end, |m| m.before = true);
                self.expr(index);
            }
            ExprKind::Field { base, .. } => self.expr(base),
            ExprKind::List(entries) => {
                self.mark(expr.span.start, |m| m.entries = true);
                entries.iter().for_each(|a| self.expr(&a.value));
            }
            ExprKind::Range { start, end, .. } => self.range(expr, start.as_deref(), end.as_deref()),
            ExprKind::Unary { op, operand } => {
                // `--` is a comment elsewhere, so that two signs stand apart.
                let signs = self.text_at(operand.span.start) == "-";
                self.mark(expr.span.start, |m| m.after = *op == UnaryOp::Negate && !signs);
                self.expr(operand);
            }
            ExprKind::Binary { op, left, right } => {
                self.expr(left);
                let fraction = *op == BinaryOp::Divide && !is_quantity(left) && !is_quantity(right);
                self.mark(left.span.end, |m| {
                    m.level = (!fraction).then(|| break_level(*op));
                    (m.before, m.after) = (fraction, fraction);
                });
                self.expr(right);
            }
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Int(_) | ExprKind::Real(_) | ExprKind::Percent(_) | ExprKind::Text(_) => {}
            ExprKind::Bool(_) | ExprKind::Name(_) | ExprKind::Error => {}
        }
    }

    /// Dots touch both ends, except for a point at the right that would become a third dot.
    fn range(&mut self, range: &Expr, start: Option<&'f Expr>, end: Option<&'f Expr>) {
        let point = end.is_some_and(|e| self.text_at(e.span.start).starts_with('.'));
        let dots = start.map_or(range.span.start, |s| s.span.end);
        self.mark(dots, |m| {
            m.before = start.is_some() && !point;
            m.after = end.is_some() && !point;
        });
        start.into_iter().chain(end).for_each(|e| self.expr(e));
    }
}

/// How loosely an operator binds; behind the loosest a line ends first.
fn break_level(op: BinaryOp) -> u8 {
    use BinaryOp::*;
    match op {
        Then => 0,
        Or => 1,
        And => 2,
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => 3,
        Add | Subtract | Intersect => 4,
        Multiply | Divide => 5,
    }
}

/// Whether it has a blank of its own: `10 epochs / 2` is no fraction of two numbers.
fn is_quantity(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Quantity { .. })
}
