//! What goes with conversations, and what is of images alone.

use super::context::Context;
use super::program::{Diversify, Settings};
use crate::components::data::{DataFacts, TextTask};
use crate::components::{Metric, Spec, Value, metrics, objectives, tasks};
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

    /// Whether `diversify` leaves each task that is learned a style other than its own.
    pub(super) fn rewrites_to_others(&mut self, settings: &Settings, span: Span) -> bool {
        let (Some(Diversify { over, .. }), Some(texts)) = (&settings.texts.diversify, settings.facts.texts()) else {
            return true;
        };
        let learned = settings.texts.learned.as_ref().map(tasks::numbers).unwrap_or_default();
        let meant = |at: usize| learned.is_empty() || learned.contains(&(at as u32));
        let own = |(at, task): &(usize, &TextTask)| meant(*at) && over.iter().all(|style| *style == task.style);
        let Some((_, task)) = texts.tasks.iter().enumerate().find(own) else { return true };
        let (name, style) = (&task.name, task.style.word());
        let message = format!("`{name}` has answers of the style `{style}`, and `diversify` names no other");
        self.report(Diagnostic::new(Code::OUT_OF_RANGE, span, message).help("name further styles in `over:`"));
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
