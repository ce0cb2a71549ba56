//! `protect` and `merge`: what becomes of adapters when a task has been learned.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Op, Protect};

const ADAPTERS: Param = Param::new("what", Type::Word(&["adapters"]), "the model's adapters");

pub static PROTECT: Word = Word {
    name: "protect",
    kind: WordKind::Step,
    params: &[
        ADAPTERS,
        Param::new(
            "top",
            Type::Share,
            "share of each layer's update, the largest, that later tasks are to leave alone",
        )
        .or(Default::Real(0.02))
        .named(),
        Param::new(
            "weight",
            Type::Real,
            "of the loss's term: times the mean amount, per layer and over layers, of the new update there",
        )
        .or(Default::Real(2500.0))
        .named()
        .at_least(0.0),
        Param::new(
            "duplicates",
            Type::Word(&["keep", "unique"]),
            "an element that several tasks chose counts for each, as published, or once",
        )
        .or(Default::Word("keep"))
        .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "RegLoRA: where the adapters changed most, those of later tasks are held at 0",
    example: "adapt lora; train 1; protect adapters top: 2%, weight: 2500; merge adapters; train 1",
    lower: Lower::Statement(protect),
};

pub static MERGE: Word = Word {
    name: "merge",
    kind: WordKind::Step,
    params: &[ADAPTERS],
    on: false,
    with: false,
    block: false,
    doc: "the adapters' updates become part of the weights, and fresh adapters begin",
    example: "adapt lora; train 1; merge adapters; train 1",
    lower: Lower::Statement(merge),
};

fn protect<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let bound = &written.bound;
    if !bound.whole() || !has_adapters(cx, written) {
        return;
    }
    let (Some(Value::Real(share)), Some(duplicates)) = (bound.value("top"), bound.value("duplicates")) else { return };
    let weight = match bound.value("weight") {
        Some(Value::Real(weight)) => *weight,
        Some(Value::Int(weight)) => *weight as f64,
        _ => return,
    };
    let unique = *duplicates == Value::Word("unique".into());
    cx.emit(written.span, Op::Protect(Protect { share: *share, weight, unique }));
}

fn merge<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if !written.bound.whole() || !has_adapters(cx, written) {
        return;
    }
    let Some(settings) = cx.settings(written.word()) else { return };
    cx.emit(written.span, Op::Merge { settings });
}

fn has_adapters<'a>(cx: &mut Context<'a>, written: &Written<'a>) -> bool {
    let Some(model) = cx.model_here(written.word()) else { return false };
    if model.adapt.is_none() {
        let word = &written.simple.word.text;
        let d = Diagnostic::new(Code::NO_ADAPTER, written.word(), format!("the model has no adapters to {word}"));
        cx.report(d.help("write `adapt lora(rank: 16)` above the first step"));
    }
    model.adapt.is_some()
}
