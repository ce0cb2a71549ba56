//! The lines of `events.jsonl` and `ledger.jsonl` as they are on disk (formats.md). Keys keep the order of the fields.

use super::text::step_text;
use crate::components::metrics::{Detail, Part};
use crate::runtime::event::{Change, Comparison, Event, Kind, Status};
use crate::source::{FileId, Sources};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of `events.jsonl`. Only `t` differs between two runs of one plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// seconds since the run began
    pub t: f64,
    /// instance of a step: `3.repeat[2].1`; empty for the run itself
    pub step: String,
    #[serde(flatten)]
    pub what: What,
    #[serde(flatten)]
    pub place: Place,
    /// optimizer steps of the whole run so far
    pub clock: u64,
    /// epochs of training of the whole run so far
    pub epochs: f64,
}

/// Where in the program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// only where it isn't the root file
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
}

/// What happened. Numbers that are not finite are `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// of a step, or of the run where `step` is empty; `text` as it was written, `steps` of training in it
    Start {
        what: String,
        text: String,
        steps: Option<u64>,
    },
    Epoch {
        loss: Option<f64>,
        accuracy: Option<f64>,
        rate: f64,
        steps: u64,
        gradient_evaluations: u64,
    },
    Measure {
        split: String,
        metric: String,
        /// the metric with all its arguments
        #[serde(default)]
        spec: serde_json::Value,
        value: Option<f64>,
        n: usize,
        /// file with the values of the single examples
        #[serde(skip_serializing_if = "Option::is_none", default)]
        per_example: Option<String>,
        /// file that says what broke each of them
        #[serde(skip_serializing_if = "Option::is_none", default)]
        broken_by: Option<String>,
        #[serde(flatten)]
        detail: Detail,
    },
    /// `forget` and `zap`
    Forget(ChangeLine),
    Rollback(ChangeLine),
    Load(ChangeLine),
    Merge(ChangeLine),
    Checkpoint {
        name: Option<String>,
        folder: String,
    },
    Expect {
        text: String,
        held: bool,
        values: BTreeMap<String, Option<f64>>,
    },
    Guard {
        text: String,
        held: bool,
        /// what was done, where it didn't hold: `rollback`, `stop`, `warn`
        action: Option<String>,
        values: BTreeMap<String, Option<f64>>,
    },
    /// the condition of a `repeat until`
    Until {
        text: String,
        held: bool,
        values: BTreeMap<String, Option<f64>>,
    },
    /// an `every` or `when` fires
    Trigger {
        text: String,
        values: BTreeMap<String, Option<f64>>,
    },
    Warning {
        message: String,
    },
    /// of the run
    End {
        status: String,
        /// of the run so far; records of earlier programs have none
        #[serde(default)]
        gradient_evaluations: Option<u64>,
    },
}

/// A change of weights in short; the ledger has the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeLine {
    pub what: String,
    /// as it was written
    pub text: String,
    pub ordinal: u64,
    pub tensors: usize,
    pub selected: usize,
    pub changed: usize,
    pub measured: Vec<Measured>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub compared: Vec<Compared>,
}

/// A metric of the network before a change beside that after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub metric: String,
    pub value: Option<f64>,
    pub n: usize,
    pub parts: Vec<Part>,
    /// file with the two matrices of a `confusion`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub matrices: Option<String>,
}

/// A metric right before and right after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub metric: String,
    pub before: Option<f64>,
    pub after: Option<f64>,
}

/// One line of `ledger.jsonl`; holds nothing that differs between two runs of one plan.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerLine<'a> {
    pub format: u32,
    /// ordinal of the change: part of the random stream's key
    pub ordinal: u64,
    pub step: &'a str,
    pub what: &'a str,
    #[serde(flatten)]
    pub place: Place,
    pub clock: u64,
    pub epochs: f64,
    pub arguments: &'a serde_json::Value,
    pub stream: Option<&'a str>,
    pub selected: usize,
    pub changed: usize,
    pub measured: Vec<Measured>,
    pub tensors: Vec<TensorLine<'a>>,
    /// SHA-256 of the line before, without its line end; of the empty text for the first
    pub previous: &'a str,
}

/// One changed tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorLine<'a> {
    pub name: &'a str,
    pub shape: &'a [usize],
    pub selected: usize,
    pub changed: usize,
    pub mask: &'a str,
    pub norm_before: Option<f64>,
    pub norm_after: Option<f64>,
}

impl Place {
    pub fn of(event: &Event, sources: &Sources) -> Place {
        let Some(span) = event.span else { return Place::default() };
        let file = (span.file != FileId::default()).then(|| sources.get(span.file).name.clone());
        Place { file, line: Some(sources.place(span).line) }
    }
}

impl What {
    /// `None` for what is only shown, never recorded. `files` hold what has no room in a line: the single values and what
    /// broke each example, or the matrices of each `confusion`.
    pub fn of(event: &Event, sources: &Sources, files: Vec<Option<String>>) -> Option<What> {
        let mut files = files.into_iter();
        let text = |word: &str| step_text(sources, event.span, word);
        Some(match &event.kind {
            Kind::Progress { .. } | Kind::Evaluating { .. } | Kind::Resume { .. } | Kind::Continue { .. } => {
                return None;
            }
            Kind::RunStart { total_steps } => {
                What::Start { what: "run".into(), text: String::new(), steps: *total_steps }
            }
            Kind::Start { what, steps } => What::Start { what: what.clone(), text: text(what), steps: *steps },
            Kind::Epoch { loss, accuracy, rate, steps, gradient_evaluations } => What::Epoch {
                loss: finite(*loss),
                accuracy: finite(*accuracy),
                rate: *rate,
                steps: *steps,
                gradient_evaluations: *gradient_evaluations,
            },
            Kind::Measure { split, metric, spec, value, n, detail, .. } => What::Measure {
                split: split.name().into(),
                metric: metric.clone(),
                spec: spec.clone(),
                value: finite(*value),
                n: *n,
                per_example: files.next().flatten(),
                broken_by: files.next().flatten(),
                detail: detail.clone(),
            },
            Kind::Change(change) => {
                let line = ChangeLine::of(change, text(change.what), files.flatten().collect());
                match change.what {
                    "rollback" => What::Rollback(line),
                    "load" => What::Load(line),
                    "merge" => What::Merge(line),
                    _ => What::Forget(line),
                }
            }
            Kind::Checkpoint { name, folder } => What::Checkpoint { name: name.clone(), folder: folder.clone() },
            Kind::Expect { text, held, values } => {
                What::Expect { text: text.clone(), held: *held, values: all_finite(values) }
            }
            Kind::Guard { text, held, values, action } => What::Guard {
                text: text.clone(),
                held: *held,
                action: action.as_ref().map(|a| a.word().to_string()),
                values: all_finite(values),
            },
            Kind::Until { text, held, values } => {
                What::Until { text: text.clone(), held: *held, values: all_finite(values) }
            }
            Kind::Trigger { text, values } => What::Trigger { text: text.clone(), values: all_finite(values) },
            Kind::Warning { message } => What::Warning { message: message.clone() },
            Kind::End { status, gradient_evaluations } => {
                What::End { status: status_word(*status).into(), gradient_evaluations: Some(*gradient_evaluations) }
            }
        })
    }
}

impl ChangeLine {
    fn of(change: &Change, text: String, files: Vec<String>) -> ChangeLine {
        let mut files = files.into_iter();
        let compared = |c: &Comparison| Compared {
            metric: c.metric.clone(),
            value: finite(c.value),
            n: c.n,
            parts: c.parts.clone(),
            matrices: c.confusion.as_ref().and_then(|_| files.next()),
        };
        ChangeLine {
            compared: change.compared.iter().map(compared).collect(),
            what: change.what.into(),
            text,
            ordinal: change.ordinal,
            tensors: change.tensors.len(),
            selected: change.tensors.iter().map(|t| t.selected).sum(),
            changed: change.tensors.iter().map(|t| t.changed).sum(),
            measured: measured(change),
        }
    }
}

fn measured(change: &Change) -> Vec<Measured> {
    let line = |(metric, before, after): &(String, f64, f64)| Measured {
        metric: metric.clone(),
        before: finite(*before),
        after: finite(*after),
    };
    change.measured.iter().map(line).collect()
}

impl<'a> LedgerLine<'a> {
    pub fn of(event: &'a Event, change: &'a Change, place: Place, previous: &'a str) -> LedgerLine<'a> {
        let tensor = |t: &'a crate::runtime::event::ChangedTensor| TensorLine {
            name: &t.name,
            shape: &t.shape,
            selected: t.selected,
            changed: t.changed,
            mask: &t.mask,
            norm_before: finite(t.norm_before),
            norm_after: finite(t.norm_after),
        };
        LedgerLine {
            format: 1,
            ordinal: change.ordinal,
            step: &event.step,
            what: change.what,
            place,
            clock: event.clock,
            epochs: event.epochs,
            arguments: &change.arguments,
            stream: change.stream.as_deref(),
            selected: change.tensors.iter().map(|t| t.selected).sum(),
            changed: change.tensors.iter().map(|t| t.changed).sum(),
            measured: measured(change),
            tensors: change.tensors.iter().map(tensor).collect(),
            previous,
        }
    }
}

/// `done`, `failed`, `stopped`
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::Failed => "failed",
        Status::Stopped | Status::Ended => "stopped",
    }
}

fn all_finite(values: &[(String, f64)]) -> BTreeMap<String, Option<f64>> {
    values.iter().map(|(name, value)| (name.clone(), finite(*value))).collect()
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}
