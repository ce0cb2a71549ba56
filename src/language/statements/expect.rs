//! `expect`: an assertion.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Expression, Param, Type, Value, Varies};
use crate::language::context::Context;
use crate::language::followed::Stand;
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
        self.fill_condition(&mut expression, settings, span)?;
        Some(expression)
    }

    fn fill_condition(&mut self, expression: &mut Expression, settings: &Settings, span: Span) -> Option<()> {
        let all = |cx: &mut Self, items: &mut [Expression]| {
            items.iter_mut().try_for_each(|e| cx.fill_condition(e, settings, span))
        };
        match expression {
            Expression::Metric(metric) => {
                if !self.metric_stands(metric, Stand::Condition, span) {
                    return None;
                }
                *metric = self.filled(metric, &settings.facts, span)?;
                self.history_known(metric, settings, span).then_some(())
            }
            Expression::Holds(_) => self.fill_holds(expression, settings, span),
            Expression::Negate(e) | Expression::Not(e) => self.fill_condition(e, settings, span),
            Expression::Binary(_, a, b) | Expression::Item(a, b) => {
                self.fill_condition(a, settings, span)?;
                self.fill_condition(b, settings, span)
            }
            Expression::List(items) | Expression::Component(_, items) => all(self, items),
            Expression::Constant(_) | Expression::Variable(..) => Some(()),
        }
    }

    /// A condition on the past of metrics: they must be followed.
    fn fill_holds(&mut self, whole: &mut Expression, settings: &Settings, span: Span) -> Option<()> {
        let shown = whole.to_string();
        let Expression::Holds(spec) = whole else { return Some(()) };
        for arg in &mut spec.args {
            let Value::Metric(metric) = arg else { continue };
            if !self.metric_stands(metric, Stand::Condition, span) {
                return None;
            }
            *metric = self.filled(metric, &settings.facts, span)?;
            if !self.inner_followed(&shown, None, metric, settings, span) {
                return None;
            }
        }
        Some(())
    }
}
