//! Learning rates that are a slip of the keyboard.

use crate::components::{Family, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;

/// The largest rate in the published recipes is sgd's 1.6 with momentum 0.9, which moves 16 times the gradient.
const MOST_OF_SGD: f64 = 20.0;
/// The largest that the zapping authors try with Adam is 0.055.
const MOST_OF_ADAM: f64 = 0.06;
/// Below this, weights of single precision hardly move.
const LEAST: f64 = 1e-8;

pub(super) fn check(cx: &mut Context<'_>, spec: &Spec, span: Span) {
    if spec.member.family != Family::Optimizer {
        return;
    }
    let Value::Real(lr) = *spec.get("lr") else { return };
    let momentum = match spec.member.param("momentum") {
        Some(_) => spec.real("momentum"),
        None => 0.0,
    };
    let (most, usual) = match spec.name() {
        "sgd" => (MOST_OF_SGD, "0.01 to 0.5"),
        _ => (MOST_OF_ADAM, "1e-4 to 1e-2"),
    };
    let name = spec.name();
    let message = if momentum >= 1.0 {
        "with a momentum of 1 no update ever ends".to_string()
    } else if lr / (1.0 - momentum) > most {
        format!("a learning rate of {lr} is very large for {name}{}", with(momentum))
    } else if lr > 0.0 && lr < LEAST {
        format!("a learning rate of {lr:e} is so small that hardly a weight moves")
    } else {
        return;
    };
    let help = match momentum >= 1.0 {
        true => "momentum is usually 0.9".to_string(),
        false => format!("{name} usually learns with {usual}"),
    };
    cx.report(Diagnostic::new(Code::IMPLAUSIBLE_RATE, span, message).help(help));
}

fn with(momentum: f64) -> String {
    if momentum == 0.0 { String::new() } else { format!(" with momentum {momentum}") }
}
