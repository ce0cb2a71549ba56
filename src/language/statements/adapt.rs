//! `adapt`: what is trained in place of the model's weights.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Family, Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::settings::Placed;

pub static ADAPT: Word = Word {
    name: "adapt",
    kind: WordKind::Setting,
    params: &[Param::new("adapter", Type::Component(Family::Adapter), "what stands beside its linear layers")],
    on: false,
    with: false,
    block: false,
    doc: "small factors beside the weights of linear layers are trained; all other weights stand still unless `thaw` names them",
    example: "adapt lora(rank: 16, alpha: 32)",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let span = written.bound.span("adapter");
    let Some(Value::Component(spec)) = written.bound.value("adapter").cloned() else { return };
    if let Some(fixed) = cx.model.as_ref().filter(|model| model.adapt.as_ref() != Some(&spec)) {
        let first = fixed.span.or(cx.program.first_step).unwrap_or(span);
        let d = Diagnostic::new(Code::SECOND_MODEL, span, "adapters after the first step");
        cx.report(d.label(first, "steps have run on this model").help("write `adapt` above the first step"));
        return;
    }
    cx.current.adapt = Placed { value: Some(spec), span: Some(span) };
    cx.current.trained = None;
}
