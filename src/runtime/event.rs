//! What a run tells its listeners. The loop emits events and never asks who listens.

use crate::components::Split;
use crate::components::metrics::compare::Matrix;
use crate::components::metrics::{Detail, Part, Standing};
use crate::language::program::Otherwise;
use crate::source::Span;
use serde::{Deserialize, Serialize};

/// Something that happened, and where.
#[derive(Clone, Debug)]
pub struct Event {
    /// instance of a step: `3.repeat[2].1`; empty for the run itself
    pub step: String,
    /// the step's place in the program
    pub span: Option<Span>,
    /// optimizer steps of the whole run so far
    pub clock: u64,
    /// epochs of training of the whole run so far
    pub epochs: f64,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// The run begins; `total_steps` of training where that is known.
    RunStart {
        total_steps: Option<u64>,
    },
    /// A run goes on that was interrupted; for progress bars, never recorded.
    Resume {
        total_steps: Option<u64>,
    },
    /// A training step goes on that was interrupted; likewise.
    Continue {
        what: String,
        steps: Option<u64>,
        /// epochs of the run when it began
        before: f64,
    },
    /// A step begins; `steps` of training in it, where it trains.
    Start {
        what: String,
        steps: Option<u64>,
    },
    /// After each optimizer step; for progress bars, never recorded.
    Progress {
        done: u64,
        loss: f64,
        rate: f64,
    },
    /// An epoch (or the last part of one) of a training step ended: mean loss and accuracy on what was trained on.
    Epoch {
        loss: f64,
        accuracy: f64,
        rate: f64,
        steps: u64,
        gradient_evaluations: u64,
    },
    /// `per_example`: 0/1 or values in data order, where the statement asked for it.
    Measure {
        split: Split,
        metric: String,
        /// the metric with all its arguments, as canonical JSON: two attacks of one name are told apart by it
        spec: serde_json::Value,
        value: f64,
        n: usize,
        per_example: Option<Vec<f64>>,
        /// beside them: what broke each example, `clean` where it is wrong as it is
        broken_by: Option<Vec<Option<String>>>,
        detail: Detail,
    },
    /// An evaluation has come so far; for progress bars, never recorded.
    Evaluating {
        metric: String,
        standing: Standing,
    },
    /// Weights changed other than by gradient: one line of the ledger.
    Change(Change),
    /// A checkpoint was written; `folder` relative to the run folder.
    Checkpoint {
        name: Option<String>,
        folder: String,
    },
    Expect {
        text: String,
        held: bool,
        values: Vec<(String, f64)>,
    },
    /// `action`: what is done now, where the condition didn't hold.
    Guard {
        text: String,
        held: bool,
        values: Vec<(String, f64)>,
        action: Option<Otherwise>,
    },
    /// The condition of a `repeat until`, looked at after a round.
    Until {
        text: String,
        held: bool,
        values: Vec<(String, f64)>,
    },
    /// An `every` or `when` fires; `values` are what its condition was decided by.
    Trigger {
        text: String,
        values: Vec<(String, f64)>,
    },
    Warning {
        message: String,
    },
    /// `gradient_evaluations` of the whole run so far
    End {
        status: Status,
        gradient_evaluations: u64,
    },
}

/// Weights changed other than by gradient.
#[derive(Clone, Debug)]
pub struct Change {
    /// `forget`, `zap`, `rollback`, `load`, `merge`
    pub what: &'static str,
    /// ordinal of this change in the run, from 1: part of the random stream's key
    pub ordinal: u64,
    /// the resolved arguments, as canonical JSON
    pub arguments: serde_json::Value,
    pub tensors: Vec<ChangedTensor>,
    /// purpose and scope of the random stream, where one was drawn from
    pub stream: Option<String>,
    /// `(metric, before, after)` where `measure … at: forget` asked for it
    pub measured: Vec<(String, f64, f64)>,
    /// what compares the networks before and after
    pub compared: Vec<Comparison>,
}

/// A metric that compares the network after a change with that before.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// with its split
    pub metric: String,
    pub value: f64,
    pub n: usize,
    pub parts: Vec<Part>,
    /// of a `confusion`: the two matrices and the classes that they are of
    pub confusion: Option<Confusion>,
}

/// How often each class was taken for each; true ones in rows, in the order of the classes.
#[derive(Clone, Debug, Serialize)]
pub struct Confusion {
    pub classes: Vec<String>,
    pub before: Matrix,
    pub after: Matrix,
}

#[derive(Clone, Debug)]
pub struct ChangedTensor {
    pub name: String,
    pub shape: Vec<usize>,
    /// weights that the selector hit
    pub selected: usize,
    /// weights that were changed
    pub changed: usize,
    /// SHA-256 over the sorted indices of the changed weights (u64, little endian), hex
    pub mask: String,
    /// Euclidean norms of the whole tensor
    pub norm_before: f64,
    pub norm_after: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done,
    Failed,
    /// from outside: something is left to do
    Stopped,
    /// by a guard: nothing is left to do
    Ended,
}

/// Hears of everything. An error of a listener that keeps records stops the run; screens swallow theirs.
pub trait Listener {
    fn hear(&mut self, event: &Event) -> std::io::Result<()>;

    /// A checkpoint, relative to the run folder, was written because a clock or a signal said so. It is no event:
    /// two runs of one program may differ in it.
    fn saved(&mut self, _folder: &str) -> std::io::Result<()> {
        Ok(())
    }

    /// How far the files of records have come, by name, all written so far flushed. A checkpoint holds it, so that
    /// records can be cut back to it.
    fn marks(&mut self) -> std::io::Result<Vec<(String, Mark)>> {
        Ok(Vec::new())
    }
}

/// How far a file of records has come. It holds nothing that differs between two runs of one plan, so no bytes: the
/// times in events have more digits or fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub lines: u64,
    /// of the last line, where the file is a chain
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
}
