//! Calls of phases that are being read: a mistake in a body shows the arguments that it comes from.

use super::context::Context;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

/// A phase whose body is being read.
#[derive(Debug)]
pub(super) struct Call {
    pub name: String,
    pub passed: Vec<Passed>,
}

/// A parameter and what a call gives it.
#[derive(Debug)]
pub(super) struct Passed {
    pub name: String,
    /// where the parameter is declared
    pub parameter: Span,
    pub argument: Span,
}

impl Context<'_> {
    /// With the arguments of the calls around this place that an error comes from.
    pub(super) fn blaming_calls(&self, mut d: Diagnostic) -> Diagnostic {
        if d.severity != Severity::Error {
            return d;
        }
        let mut place = d.primary.span;
        for (depth, call) in self.phases.iter().rev().enumerate() {
            let text = self.sources.text(place);
            let names = || text.split(|c: char| !c.is_alphanumeric() && c != '_');
            // In the body that is being read, a block may have another thing of that name.
            let meant = |p: &Passed| depth > 0 || self.scopes.place(&p.name) == Some(p.parameter);
            let Some(passed) = call.passed.iter().find(|p| names().any(|n| n == p.name) && meant(p)) else { break };
            d.labels.retain(|l| l.span != passed.parameter);
            d = d.label(passed.argument, format!("`{}` comes from this call", passed.name));
            place = passed.argument;
        }
        d
    }
}
