//! What the editor can do about a mistake: its fixes, all fixes at once, and allowing a lint where it is raised.

use super::diagnostics::diagnostic;
use super::document::Document;
use super::edits::edits;
use super::position::line_text;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit, Fix};
use crate::language::fix::fix;
use crate::source::Span;
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionTriggerKind, DocumentChanges, OneOf,
    OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use std::collections::BTreeMap;

/// Kinds of actions that there are.
pub const KINDS: [CodeActionKind; 2] = [CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL];

/// `textDocument/codeAction`
pub fn actions(doc: &Document, params: &CodeActionParams) -> Option<Vec<CodeActionOrCommand>> {
    if !doc.client.code_action_literals {
        return None;
    }
    let wanted =
        |kind: &CodeActionKind| params.context.only.as_ref().is_none_or(|only| only.iter().any(|o| covers(o, kind)));
    let mut actions = Vec::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        let here = doc.span(params.range);
        let touched = doc.analysis.diagnostics.iter().filter(|d| touches(d.primary.span, here));
        for d in touched {
            actions.extend(d.fixes.iter().filter_map(|f| quick_fix(doc, d, f)));
            actions.extend(allow(doc, d));
        }
        // Sure ones first: editors offer the first.
        actions.sort_by_key(|a| a.is_preferred != Some(true));
    }
    // Editors ask on each movement of the cursor; all fixes are only tried when the user asks.
    let automatic = params.context.trigger_kind == Some(CodeActionTriggerKind::AUTOMATIC);
    if wanted(&CodeActionKind::SOURCE_FIX_ALL) && (!automatic || params.context.only.is_some()) {
        actions.extend(fix_all(doc));
    }
    Some(actions.into_iter().map(CodeActionOrCommand::CodeAction).collect())
}

/// Whether a kind is the other or one of its kinds: `source` covers `source.fixAll`.
fn covers(kind: &CodeActionKind, other: &CodeActionKind) -> bool {
    let rest = other.as_str().strip_prefix(kind.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || kind.as_str().is_empty())
}

fn touches(a: Span, b: Span) -> bool {
    a.file == b.file && a.start <= b.end && b.start <= a.end
}

fn quick_fix(doc: &Document, d: &Diagnostic, fix: &Fix) -> Option<CodeAction> {
    Some(CodeAction {
        title: fix.title.clone(),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(doc, d)]),
        edit: Some(workspace_edit(doc, &fix.edits)?),
        is_preferred: Some(fix.applicability == Applicability::Safe),
        ..Default::default()
    })
}

/// Silences a lint where it is raised.
fn allow(doc: &Document, d: &Diagnostic) -> Option<CodeAction> {
    if !d.code.is_lint() || d.code == Code::UNUSED_ALLOW || d.primary.span.file != doc.file() {
        return None;
    }
    let edit = pragma(doc, d.primary.span.start as usize, d.code);
    Some(CodeAction {
        title: format!("allow {} ({}) here", d.code.name(), d.code.id()),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(doc, d)]),
        edit: Some(workspace_edit(doc, &[edit])?),
        is_preferred: Some(false),
        ..Default::default()
    })
}

/// The comment that allows a lint on the line of a byte: at the line's end, in the pragma that stands there already, or,
/// where another comment ends the line, above it.
fn pragma(doc: &Document, at: usize, code: Code) -> Edit {
    let lines = &doc.source().lines;
    let line = lines.line(at);
    let (start, text) = (lines.start(line), line_text(doc.source(), line));
    let insert = |at: usize, text: String| Edit { span: Span::new(doc.file(), at, at), text };
    let new = format!("# fsched: allow({})", code.name());
    let comment = doc.analysis.file.comments.iter().find(|c| lines.line(c.start as usize) == line);
    let Some(comment) = comment else { return insert(start + text.trim_end().len(), format!("  {new}")) };
    let said = doc.text()[comment.range()].trim_end();
    let pragma = said.trim_start_matches('#').trim_start().strip_prefix("fsched:").map(str::trim_start);
    let one_clause =
        |p: &str| p.strip_prefix("allow(").and_then(|p| p.strip_suffix(')')).is_some_and(|p| !p.contains(')'));
    if pragma.is_some_and(one_clause) {
        return insert(comment.start as usize + said.len() - 1, format!(", {}", code.name()));
    }
    // Above the first statement a pragma would hold for the whole file: there it goes before what the comment says.
    let first = doc.analysis.file.statements.first();
    if first.is_some_and(|s| start <= s.span.start as usize && s.span.start < comment.start) {
        let clause = format!("allow({})", code.name());
        return match pragma {
            Some(rest) => insert(comment.start as usize + said.len() - rest.len(), format!("{clause}, ")),
            None => {
                let touches = said[1..].starts_with(|c: char| !c.is_whitespace());
                insert(comment.start as usize + 1, format!(" fsched: {clause}{}", if touches { " " } else { "" }))
            }
        };
    }
    let indent = &text[..text.len() - text.trim_start().len()];
    let broken = if doc.text().contains("\r\n") { "\r\n" } else { "\n" };
    insert(start + indent.len(), format!("{new}{broken}{indent}"))
}

/// All sure fixes, and those that are sure once these are made.
fn fix_all(doc: &Document) -> Option<CodeAction> {
    let fixed = fix(&doc.path, &doc.files, &doc.options, Applicability::Safe);
    let edits = edits(doc, &fixed.text);
    let changed = !edits.is_empty();
    changed.then(|| CodeAction {
        title: "apply all sure fixes".into(),
        kind: Some(CodeActionKind::SOURCE_FIX_ALL),
        edit: Some(in_files(doc, BTreeMap::from([(doc.uri.clone(), edits)]))),
        ..Default::default()
    })
}

/// The edits of a fix, if all of them are in files.
fn workspace_edit(doc: &Document, edits: &[Edit]) -> Option<WorkspaceEdit> {
    let mut files: BTreeMap<Uri, Vec<TextEdit>> = BTreeMap::new();
    for edit in edits {
        let uri = doc.uri_of(edit.span.file)?.clone();
        files.entry(uri).or_default().push(TextEdit { range: doc.range(edit.span), new_text: edit.text.clone() });
    }
    Some(in_files(doc, files))
}

/// For editors that know versions, of the version that the edits were made for.
fn in_files(doc: &Document, files: BTreeMap<Uri, Vec<TextEdit>>) -> WorkspaceEdit {
    if !doc.client.document_changes {
        return WorkspaceEdit { changes: Some(files.into_iter().collect()), ..Default::default() };
    }
    let of_file = |(uri, edits): (Uri, Vec<TextEdit>)| {
        let version = (uri == doc.uri).then_some(doc.version);
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version };
        TextDocumentEdit { text_document, edits: edits.into_iter().map(OneOf::Left).collect() }
    };
    let changes = files.into_iter().map(of_file).collect();
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(changes)), ..Default::default() }
}
