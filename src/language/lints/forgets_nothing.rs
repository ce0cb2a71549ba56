//! A share that is less than one weight.

use super::super::program::Forget;
use super::super::statements::Written;
use crate::components::Value;
use crate::components::forgetting::{Unit, total};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;

pub(super) fn check(cx: &mut Context<'_>, forget: &Forget, written: &Written<'_>) {
    let (Value::Real(share), Some(selection)) = (&forget.share, &forget.target.selection) else { return };
    let Some(unit) = Unit::chosen(&forget.unit, &forget.by) else { return };
    let Some(parts) = cx.model.clone().map(|m| cx.parts_here(&m)) else { return };
    if total(&parts, selection, *share, forget.overall, unit) != Some(0) {
        return;
    }
    let span = written.bound.span("share");
    let text = cx.sources.text(span);
    // A name may stand for several shares, 0% as the control among them.
    if *share == 0.0 && text.trim_end_matches('%').parse::<f64>().is_err() {
        return;
    }
    let thing = match unit {
        Unit::Weight => "weight",
        Unit::Channel | Unit::Block => "channel",
        Unit::Layer => "layer",
    };
    let whole = if forget.overall || unit == Unit::Layer { "what is selected" } else { "each selected tensor" };
    let message = format!("{text} of {whole} is less than one {thing}, so nothing is forgotten");
    cx.report(Diagnostic::new(Code::FORGETS_NOTHING, span, message).help(match forget.overall {
        false if !matches!(unit, Unit::Layer | Unit::Block) => {
            "take a larger share, or `overall: true` for one of all tensors together"
        }
        _ => "take a larger share",
    }));
}
