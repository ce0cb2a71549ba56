//! A bare program says on what it runs.

use crate::components::models;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Model, Program};
use std::sync::Arc;

pub(super) fn check(cx: &mut Context<'_>, _: &Program) {
    let Some(first) = cx.program.first_step else { return };
    let reads_text = |model: &Arc<Model>| models::text::reads_text(&model.spec);
    if cx.model.as_ref().is_some_and(reads_text) {
        if !cx.program.model_named {
            let message = "no `model`: the conversations are read by `tiny_llava`, which begins with random weights";
            cx.report(Diagnostic::new(Code::DEFAULTS_USED, first, message).help("name it: `model tiny_llava`"));
        }
        return;
    }
    if !cx.program.data_named && !cx.program.model_named {
        let message =
            "no `data` and no `model`: this runs on the embedded Fashion-MNIST subset with the default convnet";
        cx.report(
            Diagnostic::new(Code::DEFAULTS_USED, first, message).help("name them: `data fashion`, `model convnet`"),
        );
    }
}
