//! Colours by meaning: each token of the text with its type, from what the analysis knows of the word.
//!
//! The legend is [`Kind`] in its order and [`modifier`]'s bits. Words without a meaning of their own, as in text that could
//! not be read, are left to the editor's own colours.

use super::document::Document;
use crate::components::Family;
use crate::language::index::{DefinitionKind, Index, Sense};
use crate::language::vocabulary::Part;
use crate::source::Span;
use crate::syntax::tokens::{Token, TokenKind, tokens};
use lsp_types::{
    SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensLegend,
    SemanticTokensParams, SemanticTokensRangeParams,
};
use std::collections::HashMap;

/// What a token is; the number is its place in the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Comment,
    Text,
    Number,
    Operator,
    /// words of statements, `on`, `with`
    Keyword,
    /// phases and components
    Function,
    /// metrics
    Method,
    /// names that `let`, `param` and `for` make
    Variable,
    /// parameters of phases
    Parameter,
    /// names of arguments
    Property,
    /// units, splits, choices, `true`
    EnumMember,
    Type,
    /// `layers`, `head`
    Namespace,
}

/// In the order of [`Kind`].
const TYPES: [SemanticTokenType; 13] = [
    SemanticTokenType::COMMENT,
    SemanticTokenType::STRING,
    SemanticTokenType::NUMBER,
    SemanticTokenType::OPERATOR,
    SemanticTokenType::KEYWORD,
    SemanticTokenType::FUNCTION,
    SemanticTokenType::METHOD,
    SemanticTokenType::VARIABLE,
    SemanticTokenType::PARAMETER,
    SemanticTokenType::PROPERTY,
    SemanticTokenType::ENUM_MEMBER,
    SemanticTokenType::TYPE,
    SemanticTokenType::NAMESPACE,
];

/// Bits of what else is to be said of a token.
mod modifier {
    /// the name is made here
    pub const DECLARATION: u32 = 1;
    /// `let`, `param`: never changes
    pub const READONLY: u32 = 2;
    /// the language brings it along
    pub const DEFAULT_LIBRARY: u32 = 4;
}

/// Names of the types and modifiers.
pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: TYPES.to_vec(),
        token_modifiers: vec![
            SemanticTokenModifier::DECLARATION,
            SemanticTokenModifier::READONLY,
            SemanticTokenModifier::DEFAULT_LIBRARY,
        ],
    }
}

/// `textDocument/semanticTokens/full`
pub fn full(doc: &Document, _: &SemanticTokensParams) -> Option<SemanticTokens> {
    let text = Span::new(doc.file(), 0, doc.text().len());
    Some(SemanticTokens { result_id: None, data: coloured(doc, text) })
}

/// `textDocument/semanticTokens/range`
pub fn range(doc: &Document, params: &SemanticTokensRangeParams) -> Option<SemanticTokens> {
    Some(SemanticTokens { result_id: None, data: coloured(doc, doc.span(params.range)) })
}

fn coloured(doc: &Document, within: Span) -> Vec<SemanticToken> {
    let mut meanings = Meanings::new(doc);
    let mut data = Encoder::new(doc);
    for token in tokens(doc.text()) {
        let inside = token.end > within.start && token.start < within.end;
        if let Some((kind, modifiers)) = meanings.of(token).filter(|_| inside) {
            data.push(token, kind, modifiers);
        }
    }
    data.tokens
}

/// What the words of a text mean.
struct Meanings<'d> {
    text: &'d str,
    index: &'d Index,
    doc: &'d Document,
    fixed: HashMap<&'static str, Kind>,
    /// a statement may begin here
    fresh: bool,
}

impl<'d> Meanings<'d> {
    fn new(doc: &'d Document) -> Meanings<'d> {
        // Later ones win: a word is a keyword only where nothing else is known of it.
        let parts =
            [(Part::Particle, Kind::Keyword), (Part::Operator, Kind::Operator), (Part::Constant, Kind::EnumMember)];
        let fixed =
            parts.into_iter().flat_map(|(part, kind)| part.words().into_iter().map(move |w| (w, kind))).collect();
        Meanings { text: doc.text(), index: &doc.analysis.index, doc, fixed, fresh: true }
    }

    fn of(&mut self, token: Token) -> Option<(Kind, u32)> {
        let text = token.text(self.text);
        let begins = begins_statement(token, text);
        let fresh = std::mem::replace(&mut self.fresh, begins);
        match token.kind {
            TokenKind::Comment | TokenKind::ForeignLineComment | TokenKind::ForeignBlockComment => {
                Some((Kind::Comment, 0))
            }
            TokenKind::Text(_) => Some((Kind::Text, 0)),
            TokenKind::Number => Some((Kind::Number, 0)),
            TokenKind::Symbol if [",", ":", ";", "."].contains(&text) => None,
            TokenKind::Symbol => Some((Kind::Operator, 0)),
            TokenKind::Word => self.word(token, text, fresh),
            TokenKind::Newline | TokenKind::Open | TokenKind::Close | TokenKind::Bad => None,
        }
    }

    fn word(&self, token: Token, text: &str, fresh: bool) -> Option<(Kind, u32)> {
        let at = token.start as usize;
        if let Some((span, name)) = self.index.name_at(self.doc.file(), at).filter(|(s, _)| s.start == token.start) {
            return Some(named(name.kind, span == name.span));
        }
        let sense =
            self.index.sense_at(self.doc.file(), at).filter(|(s, _)| s.start <= token.start && token.end <= s.end);
        if let Some((_, sense)) = sense {
            return Some(meant(sense));
        }
        let word = || fresh.then(|| crate::language::statements::find(text)).flatten();
        self.fixed.get(text).map(|kind| (*kind, 0)).or_else(|| word().map(|_| (Kind::Keyword, 0)))
    }
}

/// Whether a statement may begin behind a token.
fn begins_statement(token: Token, text: &str) -> bool {
    token.kind == TokenKind::Newline || [";", "{", "}", "else"].contains(&text)
}

fn named(kind: DefinitionKind, declared: bool) -> (Kind, u32) {
    let declaration = if declared { modifier::DECLARATION } else { 0 };
    match kind {
        DefinitionKind::Let | DefinitionKind::Param => (Kind::Variable, declaration | modifier::READONLY),
        DefinitionKind::LoopVariable => (Kind::Variable, declaration),
        DefinitionKind::Phase => (Kind::Function, declaration),
        DefinitionKind::PhaseParameter => (Kind::Parameter, declaration),
        DefinitionKind::Checkpoint => (Kind::Text, declaration),
    }
}

fn meant(sense: Sense) -> (Kind, u32) {
    match sense {
        Sense::Word(_) => (Kind::Keyword, 0),
        Sense::Member(member) if member.family == Family::Metric => (Kind::Method, modifier::DEFAULT_LIBRARY),
        Sense::Member(_) => (Kind::Function, modifier::DEFAULT_LIBRARY),
        Sense::Parameter(..) => (Kind::Property, 0),
        Sense::Selector => (Kind::Namespace, modifier::DEFAULT_LIBRARY),
        Sense::Choice | Sense::Unit(_) | Sense::Split(_) => (Kind::EnumMember, 0),
        Sense::Type => (Kind::Type, modifier::DEFAULT_LIBRARY),
    }
}

/// Writes tokens as differences. It walks the text once, so that long lines take linear time.
struct Encoder<'d> {
    doc: &'d Document,
    tokens: Vec<SemanticToken>,
    /// the byte up to which lines and columns are counted
    at: usize,
    line: u32,
    column: u32,
    /// of the last token
    last: (u32, u32),
}

impl<'d> Encoder<'d> {
    fn new(doc: &'d Document) -> Encoder<'d> {
        Encoder { doc, tokens: Vec::new(), at: 0, line: 0, column: 0, last: (0, 0) }
    }

    /// A token of several lines becomes one for each.
    fn push(&mut self, token: Token, kind: Kind, modifiers: u32) {
        self.move_to(token.start as usize);
        for (i, piece) in token.text(self.doc.text()).split('\n').enumerate() {
            if i > 0 {
                self.line += 1;
                self.column = 0;
            }
            let length = self.doc.encoding.length(piece.strip_suffix('\r').unwrap_or(piece)) as u32;
            if length > 0 {
                self.write(length, kind, modifiers);
            }
            self.column += self.doc.encoding.length(piece) as u32;
        }
        self.at = token.end as usize;
    }

    fn move_to(&mut self, offset: usize) {
        let between = &self.doc.text()[self.at..offset];
        if let Some(last) = between.rfind('\n') {
            self.line += between.bytes().filter(|b| *b == b'\n').count() as u32;
            self.column = 0;
            self.at += last + 1;
        }
        self.column += self.doc.encoding.length(&self.doc.text()[self.at..offset]) as u32;
        self.at = offset;
    }

    fn write(&mut self, length: u32, kind: Kind, modifiers: u32) {
        let (line, column) = self.last;
        let delta_line = self.line - line;
        let delta_start = if delta_line == 0 { self.column - column } else { self.column };
        let token_type = kind as u32;
        self.tokens.push(SemanticToken {
            delta_line,
            delta_start,
            length,
            token_type,
            token_modifiers_bitset: modifiers,
        });
        self.last = (self.line, self.column);
    }
}
