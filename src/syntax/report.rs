//! Collects diagnostics: at most one per place, and not without end.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::cascades;
use super::tokens::Token;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// How many errors of one text are told.
pub const MAX_ERRORS: usize = 100;

/// How many are kept until it is known which are caused by others.
const KEPT: usize = 3 * MAX_ERRORS;

/// What has been found so far, by place. Shared by the closures of the expression parser, so it mutates inside.
#[derive(Default)]
pub struct Report {
    found: RefCell<BTreeMap<u32, Diagnostic>>,
    /// Bytes of the places at which a block was missing.
    blocks_missing: RefCell<Vec<u32>>,
}

impl Report {
    /// Adds a diagnostic, unless there is one at its place. Once many are known, only earlier ones still count, so the
    /// first in the text are kept.
    pub fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        found.entry(diagnostic.primary.span.start).or_insert(diagnostic);
        if found.len() > KEPT {
            found.pop_last();
        }
    }

    /// Adds what was found in a part of the text.
    pub fn append(&self, part: Report) {
        part.found.into_inner().into_values().for_each(|diagnostic| self.push(diagnostic));
        self.blocks_missing.borrow_mut().extend(part.blocks_missing.into_inner());
    }

    /// Notes that a block was missing here, so that the `}` that would have ended it isn't told as another mistake.
    pub fn block_missing(&self, place: Span) {
        self.blocks_missing.borrow_mut().push(place.start);
    }

    /// All that aren't caused by others, sorted by place.
    pub fn finish(self, source: &str, tokens: &[Token]) -> Vec<Diagnostic> {
        let found = self.found.into_inner().into_values().collect();
        let mut found = cascades::remove(found, self.blocks_missing.into_inner(), source, tokens);
        if found.len() > MAX_ERRORS {
            let at = found.split_off(MAX_ERRORS).swap_remove(0).primary.span;
            let message = format!("there are more syntax errors than the {MAX_ERRORS} shown");
            let more = Diagnostic::new(Code::SYNTAX, at, message).at("the next one is here");
            found.push(more.help("correct the ones above first; if this isn't an fsched file, name another"));
        }
        found
    }
}
