//! What the test data decides about training makes its results say too much: the checkpoint that AWP and TRADES report
//! was picked on the test set, and others could not reach their figures.

use super::super::program::Settings;
use super::super::statements::Written;
use crate::components::{Expression, Metric, Split, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;
use std::sync::Arc;

/// A condition on a measurement that decides how training goes on.
pub(in crate::language) fn condition(cx: &mut Context<'_>, condition: &Expression, settings: &Settings, span: Span) {
    // Conversations have no validation split that could decide.
    if settings.facts.texts().is_some() {
        return;
    }
    let mut on_test = false;
    condition.visit(&mut |e| {
        let metrics: Vec<&Metric> = match e {
            Expression::Metric(m) => vec![m],
            Expression::Holds(spec) => spec.args.iter().filter_map(Value::as_metric).collect(),
            _ => Vec::new(),
        };
        on_test |= metrics.iter().any(|m| innermost_split(m).unwrap_or(settings.default_split()) == Split::Test);
    });
    if on_test {
        let message = "the test data decides here how training goes on";
        let d = Diagnostic::new(Code::TEST_DATA_DECIDES, span, message);
        cx.report(d.help("decide on `validation`: `data fashion(validation: 10%)`"));
    }
}

/// The split of a metric, of a `gap` also that of the metric inside.
fn innermost_split(metric: &Metric) -> Option<Split> {
    match metric.spec.args.first() {
        Some(Value::Metric(inner)) => innermost_split(inner).or(metric.split),
        _ => metric.split,
    }
}

/// `keep best:` by a measurement on the test data.
pub(super) fn best(cx: &mut Context<'_>, settings: &Arc<Settings>, _: &Written<'_>) {
    let on_test = |metric: &Metric| metric.split.unwrap_or(settings.default_split()) == Split::Test;
    if settings.facts.texts().is_some() || !settings.keep.best.iter().any(on_test) {
        return;
    }
    let Some(span) = cx.setting_in_force("keep") else { return };
    let message = "the best checkpoint is chosen on the test data, so its test result says too much";
    let d = Diagnostic::new(Code::TEST_DATA_DECIDES, span, message);
    cx.report(d.help("choose on `validation`: `data fashion(validation: 10%)`"));
}
