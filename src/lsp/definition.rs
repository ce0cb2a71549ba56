//! `textDocument/definition` and `textDocument/references`: where a name is made, and where it is used.

use super::document::{Document, View, Views};
use lsp_types::{GotoDefinitionParams, GotoDefinitionResponse, Location, Position, Range, ReferenceParams};

/// Where the name here is made; for the path of a `use`, the file.
pub fn definition(doc: &Document, params: &GotoDefinitionParams) -> Option<GotoDefinitionResponse> {
    let offset = doc.offset(params.text_document_position_params.position);
    let index = &doc.analysis.index;
    if let Some((_, definition)) = index.name_at(doc.file(), offset) {
        return doc.location(definition.span).map(GotoDefinitionResponse::Scalar);
    }
    let imported = index.import_at(doc.file(), offset)?;
    let start = Range::new(Position::new(0, 0), Position::new(0, 0));
    Some(GotoDefinitionResponse::Scalar(Location::new(doc.uri_of(imported)?.clone(), start)))
}

/// Where the name here is used, in all files of the program and of those that import it; with its definition
/// where the editor asks for it.
pub fn references(views: &Views<'_>, params: &ReferenceParams) -> Option<Vec<Location>> {
    let position = params.text_document_position.position;
    let mut places: Vec<Location> = Vec::new();
    for View { doc, file } in &views.views {
        let index = &doc.analysis.index;
        let Some((_, definition)) = index.name_at(*file, doc.offset_in(*file, position)) else { continue };
        let own = params.context.include_declaration.then_some(definition.span);
        let uses = index.uses_of(definition.span).iter().map(|u| u.span);
        for place in own.into_iter().chain(uses).filter_map(|span| doc.location(span)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    (!places.is_empty()).then_some(places)
}
