//! What `measure` statements come to: metrics with what they leave out filled in, once for all steps that share them.

use super::chain::Chain;
use super::context::Context;
use super::program::{Measure, Settings, When};
use crate::components::data::DataFacts;
use crate::components::metrics::{of_memory, retention};
use crate::components::{Metric, Spec, Value};
use crate::source::Span;
use std::collections::HashMap;
use std::sync::Arc;

/// Lists of `measure` statements by what they are measured on and with, and by their identity.
#[derive(Default)]
pub(super) struct Filled(HashMap<Under, HashMap<usize, Known>>);

/// What filling in depends on: the data, and the objective's attack where a metric takes it.
type Under = (*const DataFacts, Option<String>);

/// A list, kept so that no other gets its identity, and what it comes to.
struct Known {
    _list: Chain<Measure>,
    filled: Result<Chain<Measure>, Box<Metric>>,
}

/// Whether a metric measures with an attack that it does not name.
fn is_bare(metric: &Metric) -> bool {
    metric.spec.member.params.iter().zip(&metric.spec.args).any(|(param, arg)| match arg {
        Value::Metric(inner) => is_bare(inner),
        Value::None => param.name == "attack",
        _ => false,
    })
}

/// Whether a metric needs something to have come before: a checkpoint, a memory.
pub(super) fn needs_past(spec: &Spec) -> bool {
    retention::looks_back(spec) || of_memory(spec)
}

impl Context<'_> {
    /// Follows these metrics too.
    pub(super) fn follow(&mut self, measure: Measure) {
        self.current.bare |= measure.metrics.iter().any(is_bare);
        self.current.retains |= measure.metrics.iter().any(|m| needs_past(&m.spec));
        self.current.measure.push(measure);
    }

    /// `measure none`.
    pub(super) fn follow_nothing(&mut self) {
        self.current.bare = false;
        self.current.measure = Chain::default();
    }

    /// The `measure` statements in force as a step has them.
    pub(super) fn filled_measures(&mut self, facts: &Arc<DataFacts>, span: Span) -> Option<Chain<Measure>> {
        let list = self.current.measure.clone();
        let attack = self.objectives_attack().filter(|_| self.current.bare);
        let under = (Arc::as_ptr(facts), attack.map(|attack| attack.to_json().to_string()));
        let mut known = self.measures.0.remove(&under).unwrap_or_default();
        let filled = self.filled_list(&list, &mut known, facts, span);
        self.measures.0.insert(under, known);
        match filled {
            Ok(filled) => Some(filled),
            // Each step is told what is wrong, not only the first.
            Err(wrong) => {
                self.filled(&wrong, facts, span);
                None
            }
        }
    }

    /// From the longest beginning that is known on.
    fn filled_list(
        &mut self,
        list: &Chain<Measure>,
        known: &mut HashMap<usize, Known>,
        facts: &DataFacts,
        span: Span,
    ) -> Result<Chain<Measure>, Box<Metric>> {
        let mut new = vec![];
        let mut beginning = list;
        while let (None, Some(before)) = (known.get(&beginning.identity()), beginning.before()) {
            new.push(beginning);
            beginning = before;
        }
        let mut filled = known.get(&beginning.identity()).map_or(Ok(Chain::default()), |k| k.filled.clone());
        for list in new.into_iter().rev() {
            if let (Ok(so_far), Some(measure)) = (&mut filled, list.last()) {
                match self.filled_measure(measure, facts, span) {
                    // Where nothing is left out, the list itself is what it comes to.
                    Ok(_) if !self.current.bare => *so_far = list.clone(),
                    Ok(measure) => so_far.push(measure),
                    Err(wrong) => filled = Err(wrong),
                }
            }
            known.insert(list.identity(), Known { _list: list.clone(), filled: filled.clone() });
        }
        filled
    }

    /// The metric that is wrong, where one is.
    fn filled_measure(&mut self, measure: &Measure, facts: &DataFacts, span: Span) -> Result<Measure, Box<Metric>> {
        let filled = |m: &Metric| self.filled(m, facts, span).ok_or_else(|| Box::new(m.clone()));
        let metrics = measure.metrics.iter().map(filled).collect::<Result<_, _>>()?;
        Ok(Measure { metrics, when: measure.when })
    }

    /// Whether a metric is followed here, so that its best value so far is known.
    pub fn followed(&self, metric: &Metric, settings: &Settings) -> bool {
        let mut followed = settings.measure.newest_first().filter(|m| matches!(m.when, When::Every(_)));
        followed.any(|m| m.metrics.contains(metric)) || settings.keep.best.contains(metric)
    }
}
