//! What is noted while a program is lowered. Bodies of phases are lowered at each call; their words are noted once.

use super::selections::{Forgotten, Selection};
use super::{Argument, Callee, DataNote, Definition, DefinitionKind, Index, Parameter, Sense, Use, totals};
use crate::components::Param;
use crate::language::program::{Model, Step};
use crate::source::{FileId, Span};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The notes of one analysis, in the order in which they are made.
#[derive(Default)]
pub(in crate::language) struct Recorder {
    index: Index,
    /// blocks around this place, innermost last
    blocks: Vec<Span>,
    /// phases whose bodies have been lowered, by the span of their names
    seen: HashSet<Span>,
    /// bodies around this place that have been lowered before
    repeated: usize,
    /// places that name a checkpoint, and whether they make it
    checkpoints: Vec<(String, Span, bool)>,
}

impl Recorder {
    /// A word and what it means.
    pub fn means(&mut self, span: Span, meaning: Sense) {
        if self.repeated == 0 {
            self.index.senses.push((span, meaning));
        }
    }

    /// A use of a name.
    pub fn used(&mut self, span: Span, definition: Span) {
        if self.repeated == 0 {
            self.index.uses.push(Use { span, definition });
        }
    }

    /// What the name that is used at `span` stands for, where that is a value.
    pub fn value_behind(&self, span: Span) -> Option<&Definition> {
        let place = self.index.uses.iter().rfind(|used| used.span == span)?.definition;
        let definition = self.index.definitions.iter().find(|definition| definition.span == place)?;
        (!matches!(definition.kind, DefinitionKind::Phase | DefinitionKind::Checkpoint)).then_some(definition)
    }

    /// Notes a name that is made.
    pub fn define(&mut self, definition: Definition) {
        if self.repeated == 0 {
            self.index.definitions.push(definition);
        }
    }

    /// Notes an argument and where its name stands, if it has one.
    pub fn argument(&mut self, argument: Argument, name: Option<Span>) {
        if self.repeated > 0 {
            return;
        }
        self.index.arguments.push(argument);
        match (name, argument.parameter) {
            (Some(span), Parameter::Described(param)) => self.parameter(span, argument.callee, param),
            (Some(span), Parameter::Phase(definition)) => self.used(span, definition),
            (None, _) => {}
        }
    }

    fn parameter(&mut self, span: Span, callee: Callee, param: &'static Param) {
        self.means(span, Sense::Parameter(callee, param));
    }

    /// A selector in its place; of a body that is lowered again only what is new.
    pub fn selection(&mut self, selection: Selection) {
        self.index.selections.push(selection);
    }

    /// The data set that a statement names.
    pub fn data(&mut self, note: DataNote) {
        if self.repeated == 0 {
            self.index.data.push(note);
        }
    }

    /// The training step whose duration is written here has so many steps in an epoch.
    pub fn duration(&mut self, span: Span, steps_per_epoch: u64) {
        if self.repeated == 0 {
            self.index.durations.push((span, steps_per_epoch));
        }
    }

    /// What arithmetic comes to.
    pub fn number(&mut self, span: Span, number: f64) {
        if self.repeated == 0 {
            self.index.numbers.push((span, number));
        }
    }

    /// Notes the file that a `use` brings in.
    pub fn import(&mut self, statement: Span, file: FileId) {
        self.index.imports.push((statement, file));
    }

    /// A place that names a checkpoint; `text` is what stands there.
    pub fn checkpoint(&mut self, name: &str, span: Span, text: &str, made: bool) {
        if self.repeated > 0 {
            return;
        }
        match text.starts_with('"') {
            true => self.checkpoints.push((name.to_string(), span, made)),
            false => self.index.unnamed_checkpoints.push((name.to_string(), span)),
        }
    }

    /// Begins a block: names made from here on are known in it alone.
    pub fn enter(&mut self, block: Span) {
        self.blocks.push(block);
    }

    /// Ends the innermost block.
    pub fn leave(&mut self) {
        self.blocks.pop();
    }

    /// From behind a place to the end of its block.
    pub fn rest_of_block(&self, from: Span) -> Span {
        let end = self.blocks.last().map_or(from.end, |b| b.end);
        Span { start: from.end, end: end.max(from.end), ..from }
    }

    /// The innermost block.
    pub fn block(&self) -> Option<Span> {
        self.blocks.last().copied()
    }

    /// Whether no block is open but the file.
    pub fn is_outermost(&self) -> bool {
        self.blocks.len() <= 1
    }

    /// Begins the body of a phase; the words in it are noted the first time.
    pub fn enter_phase(&mut self, name: Span) {
        if self.repeated > 0 || !self.seen.insert(name) {
            self.repeated += 1;
        }
    }

    /// Ends it.
    pub fn leave_phase(&mut self) {
        self.repeated = self.repeated.saturating_sub(1);
    }

    /// All of it, sorted.
    pub fn finish(mut self, body: &[Step], model: Option<Arc<Model>>) -> Index {
        self.name_checkpoints();
        let mut index = self.index;
        let (blocks, total) = totals::count(body);
        index.blocks = blocks;
        index.total = total;
        index.model = model;
        sort(&mut index.definitions, |d| d.span);
        sort(&mut index.uses, |u| u.span);
        sort(&mut index.senses, |m| m.0);
        sort(&mut index.data, |d| d.span);
        sort(&mut index.durations, |d| d.0);
        sort(&mut index.imports, |i| i.0);
        // An outer argument stands before those in it.
        index.arguments.sort_by_key(|a| (a.span.file, a.span.start, std::cmp::Reverse(a.span.end)));
        index.arguments.dedup_by_key(|a| a.span);
        index.numbers.sort_by_key(|n| (n.0.file, n.0.start, std::cmp::Reverse(n.0.end)));
        index.numbers.dedup_by_key(|n| n.0);
        index.selections.sort_by_key(|s| (s.span.file, s.span.start, std::cmp::Reverse(s.span.end)));
        index.selections.dedup();
        index.blocks.sort_by_key(|b| b.span);
        index.blocks.dedup_by(|again, kept| {
            let same = again.span == kept.span;
            if same {
                kept.amount = kept.amount.or(again.amount);
            }
            same
        });
        index.uses_of = index.uses.clone();
        index.uses_of.sort_unstable_by_key(|u| (u.definition, u.span));
        index
    }

    /// The first `checkpoint "name"` is the definition, all other places that name it are uses.
    fn name_checkpoints(&mut self) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for (name, span, _) in self.checkpoints.iter().filter(|c| c.2) {
            first.entry(name).or_insert(*span);
        }
        for (name, span, _) in &self.checkpoints {
            let Some(&definition) = first.get(name.as_str()) else { continue };
            if definition != *span {
                self.index.uses.push(Use { span: *span, definition });
            }
        }
        let definitions = first.into_iter().map(|(name, span)| Definition {
            name: name.to_string(),
            span,
            kind: DefinitionKind::Checkpoint,
            ty: String::new(),
            shown: String::new(),
            doc: None,
            scope: Span { start: span.end, end: u32::MAX, ..span },
            outermost: true,
            selection: None,
            parameters: Vec::new(),
        });
        self.index.definitions.extend(definitions);
    }
}

/// Sorts by place and keeps the first of each.
fn sort<T>(entries: &mut Vec<T>, span: impl Fn(&T) -> Span) {
    entries.sort_by_key(&span);
    entries.dedup_by_key(|e| span(e));
}

impl Forgotten {
    /// What the arguments of a `forget` say, where they are known.
    pub(in crate::language) fn of(forget: &crate::language::program::Forget) -> Option<Forgotten> {
        let share = match forget.share {
            crate::components::Value::Real(share) => Some(share),
            _ => None,
        };
        let unit = crate::components::forgetting::Unit::of(&forget.unit)?;
        Some(Forgotten { share, overall: forget.overall, unit })
    }
}
