//! `seed`, `device`, `threads`, `precision`, `recompute`, `budget`: settings of the whole run.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Duration, Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Device, Precision};

pub static SEED: Word = Word {
    name: "seed",
    kind: WordKind::Setting,
    params: &[Param::new("seed", Type::Int, "the key of all random streams").within(0.0, 9.007_199_254_740_992e15)],
    on: false,
    with: false,
    block: false,
    doc: "the key of all random streams of the run",
    example: "seed 0",
    lower: Lower::Statement(seed),
};

pub static DEVICE: Word = Word {
    name: "device",
    kind: WordKind::Setting,
    params: &[Param::new("device", Type::Word(&["auto", "cpu", "cuda", "metal"]), "where tensors live")],
    on: false,
    with: false,
    block: false,
    doc: "where the run computes; `auto` takes the fastest that is there",
    example: "device cpu",
    lower: Lower::Statement(device),
};

pub static THREADS: Word = Word {
    name: "threads",
    kind: WordKind::Setting,
    params: &[Param::new("threads", Type::Int, "processor threads").within(1.0, 4096.0)],
    on: false,
    with: false,
    block: false,
    doc: "processor threads; results don't depend on them",
    example: "threads 2",
    lower: Lower::Statement(threads),
};

pub static PRECISION: Word = Word {
    name: "precision",
    kind: WordKind::Setting,
    params: &[Param::new("precision", Type::Word(Precision::NAMES), "what convolutions may do to be fast")],
    on: false,
    with: false,
    block: false,
    doc: "`exact` makes every output one sum in a fixed order: equal patches give equal bits, at a price in time",
    example: "precision exact",
    lower: Lower::Statement(precision),
};

pub static RECOMPUTE: Word = Word {
    name: "recompute",
    kind: WordKind::Setting,
    params: &[Param::new(
        "what",
        Type::Word(&["blocks", "nothing"]),
        "whose inner values are computed anew on the way back",
    )],
    on: false,
    with: false,
    block: false,
    doc: "`blocks` keeps only what goes into each block of a language model while it trains: much less memory, for one more forward pass; the numbers stay the same",
    example: "model tiny_llava; recompute blocks",
    lower: Lower::Statement(recompute),
};

pub static BUDGET: Word = Word {
    name: "budget",
    kind: WordKind::Setting,
    params: &[Param::new("time", Type::Duration, "how long the run may take in all, by the clock")],
    on: false,
    with: false,
    block: false,
    doc: "how long the run may take; it ends with a checkpoint then, and can be resumed",
    example: "budget 3 h",
    lower: Lower::Statement(budget),
};

fn seed<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if let (Some(Value::Int(seed)), true) = (written.bound.value("seed").cloned(), before_steps(cx, written)) {
        cx.program.seed = seed as u64;
    }
}

fn device<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::Word(word)) = written.bound.value("device").cloned() else { return };
    if before_steps(cx, written) {
        cx.program.device = match word.as_str() {
            "cpu" => Device::Cpu,
            "cuda" => Device::Cuda,
            "metal" => Device::Metal,
            _ => Device::Auto,
        };
    }
}

fn threads<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if let (Some(Value::Int(n)), true) = (written.bound.value("threads").cloned(), before_steps(cx, written)) {
        cx.program.threads = Some(n as usize);
    }
}

fn precision<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::Word(word)) = written.bound.value("precision").cloned() else { return };
    if let (Some(precision), true) = (Precision::named(&word), before_steps(cx, written)) {
        cx.program.precision = precision;
    }
}

fn recompute<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::Word(word)) = written.bound.value("what").cloned() else { return };
    if before_steps(cx, written) {
        cx.program.recompute = (word == "blocks").then_some(written.bound.span("what"));
    }
}

fn budget<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::Duration(time)) = written.bound.value("time").cloned() else { return };
    match time {
        Duration::Seconds(seconds) if before_steps(cx, written) => cx.program.budget = Some(seconds),
        Duration::Seconds(_) => {}
        Duration::Epochs(_) | Duration::Steps(_) => {
            let unit = if matches!(time, Duration::Steps(_)) { "steps" } else { "epochs" };
            let message = format!("a budget is time on the clock, not {}", unit);
            let d = Diagnostic::new(Code::WRONG_UNIT, written.bound.span("time"), message);
            let d = d.help("write `budget 3 h`, `budget 90 min` or `budget 600 s`; how much is trained, steps say");
            let span = written.bound.span("time");
            cx.report(match cx.sources.text(span).parse::<u64>() {
                Ok(n) => d.maybe_fix(format!("replace with `{n} h`"), span, format!("{n} h")),
                Err(_) => d,
            });
        }
    }
}

/// Settings of the whole run stand at the top level, before its first step.
fn before_steps(cx: &mut Context<'_>, written: &Written<'_>) -> bool {
    let word = &written.simple.word;
    let message = format!("`{}` holds for the whole run", word.text);
    if let Some(first) = cx.program.first_step {
        let d = Diagnostic::new(Code::BAD_STEP_PLACE, word.span, message);
        cx.report(d.label(first, "the run begins here").help("write it above the first step"));
        return false;
    }
    if cx.frames.len() > 1 && !cx.scratch {
        let d = Diagnostic::new(Code::BAD_STEP_PLACE, word.span, message);
        cx.report(d.help("write it outside of all blocks"));
        return false;
    }
    true
}
