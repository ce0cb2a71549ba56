//! Steps that no run reaches: an arm of an `if` that is settled, and not by a parameter.

use crate::components::{Expression, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;
use crate::syntax::tree::{Argument, Block, Expr, ExprKind, Statement};

/// `skipped` is the arm that is not taken.
pub(in crate::language) fn check(cx: &mut Context<'_>, condition: &Expr, taken: bool, skipped: &Block) {
    if skipped.statements.is_empty() || cx.is_choice(condition) {
        return;
    }
    let message = match taken {
        true => "this condition always holds, so its `else` is never reached",
        false => "this condition never holds, so its block is never reached",
    };
    let d = Diagnostic::new(Code::UNREACHED, condition.span, message);
    let d = d.help("leave these steps out, or make it a choice: `param name = false`, and `--set name=true`");
    let d = match &condition.kind {
        ExprKind::Name(name) => match cx.let_of(name) {
            Some(keyword) => d.maybe_fix(format!("make `{name}` a parameter"), keyword, "param"),
            None => d,
        },
        _ => d,
    };
    cx.report(d);
}

/// `next` stands behind a `stop` in its block.
pub(in crate::language) fn behind_stop(cx: &mut Context<'_>, next: &Statement) {
    if cx.hosts > 0 {
        let d = Diagnostic::new(Code::UNREACHED, next.span, "this is never reached: `stop` leaves the training step");
        cx.report(d.help("leave it out, or put it before the `stop`"));
    }
}

/// The condition of a `when`: one that waits for no measurement is decided before the run.
pub(in crate::language) fn idle_condition(cx: &mut Context<'_>, condition: &Expression, span: Span, block: &Block) {
    let never = matches!(condition, Expression::Constant(Value::Bool(false)));
    if never && !block.statements.is_empty() && cx.sources.text(span) == "false" {
        let d = Diagnostic::new(Code::UNREACHED, span, "this condition never holds, so its block is never reached");
        cx.report(d.help("wait for a metric: `when clean > 80% { … }`"));
    }
}

impl Context<'_> {
    /// Whether a value is up to parameters, of the program or of a phase, or to a loop's round.
    pub(in crate::language) fn is_choice(&self, expr: &Expr) -> bool {
        let mut choice = false;
        names(expr, &mut |name| choice |= self.scopes.is_choice(name));
        choice
    }

    /// The word `let` of a name of the file's top level.
    fn let_of(&self, name: &str) -> Option<Span> {
        let place = self.scopes.outermost(name)?.span;
        let before = &self.sources.get(place.file).text[..place.start as usize];
        let word = before.trim_end_matches([' ', '\t']);
        let start = word.strip_suffix("let")?.len();
        Some(Span::new(place.file, start, word.len()))
    }
}

/// Calls `f` with each name in an expression.
fn names(expr: &Expr, f: &mut dyn FnMut(&str)) {
    match &expr.kind {
        ExprKind::Name(name) => f(name),
        ExprKind::Call { callee, arguments } => {
            f(&callee.text);
            arguments.iter().for_each(|a: &Argument| names(&a.value, f));
        }
        ExprKind::List(items) => items.iter().for_each(|a| names(&a.value, f)),
        ExprKind::Quantity { number, .. } => names(number, f),
        ExprKind::Index { base, index } => {
            names(base, f);
            names(index, f);
        }
        ExprKind::Field { base, .. } | ExprKind::Paren(base) | ExprKind::Unary { operand: base, .. } => names(base, f),
        ExprKind::Range { start, end, .. } => start.iter().chain(end).for_each(|e| names(e, f)),
        ExprKind::Binary { left, right, .. } => {
            names(left, f);
            names(right, f);
        }
        ExprKind::Int(_)
        | ExprKind::Real(_)
        | ExprKind::Percent(_)
        | ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::Error => {}
    }
}
