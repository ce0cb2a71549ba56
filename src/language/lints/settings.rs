//! Settings that no step uses.

use super::super::edits;
use super::super::settings::How;
use super::visit;
use crate::components::{Duration, Value};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::language::context::Context;
use crate::language::program::{Op, Program, Train};
use crate::language::statements::Word;
use crate::source::{Sources, Span};
use std::collections::{BTreeMap, HashMap};

/// What is seen of the settings of a program as it is read.
#[derive(Debug, Default)]
pub(in crate::language) struct Notes {
    made: Vec<Made>,
    by_span: HashMap<Span, usize>,
    /// settings that add up, each with the one before it
    added: Vec<Link>,
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
    /// how often it measures while training goes on, or takes weights into a memory
    pub every: Option<Duration>,
    /// it measures around changes of weights
    at_forget: bool,
}

/// The newest settings in force of words that add up: indices of their links in the notes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::language) struct Added {
    freezing: Option<usize>,
    measuring: Option<usize>,
}

/// A setting that was added to others.
#[derive(Debug)]
struct Link {
    /// index of what was made
    made: usize,
    before: Option<usize>,
    /// by what sort of step: one was read under it, and so under all before it
    seen: [bool; 2],
}

/// Sorts of steps that measurements are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Training,
    /// changes of weights
    Change,
}

/// The first setting that takes the place of another.
#[derive(Clone, Copy, Debug)]
struct Replaced {
    by: Span,
    /// there is no step between
    at_once: bool,
}

/// Settings of the whole run, which need no step.
const OF_THE_RUN: [&str; 7] = ["seed", "device", "threads", "precision", "recompute", "budget", "model"];

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

    /// How often the setting at that place measures, or takes weights into a memory.
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

    /// A step of that sort is under the setting of a link and all before it. Those that were seen before are not looked
    /// at again.
    fn use_added(&mut self, mut link: Option<usize>, sort: Sort, uses: impl Fn(&Made) -> bool) {
        while let Some(Link { made, before, seen }) = link.map(|i| &mut self.added[i]) {
            if std::mem::replace(&mut seen[sort as usize], true) {
                return;
            }
            let made = &mut self.made[*made];
            made.used |= uses(made);
            link = *before;
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
        if let Some(newest) = self.current.added.of(word.name) {
            let link = Link { made: index, before: *newest, seen: [false; 2] };
            *newest = Some(self.notes.added.len());
            return self.notes.added.push(link);
        }
        let steps = self.frames.iter().map(|f| f.steps.len()).sum();
        if let Some(i) = self.current.made.iter().position(|(w, ..)| *w == word.name) {
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
        let newest = self.current.added.measuring;
        let own = newest.filter(|i| self.notes.made[self.notes.added[*i].made].span == at);
        if let Some(link) = own {
            self.notes.added[link].before = None;
        }
        self.current.added.measuring = own;
    }

    /// Notes which settings a step uses.
    pub(in crate::language) fn settings_used(&mut self, op: &Op) {
        self.notes.learned |= matches!(op, Op::Train(_) | Op::Load { .. });
        for (word, index, _) in &self.current.made {
            let made = &mut self.notes.made[*index];
            made.used |= uses(op, word);
        }
        let Added { freezing, measuring } = self.current.added;
        if matches!(op, Op::Train(_)) {
            self.notes.use_added(freezing, Sort::Training, |_| true);
        }
        for sort in measured_for(op) {
            self.notes.use_added(measuring, *sort, |made| made.at_forget == (*sort == Sort::Change));
        }
    }
}

impl Added {
    /// The newest setting of that word, if it is one of those that add up.
    fn of(&mut self, word: &str) -> Option<&mut Option<usize>> {
        match word {
            "freeze" | "thaw" => Some(&mut self.freezing),
            "measure" => Some(&mut self.measuring),
            _ => None,
        }
    }
}

/// The sorts of measurements that matter to a step.
fn measured_for(op: &Op) -> &'static [Sort] {
    match op {
        Op::Train(_) | Op::Expect { .. } | Op::If { .. } | Op::Guard(_) | Op::Repeat { until: Some(_), .. } => {
            &[Sort::Training]
        }
        Op::Forget(_) | Op::Zap(_) | Op::Load { .. } | Op::Merge { .. } => &[Sort::Change],
        Op::Evaluate(_) => &[Sort::Training, Sort::Change],
        _ => &[],
    }
}

/// Whether the setting, one that does not add up, can change what a step does.
fn uses(op: &Op, word: &str) -> bool {
    match (op, word) {
        (Op::Train(train), "memory") => train.settings.memory.is_none() || train.memory().is_some(),
        (Op::Train(train), "recall") => {
            // `none` is there to take others away.
            let settings = &train.settings;
            settings.recall.is_empty() || Train::recalled(train.word, settings).next().is_some()
        }
        (_, "data") | (Op::Train(_), _) => true,
        (Op::Forget(forget), "optimizer") => forget.moments != "keep",
        (Op::Forget(forget), "batch" | "objective") => {
            matches!(&forget.by, Value::Component(by) if by.name() == "saliency")
        }
        (
            Op::Evaluate(_) | Op::Expect { .. } | Op::If { .. } | Op::Guard(_) | Op::Repeat { until: Some(_), .. },
            "objective" | "keep",
        ) => true,
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
