//! What each place of a text means: the names and their uses, what words stand for, which argument is for which
//! parameter, what selectors hit. [`super::analyze`] notes it while it lowers, in files with mistakes too; editors ask it.
//!
//! Everything lies in vectors that are sorted once, so questions are binary searches.

mod notes;
mod recorder;
mod selections;
mod totals;
pub mod words;

pub(super) use recorder::Recorder;
pub use selections::{Hit, Hits, Selection, grouped};
pub use totals::{Amount, BlockTotals, Training};

use super::program::Model;
use super::statements::Word;
use crate::components::{Member, Param, Split, Type, Unit};
use crate::source::{FileId, Span};
use std::sync::Arc;

/// What kind of name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefinitionKind {
    Let,
    Param,
    Phase,
    /// a parameter of a phase
    PhaseParameter,
    LoopVariable,
    /// the name that `checkpoint "…"` gives; its span is the text in quotes
    Checkpoint,
}

/// A name, where it is made.
#[derive(Clone, Debug)]
pub struct Definition {
    pub name: String,
    /// of the name itself
    pub span: Span,
    pub kind: DefinitionKind,
    /// the type, as people call it; empty where it isn't known
    pub ty: String,
    /// the value as it would be written; for a phase, its parameters
    pub shown: String,
    /// what its author says of it
    pub doc: Option<String>,
    /// where it may be used in its own file; the text behind it, or a body
    pub scope: Span,
    /// a top-level name: also known in files that import this one
    pub outermost: bool,
    /// what it selects, where it is a selector
    pub selection: Option<Selection>,
    /// the names of the parameters, where it is a phase
    pub parameters: Vec<Span>,
}

/// Whose arguments they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Callee {
    Word(&'static Word),
    Member(&'static Member),
    /// `params("glob")`
    Params,
    /// a phase, by the span of its name
    Phase(Span),
}

/// What a word means where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sense {
    /// a statement's word
    Word(&'static Word),
    Member(&'static Member),
    /// the name of an argument
    Parameter(Callee, &'static Param),
    /// one of a parameter's words
    Choice,
    /// `layers`, `head`, `conv` …
    Selector,
    Unit(Unit),
    Split(Split),
    /// the type in `param p: Share`
    Type,
}

/// The parameter that an argument is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parameter {
    Described(&'static Param),
    /// of a phase, by the span of its name
    Phase(Span),
}

/// An argument, fitted to its parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Argument {
    pub span: Span,
    /// its value alone
    pub value: Span,
    pub callee: Callee,
    pub parameter: Parameter,
    /// written with its name
    pub named: bool,
}

impl Argument {
    /// The type that its place takes; `None` for a phase's parameter.
    pub fn expected(&self) -> Option<&'static Type> {
        match self.parameter {
            Parameter::Described(param) => match (&param.ty, param.many) {
                (Type::List(entry), true) => Some(entry),
                (ty, _) => Some(ty),
            },
            Parameter::Phase(_) => None,
        }
    }
}

/// A name where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub span: Span,
    /// the span of the definition's name
    pub definition: Span,
}

/// A data set where a `data` statement names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataNote {
    pub span: Span,
    /// channels, height, width
    pub shape: [usize; 3],
    pub classes: usize,
    /// images to train, validate and test
    pub counts: [usize; 3],
}

/// All that was noted of a program's texts.
#[derive(Debug, Default)]
pub struct Index {
    definitions: Vec<Definition>,
    uses: Vec<Use>,
    /// the same, by definition
    uses_of: Vec<Use>,
    senses: Vec<(Span, Sense)>,
    arguments: Vec<Argument>,
    selections: Vec<Selection>,
    data: Vec<DataNote>,
    durations: Vec<(Span, u64)>,
    numbers: Vec<(Span, f64)>,
    blocks: Vec<BlockTotals>,
    imports: Vec<(Span, FileId)>,
    /// of the whole program, as far as it could be read
    pub total: Amount,
    /// the program's model, where it is known
    pub model: Option<Arc<Model>>,
    /// checkpoints that are named by something else than a text in quotes
    unnamed_checkpoints: Vec<(String, Span)>,
}

impl Index {
    /// All names, by place.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The definition whose name has this span.
    pub fn definition(&self, span: Span) -> Option<&Definition> {
        let at = self.definitions.binary_search_by_key(&span, |d| d.span).ok()?;
        Some(&self.definitions[at])
    }

    /// The name at a byte, where it is made or used: its own span there, and its definition.
    pub fn name_at(&self, file: FileId, offset: usize) -> Option<(Span, &Definition)> {
        if let Some(used) = at(&self.uses, |u| u.span, file, offset) {
            return self.definition(used.definition).map(|d| (used.span, d));
        }
        at(&self.definitions, |d| d.span, file, offset).map(|d| (d.span, d))
    }

    /// Where a name is used, by place; its definition is not among them.
    pub fn uses_of(&self, definition: Span) -> &[Use] {
        let from = self.uses_of.partition_point(|u| u.definition < definition);
        let to = self.uses_of.partition_point(|u| u.definition <= definition);
        &self.uses_of[from..to]
    }

    /// What the word at a byte means.
    pub fn sense_at(&self, file: FileId, offset: usize) -> Option<(Span, Sense)> {
        at(&self.senses, |m| m.0, file, offset).copied()
    }

    /// All words of a text with what they mean, by place.
    pub fn senses(&self, file: FileId) -> &[(Span, Sense)] {
        of_file(&self.senses, |m| m.0, file)
    }

    /// All uses of names in a text, by place.
    pub fn uses(&self, file: FileId) -> &[Use] {
        of_file(&self.uses, |u| u.span, file)
    }

    /// The innermost argument that holds a byte.
    pub fn argument_at(&self, file: FileId, offset: usize) -> Option<&Argument> {
        let here = of_file(&self.arguments, |a| a.span, file);
        let end = here.partition_point(|a| a.span.start as usize <= offset);
        here[..end].iter().rev().find(|a| offset <= a.span.end as usize)
    }

    /// The arguments of a text that begin in a range of bytes, by place.
    pub fn arguments(&self, file: FileId, range: std::ops::Range<usize>) -> &[Argument] {
        within(of_file(&self.arguments, |a| a.span, file), |a| a.span, range)
    }

    /// What the selector here hits; several where a phase is called several times with different shares.
    pub fn selections_at(&self, file: FileId, offset: usize) -> Vec<&Selection> {
        let here = of_file(&self.selections, |s| s.span, file);
        let end = here.partition_point(|s| s.span.start as usize <= offset);
        let Some(innermost) = here[..end].iter().rev().find(|s| offset <= s.span.end as usize) else { return vec![] };
        here[..end].iter().filter(|s| s.span == innermost.span).collect()
    }

    /// The data set that is named at a byte.
    pub fn data_at(&self, file: FileId, offset: usize) -> Option<&DataNote> {
        at(&self.data, |d| d.span, file, offset)
    }

    /// Steps in an epoch at the training step whose duration is written here.
    pub fn steps_per_epoch(&self, file: FileId, offset: usize) -> Option<(Span, u64)> {
        at(&self.durations, |d| d.0, file, offset).copied()
    }

    /// What a piece of arithmetic comes to; the innermost that holds the byte.
    pub fn number_at(&self, file: FileId, offset: usize) -> Option<(Span, f64)> {
        let here = of_file(&self.numbers, |n| n.0, file);
        let end = here.partition_point(|n| n.0.start as usize <= offset);
        here[..end].iter().rev().take(64).find(|n| offset <= n.0.end as usize).copied()
    }

    /// Training in the loops, blocks and calls of a text, by place.
    pub fn blocks(&self, file: FileId) -> &[BlockTotals] {
        of_file(&self.blocks, |b| b.span, file)
    }

    /// The text that the `use` statement at a byte brings in.
    pub fn import_at(&self, file: FileId, offset: usize) -> Option<FileId> {
        at(&self.imports, |i| i.0, file, offset).map(|i| i.1)
    }

    /// Names that may be used at a byte of a text, innermost first.
    pub fn in_scope(&self, file: FileId, offset: usize) -> Vec<&Definition> {
        let inside = |s: Span| s.start as usize <= offset && offset <= s.end as usize;
        let in_phase = self
            .definitions
            .iter()
            .any(|d| d.span.file == file && d.kind == DefinitionKind::PhaseParameter && inside(d.scope));
        let known = |d: &&Definition| match d.span.file == file {
            true => inside(d.scope) || (in_phase && d.outermost),
            false => d.outermost && self.imported_before(d.span.file, file, offset),
        };
        let mut names: Vec<_> = self.definitions.iter().filter(known).collect();
        names.sort_by_key(|d| (d.span.file != file, d.scope.end - d.scope.start, d.span));
        names
    }

    fn imported_before(&self, imported: FileId, file: FileId, offset: usize) -> bool {
        let statement = self.imports.iter().find(|i| i.1 == imported).map(|i| i.0);
        match statement {
            Some(span) if span.file == file => (span.end as usize) < offset,
            Some(span) => self.imported_before(span.file, file, offset),
            None => false,
        }
    }

    /// A place that makes or uses a checkpoint of that name without a text in quotes, so that it can't be renamed.
    pub fn checkpoint_named_elsewhere(&self, name: &str) -> Option<Span> {
        self.unnamed_checkpoints.iter().find(|(n, _)| n == name).map(|(_, span)| *span)
    }
}

/// The entry whose span holds a byte, of entries that don't overlap; at a border the one that begins there.
fn at<T>(entries: &[T], span: impl Fn(&T) -> Span, file: FileId, offset: usize) -> Option<&T> {
    let here = of_file(entries, &span, file);
    let end = here.partition_point(|e| span(e).start as usize <= offset);
    here[..end].last().filter(|e| offset <= span(e).end as usize)
}

fn of_file<T>(entries: &[T], span: impl Fn(&T) -> Span, file: FileId) -> &[T] {
    let from = entries.partition_point(|e| span(e).file < file);
    let to = entries.partition_point(|e| span(e).file <= file);
    &entries[from..to]
}

fn within<T>(entries: &[T], span: impl Fn(&T) -> Span, range: std::ops::Range<usize>) -> &[T] {
    let from = entries.partition_point(|e| (span(e).start as usize) < range.start);
    let to = entries.partition_point(|e| (span(e).start as usize) <= range.end);
    &entries[from..to.max(from)]
}
