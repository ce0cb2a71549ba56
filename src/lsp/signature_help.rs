//! `textDocument/signatureHelp`: what the call or statement around the cursor takes, and which of it is being typed.

use super::completion::statement_start;
use super::cursor::Cursor;
use super::describe;
use super::document::Document;
use super::expected::{Expected, Slot, Taker, expected};
use crate::components::{Default, Param};
use crate::language::Analysis;
use crate::source::FileId;
use lsp_types::{
    Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, SignatureHelp, SignatureHelpParams,
    SignatureInformation,
};
use std::ops::Range;

/// What a call or statement takes.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `pgd(eps, step, iters: 10)`
    pub label: String,
    /// of the call or statement
    pub doc: String,
    /// the bytes of each parameter in the label, and its documentation
    pub parameters: Vec<(Range<usize>, String)>,
    /// the parameter that is being typed
    pub active: Option<usize>,
}

/// The innermost statement, call or phase around the cursor that has parameters.
pub fn signature_help(doc: &Document, params: &SignatureHelpParams) -> Option<SignatureHelp> {
    let offset = doc.offset(params.text_document_position_params.position);
    let signature = at(&doc.analysis, doc.file(), offset)?;
    let place = |at: usize| doc.encoding.length(&signature.label[..at]) as u32;
    let parameter = |(range, text): &(Range<usize>, String)| ParameterInformation {
        label: ParameterLabel::LabelOffsets([place(range.start), place(range.end)]),
        documentation: Some(shown(doc, text)),
    };
    let parameters = signature.parameters.iter().map(parameter).collect();
    let active = signature.active.map(|i| i as u32);
    let information = SignatureInformation {
        documentation: (!signature.doc.is_empty()).then(|| shown(doc, &signature.doc)),
        parameters: Some(parameters),
        active_parameter: active,
        label: signature.label,
    };
    Some(SignatureHelp { signatures: vec![information], active_signature: Some(0), active_parameter: active })
}

fn shown(doc: &Document, text: &str) -> Documentation {
    let kind = if doc.client.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    let value = if doc.client.markdown { text.to_string() } else { describe::plain(text) };
    Documentation::MarkupContent(MarkupContent { kind, value })
}

/// The same at a byte of a text.
pub fn at(analysis: &Analysis, file: FileId, offset: usize) -> Option<Signature> {
    let from = statement_start(analysis, file, offset);
    let mut cursor = Cursor::new(&analysis.sources.get(file).text, from, offset);
    while !cursor.levels.is_empty() {
        let wanted = expected(&analysis.index, file, &cursor);
        if let Some(taker) = wanted.taker.as_ref().filter(|t| !t.slots().is_empty()) {
            return Some(signature(taker, &wanted));
        }
        // In a list or a group, the call around it is spoken of.
        cursor.levels.pop();
    }
    None
}

fn signature(taker: &Taker<'_>, wanted: &Expected<'_>) -> Signature {
    let bracketed = !matches!(taker, Taker::Word(_));
    let mut label = format!("{}{}", taker.name(), if bracketed { "(" } else { " " });
    let mut parameters = Vec::new();
    for (i, slot) in taker.slots().into_iter().enumerate() {
        if i > 0 {
            label += ", ";
        }
        let start = label.len();
        label += &written(slot);
        parameters.push((start..label.len(), documentation(slot)));
    }
    label += if bracketed { ")" } else { "" };
    let active = wanted.slot.and_then(|slot| taker.slots().iter().position(|s| s.name() == slot.name()));
    Signature { label, doc: about(taker), parameters, active }
}

fn written(slot: Slot<'_>) -> String {
    match slot {
        Slot::Described(param) => described(param),
        Slot::Phase(d) => {
            let ty = if d.ty.is_empty() { String::new() } else { format!(": {}", d.ty) };
            let default = if d.shown.is_empty() { String::new() } else { format!(" = {}", d.shown) };
            format!("{}{ty}{default}", d.name)
        }
    }
}

/// `iters: 10` with its default, `eps` without; several as `metrics …`.
fn described(param: &Param) -> String {
    let many = if param.many { " …" } else { "" };
    match (&param.default, param.default_text()) {
        (Default::Absent, _) => format!("[{}]{many}", param.name),
        (_, Some(text)) => format!("{}: {text}{many}", param.name),
        (_, None) => format!("{}{many}", param.name),
    }
}

fn documentation(slot: Slot<'_>) -> String {
    match slot {
        Slot::Described(param) => format!("{}\n\n*{}*", param.doc, param.facts()),
        Slot::Phase(d) => d.ty.clone(),
    }
}

fn about(taker: &Taker<'_>) -> String {
    match taker {
        Taker::Word(word) => word.doc.to_string(),
        Taker::Member(member) => member.doc.to_string(),
        Taker::Params => "tensors by name".to_string(),
        Taker::Phase(..) => String::new(),
    }
}
