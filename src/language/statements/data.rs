//! `data`, `augment`, `batch`, `accumulate`: what a step trains on.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Family, Param, Spec, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
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
    .or(Default::Required)],
    on: false,
    with: false,
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
    doc: "batches whose gradients are added up before each step",
    example: "accumulate 4",
    lower: Lower::Statement(accumulate),
};

fn data<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    cx.program.data_named = true;
    let span = written.bound.span("data");
    let Some(spec) = cx.settled_component(written, "data") else { return };
    let facts = cx.facts(&spec, span);
    cx.current.poisoned |= facts.is_none();
    if let Some(facts) = facts {
        cx.index.data(DataNote { span, shape: facts.shape, classes: facts.classes, counts: facts.counts });
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
        Some(_) => cx.not_settled(written, "size"),
        None => {}
    }
}

fn accumulate<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    match written.bound.value("batches") {
        Some(Value::Int(n)) => cx.current.accumulate = *n as u64,
        Some(_) => cx.not_settled(written, "batches"),
        None => {}
    }
}

impl Context<'_> {
    /// A component that must be known before the run, with nothing in it that a loop decides.
    pub(super) fn settled_component(&mut self, written: &Written<'_>, param: &str) -> Option<Spec> {
        match written.bound.value(param)? {
            Value::Component(spec) if !spec.args.iter().any(Value::waits) => Some(spec.clone()),
            _ => {
                self.not_settled(written, param);
                None
            }
        }
    }

    pub(super) fn not_settled(&mut self, written: &Written<'_>, param: &str) {
        let message = format!("`{}` must be the same in each round of a loop", written.simple.word.text);
        let d = Diagnostic::new(Code::WRONG_TYPE, written.bound.span(param), message);
        self.report(d.help("write the rounds out, or make each a file with a `param`"));
        self.current.poisoned = true;
    }
}
