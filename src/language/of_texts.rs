//! What goes with conversations, and what is of images alone.

use super::context::Context;
use super::program::Settings;
use crate::components::data::DataFacts;
use crate::components::{Metric, Spec, Value, metrics, objectives};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Context<'_> {
    /// Whether all settings at a step go with data of conversations.
    pub(super) fn suits_texts(&mut self, settings: &Settings, span: Span) -> bool {
        let objective = match &settings.objective {
            Value::Component(spec) => Some(spec).filter(|spec| spec.member != &objectives::cross_entropy::MEMBER),
            _ => None,
        };
        let adversarial = |term: &&Spec| matches!(term.maybe("on"), Some(Value::Word(on)) if on != "clean");
        let told: Option<(String, &str)> = match (objective, settings.augment.first(), &settings.memory) {
            (Some(objective), ..) => Some((format!("the objective `{}`", objective.name()), "objective cross_entropy")),
            (_, Some(augment), _) => Some((format!("`augment {}`", augment.name()), "augment none")),
            (_, _, Some(memory)) => Some((format!("`memory {}`", memory.spec.name()), "memory none")),
            _ => {
                let term = settings.recall.iter().find(adversarial);
                term.map(|term| (format!("`{}` on adversarial examples", term.name()), "on: clean"))
            }
        };
        let Some((what, instead)) = told else { return true };
        let message = format!("{what} is of images, and this data has conversations");
        self.report(Diagnostic::new(Code::NOT_OF_TEXTS, span, message).help(format!("write `{instead}`")));
        false
    }

    /// Whether a metric is of what the data hold, and of tasks of theirs.
    pub(super) fn of_its_kind(&mut self, metric: &Metric, facts: &DataFacts, span: Span) -> bool {
        let name = metric.spec.name();
        let (message, help) = match (facts.texts(), metrics::reads_texts(&metric.spec)) {
            (Some(_), metrics::Reads::Images) => (
                format!("`{name}` is of images, and this data has conversations"),
                "measure `loss`, `truth_alignment` or `knowledge`",
            ),
            (None, metrics::Reads::Texts) => (
                format!("`{name}` is of conversations, and this data has images"),
                "measure `clean`, `loss` or `robust(…)`",
            ),
            _ => return true,
        };
        self.report(Diagnostic::new(Code::NOT_OF_TEXTS, span, message).help(help));
        false
    }
}
