//! `forget`: re-draws a share of chosen weights.

use super::{Lower, Word, WordKind, Written};
use crate::components::forgetting::{Norms, counts_inputs, fills, rankings, rewinds_to};
use crate::components::{Default, Family, Param, Spec, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::lints;
use crate::language::program::{Forget, Op, Target};
use crate::language::selectors;
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
        Param::new(
            "moments",
            Type::Word(&["keep", "clear", "reset"]),
            "the optimizer's memory: kept, cleared of the forgotten weights, or begun anew of all",
        )
        .or(Default::Word("keep"))
        .named(),
        Param::new("overall", Type::Bool, "the share of all selected tensors together")
            .or(Default::Bool(false))
            .named(),
        Param::new(
            "reset_norms",
            Type::Word(Norms::WORDS),
            "norms of the layers that are hit: kept, as at the start, or with a variance of 0 as KE publishes it",
        )
        .or(Default::Word("none"))
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
    if !cx.blocks_alone(written) || !cx.fill_counts(written, &target) {
        return;
    }
    let word = written.word();
    if settings.facts.texts().is_some() && !cx.chosen_without_images(written) {
        return;
    }
    if !cx.measured_rows_fit(&settings, word) || !cx.measures_known(&settings, false, word) {
        return;
    }
    let settings = cx.around_forgetting(settings, written.word());
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
        reset_norms: word("reset_norms"),
        settings,
    };
    cx.note_forgotten(&forget, bound.span("selector"));
    lints::of_forget(cx, &forget, written);
    cx.emit(written.span, Op::Forget(Box::new(forget)));
}

/// Whether a fill counts inputs and outputs.
fn counting(fill: &Spec) -> bool {
    [&fills::KAIMING_UNIFORM, &fills::KAIMING_NORMAL].contains(&fill.member)
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
    /// `by: saliency` looks at training batches of images.
    fn chosen_without_images(&mut self, written: &Written<'a>) -> bool {
        let rounds = written.bound.value("by").map(|by| self.rounds(by)).unwrap_or_default();
        let is_one = |(_, by): &(String, Value)| {
            by.as_component(Family::Ranking).is_some_and(|spec| spec.member == &rankings::SALIENCY)
        };
        if !rounds.iter().any(is_one) {
            return true;
        }
        let message = "`saliency` is measured on images, and this data has conversations";
        let d = Diagnostic::new(Code::NOT_OF_TEXTS, written.bound.span("by"), message);
        self.report(d.help("choose by something else, such as `by: smallest`"));
        false
    }

    /// `by: kels` says itself what is taken as a whole, and counts within each tensor.
    fn blocks_alone(&mut self, written: &Written<'a>) -> bool {
        let bound = &written.bound;
        let rounds = bound.value("by").map(|by| self.rounds(by)).unwrap_or_default();
        let kels = |(_, by): &(String, Value)| {
            by.as_component(Family::Ranking).is_some_and(|spec| spec.member == &rankings::KELS)
        };
        let Some((with, _)) = rounds.into_iter().find(kels) else { return true };
        let other_unit = !matches!(bound.value("unit"), Some(Value::Word(unit)) if unit == "weight");
        let overall = bound.value("overall") == Some(&Value::Bool(true));
        let Some(name) = other_unit.then_some("unit").or(overall.then_some("overall")) else { return true };
        let message = format!("{with}`by: kels` keeps the first channels of each tensor, so `{name}` has no meaning");
        let d = Diagnostic::new(Code::WRONG_TYPE, bound.span(name), message);
        self.report(d.help(format!("leave `{name}` out, or choose by something else, such as `by: random`")));
        false
    }

    /// Whether every selected tensor has inputs and outputs, where a fill counts them.
    fn fill_counts(&mut self, written: &Written<'a>, target: &Target) -> bool {
        let bound = &written.bound;
        let (Some(to), Some(model)) = (bound.value("to"), self.model.clone()) else { return true };
        let both = Value::List(vec![Value::Selector(target.selector.clone()), to.clone()]);
        let found = self.rounds(&both).into_iter().find_map(|(with, both)| {
            let Value::List(both) = both else { return None };
            let [Value::Selector(selector), to] = both.as_slice() else { return None };
            let fill = to.as_component(Family::Fill).filter(|spec| counting(spec))?;
            let hit = selectors::resolve(selector, &model.parts).ok()?.direct;
            let part = hit.iter().map(|s| &model.parts[s.part]).find(|part| !counts_inputs(part))?;
            Some((with, fill.name(), part.name.clone()))
        });
        let Some((with, fill, part)) = found else { return true };
        let message = format!("{with}`{fill}` counts inputs and outputs, which `{part}` does not have");
        let d = Diagnostic::new(Code::WRONG_TYPE, bound.span("to"), message);
        self.report(d.help("`to: init` draws each tensor from the distribution that it started from"));
        false
    }

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
