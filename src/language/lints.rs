//! Lints that look at the whole program (language.md §6).

use super::context::Context;
use super::program::{Op, Program, Step};
use crate::components::{Metric, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Adds what is worth a warning in a program without errors.
pub(super) fn lint(cx: &mut Context<'_>, program: &Program) {
    defaults_used(cx);
    forgets_last(cx, &program.body);
    weaker_test_attacks(cx, &program.body);
}

fn defaults_used(cx: &mut Context<'_>) {
    let Some(first) = cx.program.first_step else { return };
    if !cx.program.data_named && !cx.program.model_named {
        let message =
            "no `data` and no `model`: this runs on the embedded Fashion-MNIST subset with the default convnet";
        cx.report(
            Diagnostic::new(Code::DEFAULTS_USED, first, message).help("name them: `data fashion`, `model convnet`"),
        );
    }
}

/// A schedule that forgets and then ends leaves a damaged network.
fn forgets_last(cx: &mut Context<'_>, body: &[Step]) {
    let mut last = None;
    visit(body, &mut |step| match &step.op {
        Op::Train(_) | Op::Rollback { .. } | Op::Load { .. } => last = None,
        Op::Forget(_) | Op::Zap(_) => last = Some(step.span),
        _ => {}
    });
    if let Some(span) = last {
        let d = Diagnostic::new(Code::FORGETS_LAST, span, "nothing is trained after this forgetting");
        cx.report(d.help("relearn afterwards, such as `relearn 5`"));
    }
}

/// A robust accuracy under a weaker attack than training's says little.
fn weaker_test_attacks(cx: &mut Context<'_>, body: &[Step]) {
    let mut found: Vec<Span> = Vec::new();
    visit(body, &mut |step| {
        let Op::Evaluate(evaluate) = &step.op else { return };
        let Value::Component(objective) = &evaluate.settings.objective else { return };
        let trained = objective.member.param("attack").and_then(|(i, _)| match &objective.args[i] {
            Value::Component(attack) => Some(attack),
            _ => None,
        });
        let Some(trained) = trained else { return };
        if evaluate.metrics.iter().filter_map(attack_of).any(|test| weaker(test, trained)) {
            found.push(step.span);
        }
    });
    for span in found {
        let d = Diagnostic::new(Code::WEAKER_TEST_ATTACK, span, "the attack here is weaker than the one in training");
        cx.report(d.help("measure with at least the training budget and as many steps"));
    }
}

fn attack_of(metric: &Metric) -> Option<&Spec> {
    match metric.spec.args.first() {
        Some(Value::Component(attack)) => Some(attack),
        Some(Value::Metric(inner)) => attack_of(inner),
        _ => None,
    }
}

/// Smaller budget in the same norm, or the same budget with fewer steps.
fn weaker(test: &Spec, trained: &Spec) -> bool {
    let real = |s: &Spec, name: &str| {
        s.member.param(name).and_then(|(i, _)| match s.args[i] {
            Value::Real(r) => Some(r),
            Value::Int(i) => Some(i as f64),
            _ => None,
        })
    };
    let norm = |s: &Spec| s.member.param("norm").map(|(i, _)| s.args[i].clone());
    let same_norm = norm(test).zip(norm(trained)).is_none_or(|(a, b)| a == b);
    let (Some(a), Some(b)) = (real(test, "eps"), real(trained, "eps")) else { return false };
    let iters = |s: &Spec| real(s, "iters").unwrap_or(1.0);
    same_norm && (a < b || (a == b && iters(test) < iters(trained)))
}

/// Calls `f` with each step in program order, loop bodies once.
fn visit<'s>(steps: &'s [Step], f: &mut impl FnMut(&'s Step)) {
    for step in steps {
        f(step);
        match &step.op {
            Op::Repeat { body, .. } | Op::For { body, .. } | Op::Block { body, .. } => visit(body, f),
            Op::If { then, otherwise, .. } => {
                visit(then, f);
                visit(otherwise, f);
            }
            _ => {}
        }
    }
}
