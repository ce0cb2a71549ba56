//! The outline of a program: the names that it makes, and its steps with what is inside of them.

use super::document::Document;
use crate::language::statements::{self, WordKind};
use crate::source::Span;
use crate::syntax::tree::{Block, Simple, Statement, StatementKind};
use lsp_types::{
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, Location, SymbolInformation, SymbolKind,
};

/// `textDocument/documentSymbol`
pub fn symbols(doc: &Document, _: &DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
    let nested = symbols_of(doc, &doc.analysis.file.statements);
    if doc.client.nested_symbols {
        return Some(DocumentSymbolResponse::Nested(nested));
    }
    let mut flat = Vec::new();
    nested.into_iter().for_each(|symbol| flatten(doc, symbol, None, &mut flat));
    Some(DocumentSymbolResponse::Flat(flat))
}

/// For editors that know no symbols inside of symbols.
#[expect(deprecated, reason = "the protocol's types have a field that nobody may set")]
fn flatten(doc: &Document, symbol: DocumentSymbol, container: Option<&str>, flat: &mut Vec<SymbolInformation>) {
    flat.push(SymbolInformation {
        name: symbol.name.clone(),
        kind: symbol.kind,
        tags: None,
        deprecated: None,
        location: Location::new(doc.uri.clone(), symbol.range),
        container_name: container.map(str::to_string),
    });
    for child in symbol.children.into_iter().flatten() {
        flatten(doc, child, Some(&symbol.name), flat);
    }
}

fn symbols_of(doc: &Document, statements: &[Statement]) -> Vec<DocumentSymbol> {
    statements.iter().filter_map(|s| symbol(doc, s)).collect()
}

fn symbol(doc: &Document, statement: &Statement) -> Option<DocumentSymbol> {
    use StatementKind as Kind;
    let inside = |block: &Block| symbols_of(doc, &block.statements);
    let made = |name: Span, kind, inside| Some(entry(doc, statement, name, kind, inside));
    let word = |length: usize| Span { end: statement.span.start + length as u32, ..statement.span };
    match &statement.kind {
        Kind::Simple(simple) => {
            let blocks = simple.with.iter().chain(&simple.block);
            made(simple_name(doc, simple), simple_kind(simple), blocks.flat_map(inside).collect())
        }
        Kind::Let { name, .. } => made(name.span, SymbolKind::VARIABLE, vec![]),
        Kind::Param(param) => made(param.name.span, SymbolKind::CONSTANT, vec![]),
        Kind::Phase { name, body, .. } => made(name.span, SymbolKind::FUNCTION, inside(body)),
        Kind::Use { path } => made(path.span, SymbolKind::MODULE, vec![]),
        Kind::Repeat { body, count } => {
            made(word("repeat".len()).to(count.span), SymbolKind::ARRAY, body.iter().flat_map(inside).collect())
        }
        Kind::For { variable, list, body } => {
            made(word("for".len()).to(variable.span).to(list.span), SymbolKind::ARRAY, inside(body))
        }
        Kind::If { condition, then, otherwise } => {
            let arms = std::iter::once(then).chain(otherwise);
            made(word("if".len()).to(condition.span), SymbolKind::BOOLEAN, arms.flat_map(inside).collect())
        }
        Kind::Block(block) => made(word("{".len()), SymbolKind::OBJECT, inside(block)),
        Kind::Assignment { .. } | Kind::Error => None,
    }
}

/// `checkpoint "name"`, and what a condition or a time decides, are known by both, all others by their word.
fn simple_name(doc: &Document, simple: &Simple) -> Span {
    let named = ["checkpoint", "rollback", "every", "when", "guard", "repeat until"];
    let named = named.contains(&simple.word.text.as_str());
    match simple.arguments.first() {
        Some(argument) if named && argument.span.file == doc.file() => simple.word.span.to(argument.span),
        _ => simple.word.span,
    }
}

fn simple_kind(simple: &Simple) -> SymbolKind {
    match statements::find(&simple.word.text).map(|word| word.kind) {
        _ if simple.called => SymbolKind::METHOD,
        _ if simple.word.text == "checkpoint" => SymbolKind::KEY,
        _ if ["every", "repeat until"].contains(&simple.word.text.as_str()) => SymbolKind::ARRAY,
        _ if ["when", "guard"].contains(&simple.word.text.as_str()) => SymbolKind::BOOLEAN,
        Some(WordKind::Setting) => SymbolKind::PROPERTY,
        _ => SymbolKind::EVENT,
    }
}

#[expect(deprecated, reason = "the protocol's types have a field that nobody may set")]
fn entry(
    doc: &Document,
    statement: &Statement,
    name: Span,
    kind: SymbolKind,
    inside: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    let text = |span: Span| doc.text().get(span.range()).unwrap_or_default();
    let shown = one_line(text(name));
    let rest = one_line(text(Span { start: name.end.min(statement.span.end), ..statement.span }));
    DocumentSymbol {
        // Editors refuse names without a letter.
        name: if shown.is_empty() { "?".into() } else { shown },
        detail: Some(rest).filter(|rest| !rest.is_empty()),
        kind,
        tags: None,
        deprecated: None,
        range: doc.range(statement.span),
        selection_range: doc.range(name),
        children: Some(inside).filter(|inside| !inside.is_empty()),
    }
}

/// The first line, cut where it would be too long for an outline.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.lines().next().unwrap_or_default().split('#').next().unwrap_or_default();
    let line = line.trim().trim_end_matches('{').trim_end();
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_string(),
    }
}
