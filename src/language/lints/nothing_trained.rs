//! Training that changes no weight.

use super::super::program::Settings;
use super::super::statements::Written;
use crate::components::Value;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use std::sync::Arc;

pub(super) fn check(cx: &mut Context<'_>, settings: &Arc<Settings>, written: &Written<'_>) {
    let report = |cx: &mut Context<'_>, message: &str, help: &str| {
        cx.report(Diagnostic::new(Code::NOTHING_TRAINED, written.word(), message).help(help));
    };
    if !settings.trainable.contains(&true) {
        report(cx, "all weights are frozen here, so nothing is trained", "`thaw` some of them, or leave this step out");
    } else if *settings.optimizer.spec.get("lr") == Value::Real(0.0) {
        report(
            cx,
            "the learning rate is 0 here, so nothing is trained",
            "give the optimizer a rate, or `freeze` weights",
        );
    }
}
