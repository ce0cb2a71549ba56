//! `protect` and `merge`: what becomes of adapters when a task has been learned.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Param, Type, Value, Varies, adapters};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Method, Op, Protect, Rounding};
use crate::language::settings::Placed;

const ADAPTERS: Param = Param::new("what", Type::Word(&["adapters"]), "the model's adapters");

pub static PROTECT: Word = Word {
    name: "protect",
    kind: WordKind::Step,
    params: &[
        ADAPTERS,
        Param::new(
            "by",
            Type::Word(&["key_elements", "orthogonal", "fisher"]),
            "RegLoRA: where the update is largest; O-LoRA: directions that earlier adapters have; EWC: weights near what they were",
        )
        .or(Default::Word("key_elements"))
        .named(),
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
            "of the loss's term; none: 2500 for key_elements, 0.5 for orthogonal, 100 for fisher",
        )
        .or(Default::Absent)
        .named()
        .at_least(0.0),
        Param::new(
            "duplicates",
            Type::Word(&["keep", "unique"]),
            "an element that several tasks chose counts for each, as published, or once",
        )
        .or(Default::Word("keep"))
        .named(),
        Param::new("size", Type::Real, "of orthogonal: weight of the norms of the new factors")
            .or(Default::Real(0.0))
            .named()
            .at_least(0.0),
        Param::new("tasks", Type::Tasks, "of fisher: the tasks just learned, which importances are measured on")
            .or(Default::Absent)
            .named()
            .varies(Varies::All),
        Param::new("examples", Type::Int, "of fisher: conversations that they are measured on")
            .or(Default::Int(200))
            .named()
            .within(1.0, 1e6),
    ],
    on: false,
    with: false,
    block: false,
    doc: "what the task just learned needs of later ones: RegLoRA, O-LoRA or EWC on adapters",
    example: "adapt lora; train 1; protect adapters top: 2%, weight: 2500; merge adapters; train 1",
    lower: Lower::Statement(protect),
};

pub static MERGE: Word = Word {
    name: "merge",
    kind: WordKind::Step,
    params: &[
        ADAPTERS,
        Param::new(
            "dtype",
            Type::Word(Rounding::NAMES),
            "what the sums of weights and updates are rounded to, and kept in",
        )
        .or(Default::Word("float32"))
        .named(),
    ],
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
    if bound.value("by") != Some(&Value::Word("fisher".into())) && !is_one_product(cx, written) {
        return;
    }
    if !of_its_kind(cx, written) {
        return;
    }
    let real = |name: &str| match bound.value(name) {
        Some(Value::Real(x)) => Some(*x),
        Some(Value::Int(x)) => Some(*x as f64),
        _ => None,
    };
    let word = |name: &str| match bound.value(name) {
        Some(Value::Word(word)) => word.as_str(),
        _ => "",
    };
    let (by, usual) = match word("by") {
        "orthogonal" => (Method::Orthogonal { size: real("size").unwrap_or(0.0) }, 0.5),
        "fisher" => match fisher(cx, written) {
            Some(fisher) => (fisher, 100.0),
            None => return,
        },
        _ => {
            let share = real("top").unwrap_or(0.02);
            (Method::KeyElements { share, unique: word("duplicates") == "unique" }, 2500.0)
        }
    };
    let weight = real("weight").unwrap_or(usual);
    cx.emit(written.span, Op::Protect(Protect { by, weight }));
}

/// Whether no argument was written that belongs to another kind of protection.
fn of_its_kind<'a>(cx: &mut Context<'a>, written: &Written<'a>) -> bool {
    const OWN: [(&str, &str); 5] = [
        ("top", "key_elements"),
        ("duplicates", "key_elements"),
        ("size", "orthogonal"),
        ("tasks", "fisher"),
        ("examples", "fisher"),
    ];
    let bound = &written.bound;
    let Some(Value::Word(by)) = bound.value("by") else { return false };
    let stray: Vec<_> = OWN.into_iter().filter(|(name, kind)| bound.given(name) && *kind != by).collect();
    for (name, kind) in &stray {
        let message = format!("`{name}` means nothing to `by: {by}`");
        let d = Diagnostic::new(Code::EXTRA_ARGUMENT, bound.span(name), message);
        cx.report(d.help(format!("leave it out, or protect `by: {kind}`")));
    }
    stray.is_empty()
}

/// Importances are measured on tasks of conversations.
fn fisher<'a>(cx: &mut Context<'a>, written: &Written<'a>) -> Option<Method> {
    let tasks = match written.bound.value("tasks") {
        Some(Value::None) | None => {
            let message = "`by: fisher` of what tasks?";
            let d = Diagnostic::new(Code::MISSING_ARGUMENT, written.word(), message);
            cx.report(d.help("name those just learned: `protect adapters by: fisher, tasks: task`"));
            return None;
        }
        Some(tasks) => tasks.clone(),
    };
    let span = written.bound.span("tasks");
    let outer = cx.current.clone();
    let data = cx.data_of_tasks(&tasks, span);
    let settings = data.and_then(|data| {
        cx.current.data = Placed { value: data, span: Some(span) };
        cx.current.texts.learned = Some(tasks);
        cx.current.texts.diversify = None;
        cx.fitting_settings(written.word())
    });
    cx.current = outer;
    let examples = match written.bound.value("examples") {
        Some(Value::Int(n)) => *n as u64,
        _ => 200,
    };
    Some(Method::Fisher { examples, settings: settings? })
}

fn merge<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if !written.bound.whole() || !has_adapters(cx, written) || !is_one_product(cx, written) {
        return;
    }
    let Some(settings) = cx.settings(written.word()) else { return };
    let rounding = match written.bound.value("dtype") {
        Some(Value::Word(word)) => Rounding::named(word).unwrap_or_default(),
        _ => Rounding::default(),
    };
    cx.emit(written.span, Op::Merge { rounding, settings });
}

/// A mixture of adapters depends on its input, so it has no one update that could become part of a weight.
fn is_one_product<'a>(cx: &mut Context<'a>, written: &Written<'a>) -> bool {
    let Some(model) = cx.model_here(written.word()) else { return false };
    let mixed = model.adapt.as_ref().is_some_and(|adapt| adapters::build(adapt).experts > 1);
    if mixed {
        let word = &written.simple.word.text;
        let message = format!("`{word} adapters` needs adapters that are one product; these are mixtures of experts");
        let d = Diagnostic::new(Code::BAD_MODEL, written.word(), message);
        cx.report(
            d.help("leave `experts` out of `adapt lora(…)`; of mixtures, `protect adapters by: fisher` alone goes"),
        );
    }
    !mixed
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
