//! Forgetting in the first half of a network. The published methods forget in later layers: FOMO re-draws weights of
//! the later layers, and LLF everything from a late layer on.

use super::super::program::Forget;
use super::super::statements::Written;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;

pub(super) fn check(cx: &mut Context<'_>, forget: &Forget, written: &Written<'_>) {
    if super::forgets_everything::applies(cx, forget) {
        return;
    }
    let (Some(model), Some(selection)) = (&cx.model, &forget.target.selection) else { return };
    let layers = model.parts.iter().map(|p| p.layer).max().map_or(0, |l| l + 1);
    let early = selection.iter().map(|s| &model.parts[s.part]).find(|p| p.layer < layers / 2);
    let Some(part) = early.map(|p| p.name.clone()) else { return };
    let span = written.bound.span("selector");
    let d = Diagnostic::new(Code::EARLY_LAYERS, span, format!("this forgets early layers, `{part}` among them"));
    cx.report(d.help("published methods forget in later layers, on top of features that stay: `layers[-2..]`"));
}
