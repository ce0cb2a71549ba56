//! `every` and `when` in the block of a training step, and `stop`, which leaves that step.

use super::{Lower, Word, WordKind, Written, lower_block};
use crate::components::{Duration, Param, Type, Value, Varies};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::language::arguments::{Bound, Owner};
use crate::language::context::Context;
use crate::language::index::{Callee, Sense};
use crate::language::lints;
use crate::language::program::{Due, Op, Settings, Step, Trigger};
use crate::source::Span;
use crate::syntax::tree::{Argument, Block, Simple, Statement, StatementKind};
use std::sync::Arc;

pub static EVERY: Word = Word {
    name: "every",
    kind: WordKind::Control,
    params: &[Param::new("time", Type::Duration, "how often, counted from the beginning of the step that trains")],
    on: false,
    with: false,
    block: true,
    doc: "in the block of a training step: these steps each time that so much has been trained",
    example: "train 50 { every 10 epochs { forget head 10%; train 1 } }; train 10",
    lower: Lower::Statement(misplaced),
};

pub static WHEN: Word = Word {
    name: "when",
    kind: WordKind::Control,
    params: &[
        Param::new("condition", Type::Condition, "looked at after each epoch and each measurement").varies(Varies::All)
    ],
    on: false,
    with: false,
    block: true,
    doc: "in the block of a training step: these steps each time that the condition becomes true",
    example: "train 50 { when clean > 90% { stop } }",
    lower: Lower::Statement(misplaced),
};

pub static STOP: Word = Word {
    name: "stop",
    kind: WordKind::Step,
    params: &[],
    on: false,
    with: false,
    block: false,
    doc: "in an `every` or `when`: ends the training step that it belongs to",
    example: "train 50 { when clean > 90% { stop } }",
    lower: Lower::Statement(stop),
};

/// An `every` or `when` that stands elsewhere than in a training step's block.
fn misplaced<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let word = &written.simple.word;
    if let Some(block) = &written.simple.block {
        cx.hosts += 1;
        cx.scratch(|cx| drop(lower_block(cx, block, String::new())));
        cx.hosts -= 1;
    }
    let message = format!("`{}` stands in the block of a training step", word.text);
    let header = cx.folded(Span { end: written.bound.spans[0].end, ..word.span });
    let d = Diagnostic::new(Code::BAD_STEP_PLACE, word.span, message);
    cx.report(d.help(format!("write it in one: `train 50 {{ {header} {{ … }} }}`")));
}

fn stop<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    if cx.hosts == 0 {
        let message = "`stop` ends a training step from within, and here is none around it";
        let d = Diagnostic::new(Code::BAD_STEP_PLACE, written.word(), message);
        let help = "write `train 50 { when clean > 90% { stop } }`; a run is ended by `guard clean > 50% else stop`";
        return cx.report(d.help(help));
    }
    cx.emit(written.span, Op::Stop);
}

impl<'a> Context<'a> {
    /// The triggers in the block of a training step; its settings and duration, where they are known.
    pub(super) fn triggers(&mut self, written: &Written<'a>, host: Option<(Arc<Settings>, Value)>) -> Vec<Trigger> {
        let Some(block) = &written.simple.block else { return Vec::new() };
        self.program.first_step.get_or_insert(written.span);
        let mut triggers = Vec::new();
        let path = self.next_path();
        if !self.only_triggers(written, block) {
            return triggers;
        }
        let rows = self.head_classes;
        self.hosts += 1;
        self.scopes.push();
        self.index.enter(block.span);
        for statement in &block.statements {
            if let (Some((word, simple)), false) = (trigger(statement), self.is_full()) {
                let id = format!("{path}.{}", triggers.len() + 1);
                triggers.extend(self.trigger(word, simple, statement.span, id, host.as_ref()));
                self.same_head(rows, simple.word.span, written);
            }
        }
        self.index.leave();
        self.leave_scope();
        self.hosts -= 1;
        triggers
    }

    /// Whether a training step's block holds nothing but triggers; what else there is, is told.
    fn only_triggers(&mut self, written: &Written<'a>, block: &'a Block) -> bool {
        let mut others: Vec<&'a Statement> = Vec::new();
        for statement in block.statements.iter().filter(|s| trigger(s).is_none()) {
            match &statement.kind {
                StatementKind::Simple(simple) if super::find(&simple.word.text).is_none() => {
                    self.simple_trigger(simple)
                }
                StatementKind::Error => {}
                _ => others.push(statement),
            }
        }
        let Some(first) = others.first() else { return true };
        let word = &written.simple.word.text;
        let message = format!("the block of `{word}` holds `every` and `when` only");
        let settings = block.statements.iter().all(is_setting);
        // At the brace where all of it is meant for another place, as a misplaced one is told.
        let brace = Span { end: block.span.start + 1, ..block.span };
        let span = if others.len() == block.statements.len() { brace } else { first.span };
        let d = Diagnostic::new(Code::BAD_STEP_PLACE, span, message);
        self.report(match (settings, &written.simple.with) {
            (true, None) => {
                let edit = vec![Edit { span: block.span.before(), text: "with ".into() }];
                let d = d.help("settings for one step stand in `with { … }`");
                d.with_fix("write `with`", Applicability::Safe, edit)
            }
            (false, _) if is_setting(first) => d.help("settings for one step stand in `with { … }`, before its block"),
            (true, _) => d.help("settings for one step stand in its `with { … }`"),
            (false, _) if matches!(first.kind, StatementKind::If { .. }) => {
                let word = Span { end: first.span.start + 2, ..first.span };
                let d = d.help("between its steps, `when` is what `if` is elsewhere: `when clean > 80% { … }`");
                d.maybe_fix("write `when`", word, "when")
            }
            (false, _) => d.help("say when: `every 5 epochs { … }` or `when clean > 80% { … }`; or write it below"),
        });
        span != brace
    }

    /// A word that is none of the language's where `every` or `when` should stand.
    fn simple_trigger(&mut self, simple: &'a Simple) {
        match self.scopes.get(&simple.word.text) {
            None => self.unknown_statement(simple),
            Some(_) => {
                let message = format!("`{}` stands here without saying when", simple.word.text);
                let d = Diagnostic::new(Code::BAD_STEP_PLACE, simple.word.span, message);
                self.report(d.help("say when: `every 5 epochs { … }` or `when clean > 80% { … }`"));
            }
        }
    }

    fn trigger(
        &mut self,
        word: &'static Word,
        simple: &'a Simple,
        span: Span,
        id: String,
        host: Option<&(Arc<Settings>, Value)>,
    ) -> Option<Trigger> {
        self.index.means(simple.word.span, Sense::Word(word));
        self.misplaced_parts(word, simple);
        let owner = Owner { name: word.name, span: simple.word.span, callee: Callee::Word(word) };
        // Without a block, what stands behind the first argument may be what should be in it.
        let (arguments, rest) = match simple.block {
            None if simple.arguments.len() > 1 => simple.arguments.split_at(1),
            _ => (&simple.arguments[..], &[][..]),
        };
        let mut bound = self.bind(word.params, arguments, owner);
        self.refuse_varying(word, &mut bound);
        let Some(block) = &simple.block else {
            if bound.whole() {
                self.no_block(simple, &bound, rest);
            }
            return None;
        };
        let text = self.one_line(Span { end: bound.spans[0].end, ..span });
        let every = word == &EVERY;
        let due = if every { every_due(&bound) } else { self.when_due(&bound, block) };
        let certain = every && host.zip(due.as_ref()).is_some_and(|(host, due)| is_due(host, due));
        let body = self.trigger_body(block, format!("{id}.{}.", word.name), every, certain);
        Some(Trigger { id, span, text, due: due?, body })
    }

    /// `rest`: arguments too many, which may be the steps that lack their braces.
    fn no_block(&mut self, simple: &'a Simple, bound: &Bound, rest: &'a [Argument]) {
        self.only_names(rest);
        let message = format!("`{}` has no block that says what happens", simple.word.text);
        let d = Diagnostic::new(Code::BAD_STEP_PLACE, simple.word.span, message);
        let header = self.folded(Span { end: bound.spans[0].end, ..simple.word.span });
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
            return self.report(d.help(format!("put the steps behind it in braces: `{header} {{ forget head 10% }}`")));
        };
        let steps = first.span.to(last.span);
        let edit = |span: Span, text: &str| Edit { span, text: text.into() };
        let edits = vec![edit(steps.before(), "{ "), edit(steps.after(), " }")];
        let d = d.help(format!("put the steps in braces: `{header} {{ {} }}`", self.folded(steps)));
        self.report(d.with_fix("put the braces", Applicability::Unsafe, edits));
    }

    fn when_due(&mut self, bound: &Bound, block: &Block) -> Option<Due> {
        let (condition, span) = (bound.value("condition")?, bound.span("condition"));
        let settings = self.fitting_settings(span)?;
        let condition = self.condition(condition, &settings, span)?;
        lints::condition_on_test_data(self, &condition, &settings, span);
        lints::idle_condition(self, &condition, span, block);
        Some(Due::When { condition, settings })
    }

    /// Steps that run between those of a training step. `every`: the clocks of schedules go on in them; `certain`: they
    /// run once at least.
    fn trigger_body(&mut self, block: &'a Block, prefix: String, every: bool, certain: bool) -> Vec<Step> {
        let outer = self.current.clone();
        if !every && outer.held_clocks != outer.clocks {
            self.current.held_clocks = outer.clocks.clone();
        }
        self.conditional += usize::from(!certain);
        let body = lower_block(self, block, prefix).steps;
        self.conditional -= usize::from(!certain);
        self.current = outer;
        body
    }

    /// The step goes on with its own data behind a trigger, so its head must be as it was.
    fn same_head(&mut self, rows: usize, trigger: Span, written: &Written<'_>) {
        if self.head_classes != rows {
            let word = &written.simple.word.text;
            let message =
                format!("the head has {} rows behind this, but `{word}` goes on with {rows}", self.head_classes);
            let d = Diagnostic::new(Code::CLASS_COUNT, trigger, message);
            self.report(d.help("give it its rows back within the block: `zap head` under the data of the step"));
            self.head_classes = rows;
        }
    }
}

/// The word of an `every` or `when`.
fn trigger(statement: &Statement) -> Option<(&'static Word, &Simple)> {
    let StatementKind::Simple(simple) = &statement.kind else { return None };
    let word = [&EVERY, &WHEN].into_iter().find(|w| w.name == simple.word.text)?;
    Some((word, simple))
}

fn is_setting(statement: &Statement) -> bool {
    let (StatementKind::Simple(simple) | StatementKind::Assignment { simple, .. }) = &statement.kind else {
        return false;
    };
    super::find(&simple.word.text).is_some_and(|w| w.kind == WordKind::Setting)
}

fn every_due(bound: &Bound) -> Option<Due> {
    match bound.value("time")? {
        Value::Duration(time) => Some(Due::Every(*time)),
        _ => None,
    }
}

/// Whether an `every` is due once at least while its host trains.
fn is_due((settings, duration): &(Arc<Settings>, Value), due: &Due) -> bool {
    let (Due::Every(every), Value::Duration(time)) = (due, duration) else { return false };
    let steps = |d: Duration| d.steps(settings.steps_per_epoch());
    steps(*every).zip(steps(*time)).is_some_and(|(every, time)| every <= time)
}
