//! `data`, `augment`, `batch`, `accumulate`: what a step trains on.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Family, Param, Type, Value, Varies};
use crate::language::context::Context;
use crate::language::index::DataNote;
use crate::language::program::Batch;
use crate::language::settings::Placed;

pub static DATA: Word = Word {
    name: "data",
    kind: WordKind::Setting,
    params: &[Param::new("data", Type::Component(Family::Data), "a data set")],
    on: false,
    with: false,
    block: false,
    doc: "what is trained and measured on",
    example: "data fashion(validation: 10%)",
    lower: Lower::Statement(data),
};

pub static AUGMENT: Word = Word {
    name: "augment",
    kind: WordKind::Setting,
    params: &[Param::new(
        "augmentations",
        Type::List(&Type::OneOf(&[Type::Component(Family::Augment), Type::Word(&["none"])])),
        "changes, in order",
    )
    .many()
    .varies(Varies::Inside)],
    on: false,
    with: false,
    block: false,
    doc: "random changes of training images, in this order; `none` for none",
    example: "augment crop(padding: 2), flip",
    lower: Lower::Statement(augment),
};

pub static BATCH: Word = Word {
    name: "batch",
    kind: WordKind::Setting,
    params: &[Param::new(
        "size",
        Type::OneOf(&[Type::Int, Type::Word(&["all"])]),
        "examples in a batch; `all`: the whole split",
    )
    .within(1.0, 1e9)],
    on: false,
    with: false,
    block: false,
    doc: "examples in a batch",
    example: "batch 128",
    lower: Lower::Statement(batch),
};

pub static ACCUMULATE: Word = Word {
    name: "accumulate",
    kind: WordKind::Setting,
    params: &[Param::new("batches", Type::Int, "batches in a step").within(1.0, 1e6)],
    on: false,
    with: false,
    block: false,
    doc: "batches whose gradients are added up before each step",
    example: "accumulate 4",
    lower: Lower::Statement(accumulate),
};

fn data<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    cx.program.data_named = true;
    let span = written.bound.span("data");
    let Some(Value::Component(spec)) = written.bound.value("data").cloned() else { return };
    let facts = cx.facts(&spec, span);
    cx.current.poisoned |= facts.is_none();
    if let Some(facts) = facts {
        cx.index.data(DataNote { span, shape: facts.image(), classes: facts.classes, counts: facts.counts });
    }
    cx.current.data = Placed { value: spec, span: Some(span) };
}

fn augment<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::List(list)) = written.bound.value("augmentations") else { return };
    let specs = list.iter().filter_map(|v| v.as_component(Family::Augment)).cloned();
    cx.current.augment = specs.collect();
}

fn batch<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    match written.bound.value("size") {
        Some(Value::Int(n)) => cx.current.batch = Batch::Size(*n as u64),
        Some(Value::Word(_)) => cx.current.batch = Batch::All,
        _ => {}
    }
}

fn accumulate<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if let Some(Value::Int(n)) = written.bound.value("batches") {
        cx.current.accumulate = *n as u64;
    }
}
