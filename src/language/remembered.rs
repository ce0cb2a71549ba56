//! Where a memory has begun, so that it can teach and be measured.

use super::context::Context;
use super::program::{Measure, Settings, Train, When};
use crate::components::metrics::of_memory;
use crate::components::recall::{self, Teacher};
use crate::components::{Metric, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use std::sync::Arc;

/// The `consolidate` that a memory began with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub span: Span,
    /// on all paths
    always: bool,
}

impl Context<'_> {
    /// A training step: it may begin the memory, and its teachers must be there.
    pub(super) fn remembers(&mut self, word: &'static str, settings: &Settings, span: Span) -> bool {
        if Train::begins_memory(word, settings) {
            let always = self.conditional == 0 || self.begun.is_some_and(|begun| begun.always);
            self.begun = Some(Begun { span: self.begun.map_or(span, |begun| begun.span), always });
        }
        let terms: Vec<Spec> = Train::recalled(word, settings).cloned().collect();
        let place = self.current.recall.span.unwrap_or(span);
        terms.iter().all(|term| match (term.get("teacher"), recall::teacher(term)) {
            (Value::Later(..), _) => true,
            (_, Teacher::Checkpoint(name)) => self.made_checkpoint(&name, place) && self.same_rows(&name, place),
            (_, Teacher::Memory) => self.memory_known(&format!("`{word}` recalls the memory"), span),
        })
    }

    /// A training step's settings without what follows a memory that only a later `consolidate` begins: `measure …
    /// every:` and `keep best:` stand above all of training and reach the memory when it is there.
    pub(super) fn before_it_begins(&self, settings: Arc<Settings>) -> Arc<Settings> {
        let there = |metric: &&Metric| !of_memory(&metric.spec);
        let followed = |measure: &&Measure| matches!(measure.when, When::Every(_));
        let waits = |settings: &Settings| {
            let measured = settings.measure.iter().filter(followed).flat_map(|measure| &measure.metrics);
            !measured.chain(&settings.keep.best).all(|metric| there(&metric))
        };
        if self.begun.is_some() || self.current.memory.is_none() || !self.current.retains || !waits(&settings) {
            return settings;
        }
        let mut now = Settings::clone(&settings);
        let left = |measure: &Measure| match measure.when {
            When::Every(_) => measure.metrics.iter().filter(there).cloned().collect(),
            When::AtForget => measure.metrics.clone(),
        };
        let measures = settings.measure.iter().map(|measure| Measure { metrics: left(measure), when: measure.when });
        now.measure = measures.filter(|measure| !measure.metrics.is_empty()).collect();
        now.keep.best.retain(|metric| there(&metric));
        Arc::new(now)
    }

    /// Whether the memory that a metric may be of has begun.
    pub(super) fn measurable(&mut self, metric: &Metric, span: Span) -> bool {
        !of_memory(&metric.spec) || self.memory_known(&format!("`{metric}` measures the memory"), span)
    }

    fn memory_known(&mut self, what: &str, span: Span) -> bool {
        let d = match self.begun {
            Some(begun) if begun.always || self.conditional > 0 => return true,
            Some(begun) => {
                let d = Diagnostic::new(Code::NO_MEMORY, span, format!("{what}, which begins on some paths only"));
                d.label(begun.span, "begun here").help("let it begin before that block: with a `consolidate`")
            }
            None => {
                let d = Diagnostic::new(Code::NO_MEMORY, span, format!("{what}, but none has begun here"));
                d.help(match self.current.memory {
                    Some(_) => "it begins with the first step of a `consolidate`: let one come before",
                    None => "write `memory ema(decay: 0.999)`, and let a `consolidate` come before",
                })
            }
        };
        self.report(d);
        false
    }
}
