//! Momentum points where the weights that are gone were going.

use super::super::program::Forget;
use super::super::statements::Written;
use crate::components::Value;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;

pub(super) fn check(cx: &mut Context<'_>, forget: &Forget, written: &Written<'_>) {
    let optimizer = &forget.settings.optimizer.spec;
    let has_moments = optimizer.member.param("momentum").is_none_or(|_| *optimizer.get("momentum") != Value::Real(0.0));
    let moved = matches!(&forget.to, Value::Component(fill) if matches!(fill.name(), "shrink" | "noise"));
    let most = !moved && matches!(forget.share, Value::Real(share) if share > 0.5);
    if most && has_moments && forget.moments == "keep" && !written.bound.given("moments") {
        let share = written.bound.span("share");
        let message = "most of these weights are re-drawn, but the optimizer keeps their momentum";
        let d = Diagnostic::new(Code::STALE_MOMENTUM, share, message)
            .help("`moments: clear` zeroes it for the forgotten weights; `moments: keep` says it is meant");
        let text = cx.sources.text(share);
        cx.report(d.maybe_fix("write `moments: clear`", share, format!("{text} moments: clear")));
    }
}
