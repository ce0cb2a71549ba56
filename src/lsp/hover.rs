//! `textDocument/hover`: what stands here, in Markdown.

use super::cursor::word_at;
use super::describe;
use super::document::Document;
use crate::components::Unit;
use crate::diagnostic::by_code_or_name;
use crate::language::index::{Argument, Definition, DefinitionKind, Index, Parameter, Sense, grouped, words};
use crate::language::{Analysis, TYPES};
use crate::source::{FileId, Span};
use lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};
use std::fmt::Write;

/// What stands under the pointer.
pub fn hover(doc: &Document, params: &HoverParams) -> Option<Hover> {
    let offset = doc.offset(params.text_document_position_params.position);
    let (span, text) = at(&doc.analysis, doc.file(), offset)?;
    let kind = if doc.client.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    let value = if doc.client.markdown { text } else { describe::plain(&text) };
    Some(Hover { contents: HoverContents::Markup(MarkupContent { kind, value }), range: Some(doc.range(span)) })
}

/// What stands at a byte, and the span that is spoken of.
pub fn at(analysis: &Analysis, file: FileId, offset: usize) -> Option<(Span, String)> {
    let place = Place { analysis, index: &analysis.index, file, offset };
    if let Some(comment) = place.comment() {
        return place.pragma(comment);
    }
    let named = || place.name();
    named().or_else(|| place.sense()).or_else(|| place.particle()).or_else(|| place.value())
}

struct Place<'a> {
    analysis: &'a Analysis,
    index: &'a Index,
    file: FileId,
    offset: usize,
}

impl Place<'_> {
    fn text(&self) -> &str {
        &self.analysis.sources.get(self.file).text
    }

    /// The comment that holds the place.
    fn comment(&self) -> Option<Span> {
        let comments = &self.analysis.file.comments;
        let end = comments.partition_point(|c| (c.start as usize) <= self.offset);
        let root = self.analysis.file.source == self.file;
        comments[..end].last().copied().filter(|c| root && self.offset <= c.end as usize)
    }

    /// The code in `# fsched: allow(FS1003, hidden-name)`.
    fn pragma(&self, comment: Span) -> Option<(Span, String)> {
        let text = self.text();
        let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let (start, end) = (comment.start as usize, comment.end as usize);
        let from = start + text[start..self.offset].trim_end_matches(part).len();
        let to = text[self.offset..end].find(|c| !part(c)).map_or(end, |i| self.offset + i);
        if !text[start..end].contains("fsched:") {
            return None;
        }
        let info = by_code_or_name(&text[from..to])?;
        Some((Span::new(self.file, from, to), describe::code(info)))
    }

    fn name(&self) -> Option<(Span, String)> {
        let (span, definition) = self.index.name_at(self.file, self.offset)?;
        let mut out = describe::definition(definition, self.index, &self.analysis.sources);
        out += &self.hits_of(definition);
        out += &self.resolved();
        if definition.kind == DefinitionKind::Phase {
            out += &self.trained(span);
        }
        Some((span, out))
    }

    fn hits_of(&self, definition: &Definition) -> String {
        let selection = self.index.selections_at(self.file, self.offset).into_iter().next();
        let hits = selection.or(definition.selection.as_ref()).and_then(|s| self.index.hits(s));
        hits.map_or(String::new(), |h| format!("\n{}", describe::hits(&h)))
    }

    /// How much the loop or call trains that begins here.
    fn trained(&self, word: Span) -> String {
        let blocks = self.index.blocks(self.file);
        let at = blocks.partition_point(|b| b.span.start < word.start);
        let block = blocks.get(at).filter(|b| b.span.start == word.start);
        block.and_then(|b| describe::amount(&b.amount)).map_or(String::new(), |text| format!("\n{text}\n"))
    }

    /// What the data or the model here comes to.
    fn resolved(&self) -> String {
        if let Some(data) = self.index.data_at(self.file, self.offset) {
            return format!("\n{}\n", describe::data(data));
        }
        let model = self.index.model.as_ref().filter(|m| {
            let here = |s: Span| s.file == self.file && s.range().contains(&self.offset);
            m.span.is_some_and(here)
        });
        model.map_or(String::new(), |m| format!("\n{}\n", describe::model(m)))
    }

    fn argument(&self) -> Option<&Argument> {
        self.index.argument_at(self.file, self.offset)
    }

    fn sense(&self) -> Option<(Span, String)> {
        let (span, sense) = self.index.sense_at(self.file, self.offset)?;
        let word = self.analysis.sources.text(span);
        let text = match sense {
            Sense::Word(word) => format!("{}{}", describe::word(word), self.trained(span)),
            Sense::Member(member) => format!("{}{}", describe::member(member), self.resolved()),
            Sense::Parameter(callee, param) => describe::parameter(describe::callee_name(callee, self.index), param),
            Sense::Choice => format!("one of the words of its place: `{word}`\n{}", self.of_argument()),
            Sense::Selector => {
                let doc = words::describe(words::SELECTORS, word)?;
                format!("**{word}** · selector\n\n{doc}\n{}", self.selected())
            }
            Sense::Unit(unit) => self.unit(word, unit),
            Sense::Split(split) => {
                let doc = words::describe(words::SPLITS, split.name())?;
                format!("**{}** · split of the data\n\n{doc}\n", split.name())
            }
            Sense::Type => {
                let (name, ty) = TYPES.iter().find(|(name, _)| *name == word)?;
                format!("**{name}** · type\n\n{}\n", ty.describe())
            }
        };
        Some((span, text))
    }

    fn unit(&self, word: &str, unit: Unit) -> String {
        let doc = match unit {
            Unit::Epochs => "epochs",
            Unit::Steps => "steps",
            Unit::Seconds => "s",
            Unit::Minutes => "min",
            Unit::Hours => "h",
        };
        let doc = words::describe(words::UNITS, doc).unwrap_or_default();
        format!("**{word}** · unit of time\n\n{doc}\n{}", self.steps())
    }

    /// Epochs in steps, where this is the duration of training.
    fn steps(&self) -> String {
        let Some((span, per_epoch)) = self.index.steps_per_epoch(self.file, self.offset) else { return String::new() };
        let text = self.analysis.sources.text(span);
        let number = text.split_whitespace().next().and_then(|n| n.replace('_', "").parse::<f64>().ok());
        let unit = text.split_whitespace().nth(1).unwrap_or("epochs");
        let per = grouped(per_epoch as usize);
        match number {
            Some(n) if unit.starts_with("epoch") => {
                let steps = crate::components::Duration::Epochs(n).steps(per_epoch).unwrap_or(0);
                format!("\n{n} epochs are {} steps, {per} in each\n", grouped(steps as usize))
            }
            Some(n) if unit.starts_with("step") => {
                format!("\n{n} steps are {:.2} epochs of {per} steps\n", n / per_epoch as f64)
            }
            _ => format!("\nan epoch has {per} steps here\n"),
        }
    }

    /// What the selector that holds the place hits; several where a phase is called with different shares.
    fn selected(&self) -> String {
        let selections = self.index.selections_at(self.file, self.offset);
        let hits = selections.iter().filter_map(|s| self.index.hits(s)).take(4);
        let mut texts: Vec<String> = hits.map(|h| describe::hits(&h)).collect();
        texts.dedup();
        if texts.is_empty() { String::new() } else { format!("\n{}", texts.join("\n")) }
    }

    /// The parameter that the value here is for.
    fn of_argument(&self) -> String {
        let Some(argument) = self.argument() else { return String::new() };
        let owner = describe::callee_name(argument.callee, self.index);
        match argument.parameter {
            Parameter::Described(param) => format!("\n{}", describe::parameter(owner, param)),
            Parameter::Phase(span) => {
                let Some(definition) = self.index.definition(span) else { return String::new() };
                format!("\n{}", describe::definition(definition, self.index, &self.analysis.sources))
            }
        }
    }

    /// A word within a statement or an expression: `on`, `then`.
    fn particle(&self) -> Option<(Span, String)> {
        let range = word_at(self.text(), self.offset);
        let word = self.text().get(range.clone())?;
        let quoted = self.text()[..range.start].ends_with('"');
        let doc = words::describe(words::PARTICLES, word).filter(|_| !quoted)?;
        Some((Span::new(self.file, range.start, range.end), format!("**{word}**\n\n{doc}\n")))
    }

    /// A number, a text or arithmetic, in an argument or not.
    fn value(&self) -> Option<(Span, String)> {
        let mut out = String::new();
        let number = self.index.number_at(self.file, self.offset);
        if let Some((span, n)) = number {
            let _ = writeln!(out, "`{}` = {n}", self.analysis.sources.text(span));
        }
        let Some(argument) = self.argument() else { return number.map(|(span, _)| (span, out)) };
        out += &self.of_argument();
        out += &self.steps();
        out += &self.selected();
        Some((argument.value, out.trim_start().to_string()))
    }
}
