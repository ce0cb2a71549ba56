//! What a metric is measured on and with: as many examples as the split has, budgets that pixels can have.

use super::context::Context;
use crate::components::data::DataFacts;
use crate::components::metrics::{examples, robust};
use crate::components::{Metric, Spec, Split, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Context<'_> {
    /// Whether a metric, its attack filled in, can be measured so, in each round of the loops that decide it.
    pub(super) fn can_be_measured(&mut self, metric: &Metric, facts: &DataFacts, split: Split, span: Span) -> bool {
        for (with, value) in self.rounds(&Value::Component(metric.spec.clone())) {
            let Value::Component(spec) = value else { continue };
            if !self.enough_examples(&spec, (&with, facts.count(split), split), span) {
                return false;
            }
            if spec.member == &robust::MEMBER
                && let Err(problem) = robust::check(&spec)
            {
                let mut d = Diagnostic::new(Code::ATTACK_BUDGET, span, format!("{with}{}", problem.message));
                d.help = problem.help;
                self.report(d);
                return false;
            }
        }
        true
    }

    fn enough_examples(&mut self, spec: &Spec, (with, there, split): (&str, usize, Split), span: Span) -> bool {
        let Some(asked) = examples(spec).filter(|asked| *asked > there) else { return true };
        let message = format!("{with}`examples: {asked}` of `{}`: the {} split has {there}", spec.name(), split.name());
        self.report(Diagnostic::new(Code::OUT_OF_RANGE, span, message).help("leave it out to measure on all of them"));
        false
    }
}
