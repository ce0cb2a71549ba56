//! Settings in words: all of them at the head of a listing, and where a step's differ from those.

use super::table::{WIDTH, wrap};
use super::{lessons, passes, words};
use crate::components::{Metric, Split, Value};
use crate::language::program::{Batch, Diversify, Measure, Program, Replay, Settings, When};
use crate::nn::architecture::Input;

/// Longer values have what they come to on a line of its own.
const WIDEST_VALUE: usize = 28;

/// One setting: its name, its value as it is written, and what it comes to.
struct Line {
    name: &'static str,
    value: String,
    comes_to: String,
}

/// The model and the settings at the first step.
pub fn header(out: &mut String, program: &Program, first: Option<&Settings>) {
    let mut lines = vec![model(program)];
    lines.extend(first.map_or(Vec::new(), |s| lines_of(program, s)));
    let value_width = lines.iter().map(|l| l.value.chars().count()).filter(|n| *n <= WIDEST_VALUE).max().unwrap_or(0);
    for l in lines {
        let name = format!("  {:<13}", l.name);
        let indent = " ".repeat(name.chars().count());
        let together = format!("{:<value_width$}  {}", l.value, l.comes_to);
        if name.chars().count() + together.chars().count() <= WIDTH {
            out.push_str(format!("{name}{together}").trim_end());
            out.push('\n');
        } else {
            out.push_str(&wrap(&l.value, &name, &format!("{indent}  "), WIDTH));
            if !l.comes_to.is_empty() {
                out.push_str(&wrap(&l.comes_to, &format!("{indent}  "), &format!("{indent}  "), WIDTH));
            }
        }
    }
}

/// What is not as at the first step: `batch 64`, `frozen 10 of 14 tensors: …`.
pub fn differences(program: &Program, first: &Settings, here: &Settings) -> Vec<String> {
    let before = lines_of(program, first);
    let mut out: Vec<String> = lines_of(program, here)
        .into_iter()
        .filter(|l| !before.iter().any(|b| b.name == l.name && b.value == l.value))
        .map(|l| format!("{} {}{}", l.name, l.value, bracketed(&l.comes_to)))
        .collect();
    if here.optimizer.id != first.optimizer.id && here.optimizer.spec == first.optimizer.spec {
        out.push(format!("optimizer {} with a state of its own", words::spec(&here.optimizer.spec)));
    }
    if frozen(program, here).is_empty() && !frozen(program, first).is_empty() {
        out.push("nothing frozen".into());
    }
    out
}

fn bracketed(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("  ({text})") }
}

fn model(program: &Program) -> Line {
    let model = &program.model;
    let weights: u64 = program.model.parts.iter().map(|p| p.count() as u64).sum();
    let layers = program.model.architecture.layers().len() as u64;
    let tensors = words::plural(program.model.parts.len() as u64, "tensor");
    let [c, h, w] = program.model.architecture.input.picture();
    let (weights, layers) = (words::plural(weights, "weight"), words::plural(layers, "layer"));
    let adapted = model.adapt.as_ref().map(|adapt| format!(" with {}", words::spec(adapt))).unwrap_or_default();
    let reads = match model.architecture.input {
        Input::Text { picture: None } => "reads text".to_string(),
        Input::Text { .. } => format!("reads text and {c}x{h}x{w} pictures"),
        Input::Image(_) => format!("{c}x{h}x{w} images"),
    };
    let comes_to = format!("{weights} in {tensors}, {layers}; {reads}");
    Line { name: "model", value: format!("{}{adapted}", words::spec(&model.spec)), comes_to }
}

fn lines_of(program: &Program, s: &Settings) -> Vec<Line> {
    let mut lines = vec![data(s), batch(s), objective(s)];
    let line = |name, value, comes_to: &str| Line { name, value, comes_to: comes_to.into() };
    let own = s.rates.iter().flatten().count() as u64;
    let own = if own > 0 { format!("{} with rates of their own", words::plural(own, "tensor")) } else { String::new() };
    lines.push(line("optimizer", words::spec(&s.optimizer.spec), &own));
    if !s.augment.is_empty() {
        lines.insert(1, line("augment", words::list(s.augment.iter().map(words::spec)), ""));
    }
    if let Some(n) = s.texts.max_length {
        lines.push(line("max_length", words::count(n), "tokens, those of the picture counted"));
    }
    if let Some(Diversify { share, over }) = &s.texts.diversify {
        let over = words::list(over.iter().map(|style| style.word().to_string()));
        let value = format!("{}%", share * 100.0);
        lines.push(line("diversify", value, &format!("of each task rewritten, over {over}")));
    }
    if let Some(Replay { share, keep }) = &s.texts.replay {
        let kept = words::plural(*keep, "conversation");
        lines.push(line(
            "replay",
            format!("{}%", share * 100.0),
            &format!("of each batch, from {kept} of each task before"),
        ));
    }
    if let Some(memory) = &s.memory {
        lines.push(line("memory", words::spec(&memory.spec), "follows in each consolidate"));
    }
    if !s.recall.is_empty() {
        lines.push(line("recall", words::list(s.recall.iter().map(words::spec)), ""));
    }
    let frozen = frozen(program, s);
    if !frozen.is_empty() {
        let count = format!("{} of {}", frozen.len(), words::plural(program.model.parts.len() as u64, "tensor"));
        let more = if frozen.len() > 3 { format!(" and {} more", frozen.len() - 3) } else { String::new() };
        let names = words::list(frozen.iter().take(3).map(|n| n.to_string()));
        lines.push(line("frozen", count, &format!("{names}{more}")));
    }
    lines.extend(s.measure.iter().map(|m| measure(m, s)));
    lines.push(keep(s));
    lines
}

fn frozen<'a>(program: &'a Program, s: &Settings) -> Vec<&'a str> {
    let parts = program.model.parts.iter().zip(s.trainable.iter());
    parts.filter(|(_, trained)| !**trained).map(|(p, _)| p.name.as_str()).collect()
}

fn data(s: &Settings) -> Line {
    let splits = [Split::Train, Split::Validation, Split::Test].map(|split| (split, s.facts.count(split) as u64));
    let counts =
        splits.iter().filter(|(_, n)| *n > 0).map(|(split, n)| format!("{} {}", words::count(*n), split.name()));
    let parts = if s.facts.texts().is_some() { "task" } else { "class" };
    let comes_to = format!("{}, {}", words::list(counts), words::plural(s.facts.classes as u64, parts));
    Line { name: "data", value: words::spec(&s.data), comes_to }
}

fn batch(s: &Settings) -> Line {
    let size = match s.batch {
        Batch::Size(n) => words::count(n),
        Batch::All => "all".into(),
    };
    let value = if s.accumulate > 1 { format!("{size}, accumulate {}", s.accumulate) } else { size };
    Line { name: "batch", value, comes_to: format!("{} an epoch", words::plural(s.steps_per_epoch(), "step")) }
}

fn objective(s: &Settings) -> Line {
    let passes = lessons::step(&s.objective, &[]);
    let own = if passes.own > 1 { format!("{} training passes", passes.own) } else { "each training pass".into() };
    let comes_to = match (passes::attack_of(&s.objective), s.replays()) {
        (Some(_), _) => format!("{} of the attack before {own}", words::plural(passes.attack, "pass")),
        (None, 1) => String::new(),
        (None, replays) => format!("{} on each batch before the next", words::plural(replays, "step")),
    };
    Line { name: "objective", value: words::value(&s.objective, None), comes_to }
}

fn measure(m: &Measure, s: &Settings) -> Line {
    let attack = passes::attack_of(&s.objective);
    let metrics = words::list(m.metrics.iter().map(|metric| words::metric_under(metric, attack)));
    let when = match m.when {
        When::Every(duration) => words::every(duration),
        When::AtForget => "before and after each forget".into(),
    };
    let unsaid = m.metrics.iter().any(|m| m.split.is_none() && innermost(m).split.is_none());
    let on = if unsaid { format!("on {}, ", s.default_split().name()) } else { String::new() };
    Line { name: "measure", value: metrics, comes_to: on + &when }
}

/// The metric inside a `gap`.
fn innermost(metric: &Metric) -> &Metric {
    match metric.spec.args.first() {
        Some(Value::Metric(inner)) => innermost(inner),
        _ => metric,
    }
}

fn keep(s: &Settings) -> Line {
    let best = |s: &Settings| {
        let by = s.keep.best.iter().map(|m| words::metric_under(m, passes::attack_of(&s.objective)));
        (!s.keep.best.is_empty()).then(|| format!("the best by {}", words::list(by)))
    };
    let newest = match s.keep.last {
        0 => {
            let value = best(s).unwrap_or("none but named ones".into());
            return Line { name: "checkpoints", value, comes_to: String::new() };
        }
        1 => "the newest".into(),
        n => format!("the newest {n}"),
    };
    let best = best(s).map_or(String::new(), |best| format!(", and {best}"));
    let comes_to = format!("one {}", words::every(s.keep.every));
    Line { name: "checkpoints", value: format!("{newest}{best}"), comes_to }
}
