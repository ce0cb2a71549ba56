//! Forgetting all there is. What FOMO's authors call forgetting keeps the network better than a newly drawn one.

use super::super::program::Forget;
use super::super::statements::Written;
use crate::components::Value;
use crate::components::selector::{Index, Selector};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;

pub(super) fn check(cx: &mut Context<'_>, forget: &Forget, written: &Written<'_>) {
    if !applies(cx, forget) {
        return;
    }
    let message = "this re-draws every weight, so training starts anew from here";
    let d = Diagnostic::new(Code::FORGETS_EVERYTHING, written.bound.span("selector"), message);
    cx.report(d.help("forget a share of the later layers, such as `forget layers[-2..] 30%`"));
}

/// Whether a network that has learned something loses all weights of all layers.
pub(super) fn applies(cx: &Context<'_>, forget: &Forget) -> bool {
    let (Some(model), Some(selection)) = (&cx.model, &forget.target.selection) else { return false };
    let new = matches!(&forget.to, Value::Component(fill) if matches!(fill.name(), "init" | "zero" | "kaiming_uniform" | "kaiming_normal"));
    if forget.share != Value::Real(1.0) || !new || !cx.notes.learned {
        return false;
    }
    let Ok(all) = super::super::selectors::resolve(&Selector::Layers(Index::All), &model.parts) else { return false };
    all.direct.iter().all(|s| selection.iter().any(|hit| hit.part == s.part && hit.rows.is_none()))
}
