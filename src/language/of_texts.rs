//! What goes with conversations, and what is of images alone.

use super::context::Context;
use super::program::{Op, Program, Settings, Step};
use crate::components::data::DataFacts;
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
        let Some((what, instead)) = told else { return self.has_room_for_pictures(settings, span) };
        let message = format!("{what} is of images, and this data has conversations");
        self.report(Diagnostic::new(Code::NOT_OF_TEXTS, span, message).help(format!("write `{instead}`")));
        false
    }

    /// Whether a picture and something of an answer fit into the longest conversation that is read.
    fn has_room_for_pictures(&mut self, settings: &Settings, span: Span) -> bool {
        let shown = settings.facts.texts().is_some_and(|texts| texts.only_pictures);
        let vision = self.model.as_ref().and_then(|model| model.architecture.vision()).filter(|_| shown);
        let (Some(vision), Some(most)) = (vision, settings.texts.max_length) else { return true };
        let taken = vision.tokens;
        if taken as u64 + 1 < most {
            return true;
        }
        let message =
            format!("a picture takes {taken} places of a conversation, and `max_length {most}` leaves no room");
        let help = format!("write a `max_length` above {}, for the words around the picture too", taken + 1);
        self.report(Diagnostic::new(Code::BAD_MODEL, self.current.max_length.unwrap_or(span), message).help(help));
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

/// The first `evaluate` of a program that trains which asks about tasks once they have been learned, and about no others, before
/// any `learn`.
pub(super) fn asked_too_early(program: &Program) -> Option<Span> {
    let mut trains = false;
    super::lints::visit(&program.body, &mut |step| trains |= matches!(step.op, Op::Train(_)));
    trains.then(|| early(&program.body, &mut false)).flatten()
}

fn early(steps: &[Step], learned: &mut bool) -> Option<Span> {
    for step in steps {
        match &step.op {
            Op::Train(_) => *learned |= learns(&step.op),
            Op::Evaluate(evaluate) if !*learned && evaluate.metrics.iter().any(asks_of_learned) => {
                return Some(step.span);
            }
            op => {
                // In a loop in which something is learned, a later round may know some.
                if let Op::Repeat { body, .. } | Op::For { body, .. } = op {
                    super::lints::visit(body, &mut |step| *learned |= learns(&step.op));
                }
                if let Some(found) = op.bodies().find_map(|body| early(body, learned)) {
                    return Some(found);
                }
            }
        }
    }
    None
}

fn learns(op: &Op) -> bool {
    matches!(op, Op::Train(train) if train.settings.texts.learned.is_some())
}

fn asks_of_learned(metric: &Metric) -> bool {
    let meant = metric.spec.maybe("tasks").map(tasks::of).unwrap_or_default();
    !meant.is_empty() && meant.iter().all(|task| task.once_learned)
}
