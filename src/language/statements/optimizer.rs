//! `optimizer`, `lr`, `objective`: how a step learns.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Family, Param, Selector, Type, Value, Varies, objectives};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Op, Optimizer};
use crate::language::settings::Placed;
use crate::language::values::selector_word;

pub static OPTIMIZER: Word = Word {
    name: "optimizer",
    kind: WordKind::Setting,
    params: &[
        Param::new("optimizer", Type::Component(Family::Optimizer), "an update rule with its base learning rate")
            .varies(Varies::Inside),
        Param::new("fresh", Type::Bool, "start anew each time this statement is reached")
            .or(Default::Bool(false))
            .named(),
        Param::new(
            "groups",
            Type::Any,
            "parts of the model with a base learning rate of their own: `[projector: 2e-5]`",
        )
        .or(Default::Absent)
        .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "the update rule; each statement owns its state and keeps it from one entry of its block to the next",
    example: "optimizer sgd(lr: 0.1, momentum: 0.9)",
    lower: Lower::Statement(optimizer),
};

pub static LR: Word = Word {
    name: "lr",
    kind: WordKind::Setting,
    params: &[Param::new("schedule", Type::Component(Family::Schedule), "what multiplies the optimizer's rate")
        .varies(Varies::All)],
    on: false,
    with: false,
    block: false,
    doc: "a schedule over the training time from here to the end of the block; it multiplies the optimizer's lr",
    example: "lr warmup(5%) then cosine",
    lower: Lower::Statement(lr),
};

pub static OBJECTIVE: Word = Word {
    name: "objective",
    kind: WordKind::Setting,
    params: &[Param::new("objective", Type::Component(Family::Objective), "what training lowers").varies(Varies::All)],
    on: false,
    with: false,
    block: false,
    doc: "what training lowers",
    example: "objective adversarial(pgd(eps: 8/255))",
    lower: Lower::Statement(objective),
};

fn optimizer<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::Component(spec)) = written.bound.value("optimizer").cloned() else { return };
    // A phase's body is lowered at each call; the statement in it is the same one each time.
    let id = cx.statement_id(written.span);
    let Some(groups) = groups(cx, written) else { return };
    cx.current.groups = groups;
    cx.current.optimizer = Optimizer { id, spec };
    if written.bound.value("fresh") == Some(&Value::Bool(true)) {
        cx.emit_silent(written.span, Op::FreshOptimizer { id });
    }
}

/// What `groups:` says; `None` after an error.
fn groups<'a>(cx: &mut Context<'a>, written: &Written<'a>) -> Option<Placed<Vec<(Selector, f64)>>> {
    let span = written.bound.span("groups");
    let wrong = |cx: &mut Context<'a>, message: String| {
        let d = Diagnostic::new(Code::WRONG_TYPE, span, message);
        cx.report(d.help("name parts of the model with rates: `groups: [projector: 2e-5, head: 1e-3]`"));
        None
    };
    let entries = match written.bound.value("groups") {
        None | Some(Value::None) => return Some(Placed { value: Vec::new(), span: None }),
        Some(Value::Named(entries)) => entries.clone(),
        Some(other) => return wrong(cx, format!("`groups` takes rates by parts of the model, not {}", other.kind())),
    };
    let mut groups = Vec::new();
    for (name, value) in entries {
        let rate = match value {
            Value::Real(rate) => rate,
            Value::Int(rate) => rate as f64,
            other => return wrong(cx, format!("the rate of `{name}` is {}, not a number", other.kind())),
        };
        match selector_word(&name) {
            Some(selector) if rate >= 0.0 => groups.push((selector, rate)),
            Some(_) => return wrong(cx, format!("the rate of `{name}` is {rate}; rates are 0 or more")),
            None => return wrong(cx, format!("`{name}` is no part of a model")),
        }
    }
    Some(Placed { value: groups, span: Some(span) })
}

fn lr<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(schedule) = written.bound.value("schedule").cloned() else { return };
    let clock = cx.fresh_id();
    cx.current.clocks.push(clock);
    cx.emit_silent(written.span, Op::Schedule { clock, schedule, total: 0 });
}

fn objective<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(objective) = written.bound.value("objective").cloned() else { return };
    // Steps of an epoch are counted with them.
    let replays = |value: &Value| value.as_component(Family::Objective).map_or(Some(1), objectives::replays);
    let waits = |(_, value): &(String, Value)| replays(value) != replays(&objective);
    if objective.waits() && (replays(&objective).is_none() || cx.rounds(&objective).iter().any(waits)) {
        let span = written.bound.span("objective");
        let d = Diagnostic::new(Code::WRONG_TYPE, span, "`replays` of `free` must be the same in each round of a loop");
        return cx.report(d.help("write the rounds out, each with its own `objective`"));
    }
    cx.current.objective = objective;
}
