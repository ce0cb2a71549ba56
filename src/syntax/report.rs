//! Collects diagnostics: at most one per place, and not without end.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic};

/// How many errors of one text are told.
pub const MAX_ERRORS: usize = 100;

/// What has been found so far, by place. Shared by the closures of the expression parser, so it mutates inside.
#[derive(Default)]
pub struct Report {
    found: RefCell<BTreeMap<u32, Diagnostic>>,
}

impl Report {
    /// Adds a diagnostic, unless there is one at its place. Once many are known, only earlier ones still count, so the
    /// first in the text are kept.
    pub fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        found.entry(diagnostic.primary.span.start).or_insert(diagnostic);
        if found.len() > MAX_ERRORS + 1 {
            found.pop_last();
        }
    }

    /// All, sorted by place.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut found: Vec<_> = self.found.into_inner().into_values().collect();
        if found.len() > MAX_ERRORS {
            let at = found.split_off(MAX_ERRORS).swap_remove(0).primary.span;
            let message = format!("there are more syntax errors than the {MAX_ERRORS} shown");
            let more = Diagnostic::new(Code::SYNTAX, at, message).at("the next one is here");
            found.push(more.help("correct the ones above first; if this isn't an fsched file, name another"));
        }
        found
    }
}
