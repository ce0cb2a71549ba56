//! `export`: weights in forms that others read.

use super::model::only;
use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Param, Type, Value, adapters};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::is_checkpoint_name;
use crate::language::program::{Exported, Op};

pub static EXPORT: Word = Word {
    name: "export",
    kind: WordKind::Step,
    params: &[
        Param::new(
            "what",
            Type::Word(&["adapters", "weights"]),
            "the adapters as a PEFT folder, or all weights as safetensors",
        ),
        Param::new("to", Type::Text, "its name in the folder `exports` of the run").named(),
        Param::new("on", Type::Selector, "of `weights`, only these").or(Default::Absent).named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "writes weights for other programs, into the run folder: PEFT's form, or safetensors with PyTorch's names",
    example: "train 1; export weights to: \"final\"",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let (Some(Value::Word(what)), Some(Value::Text(name))) = (written.bound.value("what"), written.bound.value("to"))
    else {
        return;
    };
    let (name, span) = (name.clone(), written.bound.span("to"));
    let what = if what == "adapters" { Exported::Adapters } else { Exported::Weights };
    if !is_checkpoint_name(&name) {
        let d = Diagnostic::new(Code::OUT_OF_RANGE, span, format!("{name:?} can't be the name of a file"));
        return cx.report(d.help("use letters, digits, `_`, `-` and `.`, beginning with a letter or digit"));
    }
    let Some(model) = cx.model_here(written.word()) else { return };
    if what == Exported::Adapters && model.adapt.is_none() {
        let d = Diagnostic::new(Code::NO_ADAPTER, written.word(), "the model has no adapters to export");
        return cx.report(d.help("write `adapt lora(rank: 16)` above the first step"));
    }
    let mixed = model.adapt.as_ref().is_some_and(|adapt| adapters::build(adapt).experts > 1);
    if what == Exported::Adapters && mixed {
        let message = "mixtures of adapters have no form that PEFT reads";
        let d = Diagnostic::new(Code::BAD_MODEL, written.word(), message);
        return cx.report(d.help("write `export weights`, which has their tensors too"));
    }
    let Ok(only) = only(cx, written, &model) else { return };
    if what == Exported::Adapters && only.is_some() {
        let message = "a folder of adapters holds all of them";
        let d = Diagnostic::new(Code::EXTRA_ARGUMENT, written.bound.span("on"), message);
        return cx.report(d.help("leave `on:` out, or write `export weights`"));
    }
    cx.emit(written.span, Op::Export { what, only, name });
}
