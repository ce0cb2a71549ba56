//! `textDocument/rename`: another name for a thing, in all files of the program, its meaning unchanged.

use super::document::{Document, View, Views};
use crate::language::index::{Definition, DefinitionKind};
use crate::language::vocabulary::Part;
use crate::language::{Analysis, words_of};
use crate::source::{FileId, Span};
use crate::syntax::tokens::{continues_name, starts_name};
use lsp_types::{PrepareRenameResponse, RenameParams, TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit};
use std::collections::HashMap;

/// The name under the cursor, where it is one that can be changed.
///
/// # Errors
/// With a sentence that says why not.
pub fn prepare(doc: &Document, params: &TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>, String> {
    let offset = doc.offset(params.position);
    let Some((span, definition)) = named(&doc.analysis, doc.file(), offset)? else { return Ok(None) };
    let range = doc.range(inside_quotes(&doc.analysis, span, definition));
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: definition.name.clone() }))
}

/// The edits that give the name under the cursor another one, in all files of the program and of those that
/// import it.
///
/// # Errors
/// With a sentence that says why that name is impossible here, or that an importer might be missed.
pub fn rename(views: &Views<'_>, params: &RenameParams) -> Result<Option<WorkspaceEdit>, String> {
    let position = params.text_document_position.position;
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for View { doc, file } in &views.views {
        let offset = doc.offset_in(*file, position);
        for (span, text) in edits(&doc.analysis, *file, offset, &params.new_name)?.into_iter().flatten() {
            let uri = doc.uri_of(span.file).ok_or("this name is used where no file is")?;
            let edit = TextEdit::new(doc.range(span), text);
            changes.entry(uri.clone()).or_default().push(edit);
        }
    }
    if let Some(limit) = views.left_out.filter(|_| !changes.is_empty()) {
        return Err(format!("not every program that imports this file would get the new name: {limit}"));
    }
    for edits in changes.values_mut() {
        edits.sort_by_key(|e| e.range.start);
        // Each program that imports a file has its places.
        edits.dedup();
    }
    Ok((!changes.is_empty()).then(|| WorkspaceEdit { changes: Some(changes), ..Default::default() }))
}

/// Every place of the name at a byte with the text that it gets, by place; `None` where there is no name.
///
/// # Errors
/// With a sentence that says why that name is impossible here.
pub fn edits(
    analysis: &Analysis,
    file: FileId,
    offset: usize,
    new: &str,
) -> Result<Option<Vec<(Span, String)>>, String> {
    let Some((_, definition)) = named(analysis, file, offset)? else { return Ok(None) };
    let checkpoint = definition.kind == DefinitionKind::Checkpoint;
    if checkpoint {
        fits_checkpoint(analysis, definition, new)?
    } else {
        fits_name(analysis, definition, new)?
    }
    let uses = analysis.index.uses_of(definition.span).iter().map(|u| u.span);
    let mut spans: Vec<Span> = std::iter::once(definition.span).chain(uses).collect();
    spans.sort();
    let text = |span: Span| match checkpoint {
        true => (inside_quotes(analysis, span, definition), new.to_string()),
        false => (span, new.to_string()),
    };
    Ok(Some(spans.into_iter().map(text).collect()))
}

/// The name at a byte.
fn named(analysis: &Analysis, file: FileId, offset: usize) -> Result<Option<(Span, &Definition)>, String> {
    if let Some(found) = analysis.index.name_at(file, offset) {
        return Ok(Some(found));
    }
    match analysis.index.sense_at(file, offset) {
        Some((span, _)) => {
            let word = analysis.sources.text(span);
            Err(format!("`{word}` is a word of the language, not a name that a program makes"))
        }
        None => Ok(None),
    }
}

/// The span without its quotes, where the name is a text.
fn inside_quotes(analysis: &Analysis, span: Span, definition: &Definition) -> Span {
    let quoted = definition.kind == DefinitionKind::Checkpoint && analysis.sources.text(span).len() >= 2;
    if quoted { Span { start: span.start + 1, end: span.end - 1, ..span } } else { span }
}

fn fits_name(analysis: &Analysis, definition: &Definition, new: &str) -> Result<(), String> {
    let mut chars = new.chars();
    if !chars.next().is_some_and(starts_name) || !chars.all(continues_name) {
        return Err(format!("`{new}` is no name: a letter or `_`, then letters, digits and `_`"));
    }
    if new == definition.name {
        return Ok(());
    }
    if taken_by_language(new) {
        return Err(format!("`{new}` is a word of the language, and cannot be a name here"));
    }
    if let Some(span) = read_as_choice(analysis, definition, new) {
        let line = analysis.sources.place(span).line;
        return Err(format!("`{new}` is one of the words of its place in line {line}, which would be meant there"));
    }
    let clash = analysis.index.definitions().iter().find(|d| d.name == new && meets(d, definition));
    match clash {
        Some(other) => {
            let line = analysis.sources.place(other.span).line;
            let file = &analysis.sources.get(other.span.file).name;
            let place = if other.span.file == definition.span.file { String::new() } else { format!(" of {file}") };
            Err(format!("there is a `{new}` already, in line {line}{place}"))
        }
        None => Ok(()),
    }
}

/// Words that a name would hide, or that would hide it.
fn taken_by_language(word: &str) -> bool {
    let free = [Part::Type, Part::Unit, Part::Parameter, Part::Choice];
    Part::ALL.into_iter().filter(|p| !free.contains(p)).any(|p| p.words().contains(word))
}

/// A use of the name in a place that lists the new one among its words.
fn read_as_choice(analysis: &Analysis, definition: &Definition, new: &str) -> Option<Span> {
    let uses = analysis.index.uses_of(definition.span).iter().map(|u| u.span);
    let mut choices = uses.filter(|span| {
        let argument = analysis.index.argument_at(span.file, span.start as usize);
        let place = argument.filter(|a| a.value.start <= span.start && span.end <= a.value.end);
        place.and_then(|a| a.expected()).is_some_and(|ty| words_of(ty).any(|w| w == new))
    });
    choices.next()
}

/// Whether there is a place that knows both names.
fn meets(a: &Definition, b: &Definition) -> bool {
    if a.kind == DefinitionKind::Checkpoint {
        return false;
    }
    if a.span.file != b.span.file {
        return a.outermost || b.outermost;
    }
    // Bodies of phases know the top level, wherever it stands.
    let phases = (a.outermost && b.kind == DefinitionKind::PhaseParameter)
        || (b.outermost && a.kind == DefinitionKind::PhaseParameter);
    let overlap = a.scope.start <= b.scope.end && b.scope.start <= a.scope.end;
    overlap || phases || (a.outermost && b.outermost)
}

fn fits_checkpoint(analysis: &Analysis, definition: &Definition, new: &str) -> Result<(), String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if new.is_empty() || new.len() > 100 || !new.chars().all(fits) || new.starts_with(['.', ' ']) {
        return Err("a checkpoint's name has up to 100 letters, digits, `-`, `_`, `.` and blanks".into());
    }
    if let Some(span) = analysis.index.checkpoint_named_elsewhere(&definition.name) {
        let line = analysis.sources.place(span).line;
        return Err(format!("line {line} takes this checkpoint's name from a value, which would not change with it"));
    }
    let taken = |d: &&Definition| d.kind == DefinitionKind::Checkpoint && d.name == new && d.span != definition.span;
    match analysis.index.definitions().iter().find(taken) {
        Some(other) => {
            Err(format!("there is a checkpoint `{new}` already, in line {}", analysis.sources.place(other.span).line))
        }
        None => Ok(()),
    }
}
