//! A schedule that forgets and then ends leaves a damaged network.

use super::visit;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Op, Program};

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut last = None;
    visit(&program.body, &mut |step| match &step.op {
        Op::Train(_) | Op::Rollback { .. } | Op::Load { .. } => last = None,
        Op::Forget(_) | Op::Zap(_) => last = Some(step.span),
        _ => {}
    });
    if let Some(span) = last {
        let d = Diagnostic::new(Code::FORGETS_LAST, span, "nothing is trained after this forgetting");
        cx.report(d.help("relearn afterwards, such as `relearn 5`"));
    }
}
