//! Documentation in Markdown, from the descriptions that the checker reads.

use crate::components::{Family, Member, Param, Value, metrics};
use crate::diagnostic::CodeInfo;
use crate::language::index::{Amount, Callee, DataNote, Definition, DefinitionKind, Hits, Index, grouped};
use crate::language::program::Model;
use crate::language::statements::{Word, WordKind};
use crate::source::Sources;
use std::fmt::Write;

/// Tensors that are listed before the rest is counted.
const MOST_TENSORS: usize = 8;

/// A statement's word.
pub fn word(word: &Word) -> String {
    let kind = match word.kind {
        WordKind::Declaration => "declaration",
        WordKind::Setting => "setting",
        WordKind::Step => "step",
        WordKind::Control => "control",
    };
    let mut out = format!("**{}** · {kind}\n\n{}\n", word.name, word.doc);
    out += &parameters(word.params);
    if word.on {
        out += "- `on` the split of the data that is measured\n";
    }
    if word.with {
        out += "- `with { … }` settings for this step alone\n";
    }
    if word.block && word.with {
        out += "- `{ … }` what happens between its steps: `every` and `when`\n";
    }
    out + &example(word.example)
}

/// A component.
pub fn member(member: &'static Member) -> String {
    let mut out = format!("**{}** · {}\n\n{}\n", member.name, member.family.noun(), member.doc);
    out += &parameters(member.params);
    if member.family == Family::Metric {
        out += &metric(member);
    }
    out += &example(member.example);
    if !member.source.is_empty() {
        let _ = write!(out, "\n*{}*\n", member.source);
    }
    out
}

/// Which way a metric is better and how large it may be, where that doesn't depend on another.
fn metric(member: &'static Member) -> String {
    let spec = crate::components::Spec { member, args: vec![Value::None; member.params.len()] };
    let info = metrics::describe(&spec);
    let better = if info.higher_is_better { "higher is better" } else { "lower is better" };
    let range = match (info.bounds.min, info.bounds.max) {
        (min, max) if max.is_finite() => format!("between {}% and {}%", min * 100.0, max * 100.0),
        (min, _) => format!("at least {min}"),
    };
    format!("\n{better}; {range}\n")
}

/// The name of an argument.
pub fn parameter(owner: &str, param: &Param) -> String {
    format!("**{}** of `{owner}`\n\n{}\n\n*{}*\n", param.name, param.doc, param.facts())
}

fn parameters(params: &[Param]) -> String {
    let line = |p: &Param| format!("- `{}` {} — *{}*\n", p.name, p.doc, p.facts());
    if params.is_empty() { String::new() } else { format!("\n{}", params.iter().map(line).collect::<String>()) }
}

fn example(text: &str) -> String {
    format!("\n```fsched\n{text}\n```\n")
}

/// The name of whose arguments they are.
pub fn callee_name(callee: Callee, index: &Index) -> &str {
    match callee {
        Callee::Word(word) => word.name,
        Callee::Member(member) => member.name,
        Callee::Params => "params",
        Callee::Phase(span) => index.definition(span).map_or("", |d| d.name.as_str()),
    }
}

/// A name that the program makes.
pub fn definition(d: &Definition, index: &Index, sources: &Sources) -> String {
    let mut out = format!("```fsched\n{}\n```\n", declared(d));
    if let Some(doc) = &d.doc {
        let _ = write!(out, "\n{doc}\n");
    }
    let mut facts = vec![kind(d.kind).to_string()];
    if !d.ty.is_empty() {
        facts.push(d.ty.clone());
    }
    facts.push(match index.uses_of(d.span).len() {
        0 => "never used".into(),
        1 => "used once".into(),
        n => format!("used {n} times"),
    });
    let file = &sources.get(d.span.file).name;
    let imported = sources.iter().next().is_some_and(|(root, _)| root != d.span.file);
    if imported {
        facts.push(format!("from {file}"));
    }
    let _ = write!(out, "\n{}\n", facts.join(" · "));
    if d.kind == DefinitionKind::Param {
        let _ = write!(out, "\n`--set {}=…` gives it another value\n", d.name);
    }
    out
}

fn kind(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Let => "a name for a value",
        DefinitionKind::Param => "a parameter of the program",
        DefinitionKind::Phase => "a phase",
        DefinitionKind::PhaseParameter => "a parameter of a phase",
        DefinitionKind::LoopVariable => "a loop's variable",
        DefinitionKind::Checkpoint => "a checkpoint",
    }
}

/// A name as it was declared.
pub fn declared(d: &Definition) -> String {
    let annotated = |ty: &str| if ty.is_empty() { String::new() } else { format!(": {ty}") };
    match d.kind {
        DefinitionKind::Let => format!("let {} = {}", d.name, d.shown),
        DefinitionKind::Param => format!("param {}{} = {}", d.name, annotated(&d.ty), d.shown),
        DefinitionKind::Phase => format!("phase {}{}", d.name, d.shown),
        DefinitionKind::PhaseParameter if d.shown.is_empty() => format!("{}{}", d.name, annotated(&d.ty)),
        DefinitionKind::PhaseParameter => format!("{}{} = {}", d.name, annotated(&d.ty), d.shown),
        DefinitionKind::LoopVariable => format!("for {} in {}", d.name, d.shown.trim_start_matches("each of ")),
        DefinitionKind::Checkpoint => format!("checkpoint \"{}\"", d.name),
    }
}

/// What a selector hits: the sum, and the tensors.
pub fn hits(hits: &Hits) -> String {
    let mut out = format!("**{hits}**\n\n");
    for tensor in hits.tensors.iter().take(MOST_TENSORS) {
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        let forgotten = tensor.forgotten.map_or(String::new(), |n| format!(", {} forgotten", grouped(n)));
        let _ = writeln!(out, "- `{}` {}: {}{forgotten}", tensor.name, shape.join("×"), grouped(tensor.selected));
    }
    let rest = hits.tensors.len().saturating_sub(MOST_TENSORS);
    if rest > 0 {
        let _ = writeln!(out, "- and {rest} more");
    }
    out
}

/// A data set: images, classes and their shape.
pub fn data(data: &DataNote) -> String {
    let [train, validation, test] = data.counts.map(grouped);
    let [c, h, w] = data.shape;
    format!("**{train} train, {validation} validation, {test} test**, {} classes, {c}×{h}×{w}", data.classes)
}

/// A model: its layers and weights.
pub fn model(model: &Model) -> String {
    let weights: usize = model.parts.iter().map(|p| p.shape.iter().product::<usize>()).sum();
    let layers = model.parts.iter().map(|p| p.layer).max().map_or(0, |l| l + 1);
    format!("**{layers} layers with weights, {} weights** in {} tensors", grouped(weights), model.parts.len())
}

/// Training in a block, as a line.
pub fn amount(amount: &Amount) -> Option<String> {
    let text = amount.to_string();
    (!text.is_empty()).then(|| {
        let (least, most) = (amount.least.steps as usize, amount.most.steps as usize);
        match (least, most) {
            (_, 0) => format!("{text} of training"),
            (a, b) if a == b => format!("{text} of training, {} steps", grouped(a)),
            (a, b) => format!("{text} of training, {} to {} steps", grouped(a), grouped(b)),
        }
    })
}

/// A diagnostic's code.
pub fn code(info: &CodeInfo) -> String {
    info.text.to_string()
}

/// The same for those who show no Markdown.
pub fn plain(markdown: &str) -> String {
    let shown = markdown.lines().filter(|l| !l.starts_with("```"));
    let clean = |l: &str| l.replace("**", "").replace('`', "").replace(" — *", " — ").trim_matches('*').to_string();
    let text = shown.map(clean).collect::<Vec<_>>().join("\n");
    text.trim_end().to_string()
}
