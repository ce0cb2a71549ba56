//! Attacks that can't use their budget, and budgets that leave no image to recognise.

use crate::components::attacks::Norm;
use crate::components::{Family, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;

/// Roundings of 8/255 and the like.
const SLACK: f64 = 1e-9;

/// Steps that don't fit the radius.
pub(super) fn step(cx: &mut Context<'_>, spec: &Spec, span: Span) {
    if spec.member.family != Family::Attack || spec.member.param("step").is_none() {
        return;
    }
    let iters = spec.member.param("iters").map_or(1, |_| spec.int("iters"));
    let eps = spec.real("eps");
    let Value::Real(step) = *spec.get("step") else { return };
    let message = if step * iters as f64 * (1.0 + SLACK) < eps {
        let steps = if iters == 1 { "1 step".into() } else { format!("{iters} steps") };
        let come = if iters == 1 { "comes" } else { "come" };
        format!("{steps} of {step:.4} {come} to {:.4}, less than the {eps:.4} that eps allows", step * iters as f64)
    } else if eps > 0.0 && step > 2.0 * eps * (1.0 + SLACK) {
        format!("one step of {step:.4} is longer than the ball of radius {eps:.4} is wide")
    } else {
        return;
    };
    let d = Diagnostic::new(Code::ATTACK_STEP, span, message);
    cx.report(d.help(match spec.member.param("iters") {
        Some(_) => format!("leave `step` out for 2.5 * eps / iters, which is {:.4} here", 2.5 * eps / iters as f64),
        None => "leave `step` out for eps, or 1.25 * eps from a random start".into(),
    }));
}

/// In the linf norm, half the range of pixels makes any image plain grey.
pub(super) fn limit(cx: &mut Context<'_>, spec: &Spec, span: Span) {
    if spec.member.family != Family::Attack {
        return;
    }
    let eps = spec.real("eps");
    if Norm::of(spec) == Norm::Linf && eps >= 0.5 {
        let message = format!("with an eps of {eps} any image can become plain grey");
        let d = Diagnostic::new(Code::ATTACK_LIMIT, span, message);
        cx.report(d.help("pixels are in 0..=1: usual budgets are 0.1 to 0.3 for grey images, 8/255 for colour"));
    }
}
