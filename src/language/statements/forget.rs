//! `forget`: re-draws a share of chosen weights.

use super::{Lower, Word, WordKind, Written};
use crate::components::forgetting::rewinds_to;
use crate::components::{Default, Family, Param, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::lints;
use crate::language::program::{Forget, Op, Target};
use crate::source::Span;

pub static FORGET: Word = Word {
    name: "forget",
    kind: WordKind::Step,
    params: &[
        Param::new("selector", Type::Selector, "which weights").varies(Varies::Inside),
        Param::new("share", Type::Share, "share of each selected tensor").varies(Varies::All),
        Param::new("by", Type::Component(Family::Ranking), "which weights go first")
            .or(Default::Component("random"))
            .named()
            .varies(Varies::All),
        Param::new("to", Type::Component(Family::Fill), "what they become")
            .or(Default::Component("init"))
            .named()
            .varies(Varies::All),
        Param::new(
            "unit",
            Type::Word(&["weight", "channel", "layer"]),
            "what is drawn: single weights, output channels, whole tensors",
        )
        .or(Default::Word("weight"))
        .named(),
        Param::new("moments", Type::Word(&["keep", "clear"]), "the optimizer's memory of the forgotten weights")
            .or(Default::Word("keep"))
            .named(),
        Param::new("overall", Type::Bool, "the share of all selected tensors together")
            .or(Default::Bool(false))
            .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "re-draw this share of the weights of each selected tensor",
    example: "forget layers[-2..] 30%",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let bound = &written.bound;
    let settings = cx.settings(written.word());
    let target = bound.value("selector").and_then(|s| cx.target(s, bound.span("selector")));
    for (_, to) in bound.value("to").map(|to| cx.rounds(to)).unwrap_or_default() {
        if let Some(name) = to.as_component(Family::Fill).and_then(rewinds_to) {
            let span = name_within(cx.sources.text(bound.span("to")), name, bound.span("to"));
            cx.made_checkpoint(name, span);
        }
    }
    let (Some(settings), Some(target), true) = (settings, target, bound.whole()) else { return };
    if !cx.measures_known(&settings, false, written.word()) {
        return;
    }
    let value = |name: &str| bound.value(name).cloned().unwrap_or(Value::None);
    let word = |name: &str| match bound.value(name) {
        Some(Value::Word(w)) => w.clone(),
        _ => String::new(),
    };
    let forget = Forget {
        target,
        share: value("share"),
        overall: value("overall") == Value::Bool(true),
        by: value("by"),
        to: value("to"),
        unit: word("unit"),
        moments: word("moments"),
        settings,
    };
    cx.note_forgotten(&forget, bound.span("selector"));
    lints::of_forget(cx, &forget, written);
    cx.emit(written.span, Op::Forget(Box::new(forget)));
}

/// Where the name of a checkpoint stands in `to: rewind("name")`; all of it, where a variable stands for it.
fn name_within(text: &str, name: &str, to: Span) -> Span {
    let literal = format!("{name:?}");
    match text.find(&literal) {
        Some(at) => Span::new(to.file, to.start as usize + at, to.start as usize + at + literal.len()),
        None => to,
    }
}

impl<'a> Context<'a> {
    /// The tensors that a selector hits, where no loop's variable decides; with one, every value it takes is tried.
    pub(in crate::language) fn target(&mut self, selector: &Value, span: Span) -> Option<Target> {
        let Value::Selector(selector) = selector else { return None };
        let model = self.model_here(span)?;
        let parts = self.parts_here(&model);
        if !Value::Selector(selector.clone()).waits() {
            let constant = selector.resolve(&mut super::super::context::Fixed(Vec::new())).ok()?;
            let selection = self.resolve(&constant, &parts, span)?;
            if selection.direct.is_empty() {
                let message = format!("`{selector}` hits no weights, only biases and norms that belong to layers");
                let d = Diagnostic::new(Code::EMPTY_SELECTOR, span, message);
                self.report(d.help("name them: `biases` or `norms`"));
                return None;
            }
            return Some(Target { selector: constant, selection: Some(selection.direct) });
        }
        for (_, value) in self.rounds(&Value::Selector(selector.clone())) {
            if let Value::Selector(selector) = value {
                self.resolve(&selector, &parts, span)?;
            }
        }
        Some(Target { selector: selector.clone(), selection: None })
    }
}
