//! A bare program says on what it runs.

use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::Program;

pub(super) fn check(cx: &mut Context<'_>, _: &Program) {
    let Some(first) = cx.program.first_step else { return };
    if !cx.program.data_named && !cx.program.model_named {
        let message =
            "no `data` and no `model`: this runs on the embedded Fashion-MNIST subset with the default convnet";
        cx.report(
            Diagnostic::new(Code::DEFAULTS_USED, first, message).help("name them: `data fashion`, `model convnet`"),
        );
    }
}
