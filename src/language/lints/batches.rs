//! Batches that are larger than the data, and batches of one under batch norm.

use super::super::program::{Batch, Settings};
use super::super::statements::Written;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::language::context::Context;
use std::sync::Arc;

/// More examples in a step than there are.
pub(super) fn too_large(cx: &mut Context<'_>, settings: &Arc<Settings>, _: &Written<'_>) {
    let (Batch::Size(size), images) = (settings.batch, settings.train_count()) else { return };
    let word = if size > images { "batch" } else { "accumulate" };
    if size.saturating_mul(settings.accumulate) <= images {
        return;
    }
    let Some(span) = cx.setting_in_force(word) else { return };
    let what = match word {
        "batch" => format!("a batch of {size}"),
        _ => format!("a step of {} batches of {size}", settings.accumulate),
    };
    let message = format!("{what} exceeds the {images} images to train on: each step takes all of them");
    let d = Diagnostic::new(Code::BATCH_TOO_LARGE, span, message);
    cx.report(match word {
        "batch" => {
            let edit = Edit { span, text: "batch all".into() };
            let d = d.help("if that is meant, `batch all` says so");
            d.with_fix("write `batch all`", Applicability::Unsafe, vec![edit])
        }
        _ => d.help("accumulate fewer batches, or write `batch all`"),
    });
}

/// A pitfall of zapping's inner loop with VGG and ResNets.
pub(super) fn of_one(cx: &mut Context<'_>, settings: &Arc<Settings>, written: &Written<'_>) {
    let Some(model) = cx.model.as_ref().filter(|_| settings.batch == Batch::Size(1)) else { return };
    if model.architecture.buffers().is_empty() {
        return;
    }
    let span = cx.setting_in_force("batch").unwrap_or(written.word());
    let message = "batch norm normalizes single images here, and its running statistics follow each of them";
    let d = Diagnostic::new(Code::BATCH_OF_ONE, span, message);
    cx.report(d.help("take larger batches, or a model without it: `convnet(norm: instance)`, `norm: none`"));
}
