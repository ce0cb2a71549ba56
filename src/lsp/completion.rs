//! `textDocument/completion`: what may be written here, also where the text is half typed.

use super::cursor::{Clause, Cursor, Form, Level, State};
use super::describe;
use super::document::Document;
use super::expected::{Expected, Slot, Taker, expected};
use super::files;
use super::snippet;
use crate::components::{Family, Param, Type, catalogue};
use crate::diagnostic::CODES;
use crate::language::index::{Definition, DefinitionKind, words};
use crate::language::statements::{self, WORDS, Word, WordKind};
use crate::language::{Analysis, TYPES, families_of, words_of};
use crate::source::{FileId, Span};
use lsp_types::{
    CompletionItem, CompletionItemKind as Kind, CompletionParams, CompletionResponse, CompletionTextEdit,
    Documentation, InsertTextFormat, MarkupContent, MarkupKind, TextEdit,
};
use std::collections::HashSet;

/// One thing that may be written.
#[derive(Clone, Debug)]
pub struct Offer {
    pub label: String,
    pub kind: Kind,
    /// in a few words, beside the label
    pub detail: String,
    /// Markdown
    pub doc: String,
    /// what is written; `$1` and `${1:text}` are places to fill in
    pub insert: String,
    /// the closest to what the place wants come first
    rank: u8,
}

impl Offer {
    /// A file or folder.
    pub(super) fn file(kind: Kind, label: &str, insert: &str) -> Offer {
        let (detail, doc) = (String::new(), String::new());
        Offer { label: label.into(), kind, detail, doc, insert: insert.into(), rank: 0 }
    }

    /// What is written where nothing can be filled in: with the texts that are suggested.
    pub fn plain(&self) -> String {
        snippet::plain(&self.insert)
    }
}

/// What may stand at a place, best first, and where the word begins that it replaces.
#[derive(Clone, Debug)]
pub struct Offers {
    pub start: usize,
    pub offers: Vec<Offer>,
}

/// What may be written at the cursor.
pub fn completion(doc: &Document, params: &CompletionParams) -> Option<CompletionResponse> {
    let offset = doc.offset(params.text_document_position.position);
    // A blank asks only where something must follow: else the key that ends the line would take what is offered.
    if params.context.as_ref().is_some_and(|c| c.trigger_character.as_deref() == Some(" ")) {
        must_follow(&doc.analysis, doc.file(), offset).then_some(())?;
    }
    let named = files::offers(doc, offset);
    if named.is_none() && params.context.as_ref().is_some_and(|c| c.trigger_character.as_deref() == Some("/")) {
        return None;
    }
    let Offers { start, offers } = named.unwrap_or_else(|| at(&doc.analysis, doc.file(), offset));
    let range = doc.range(Span::new(doc.file(), start, offset));
    let width = offers.len().to_string().len();
    let items = offers.into_iter().enumerate().map(|(i, offer)| item(doc, offer, range, format!("{i:0width$}")));
    Some(CompletionResponse::Array(items.collect()))
}

fn item(doc: &Document, offer: Offer, range: lsp_types::Range, order: String) -> CompletionItem {
    let snippet = doc.client.snippets && offer.insert.contains('$');
    let text = if snippet { offer.insert } else { offer.plain() };
    let kind = if doc.client.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    let value = if doc.client.markdown { offer.doc } else { describe::plain(&offer.doc) };
    let doc = Documentation::MarkupContent(MarkupContent { kind, value });
    CompletionItem {
        label: offer.label,
        kind: Some(offer.kind),
        detail: Some(offer.detail).filter(|d| !d.is_empty()),
        documentation: Some(doc),
        sort_text: Some(order),
        insert_text_format: Some(if snippet { InsertTextFormat::SNIPPET } else { InsertTextFormat::PLAIN_TEXT }),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, text))),
        ..CompletionItem::default()
    }
}

/// What may be written at a byte.
pub fn at(analysis: &Analysis, file: FileId, offset: usize) -> Offers {
    let text = &analysis.sources.get(file).text;
    let from = statement_start(analysis, file, offset);
    let cursor = Cursor::new(text, from, offset);
    let mut list = List { analysis, file, cursor, offers: Vec::new() };
    list.fill(text);
    let start = list.cursor.start;
    let mut seen = HashSet::new();
    let mut offers = list.offers;
    offers.sort_by_key(|o| o.rank);
    offers.retain(|o| seen.insert(o.label.clone()));
    Offers { start, offers }
}

/// Whether the text can't end here: a value or an argument is missing.
fn must_follow(analysis: &Analysis, file: FileId, offset: usize) -> bool {
    let text = &analysis.sources.get(file).text;
    let cursor = Cursor::new(text, statement_start(analysis, file, offset), offset);
    let wanted = expected(&analysis.index, file, &cursor);
    let required = |slot: Slot<'_>| slot.is_required() && !wanted.is_given(slot);
    cursor.state == State::Value || (cursor.state == State::Argument && wanted.slot.is_some_and(required))
}

/// Where the top-level statement begins that a byte is in or behind.
pub fn statement_start(analysis: &Analysis, file: FileId, offset: usize) -> usize {
    let statements = match analysis.file.source == file {
        true => &analysis.file.statements[..],
        false => &[],
    };
    let end = statements.partition_point(|s| (s.span.start as usize) < offset);
    // One back: what was meant to go on may have been read as two statements.
    statements[..end].iter().rev().nth(1).map_or(0, |s| s.span.start as usize)
}

struct List<'a> {
    analysis: &'a Analysis,
    file: FileId,
    cursor: Cursor<'a>,
    offers: Vec<Offer>,
}

impl<'a> List<'a> {
    fn fill(&mut self, text: &str) {
        match self.cursor.state {
            State::Comment => self.pragma(text),
            State::Text(start) => self.text(start),
            State::Statement => self.statements(),
            State::NewName => {}
            State::Field => self.members(Family::Metric, 0),
            State::Argument | State::Value | State::Unit | State::Operator => self.values(),
        }
    }

    fn offer(&mut self, rank: u8, kind: Kind, label: &str, detail: &str, doc: String, insert: String) {
        self.offers.push(Offer { label: label.into(), kind, detail: detail.into(), doc, insert, rank });
    }

    /// The statements that may begin here.
    fn statements(&mut self) {
        let in_with = self.cursor.in_with;
        let nested = self.cursor.depth > 0;
        let in_host = statements::find(self.cursor.host).is_some_and(|w| w.block && w.with);
        let in_trigger = self.cursor.in_trigger;
        let fits = |word: &Word| match word.name {
            "every" | "when" => in_host && !in_with,
            "stop" => in_trigger && !in_host && !in_with,
            _ => !in_host && (!in_with || word.kind == WordKind::Setting),
        };
        for word in WORDS.iter().copied().filter(|w| fits(w)) {
            let inner = !(nested && matches!(word.name, "param" | "phase" | "use"));
            self.offer(
                if inner { 1 } else { 3 },
                Kind::KEYWORD,
                word.name,
                word.doc,
                describe::word(word),
                snippet::of_word(word),
            );
        }
        if in_with || in_host {
            return;
        }
        for phase in self.names().into_iter().filter(|d| d.kind == DefinitionKind::Phase) {
            let parameters = phase.parameters.iter().filter_map(|s| self.analysis.index.definition(*s));
            let insert = snippet::of_phase(&phase.name, parameters);
            self.offer(0, Kind::FUNCTION, &phase.name, &phase.shown, self.definition(phase), insert);
        }
        let before = &self.analysis.sources.get(self.file).text[..self.cursor.start];
        if before.trim_end().ends_with('}') {
            self.offer(2, Kind::KEYWORD, "else", "the other block of an `if`", String::new(), "else {\n\t$0\n}".into());
        }
    }

    fn names(&self) -> Vec<&'a Definition> {
        self.analysis.index.in_scope(self.file, self.cursor.offset)
    }

    fn definition(&self, d: &Definition) -> String {
        describe::definition(d, &self.analysis.index, &self.analysis.sources)
    }

    /// Values, and names of arguments, at a place that takes them.
    fn values(&mut self) {
        let cursor = self.cursor.clone();
        let Some(level) = cursor.level() else { return };
        match level.clause {
            Clause::On => return self.table(words::SPLITS, Kind::ENUM_MEMBER, 0),
            Clause::Type => return self.types(),
            Clause::Otherwise => return self.otherwise(level),
            _ if cursor.in_parameters && level.name.is_some() => return self.types(),
            _ => {}
        }
        let wanted = expected(&self.analysis.index, self.file, &cursor);
        match (cursor.state, &wanted.taker) {
            (State::Unit, _) => self.units(level, &wanted),
            (State::Operator, _) => self.operators(wanted.ty),
            (State::Argument, Some(taker)) => {
                let before = wanted.given.last().and_then(|i| taker.slots().get(*i).map(|s| s.ty()));
                before.into_iter().for_each(|ty| self.operators(ty));
            }
            _ => {}
        }
        if level.callee == "repeat" && cursor.state == State::Argument {
            let doc = words::describe(words::PARTICLES, "until").unwrap_or_default();
            self.offer(1, Kind::KEYWORD, "until", doc, doc.into(), "until ${1:clean > 90%} max: ${2:20}".into());
        }
        if wanted.takes_names(&cursor) {
            self.argument_names(&wanted, &cursor);
        }
        let full = wanted.taker.is_some() && wanted.slot.is_none();
        if matches!(cursor.state, State::Argument | State::Value) && !full {
            self.typed(wanted.ty, level, wanted.slot);
        }
        if level.form == Form::Statement && cursor.state != State::Value {
            self.clauses(&wanted);
        }
    }

    /// What a type admits, and the names that may have such a value.
    fn typed(&mut self, ty: &'static Type, level: &Level<'_>, slot: Option<Slot<'_>>) {
        if let Some(Slot::Described(param)) = slot {
            self.absent(param);
        }
        for word in words_of(ty) {
            let doc = match slot {
                Some(Slot::Described(param)) => param.doc.to_string(),
                _ => String::new(),
            };
            self.offer(0, Kind::ENUM_MEMBER, word, &doc, doc.clone(), word.into());
        }
        for family in families_of(ty) {
            self.members(family, 1);
        }
        let selecting = takes(ty, &Type::Selector);
        let measuring = takes(ty, &Type::Metric) || takes(ty, &Type::Condition);
        if selecting || *ty == Type::Any {
            self.selectors(if selecting { 1 } else { 4 });
        }
        if measuring {
            self.members(Family::Metric, 1);
            self.table(words::SPLITS, Kind::MODULE, 2);
        }
        if takes(ty, &Type::Tasks) {
            self.members(Family::Task, 1);
        }
        if takes(ty, &Type::Condition) {
            self.members(Family::Condition, 1);
        }
        if takes(ty, &Type::Bool) || takes(ty, &Type::Condition) {
            for word in ["true", "false"] {
                self.offer(1, Kind::KEYWORD, word, "", String::new(), word.into());
            }
        }
        if *ty == Type::Any && level.form != Form::Index {
            for family in Family::ALL {
                self.members(*family, 5);
            }
        }
        if level.form == Form::Index && matches!(level.callee, "layers" | "blocks" | "head") {
            self.indices(level.callee);
        }
        self.variables(ty);
    }

    /// `none`, where an argument may be left out.
    fn absent(&mut self, param: &Param) {
        if param.default == crate::components::Default::Absent {
            self.offer(3, Kind::KEYWORD, "none", "as if it were left out", param.doc.into(), "none".into());
        }
    }

    fn members(&mut self, family: Family, rank: u8) {
        for member in catalogue::members(family).iter().copied().filter(|m| m.name != "then") {
            let kind = if family == Family::Metric { Kind::FIELD } else { Kind::CLASS };
            self.offer(rank, kind, member.name, member.doc, describe::member(member), snippet::of_member(member));
        }
    }

    fn selectors(&mut self, rank: u8) {
        for (word, doc) in words::SELECTORS {
            let insert = match *word {
                "params" => "params(\"$1\")".to_string(),
                word => word.to_string(),
            };
            self.offer(rank, Kind::ENUM_MEMBER, word, doc, format!("**{word}** · selector\n\n{doc}\n"), insert);
        }
    }

    /// The layers, stages or rows that there are, by number.
    fn indices(&mut self, what: &str) {
        use crate::language::selectors::{block_names, layer_names};
        let Some(parts) = self.analysis.index.parts(0) else { return };
        let names = match what {
            "layers" => layer_names(&parts),
            "blocks" => block_names(&parts),
            _ => (0..parts.iter().filter(|p| p.head).map(|p| p.shape[0]).max().unwrap_or(0))
                .map(|class| format!("row of class {class}"))
                .collect(),
        };
        for (i, name) in names.iter().enumerate() {
            self.offer(1, Kind::VALUE, &i.to_string(), name, format!("`{what}[{i}]`: {name}"), i.to_string());
        }
        if what != "head" && names.len() > 1 {
            let doc = format!("the last two of {}", names.len());
            self.offer(0, Kind::VALUE, "-2..", &doc, doc.clone(), "-2..".into());
        }
    }

    /// Names in scope; those of the wanted type before the others.
    fn variables(&mut self, ty: &'static Type) {
        let callable = |d: &&&Definition| !matches!(d.kind, DefinitionKind::Phase | DefinitionKind::Checkpoint);
        for d in self.names().iter().filter(callable) {
            let fits = TYPES.iter().find(|(name, _)| *name == d.ty).is_some_and(|(_, have)| suits(have, ty));
            let rank = if fits { 0 } else { 3 };
            let kind = match d.kind {
                DefinitionKind::Param => Kind::CONSTANT,
                _ => Kind::VARIABLE,
            };
            self.offer(rank, kind, &d.name, &d.shown, self.definition(d), d.name.clone());
        }
    }

    /// Arguments that aren't given yet, by name.
    fn argument_names(&mut self, wanted: &Expected<'_>, cursor: &Cursor<'_>) {
        let Some(taker) = &wanted.taker else { return };
        let bracketed = matches!(taker, Taker::Phase(..)) && cursor.levels.len() == 1;
        if bracketed {
            return;
        }
        for (i, slot) in taker.slots().into_iter().enumerate() {
            if wanted.given.contains(&i) {
                continue;
            }
            let (detail, doc) = match slot {
                Slot::Described(param) => (param.doc.to_string(), describe::parameter(taker.name(), param)),
                Slot::Phase(d) => (d.ty.clone(), self.definition(d)),
            };
            let rank = if slot.is_required() { 1 } else { 2 };
            let name = slot.name();
            self.offer(rank, Kind::PROPERTY, &format!("{name}:"), &detail, doc, format!("{name}: "));
        }
    }

    fn units(&mut self, level: &Level<'_>, wanted: &Expected<'_>) {
        let timed = takes(wanted.ty, &Type::Duration) || takes(wanted.ty, &Type::Moment) || *wanted.ty == Type::Any;
        if timed || level.before.is_empty() {
            self.table(words::UNITS, Kind::UNIT, if timed { 0 } else { 3 });
        }
        self.operators(wanted.ty);
    }

    /// What may follow the arguments of a statement.
    fn clauses(&mut self, wanted: &Expected<'_>) {
        let Some(Taker::Word(Word { name, on, with, .. })) = wanted.taker else { return };
        let doc = |word: &str| words::describe(words::PARTICLES, word).unwrap_or_default().to_string();
        if *on {
            self.offer(2, Kind::KEYWORD, "on", &doc("on"), doc("on"), "on ${1:test}".into());
        }
        if *with {
            self.offer(2, Kind::KEYWORD, "with", &doc("with"), doc("with"), "with { $1 }".into());
        }
        if *name == "guard" && !wanted.given.is_empty() {
            self.offer(1, Kind::KEYWORD, "else", &doc("else"), doc("else"), "else ${1:warn}".into());
        }
    }

    /// What a `guard` may do, behind its `else`.
    fn otherwise(&mut self, level: &Level<'_>) {
        if !level.is_empty() {
            return;
        }
        let name = self.analysis.index.definitions().iter().rev().find(|d| d.kind == DefinitionKind::Checkpoint);
        let rollback = format!("rollback \"${{1:{}}}\"", name.map_or("name", |d| d.name.as_str()));
        for (word, doc, insert) in [
            ("rollback", "back to a named point: weights and optimizer, not the clock", rollback.as_str()),
            ("stop", "ends the run", "stop"),
            ("warn", "goes on, and the records say so", "warn"),
        ] {
            self.offer(0, Kind::KEYWORD, word, doc, doc.into(), insert.into());
        }
    }

    /// Operators that may follow a value of this type.
    fn operators(&mut self, ty: &Type) {
        let fitting: &[&str] = match ty {
            Type::Any => &["then", "and", "or"],
            ty if takes(ty, &Type::Component(Family::Schedule)) => &["then"],
            ty if takes(ty, &Type::Condition) => &["and", "or"],
            _ => &[],
        };
        let header = self.cursor.levels.first().map_or("", |l| l.callee);
        for (word, doc) in words::PARTICLES {
            if fitting.contains(word) || (*word == "in" && matches!(header, "for" | "param")) {
                self.offer(4, Kind::OPERATOR, word, doc, (*doc).into(), (*word).into());
            }
        }
    }

    fn types(&mut self) {
        for (name, ty) in TYPES {
            let doc = ty.describe();
            self.offer(0, Kind::TYPE_PARAMETER, name, &doc, doc.clone(), (*name).into());
        }
    }

    fn table(&mut self, table: &[words::Described], kind: Kind, rank: u8) {
        for (word, doc) in table {
            self.offer(rank, kind, word, doc, (*doc).into(), (*word).into());
        }
    }

    /// In a text in quotes: names of checkpoints, where one is meant.
    fn text(&mut self, start: usize) {
        self.cursor.start = start + 1;
        let Some(level) = self.cursor.level() else { return };
        let back = level.clause == Clause::Otherwise;
        if !back && !matches!(level.callee, "rollback" | "rewind" | "checkpoint" | "retention") {
            return;
        }
        let made = self.analysis.index.definitions().iter().filter(|d| d.kind == DefinitionKind::Checkpoint);
        for d in made {
            let line = self.analysis.sources.place(d.span).line;
            self.offer(
                0,
                Kind::REFERENCE,
                &d.name,
                &format!("made in line {line}"),
                self.definition(d),
                d.name.clone(),
            );
        }
    }

    /// Lints that a pragma may silence.
    fn pragma(&mut self, text: &str) {
        let from = text[..self.cursor.offset].rfind('\n').map_or(0, |i| i + 1);
        let line = &text[from..self.cursor.offset];
        let comment = line.rfind('#').map_or("", |i| &line[i..]);
        let rest = comment.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
        self.cursor.start = self.cursor.offset - (comment.len() - rest.len());
        if !comment.contains("allow(") {
            let insert = "fsched: allow(${1:hidden-name})".to_string();
            return self.offer(0, Kind::SNIPPET, "fsched: allow(…)", "silences lints", String::new(), insert);
        }
        for info in CODES.iter().filter(|c| c.code.is_lint()) {
            let doc = describe::code(info);
            self.offer(0, Kind::VALUE, info.name, info.id, doc.clone(), info.name.into());
            self.offer(1, Kind::VALUE, info.id, info.name, doc, info.id.into());
        }
    }
}

/// Whether a place of this type takes values of that one.
fn takes(ty: &Type, what: &Type) -> bool {
    match ty {
        Type::OneOf(types) => types.iter().any(|t| takes(t, what)),
        Type::List(entry) => takes(entry, what),
        ty => ty == what,
    }
}

/// Whether a value of the type `have` may stand where `want` is wanted.
fn suits(have: &Type, want: &Type) -> bool {
    let numbers = matches!(have, Type::Int | Type::Real | Type::Share);
    match want {
        Type::Any => true,
        Type::OneOf(types) => types.iter().any(|t| suits(have, t)),
        Type::Duration | Type::Moment => matches!(have, Type::Int | Type::Duration),
        Type::Share | Type::Real => numbers,
        Type::List(entry) => matches!(have, Type::List(_)) || suits(have, entry),
        Type::Condition => matches!(have, Type::Metric | Type::Bool | Type::Condition) || numbers,
        want => have == want,
    }
}
