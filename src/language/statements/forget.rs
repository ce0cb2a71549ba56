//! `forget`: re-draws a share of chosen weights.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Family, Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::lints;
use crate::language::program::{Forget, Op, Target};

pub static FORGET: Word = Word {
    name: "forget",
    kind: WordKind::Step,
    params: &[
        Param::new("selector", Type::Selector, "which weights"),
        Param::new("share", Type::Share, "share of each selected tensor"),
        Param::new("by", Type::Component(Family::Ranking), "which weights go first")
            .or(Default::Component("random"))
            .named(),
        Param::new("to", Type::Component(Family::Fill), "what they become").or(Default::Component("init")).named(),
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
    doc: "re-draw this share of the weights of each selected tensor",
    example: "forget layers[-2..] 30%",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let bound = &written.bound;
    let settings = cx.settings(written.word());
    let target = bound.value("selector").and_then(|s| cx.target(s, bound.span("selector")));
    if let Some(Value::Component(fill)) = bound.value("to")
        && fill.name() == "rewind"
        && let Value::Text(name) = fill.get("name")
    {
        cx.made_checkpoint(name, bound.span("to"));
    }
    let (Some(settings), Some(target), true) = (settings, target, bound.whole()) else { return };
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
    cx.emit(written.span, Op::Forget(forget));
}

impl<'a> Context<'a> {
    /// The tensors that a selector hits, where no loop's variable decides; with one, every value it takes is tried.
    pub(in crate::language) fn target(&mut self, selector: &Value, span: crate::source::Span) -> Option<Target> {
        let Value::Selector(selector) = selector else { return self.late_selector(span) };
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
        for env in self.loop_choices(&Value::Selector(selector.clone())) {
            let bindings = env.iter().map(|(id, value)| (*id, value)).collect();
            let resolved = selector.resolve(&mut super::super::context::Fixed(bindings)).ok()?;
            self.resolve(&resolved, &parts, span)?;
        }
        Some(Target { selector: selector.clone(), selection: None })
    }

    fn late_selector(&mut self, span: crate::source::Span) -> Option<Target> {
        let d = Diagnostic::new(Code::WRONG_TYPE, span, "which weights are meant must be known before the run");
        self.report(d.help("a loop's variable may stand in an index: `layers[i]`, `head[c]`"));
        None
    }
}
