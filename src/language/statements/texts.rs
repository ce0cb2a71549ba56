//! `max_length`, `diversify`, `replay`: how conversations are read, rewritten and met again.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Param, Type, Value};
use crate::language::context::Context;
use crate::language::program::{Diversify, Replay};
use crate::text::item::Style;

pub static MAX_LENGTH: Word = Word {
    name: "max_length",
    kind: WordKind::Setting,
    params: &[Param::new("tokens", Type::Int, "places of the decoder, those of a picture counted").within(2.0, 1e6)],
    on: false,
    with: false,
    block: false,
    doc: "longer conversations are cut off at their end in training; as long as the model was made for unless said",
    example: "model tiny_llava; max_length 128",
    lower: Lower::Statement(max_length),
};

const STYLES: &[&str] = &["yes_no", "multiple_choice", "short", "brief", "detailed"];

pub static DIVERSIFY: Word = Word {
    name: "diversify",
    kind: WordKind::Setting,
    params: &[
        Param::new(
            "share",
            Type::OneOf(&[Type::Share, Type::Word(&["none"])]),
            "of each task's conversations that are rewritten; `none` for none",
        ),
        Param::new(
            "over",
            Type::List(&Type::Word(STYLES)),
            "the forms, of which a task's own is left out; none: all five",
        )
        .or(Default::Absent)
        .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "answer style diversification: a share of what is learned is asked and answered in other forms (SEFE)",
    example: "model tiny_llava; diversify 20% over: [yes_no, multiple_choice, short]",
    lower: Lower::Statement(diversify),
};

pub static REPLAY: Word = Word {
    name: "replay",
    kind: WordKind::Setting,
    params: &[
        Param::new(
            "share",
            Type::OneOf(&[Type::Share, Type::Word(&["none"])]),
            "of a batch, in conversations of tasks learned before, which are added to it; `none` for none",
        ),
        Param::new("keep", Type::Int, "conversations that are kept of each task")
            .or(Default::Int(20))
            .named()
            .within(1.0, 1e6),
    ],
    on: false,
    with: false,
    block: false,
    doc: "conversations of tasks that `learn` has learned before are learned again beside each batch",
    example: "model tiny_llava; replay 25% keep: 20",
    lower: Lower::Statement(replay),
};

fn replay<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let keep = match written.bound.value("keep") {
        Some(Value::Int(n)) => *n as u64,
        _ => 20,
    };
    cx.current.texts.replay = match written.bound.value("share") {
        Some(Value::Real(share)) if *share > 0.0 => Some(Replay { share: *share, keep }),
        _ => None,
    };
}

fn max_length<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if let Some(Value::Int(n)) = written.bound.value("tokens") {
        cx.current.texts.max_length = Some(*n as u64);
        cx.current.max_length = Some(written.bound.span("tokens"));
    }
}

fn diversify<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let over = match written.bound.value("over") {
        Some(Value::List(words)) => words
            .iter()
            .filter_map(|word| match word {
                Value::Word(word) => Style::of(word),
                _ => None,
            })
            .collect(),
        _ => Style::ALL.to_vec(),
    };
    cx.current.texts.diversify = match written.bound.value("share") {
        Some(Value::Real(share)) if *share > 0.0 => Some(Diversify { share: *share, over }),
        _ => None,
    };
}
