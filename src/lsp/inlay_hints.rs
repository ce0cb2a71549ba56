//! `textDocument/inlayHint`: which parameters arguments without names are for, and how much blocks train.

use super::document::Document;
use crate::components::Param;
use crate::diagnostic::{Diagnostic, Severity};
use crate::language::index::{Argument, BlockTotals, Callee, Parameter};
use crate::language::{Analysis, families_of};
use crate::source::{FileId, Span};
use lsp_types::{InlayHint, InlayHintKind, InlayHintLabel, InlayHintParams};
use std::ops::Range;

/// A hint: where it stands and what it says.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// before an argument: its parameter's name
    Parameter(usize, String),
    /// behind a block, loop or call: how much it trains
    Total(usize, String),
}

/// The hints of the part of the program that the editor shows.
pub fn inlay_hints(doc: &Document, params: &InlayHintParams) -> Option<Vec<InlayHint>> {
    let range = doc.span(params.range).range();
    let hint = |hint: Hint| {
        let (at, label, kind, before) = match hint {
            Hint::Parameter(at, name) => (at, format!("{name}:"), InlayHintKind::PARAMETER, false),
            Hint::Total(at, text) => (at, text, InlayHintKind::TYPE, true),
        };
        InlayHint {
            position: doc.position(at),
            label: InlayHintLabel::String(label),
            kind: Some(kind),
            text_edits: None,
            tooltip: None,
            padding_left: Some(before),
            padding_right: Some(!before),
            data: None,
        }
    };
    Some(hints(&doc.analysis, doc.file(), range).into_iter().map(hint).collect())
}

/// The hints between two bytes of a text, by place.
pub fn hints(analysis: &Analysis, file: FileId, range: Range<usize>) -> Vec<Hint> {
    let index = &analysis.index;
    let arguments = index.arguments(file, range.clone()).iter().filter_map(|a| parameter(analysis, a));
    let mut hints: Vec<Hint> = arguments.collect();
    // A block that ends the text ends where the range does.
    let shown = range.start..=range.end;
    hints.extend(
        index.blocks(file).iter().filter(|b| shown.contains(&(b.span.end as usize))).filter_map(|b| total(analysis, b)),
    );
    hints.sort_by_key(|h| match h {
        Hint::Parameter(at, _) | Hint::Total(at, _) => *at,
    });
    hints
}

/// The parameter of an argument that doesn't name it, where that isn't obvious.
fn parameter(analysis: &Analysis, argument: &Argument) -> Option<Hint> {
    if argument.named {
        return None;
    }
    let value = analysis.sources.text(argument.value);
    let name = match argument.parameter {
        Parameter::Described(param) if obvious(argument.callee, param) => return None,
        Parameter::Described(param) => param.name,
        Parameter::Phase(span) => &analysis.index.definition(span)?.name,
    };
    let repeats = value == name || value.starts_with(&format!("{name}(")) || value.ends_with(&format!(".{name}"));
    (!repeats).then(|| Hint::Parameter(argument.span.start as usize, name.to_string()))
}

/// Whether the statement or component says by itself what its argument is: it has no other without a name, or the
/// first one is what it is all about.
fn obvious(callee: Callee, param: &Param) -> bool {
    let params = match callee {
        Callee::Word(word) => word.params,
        Callee::Member(member) => member.params,
        Callee::Params | Callee::Phase(_) => return true,
    };
    let positional = params.iter().filter(|p| !p.named).count();
    let first = params.first().is_some_and(|p| p.name == param.name);
    match callee {
        Callee::Word(_) => positional == 1 || first,
        // `adversarial(pgd(…))`: an attack in the place of the attack
        _ if families_of(&param.ty).any(|f| f.name() == param.name) => true,
        _ => param.many || (positional == 1 && params.len() == 1),
    }
}

/// How much a loop, a block or the call of a phase trains; nothing where a mistake hides some of it.
fn total(analysis: &Analysis, block: &BlockTotals) -> Option<Hint> {
    let text = block.amount.to_string();
    // Diagnostics are sorted by place.
    let from = analysis.diagnostics.partition_point(|d| d.primary.span < Span { end: 0, ..block.span });
    let inside = |d: &&Diagnostic| d.primary.span.file == block.span.file && d.primary.span.start < block.span.end;
    let mut here = analysis.diagnostics[from..].iter().take_while(inside);
    if text.is_empty() || here.any(|d| d.severity == Severity::Error) {
        return None;
    }
    Some(Hint::Total(block.span.end as usize, text))
}
