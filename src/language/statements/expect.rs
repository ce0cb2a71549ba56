//! `expect`: an assertion.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Expression, Metric, Param, Type, Value, Varies};
use crate::language::context::Context;
use crate::language::program::{Op, Settings};
use crate::language::values::waiting;
use crate::source::Span;

pub static EXPECT: Word = Word {
    name: "expect",
    kind: WordKind::Step,
    params: &[Param::new("condition", Type::Condition, "what should hold here").varies(Varies::All)],
    on: false,
    with: false,
    block: false,
    doc: "an assertion: the run goes on, and ends with exit code 4 if one was false",
    example: "expect clean > 70%",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let span = written.bound.span("condition");
    let settings = cx.fitting_settings(written.word());
    let (Some(settings), Some(condition)) = (settings, written.bound.value("condition")) else { return };
    let Some(condition) = cx.condition(condition, &settings, span) else { return };
    let text = cx.one_line(span);
    cx.emit(written.span, Op::Expect { condition, text, settings });
}

impl Context<'_> {
    /// The text of a place, white space folded.
    pub(super) fn one_line(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A condition with the attacks of its metrics filled in.
    pub(in crate::language) fn condition(
        &mut self,
        condition: &Value,
        settings: &Settings,
        span: Span,
    ) -> Option<Expression> {
        let mut expression = waiting(condition.clone());
        let mut found = Vec::new();
        expression.visit(&mut |e| {
            if let Expression::Metric(m) = e {
                found.push(m.clone());
            }
        });
        for metric in found {
            let filled = self.filled(&metric, &settings.facts, span)?;
            if !self.history_known(&filled, settings, span) {
                return None;
            }
            replace(&mut expression, &metric, &filled);
        }
        Some(expression)
    }
}

fn replace(expression: &mut Expression, old: &Metric, new: &Metric) {
    match expression {
        Expression::Metric(m) if m == old => *m = new.clone(),
        Expression::Negate(e) | Expression::Not(e) => replace(e, old, new),
        Expression::Binary(_, a, b) | Expression::Item(a, b) => {
            replace(a, old, new);
            replace(b, old, new);
        }
        Expression::List(items) | Expression::Component(_, items) => {
            items.iter_mut().for_each(|e| replace(e, old, new))
        }
        _ => {}
    }
}
