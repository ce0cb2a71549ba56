//! `textDocument/documentHighlight`: the other places of the name under the cursor.

use super::document::Document;
use lsp_types::{DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams};

/// All places of the name here in this file: where it is made, and where it is used.
pub fn highlight(doc: &Document, params: &DocumentHighlightParams) -> Option<Vec<DocumentHighlight>> {
    let offset = doc.offset(params.text_document_position_params.position);
    let index = &doc.analysis.index;
    let (_, definition) = index.name_at(doc.file(), offset)?;
    let place = |span, kind| DocumentHighlight { range: doc.range(span), kind: Some(kind) };
    let made = Some(definition.span).filter(|s| s.file == doc.file());
    let uses = index.uses_of(definition.span).iter().map(|u| u.span).filter(|s| s.file == doc.file());
    let mut places: Vec<_> = made.map(|s| place(s, DocumentHighlightKind::WRITE)).into_iter().collect();
    places.extend(uses.map(|s| place(s, DocumentHighlightKind::READ)));
    places.sort_by_key(|p| p.range.start);
    Some(places)
}
