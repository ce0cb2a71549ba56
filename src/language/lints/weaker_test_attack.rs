//! A robust accuracy under a weaker attack than training's says little.

use super::visit;
use crate::components::{Metric, Spec, Value, attacks};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Op, Program};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut trained = Trained::default();
    let mut found: Vec<(Span, &Spec, &Spec)> = Vec::new();
    visit(&program.body, &mut |step| match &step.op {
        Op::Train(train) => {
            let Value::Component(objective) = &train.settings.objective else { return };
            let attack = objective.member.param("attack").map(|(i, _)| &objective.args[i]);
            if let Some(Value::Component(attack)) = attack {
                trained.add(attack);
            }
        }
        Op::Evaluate(evaluate) => {
            let tests: Vec<&Spec> = evaluate.metrics.iter().filter_map(attack_of).collect();
            found.extend(trained.missed(&tests).map(|train| (step.span, tests[0], train)));
        }
        _ => {}
    });
    for (span, test, train) in found {
        let message = "the attack here is weaker than the one in training";
        let d = Diagnostic::new(Code::WEAKER_TEST_ATTACK, span, message);
        let ((radius, steps), (here, fewer)) = (budget(train), budget(test));
        let help = match steps > 0.0 && fewer > 0.0 {
            true => format!(
                "training had eps {radius} with {steps} steps, this has eps {here} with {fewer}; measure with at least \
                 the training budget and as many steps"
            ),
            false => {
                format!("training had eps {radius}, this has eps {here}; measure with at least the training budget")
            }
        };
        cx.report(d.help(help));
    }
}

/// The attacks of training that some test may fall behind.
#[derive(Default)]
struct Trained<'p> {
    /// all of them, as text
    seen: HashSet<String>,
    /// by norm, those that no later one matches: each weaker than the one before it
    unmatched: HashMap<&'p str, Vec<&'p Spec>>,
}

impl<'p> Trained<'p> {
    /// One that was there before stays where it was.
    fn add(&mut self, attack: &'p Spec) {
        if !waits(attack) && self.seen.insert(attack.to_json().to_string()) {
            let unmatched = self.unmatched.entry(norm(attack)).or_default();
            unmatched.truncate(unmatched.partition_point(|stronger| budget(attack) < budget(stronger)));
            unmatched.push(attack);
        }
    }

    /// The latest one that is stronger than all of these tests.
    fn missed(&self, tests: &[&Spec]) -> Option<&'p Spec> {
        let first = *tests.first()?;
        if tests.iter().any(|test| waits(test) || norm(test) != norm(first)) {
            return None;
        }
        let unmatched = self.unmatched.get(norm(first))?;
        let stronger =
            unmatched.partition_point(|train| tests.iter().all(|test| is_weaker(budget(test), budget(train))));
        unmatched[..stronger].last().copied()
    }
}

fn waits(attack: &Spec) -> bool {
    attack.args.iter().any(Value::waits)
}

fn attack_of(metric: &Metric) -> Option<&Spec> {
    match metric.spec.args.first() {
        Some(Value::Component(attack)) => Some(attack),
        Some(Value::Metric(inner)) => attack_of(inner),
        _ => None,
    }
}

/// Radius and number of steps, by which attacks of one norm are compared. One without `iters` has as many steps as it takes
/// gradients: `fgsm` one, an ensemble those of its parts, one that only asks for predictions none.
fn budget(attack: &Spec) -> (f64, f64) {
    let steps = match attack.member.param("iters") {
        Some(_) => attack.real("iters"),
        None => attacks::build(attack).passes() as f64,
    };
    (attack.real("eps"), steps)
}

/// An attack without steps is compared by its radius alone.
fn is_weaker((radius, steps): (f64, f64), train: (f64, f64)) -> bool {
    radius < train.0 || radius == train.0 && steps > 0.0 && steps < train.1
}

/// Attacks without a `norm` are linf.
fn norm(attack: &Spec) -> &str {
    match attack.member.param("norm") {
        Some(_) => attack.word("norm"),
        None => "linf",
    }
}
