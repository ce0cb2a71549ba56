//! The whole text in its canonical form.

use super::document::Document;
use super::edits::edits;
use crate::diagnostic::Code;
use crate::language::format;
use lsp_types::{DocumentFormattingParams, TextEdit};

/// `textDocument/formatting`. There is one style, so the editor's options say nothing. A text that cannot be read stays
/// as it is; why is said by its diagnostics.
pub fn formatting(doc: &Document, _: &DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>, String> {
    match format(doc.text()) {
        Ok(text) => Ok(Some(edits(doc, &text))),
        Err(found) => match found.into_iter().find(|d| d.code == Code::INTERNAL) {
            Some(bug) => Err(format!("{}; {}", bug.message, bug.help.unwrap_or_default())),
            None => Ok(None),
        },
    }
}
