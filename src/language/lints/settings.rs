//! Settings that no step uses.

use super::super::edits;
use super::super::settings::How;
use super::visit;
use crate::components::{Duration, Value};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::language::context::Context;
use crate::language::program::{Op, Program};
use crate::language::statements::Word;
use crate::source::{Sources, Span};
use std::collections::{BTreeMap, HashMap};

/// What is seen of the settings of a program as it is read.
#[derive(Debug, Default)]
pub(in crate::language) struct Notes {
    made: Vec<Made>,
    by_span: HashMap<Span, usize>,
    /// by place of `freeze`, `thaw` and `train_only`: which it is, and whether it ever changed what is trained
    freezes: BTreeMap<Span, (How, bool)>,
    /// a step was read that learns, or loads what was learned
    pub learned: bool,
}

/// One setting as it was written.
#[derive(Debug)]
pub(super) struct Made {
    pub word: &'static str,
    /// its word's place
    pub span: Span,
    pub statement: Span,
    /// a step was read under it that it can change
    pub used: bool,
    /// another one took its place, be it only for a block
    replaced: Option<Replaced>,
    /// it was only seen where nothing runs: in a phase that is never called
    scratch: bool,
    /// how often it measures while training goes on
    pub every: Option<Duration>,
    /// it measures around changes of weights
    at_forget: bool,
}

/// The first setting that takes the place of another.
#[derive(Clone, Copy, Debug)]
struct Replaced {
    by: Span,
    /// there is no step between
    at_once: bool,
}

/// Settings that stand beside earlier ones of their word.
const ADDS_UP: [&str; 3] = ["freeze", "thaw", "measure"];

/// Settings of the whole run, which need no step.
const OF_THE_RUN: [&str; 5] = ["seed", "device", "threads", "precision", "model"];

impl Notes {
    /// A `freeze` or its like in force at a step.
    pub fn freeze(&mut self, span: Span, how: How, changes: bool) {
        self.freezes.entry(span).or_insert((how, false)).1 |= changes;
    }

    /// Those that never changed what is trained.
    pub(super) fn idle_freezes(&self) -> Vec<(Span, How)> {
        self.freezes.iter().filter(|(_, (_, changed))| !changed).map(|(span, (how, _))| (*span, *how)).collect()
    }

    /// The settings that some step uses.
    pub(super) fn in_use(&self) -> impl Iterator<Item = &Made> {
        self.made.iter().filter(|m| m.used && !m.scratch)
    }

    /// How often the setting at that place measures.
    pub fn measures(&mut self, span: Span, every: Duration) {
        if let Some(index) = self.by_span.get(&span) {
            self.made[*index].every = Some(every);
        }
    }

    /// The measurement at that place is made around changes of weights.
    pub fn measures_at_forget(&mut self, span: Span) {
        if let Some(index) = self.by_span.get(&span) {
            self.made[*index].at_forget = true;
        }
    }

    fn make(&mut self, word: &Word, span: Span, statement: Span) -> usize {
        let next = self.made.len();
        let index = *self.by_span.entry(span).or_insert(next);
        if index == next {
            let made = Made {
                word: word.name,
                span,
                statement,
                used: false,
                replaced: None,
                scratch: true,
                every: None,
                at_forget: false,
            };
            self.made.push(made);
        }
        index
    }
}

impl Context<'_> {
    /// A setting is made here, perhaps in place of another one.
    pub(in crate::language) fn setting_made(&mut self, word: &Word, span: Span, statement: Span) {
        let index = self.notes.make(word, span, statement);
        self.notes.made[index].scratch &= self.scratch;
        let steps = self.frames.iter().map(|f| f.steps.len()).sum();
        if !ADDS_UP.contains(&word.name)
            && let Some(i) = self.current.made.iter().position(|(w, ..)| *w == word.name)
        {
            let (_, old, then) = self.current.made.remove(i);
            let replaced = &mut self.notes.made[old].replaced;
            if old != index && replaced.is_none() {
                *replaced = Some(Replaced { by: span, at_once: then == steps });
            }
        }
        self.current.made.push((word.name, index, steps));
    }

    /// Where the setting of that word stands that holds here, if it isn't the default.
    pub(super) fn setting_in_force(&self, word: &str) -> Option<Span> {
        self.current.made(word).map(|index| self.notes.made[index].statement)
    }

    /// `measure none`: the measurements so far end here.
    pub(in crate::language) fn measures_end(&mut self, at: Span) {
        let notes = &self.notes.made;
        self.current.made.retain(|(word, i, _)| *word != "measure" || notes[*i].span == at);
    }

    /// Notes which settings a step uses.
    pub(in crate::language) fn settings_used(&mut self, op: &Op) {
        self.notes.learned |= matches!(op, Op::Train(_) | Op::Load { .. });
        for (word, index, _) in &self.current.made {
            let made = &mut self.notes.made[*index];
            made.used |= uses(op, word, made.at_forget);
        }
        // Nothing takes the place of these, so once used they needn't be looked at again.
        let done = |made: &(&str, usize, usize)| ["freeze", "thaw"].contains(&made.0) && self.notes.made[made.1].used;
        if self.current.made.iter().any(done) {
            self.current.made.retain(|made| !done(made));
        }
    }
}

/// Whether the setting can change what a step does; `at_forget`: it measures around changes of weights.
fn uses(op: &Op, word: &str, at_forget: bool) -> bool {
    match (op, word) {
        (_, "data") => true,
        (Op::Train(_), "measure") => !at_forget,
        (Op::Train(_), _) => true,
        (Op::Forget(_) | Op::Zap(_) | Op::Load { .. }, "measure") => at_forget,
        (Op::Forget(forget), "optimizer") => forget.moments == "clear",
        (Op::Forget(forget), "batch" | "objective") => {
            matches!(&forget.by, Value::Component(by) if by.name() == "saliency")
        }
        (Op::Expect { .. } | Op::If { .. }, "measure") => !at_forget,
        (Op::Evaluate(_) | Op::Expect { .. } | Op::If { .. }, "objective" | "measure" | "keep") => true,
        _ => false,
    }
}

/// Settings that hold for no step. A program of settings alone is being begun, or is there to be read.
pub(super) fn unused(cx: &mut Context<'_>, program: &Program) {
    let mut works = false;
    visit(&program.body, &mut |step| works |= !matches!(step.op, Op::Schedule { .. } | Op::FreshOptimizer { .. }));
    if !works {
        return;
    }
    let idle = |m: &&Made| !m.used && !m.scratch && !OF_THE_RUN.contains(&m.word);
    let found: Vec<Diagnostic> = cx.notes.made.iter().filter(idle).map(|m| without_effect(m, cx.sources)).collect();
    found.into_iter().for_each(|d| cx.report(d));
}

fn without_effect(made: &Made, sources: &Sources) -> Diagnostic {
    let word = made.word;
    if let Some(Replaced { by, at_once: true }) = made.replaced {
        let message = format!("`{word}` is set again with no step between");
        let d = Diagnostic::new(Code::SETTING_TWICE, by, message).label(made.span, "this one has no effect");
        return removing(d.help("keep one of them"), "remove the first", made.statement, sources);
    }
    let steps = match word {
        "data" => "step",
        "measure" if made.at_forget => "`forget` or `zap`",
        _ => "training step",
    };
    let mut d = Diagnostic::new(Code::UNUSED_SETTING, made.span, format!("no {steps} uses this `{word}`"));
    if let Some(again) = made.replaced {
        d = d.label(again.by, "set again here");
    }
    let help = "settings hold from where they stand to the end of their block; move it up, or leave it out";
    removing(d.help(help), "remove it", made.statement, sources)
}

/// Offers to remove a statement: what is left means the same, but another thing may have been meant.
fn removing(d: Diagnostic, title: &str, statement: Span, sources: &Sources) -> Diagnostic {
    let edit = Edit { span: edits::with_line(statement, sources), text: String::new() };
    d.with_fix(title, Applicability::Unsafe, vec![edit])
}
