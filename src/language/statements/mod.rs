//! The table of words. Only words that work are in it; a new statement is one file here and one line below.

mod adapt;
pub(super) mod checkpoint;
mod control;
mod data;
mod evaluate;
mod expect;
mod export;
mod forget;
mod freeze;
mod guard;
mod machine;
mod measure;
mod memory;
mod model;
mod optimizer;
mod protect;
mod texts;
mod train;
mod triggers;
mod until;
mod varying;
mod zap;

use super::arguments::{Bound, Owner};
use super::context::Context;
use super::index::{Callee, Sense};
use crate::components::Param;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::tree::{Argument, Expr, ExprKind, Simple};
use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) use control::{lower_block, lower_statements};

/// The four kinds of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    Declaration,
    Setting,
    Step,
    Control,
}

/// One word of the language, described.
pub struct Word {
    pub name: &'static str,
    pub kind: WordKind,
    pub params: &'static [Param],
    /// may have `on SPLIT`
    pub on: bool,
    /// may have `with { … }`
    pub with: bool,
    /// may have a block: of steps, or a training step's of `every` and `when`
    pub block: bool,
    /// one line
    pub doc: &'static str,
    pub example: &'static str,
    /// what it adds to the program; words with a production of their own are lowered elsewhere
    pub(super) lower: Lower,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        self.name == other.name
    }
}

#[derive(Clone, Copy)]
pub(super) enum Lower {
    Statement(for<'a> fn(&mut Context<'a>, &Written<'a>)),
    /// `let`, `repeat` …: the grammar's own productions
    Production,
}

/// A statement as it was written, its arguments fitted to its parameters.
pub(super) struct Written<'a> {
    pub simple: &'a Simple,
    /// the whole statement
    pub span: Span,
    pub bound: Bound,
}

impl Written<'_> {
    /// Where the statement's word stands.
    pub fn word(&self) -> Span {
        self.simple.word.span
    }
}

/// All words, in the order in which they are listed.
pub static WORDS: &[&Word] = &[
    &train::TRAIN,
    &train::CONSOLIDATE,
    &train::RELEARN,
    &train::LEARN,
    &forget::FORGET,
    &zap::ZAP,
    &evaluate::EVALUATE,
    &export::EXPORT,
    &checkpoint::CHECKPOINT,
    &checkpoint::ROLLBACK,
    &expect::EXPECT,
    &triggers::STOP,
    &machine::SEED,
    &machine::DEVICE,
    &machine::THREADS,
    &machine::PRECISION,
    &machine::RECOMPUTE,
    &machine::BUDGET,
    &data::DATA,
    &data::AUGMENT,
    &data::BATCH,
    &data::ACCUMULATE,
    &texts::MAX_LENGTH,
    &texts::DIVERSIFY,
    &texts::REPLAY,
    &model::MODEL,
    &model::WEIGHTS,
    &adapt::ADAPT,
    &protect::PROTECT,
    &protect::MERGE,
    &optimizer::OPTIMIZER,
    &optimizer::LR,
    &optimizer::OBJECTIVE,
    &memory::MEMORY,
    &memory::RECALL,
    &freeze::FREEZE,
    &freeze::THAW,
    &freeze::TRAIN_ONLY,
    &measure::MEASURE,
    &measure::KEEP,
    &control::LET,
    &control::PARAM,
    &control::PHASE,
    &control::USE,
    &control::REPEAT,
    &until::REPEAT_UNTIL,
    &control::FOR,
    &control::IF,
    &triggers::EVERY,
    &triggers::WHEN,
    &guard::GUARD,
];

/// The word of that name. It is asked of each word of a text, of some several times.
pub fn find(name: &str) -> Option<&'static Word> {
    static BY_NAME: LazyLock<HashMap<&str, &Word>> = LazyLock::new(|| WORDS.iter().map(|w| (w.name, *w)).collect());
    BY_NAME.get(name).copied()
}

/// Whether it is a word of the table whose statements are of the generic form.
pub(super) fn takes_arguments(name: &str) -> bool {
    find(name).is_some_and(|w| matches!(w.lower, Lower::Statement(_)))
}

/// Where among the unnamed arguments of a word its list begins, if it takes one: at 0 in `measure clean, robust`.
pub(super) fn list_from(name: &str) -> Option<usize> {
    let by_position = find(name)?.params.iter().filter(|p| !p.named);
    by_position.into_iter().position(|p| p.many)
}

impl<'a> Context<'a> {
    /// Lowers `word arguments …`: a statement of the table, or the call of a phase.
    pub(in crate::language) fn simple(&mut self, simple: &'a Simple, span: Span) {
        let name = simple.word.text.as_str();
        if let Some(word) = find(name) {
            return self.word(word, simple, span);
        }
        if self.call_phase(simple, span) {
            return;
        }
        self.unknown_statement(simple);
    }

    fn word(&mut self, word: &'static Word, simple: &'a Simple, span: Span) {
        self.index.means(simple.word.span, Sense::Word(word));
        self.misplaced_parts(word, simple);
        let Lower::Statement(lower) = word.lower else { return };
        if simple.called && !word.params.is_empty() {
            let d = Diagnostic::new(
                Code::WRONG_TYPE,
                simple.word.span,
                format!("`{}` is a statement, and is not called", word.name),
            );
            let d = d.help(format!("write it without brackets: `{}`", word.example));
            self.report(super::advice::without_brackets(d, simple, self.sources));
        }
        let owner = Owner { name: word.name, span: simple.word.span, callee: Callee::Word(word) };
        let mut bound = self.bind(word.params, &simple.arguments, owner);
        self.refuse_varying(word, &mut bound);
        if word.kind == WordKind::Setting {
            if bound.whole() {
                self.setting_made(word, simple.word.span, span);
            }
            self.current.poisoned |= !bound.whole() && matches!(word.name, "data" | "model");
        }
        lower(self, &Written { simple, span, bound });
    }

    fn misplaced_parts(&mut self, word: &Word, simple: &Simple) {
        let mut refuse = |span: Span, part: &str, help: &str| {
            let d = Diagnostic::new(Code::BAD_STEP_PLACE, span, format!("`{}` has no {part}", word.name));
            self.report(d.help(help));
        };
        if let Some(Expr { span, .. }) = simple.on.as_ref().filter(|_| !word.on) {
            refuse(*span, "`on`", "`on SPLIT` belongs to `evaluate`");
        }
        if let Some(with) = simple.with.as_ref().filter(|_| !word.with) {
            refuse(with.span, "`with` block", "`with { … }` belongs to training steps");
        }
        // That a guard lacks its `else` is told where it is lowered.
        if let Some(block) = simple.block.as_ref().filter(|_| !word.block && word != &guard::GUARD) {
            // At the brace, where a misplaced one is told.
            let brace = Span { end: block.span.start + 1, ..block.span };
            refuse(brace, "block", "put the statements on lines of their own");
        }
        if let Some(otherwise) = simple.otherwise.as_ref().filter(|_| word != &guard::GUARD) {
            refuse(otherwise.word.span, "`else`", "`else` belongs to `if`");
        }
    }

    pub(in crate::language) fn unknown_statement(&mut self, simple: &'a Simple) {
        self.only_names(&simple.arguments);
        for block in simple.with.iter().chain(&simple.block) {
            self.silently(|cx| {
                cx.scratch(|cx| {
                    lower_block(cx, block, String::new());
                })
            });
        }
        let (name, span) = (simple.word.text.as_str(), simple.word.span);
        let of = |message: String| Diagnostic::new(Code::UNKNOWN_STATEMENT, span, message);
        if let Some(instead) = super::suggest::later(name) {
            return self.report(of(format!("this version has no `{name}` yet")).help(instead));
        }
        let d = of(format!("there is no statement `{name}`"));
        if let Some((ours, text)) = super::suggest::foreign_statement(name) {
            let d = d.at(format!("`{ours}` does this here")).help(text);
            return self.report(super::advice::rename_statement(d, simple, ours));
        }
        if let Some(member) = self.any_member(name) {
            return self.report(super::advice::advise_member(d, member, span));
        }
        let guesses = self.scopes.closest(name, WORDS.iter().map(|w| w.name));
        let d = super::arguments::guessed(d, name, span, &guesses);
        let value = match &simple.arguments[..] {
            [Argument { value: Expr { kind: ExprKind::Name(name), .. }, .. }] => self.any_member(name),
            _ => None,
        };
        self.report(match value.and_then(super::advice::word_before) {
            _ if d.help.is_some() => d,
            Some((word, member)) => d.help(format!("write `{word} {member} …`")),
            None => d.help("`fsched list statements` shows all of them"),
        });
    }
}
