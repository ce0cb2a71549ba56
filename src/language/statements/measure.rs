//! `measure` and `keep`: what is followed while training goes on.

use super::evaluate::metrics;
use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Duration, Param, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::followed::{Stand, needs_more};
use crate::language::program::{Keep, Measure, When};

pub static MEASURE: Word = Word {
    name: "measure",
    kind: WordKind::Setting,
    params: &[
        Param::new(
            "metrics",
            Type::List(&Type::OneOf(&[Type::Metric, Type::Word(&["none"])])),
            "what is measured; `none` stops all",
        )
        .many()
        .varies(Varies::Inside),
        Param::new("every", Type::Duration, "how often").or(Default::Absent).named(),
        Param::new("at", Type::Word(&["forget"]), "before and after each `forget` and `zap`")
            .or(Default::Absent)
            .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "follow these metrics while training goes on, besides those followed already",
    example: "measure clean, robust every: 1 epoch",
    lower: Lower::Statement(measure),
};

pub static KEEP: Word = Word {
    name: "keep",
    kind: WordKind::Setting,
    params: &[
        Param::new("last", Type::Int, "how many of the newest checkpoints stay; 0 for none")
            .or(Default::Int(2))
            .named()
            .within(0.0, 1e6),
        Param::new("every", Type::Duration, "how often one is written").or(Default::Absent).named(),
        Param::new(
            "best",
            Type::OneOf(&[Type::Metric, Type::List(&Type::Metric)]),
            "also keep the best by this metric, or by each of several, measured after each epoch",
        )
        .or(Default::Absent)
        .named()
        .varies(Varies::Inside),
    ],
    on: false,
    with: false,
    block: false,
    doc: "which checkpoints stay",
    example: "keep last: 2, best: validation.clean",
    lower: Lower::Statement(keep),
};

fn measure<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let bound = &written.bound;
    let Some(list) = bound.value("metrics") else { return };
    let Value::List(items) = list else { return };
    if items.iter().any(|v| matches!(v, Value::Word(_))) {
        if items.len() > 1 {
            let d = Diagnostic::new(Code::WRONG_TYPE, bound.span("metrics"), "`none` stands alone");
            cx.report(d.help("`measure none` stops all measuring; list metrics without it"));
        }
        cx.follow_nothing();
        return cx.measures_end(written.word());
    }
    let Some(metrics) = metrics(list) else { return };
    if bound.given("at") && bound.given("every") {
        let d = Diagnostic::new(Code::DUPLICATE_ARGUMENT, bound.span("every"), "`every` and `at` are two measurements");
        cx.report(d.help("write two `measure` statements"));
    }
    let when = match (bound.value("at"), bound.value("every")) {
        (Some(Value::Word(_)), _) => When::AtForget,
        (_, Some(Value::Duration(d))) => When::Every(*d),
        (_, Some(Value::None)) => When::Every(Duration::Epochs(1.0)),
        _ => return,
    };
    let stand = if when == When::AtForget { Stand::AtForget } else { Stand::Followed };
    if !metrics.iter().all(|m| cx.metric_stands(m, stand, bound.span("metrics"))) {
        return;
    }
    match when {
        When::Every(every) => cx.notes.measures(written.word(), every),
        When::AtForget => cx.notes.measures_at_forget(written.word()),
    }
    cx.follow(Measure { metrics, when });
}

fn keep<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let bound = &written.bound;
    let every = match bound.value("every") {
        Some(Value::Duration(d)) => *d,
        Some(Value::None) => Duration::Seconds(600.0),
        _ => return,
    };
    let Some(Value::Int(last)) = bound.value("last") else { return };
    let best = match bound.value("best") {
        Some(Value::Metric(m)) => vec![m.clone()],
        Some(list @ Value::List(_)) => metrics(list).unwrap_or_default(),
        _ => Vec::new(),
    };
    if !best.iter().all(|m| cx.metric_stands(m, Stand::Kept, bound.span("best"))) {
        return;
    }
    if !best.is_empty() {
        cx.notes.measures(written.word(), Duration::Epochs(1.0));
    }
    cx.current.retains |= best.iter().any(|m| needs_more(&m.spec));
    cx.current.keep = Keep { last: *last as usize, every, best };
}
