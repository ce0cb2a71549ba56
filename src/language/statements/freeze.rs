//! `freeze`, `thaw`, `train_only`: which weights are trained.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Param, Type, Value};
use crate::language::context::Context;
use crate::language::settings::{Freezing, How};

const SELECTOR: Param = Param::new("selector", Type::Selector, "which weights");

pub static FREEZE: Word = Word {
    name: "freeze",
    kind: WordKind::Setting,
    params: &[
        SELECTOR,
        Param::new("statistics", Type::Bool, "running statistics of their norms stand still too")
            .or(Default::Bool(false))
            .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "these weights stand still in this block, besides those frozen already",
    example: "freeze layers[..-2]",
    lower: Lower::Statement(lower),
};

pub static THAW: Word = Word {
    name: "thaw",
    kind: WordKind::Setting,
    params: &[SELECTOR],
    on: false,
    with: false,
    block: false,
    doc: "these weights are trained again",
    example: "thaw head",
    lower: Lower::Statement(lower),
};

pub static TRAIN_ONLY: Word = Word {
    name: "train_only",
    kind: WordKind::Setting,
    params: &[SELECTOR],
    on: false,
    with: false,
    block: false,
    doc: "these weights are trained and no others",
    example: "train_only head",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let span = written.bound.span("selector");
    let Some(Value::Selector(selector)) = written.bound.value("selector").cloned() else { return };
    let Ok(selector) = selector.resolve(&mut crate::language::context::Fixed(Vec::new())) else { return };
    cx.note_selection(&selector, span, true);
    let how = match written.simple.word.text.as_str() {
        "freeze" => How::Freeze,
        "thaw" => How::Thaw,
        _ => How::Only,
    };
    let statistics = how == How::Freeze && written.bound.value("statistics") == Some(&Value::Bool(true));
    cx.current.frozen.push(Freezing { how, selector, span, statistics });
    cx.fold_known_freezes();
}
