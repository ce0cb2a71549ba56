//! A robust accuracy under a weaker attack than training's says little.

use super::visit;
use crate::components::{Metric, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Op, Program};
use crate::source::Span;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut trained: Vec<&Spec> = Vec::new();
    let mut found: Vec<(Span, &Spec, &Spec)> = Vec::new();
    visit(&program.body, &mut |step| match &step.op {
        Op::Train(train) => {
            let Value::Component(objective) = &train.settings.objective else { return };
            let attack = objective.member.param("attack").map(|(i, _)| &objective.args[i]);
            if let Some(Value::Component(attack)) = attack
                && !trained.contains(&attack)
            {
                trained.push(attack);
            }
        }
        Op::Evaluate(evaluate) => {
            let tests: Vec<&Spec> = evaluate.metrics.iter().filter_map(attack_of).collect();
            let strong = |train: &Spec| tests.iter().any(|test| !weaker(test, train));
            let missed = trained.iter().rev().find(|train| !tests.is_empty() && !strong(train));
            found.extend(missed.map(|train| (step.span, tests[0], *train)));
        }
        _ => {}
    });
    for (span, test, train) in found {
        let message = "the attack here is weaker than the one in training";
        let d = Diagnostic::new(Code::WEAKER_TEST_ATTACK, span, message);
        let help = format!(
            "training had eps {} with {} steps, this has eps {} with {}; ",
            budget(train).0,
            budget(train).1,
            budget(test).0,
            budget(test).1
        );
        cx.report(d.help(help + "measure with at least the training budget and as many steps"));
    }
}

fn attack_of(metric: &Metric) -> Option<&Spec> {
    match metric.spec.args.first() {
        Some(Value::Component(attack)) => Some(attack),
        Some(Value::Metric(inner)) => attack_of(inner),
        _ => None,
    }
}

/// Radius and number of steps; an attack without `iters` takes one.
fn budget(attack: &Spec) -> (f64, f64) {
    let real = |name: &str| match attack.member.param(name).map(|(i, _)| &attack.args[i]) {
        Some(Value::Real(r)) => Some(*r),
        Some(Value::Int(i)) => Some(*i as f64),
        _ => None,
    };
    (real("eps").unwrap_or(0.0), real("iters").unwrap_or(1.0))
}

/// Smaller budget in the same norm, or the same budget with fewer steps.
fn weaker(test: &Spec, trained: &Spec) -> bool {
    let waits = |s: &Spec| s.args.iter().any(Value::waits);
    if norm(test) != norm(trained) || waits(test) || waits(trained) {
        return false;
    }
    let ((eps, iters), (eps_trained, iters_trained)) = (budget(test), budget(trained));
    eps < eps_trained || (eps == eps_trained && iters < iters_trained)
}

/// Attacks without a `norm` are linf.
fn norm(attack: &Spec) -> &str {
    match attack.member.param("norm") {
        Some(_) => attack.word("norm"),
        None => "linf",
    }
}
