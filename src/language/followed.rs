//! What `measure` statements come to: metrics with what they leave out filled in, once for all steps that share them.

use super::chain::Chain;
use super::context::Context;
use super::program::{Measure, Settings, When};
use crate::components::catalogue::with_defaults;
use crate::components::data::DataFacts;
use crate::components::metrics::{self, clean, drift, groups, of_memory, retention, robust, sensitivity, step_loss};
use crate::components::{Metric, Spec, Split, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use std::collections::HashMap;
use std::sync::Arc;

/// Training examples that a forget is measured on where nothing else is asked for.
const AROUND: usize = 500;

/// Lists of `measure` statements by what they are measured on and with, and by their identity.
#[derive(Default)]
pub(super) struct Filled(HashMap<Under, HashMap<usize, Known>>);

/// Where a metric stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Evaluate,
    /// `measure … every:`
    Followed,
    /// `keep best:`
    Kept,
    /// `measure … at: forget`
    AtForget,
    Condition,
}

/// What filling in depends on: the data, and the objective's attack where a metric takes it.
type Under = (*const DataFacts, Option<String>);

/// A list, kept so that no other gets its identity, and what it comes to.
struct Known {
    _list: Chain<Measure>,
    filled: Result<Chain<Measure>, Box<Metric>>,
}

/// Whether a metric leaves something out that is filled in: an attack that it does not name, or the split of one that is of train.
fn is_bare(metric: &Metric) -> bool {
    if metric.split.is_none() && metrics::is_of_train(&metric.spec) {
        return true;
    }
    metric.spec.member.params.iter().zip(&metric.spec.args).any(|(param, arg)| match arg {
        Value::Metric(inner) => is_bare(inner),
        Value::None => param.name == "attack",
        _ => false,
    })
}

impl Context<'_> {
    /// Whether a metric can be measured where it stands, and be made of the one inside.
    pub(super) fn metric_stands(&mut self, metric: &Metric, stand: Stand, span: Span) -> bool {
        let name = metric.spec.name();
        let (code, message, help) = match metric.spec.args.first() {
            _ if metrics::compares(&metric.spec) && stand != Stand::AtForget => (
                Code::BAD_STEP_PLACE,
                format!("`{name}` compares before and after a change of weights, which there is only at a `forget`"),
                format!("write `measure {metric} at: forget` above the `forget`"),
            ),
            _ if step_loss::is_one(&metric.spec) && stand != Stand::Followed => (
                Code::BAD_STEP_PLACE,
                format!("`{name}` is the loss of one training step, which there is right after it alone"),
                format!(
                    "write `measure {name} every: 1 step` above the training; elsewhere `train.loss` has the whole split"
                ),
            ),
            _ if step_loss::is_one(&metric.spec) && metric.split.is_some_and(|split| split != Split::Train) => (
                Code::BAD_STEP_PLACE,
                format!("`{metric}`: steps are taken on training examples"),
                format!("write `{name}`"),
            ),
            Some(Value::Metric(_)) if metric.spec.member == &sensitivity::MEMBER && stand != Stand::Evaluate => (
                Code::BAD_STEP_PLACE,
                format!("`{name}` measures once for each stage, so it stands in `evaluate` alone"),
                format!("write `evaluate {metric}` where it is wanted"),
            ),
            Some(Value::Metric(inner)) if !inside(metric, inner) => (
                Code::WRONG_TYPE,
                format!("`{name}` cannot be made of `{inner}`"),
                match metric.spec.member == &groups::MEMBER {
                    true => "it is of an accuracy of the model: `clean` or `robust(attack)`".to_string(),
                    false => "it is of a metric such as `clean`, `robust(attack)` or `loss`".to_string(),
                },
            ),
            _ => return true,
        };
        self.report(Diagnostic::new(code, span, message).help(help));
        false
    }

    /// Follows these metrics too.
    pub(super) fn follow(&mut self, measure: Measure) {
        self.current.bare |= measure.metrics.iter().any(is_bare);
        self.current.retains |= measure.metrics.iter().any(|m| needs_more(&m.spec));
        self.current.measure.push(measure);
    }

    /// `measure none`.
    pub(super) fn follow_nothing(&mut self) {
        self.current.bare = false;
        self.current.silent = true;
        self.current.measure = Chain::default();
    }

    /// The settings of a step that forgets. Where the objective has an attack and nothing else is measured around the step,
    /// what it takes of the accuracy on training examples is: less of it under attack is what makes it a forgetting
    /// operation (Ramkumar et al. 2024, arXiv 2402.11733, definition of forgetting).
    pub(super) fn around_forgetting(&mut self, settings: Arc<Settings>, span: Span) -> Arc<Settings> {
        let facts = settings.facts.clone();
        let asked = settings.measure.iter().any(|m| m.when == When::AtForget);
        let trains = facts.count(Split::Train) > 0 && facts.classes == self.head_classes;
        if self.current.silent || asked || !trains || self.objectives_attack().is_none() {
            return settings;
        }
        if let Some((_, measured)) = self.around.as_ref().filter(|(known, _)| Arc::ptr_eq(known, &settings)) {
            return measured.clone();
        }
        let few = Some(AROUND).filter(|few| *few < facts.count(Split::Train));
        let of_few = |member| {
            let metric = Metric { split: Some(Split::Train), spec: metrics::of_few(with_defaults(member)?, few) };
            self.filled(&metric, &facts, span)
        };
        let filled: Option<Vec<Metric>> = [&clean::MEMBER, &robust::MEMBER].into_iter().map(of_few).collect();
        let Some(metrics) = filled else { return settings };
        let mut measure = settings.measure.clone();
        measure.push(Measure { metrics, when: When::AtForget });
        let measured = Arc::new(Settings { measure, ..settings.as_ref().clone() });
        self.around = Some((settings, measured.clone()));
        measured
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

/// Whether a metric needs more than the data: a checkpoint, a history, stages of the model.
pub(super) fn needs_more(spec: &Spec) -> bool {
    let looks_back = retention::looks_back(spec) || metrics::looks_back(spec);
    looks_back || of_memory(spec) || spec.member == &drift::MEMBER
}

/// Whether a metric can be made of the one inside. A `gap` of a `gap` is the `gap` of what is inside.
fn inside(metric: &Metric, inner: &Metric) -> bool {
    let is = |metric: &Metric, names: &[&str]| names.contains(&metric.spec.name());
    match is(metric, &["groups"]) {
        // Nothing is forgotten of the memory.
        true => is(inner, &["clean", "robust"]) && !of_memory(&inner.spec),
        // Stages are put back one by one in the network of now; a checkpoint's share is no loss of a stage.
        false if is(metric, &["sensitivity"]) && retention::looks_back(&inner.spec) => false,
        false => metrics::is_plain(&inner.spec) || is(metric, &["gap"]) && is(inner, &["gap"]),
    }
}
