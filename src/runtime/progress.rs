//! How far training has come.

use super::state::exact;
use crate::components::objectives::Pass;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A training statement under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// steps of this statement
    pub done: u64,
    /// epochs of the run before this statement, and those of blocks within it
    #[serde(with = "exact")]
    pub epochs_before: f64,
    pub epoch: Epoch,
    #[serde(default)]
    pub last_step: LastStep,
    /// optimizer steps of the run when the present pass over the data began: its order was drawn by them
    pub pass_clock: u64,
    /// the same when the present batch was met first, where each is trained on several times: it was changed by them
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub batch_clock: Option<u64>,
    /// seconds of the run at its beginning, where a clock decides something of it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub began: Option<f64>,
    /// of its `every` and `when` blocks, by their place
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub triggers: BTreeMap<usize, Triggered>,
    /// those of them that are to run before the next step, the first perhaps under way
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pending: Vec<Pending>,
}

/// A block that is to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// its place among those of its statement
    pub trigger: usize,
    /// what its condition was decided by
    pub values: Vec<Seen>,
}

/// A metric's value when a condition was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub metric: String,
    #[serde(with = "exact")]
    pub value: f64,
}

/// A block that an event starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Triggered {
    /// how often it ran
    pub fired: u64,
    /// whether its condition held when it was last looked at
    pub held: bool,
}

/// What the steps of the present epoch add up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    pub steps: u64,
    /// inputs that were trained on
    pub examples: usize,
    /// sum over the inputs
    #[serde(with = "exact")]
    pub loss: f64,
    pub correct: usize,
    /// gradient evaluations of a batch, those of attacks included
    pub passes: u64,
    /// learning rate of the last step
    #[serde(with = "exact")]
    pub rate: f64,
}

/// The mean loss over the inputs of a step before its update, and how many they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastStep {
    #[serde(with = "exact")]
    pub loss: f64,
    pub examples: usize,
}

impl Progress {
    pub fn begin(epochs_before: f64, clock: u64, began: Option<f64>) -> Progress {
        Progress {
            done: 0,
            epochs_before,
            epoch: Epoch::default(),
            last_step: LastStep::default(),
            pass_clock: clock,
            batch_clock: None,
            began,
            triggers: BTreeMap::new(),
            pending: Vec::new(),
        }
    }

    /// One more chunk whose gradients were formed.
    pub fn count_pass(&mut self, pass: &Pass) {
        self.epoch.examples += pass.examples;
        self.epoch.loss += pass.loss * pass.examples as f64;
        self.epoch.correct += pass.correct;
        self.epoch.passes += pass.passes;
    }

    /// One more step; how many there are now.
    pub fn count_step(&mut self, step: &Pass, rate: f64) -> u64 {
        self.last_step = LastStep { loss: step.loss, examples: step.examples };
        self.epoch.rate = rate;
        self.epoch.steps += 1;
        self.done += 1;
        self.done
    }

    /// Hands out the sums and starts the next epoch's.
    pub fn end_epoch(&mut self) -> Epoch {
        std::mem::take(&mut self.epoch)
    }
}
