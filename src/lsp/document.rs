//! A program that an editor has open, with everything that is known of it: what each request is given.

use super::capabilities::Client;
use super::position::Encoding;
use super::workspace::Overlay;
use crate::language::{Analysis, Options};
use crate::source::{FileId, Source, Span};
use lsp_types::{Location, Position, Range, TextDocumentIdentifier, TextDocumentPositionParams, Uri};
use std::path::PathBuf;

/// An open program and its analysis, which is always of the text as it is.
#[derive(Debug)]
pub struct Document {
    pub uri: Uri,
    /// where it lies, or would lie
    pub path: PathBuf,
    /// the editor's number for this text
    pub version: i32,
    pub encoding: Encoding,
    /// what the editor can show
    pub client: Client,
    pub analysis: Analysis,
    /// of each text of the analysis; the program itself is the first; `None` for one that has no file
    pub(super) uris: Vec<Option<Uri>>,
    /// what the analysis was given besides the text
    pub options: Options,
    /// open texts and the disk, to analyse the program, or another one, once more
    pub files: Overlay,
}

/// A text as a part of an open program: its own, or one that imports it.
#[derive(Clone, Copy, Debug)]
pub struct View<'w> {
    pub doc: &'w Document,
    pub file: FileId,
}

/// A text as a part of all programs that have it.
#[derive(Clone, Debug)]
pub struct Views<'w> {
    pub views: Vec<View<'w>>,
    /// the limit that some may have been left out for
    pub left_out: Option<&'w str>,
}

impl Document {
    /// The text of the program itself.
    pub fn source(&self) -> &Source {
        self.analysis.sources.get(self.file())
    }

    /// The program itself among the texts of its analysis.
    pub fn file(&self) -> FileId {
        self.analysis.file.source
    }

    /// The text of the program itself, as the editor has it.
    pub fn text(&self) -> &str {
        &self.source().text
    }

    /// The byte of a place in the program; clamped, so that it always lies in the text, between two characters.
    pub fn offset(&self, position: Position) -> usize {
        self.encoding.offset(self.source(), position)
    }

    /// The same in another text of the analysis.
    pub fn offset_in(&self, file: FileId, position: Position) -> usize {
        self.encoding.offset(self.analysis.sources.get(file), position)
    }

    /// The place of a byte of the program.
    pub fn position(&self, offset: usize) -> Position {
        self.encoding.position(self.source(), offset)
    }

    /// The range of a span, in whichever text of the analysis it lies.
    pub fn range(&self, span: Span) -> Range {
        let source = self.analysis.sources.get(span.file);
        let at = |offset: u32| self.encoding.position(source, offset as usize);
        Range::new(at(span.start), at(span.end))
    }

    /// The bytes between two places of the program.
    pub fn span(&self, range: Range) -> Span {
        let (a, b) = (self.offset(range.start), self.offset(range.end));
        Span::new(self.file(), a.min(b), a.max(b))
    }

    /// The file that a text of the analysis was read from; `None` for what has none, as `--set`.
    pub fn uri_of(&self, file: FileId) -> Option<&Uri> {
        self.uris.get(file.0 as usize)?.as_ref()
    }

    /// The texts of the analysis that were read from this file.
    pub fn files_of(&self, uri: &Uri) -> impl Iterator<Item = FileId> {
        let uris = self.uris.iter().enumerate();
        uris.filter(move |(_, u)| u.as_ref() == Some(uri))
            .map(|(i, _)| FileId(i as u16))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Where the name at a place of the program is defined, if that is in another file; else the place itself.
    pub fn defined_at(&self, at: &TextDocumentPositionParams) -> TextDocumentPositionParams {
        let named = self.analysis.index.name_at(self.file(), self.offset(at.position));
        let elsewhere = named.map(|(_, definition)| definition.span).filter(|span| span.file != self.file());
        match elsewhere.and_then(|span| self.location(span)) {
            Some(Location { uri, range }) => {
                TextDocumentPositionParams::new(TextDocumentIdentifier::new(uri), range.start)
            }
            None => at.clone(),
        }
    }

    /// File and range of a span.
    pub fn location(&self, span: Span) -> Option<Location> {
        Some(Location::new(self.uri_of(span.file)?.clone(), self.range(span)))
    }
}
