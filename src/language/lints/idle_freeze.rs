//! `freeze`, `thaw` and `train_only` that change nothing.

use super::super::program::Program;
use super::super::settings::How;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;

pub(super) fn check(cx: &mut Context<'_>, _: &Program) {
    for (span, how) in cx.notes.idle_freezes() {
        let (message, help) = match how {
            How::Freeze => ("these weights stand still already", "freeze others, or leave this out"),
            How::Thaw => ("none of these weights is frozen here", "name frozen ones, or leave this out"),
            How::Only => ("these are the weights that are trained already", "name others, or leave this out"),
        };
        cx.report(Diagnostic::new(Code::IDLE_FREEZE, span, message).help(help));
    }
}
