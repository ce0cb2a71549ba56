//! Everything that a step changes.

use super::checkpoint::Snapshot;
use super::cursor::Cursor;
use super::error::Failure;
use super::event::Mark;
use super::progress::Seen;
use super::protect::Protected;
use super::within::Evaluations;
use crate::components::memory::Memory;
use crate::components::optimizers::OptimizerState;
use crate::nn::network::Network;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a run is at one moment. Two runs in the same state go on alike; a checkpoint holds all of it.
///
/// `journal` holds nothing that differs between two runs of one program, nor between an interrupted run and one that
/// wasn't: no saves that a clock decided, and no times but where a clock decides what is trained.
#[derive(Debug)]
pub struct State {
    /// weights and running statistics
    pub network: Network,
    /// the stable network, once a `consolidate` has begun one
    pub memory: Option<Memory>,
    /// what an objective's last step handed on, (batch, C, H, W): the perturbation of `free`
    pub carried: Option<Tensor>,
    /// what `protect` holds still
    pub protected: Protected,
    /// by the id of the `optimizer` statement; kept from one entry of its block to the next
    pub optimizers: BTreeMap<u32, OptimizerState>,
    /// points made by `checkpoint "name"`
    pub named: BTreeMap<String, Snapshot>,
    pub journal: Journal,
}

/// The part of the state that is no tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    pub cursor: Cursor,
    /// optimizer steps
    pub clock: u64,
    #[serde(with = "exact")]
    pub epochs: f64,
    pub gradient_evaluations: u64,
    /// steps on the clock of each `lr` statement
    pub schedules: BTreeMap<u32, u64>,
    /// changes of weights other than by gradient
    pub changes: u64,
    /// of the metrics that `measure … every:` and `keep best:` follow, by [`Reading::key`](super::measure::Reading::key)
    pub histories: BTreeMap<String, Vec<Point>>,
    /// the best so far by each metric that `keep best:` named
    pub best: BTreeMap<String, Best>,
    /// the first checkpoint that `checkpoint "name"` made: what `retention` compares with unless told otherwise
    #[serde(default)]
    pub first_checkpoint: Option<String>,
    /// tasks that `learn` has trained on
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub learned: BTreeSet<String>,
    /// how right each answer to a task's questions was when the task had been learned
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub answered: BTreeMap<String, Vec<f64>>,
    /// the last `forget` or `zap`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forgot: Option<Forgot>,
    pub expectations: Vec<Expectation>,
    /// a clock decided how long some training step was
    pub clocked: bool,
    /// how many unnamed checkpoints stay, as the training statement says that began last
    pub keep_last: usize,
    /// what the step under way has measured so far, where it was saved within an evaluation
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evaluations: Option<Evaluations>,
    /// how far the files had come that the listeners write
    pub logs: BTreeMap<String, Mark>,
}

/// A metric's value at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// optimizer steps
    pub clock: u64,
    #[serde(with = "exact")]
    pub epochs: f64,
    #[serde(with = "exact")]
    pub value: f64,
}

/// When something was forgotten, and what was measured right before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forgot {
    /// optimizer steps
    pub clock: u64,
    #[serde(with = "exact")]
    pub epochs: f64,
    /// by [`Reading::key`](super::measure::Reading::key)
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub before: Vec<Seen>,
}

/// The best so far, and where it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub point: Point,
    /// below `checkpoints/`
    pub folder: String,
}

/// What became of an `expect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// instance of the step
    pub step: String,
    /// as it was written
    pub text: String,
    pub held: bool,
}

impl Journal {
    /// A metric's value at the present moment.
    pub fn point(&self, value: f64) -> Point {
        Point { clock: self.clock, epochs: self.epochs, value }
    }

    /// Steps of the training statement under way.
    pub fn done(&self) -> u64 {
        self.cursor.training().map_or(0, |progress| progress.done)
    }
}

impl State {
    /// At the beginning of a run.
    pub fn new(network: Network) -> State {
        State {
            network,
            memory: None,
            carried: None,
            protected: Protected::default(),
            optimizers: BTreeMap::new(),
            named: BTreeMap::new(),
            journal: Journal::default(),
        }
    }
}

impl State {
    /// The weights that there are now: steps, changes of weights and of the memory so far.
    pub fn point(&self) -> (u64, u64, u64) {
        let revision = self.memory.as_ref().map_or(0, |memory| memory.revision);
        (self.journal.clock, self.journal.changes, revision)
    }

    /// The stable network.
    pub fn memory(&self) -> Result<&Memory, Failure> {
        self.memory.as_ref().ok_or_else(|| {
            Failure::new("there is no memory yet at this point of the run")
                .help("it begins with the first step of a `consolidate` under a `memory`; let one come before")
        })
    }
}

/// Numbers as text with all their digits: JSON has no NaN, and parsers of its numbers may miss the last bit.
pub mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("{text:?} is no number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_bit_for_bit() {
        for value in [0.1 + 0.2, 1.0 / 3.0, -0.0, 5e-324, f64::MAX, f64::INFINITY] {
            let text = serde_json::to_string(&Point { clock: 1, epochs: 0.1, value }).unwrap();
            let back: Point = serde_json::from_str(&text).unwrap();
            assert_eq!(back.value.to_bits(), value.to_bits(), "{text}");
        }
        // Parsers that are quick miss the last bit of this one.
        let began = 1.0623561558391335_f64;
        assert_eq!(serde_json::from_str::<f64>(&began.to_string()).unwrap().to_bits(), began.to_bits());
        let nan = serde_json::to_string(&Point { clock: 1, epochs: 0.1, value: f64::NAN }).unwrap();
        assert!(serde_json::from_str::<Point>(&nan).unwrap().value.is_nan());
    }
}
