//! How far training has come.

use super::state::exact;
use crate::components::Duration;
use crate::components::objectives::Pass;
use serde::{Deserialize, Serialize};

/// A training statement under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// steps of this statement
    pub done: u64,
    /// epochs of the run before this statement
    #[serde(with = "exact")]
    pub epochs_before: f64,
    pub epoch: Epoch,
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
}

impl Progress {
    pub fn begin(epochs_before: f64) -> Progress {
        Progress { done: 0, epochs_before, epoch: Epoch::default() }
    }

    /// One more step.
    pub fn count(&mut self, step: &Pass) {
        self.done += 1;
        self.epoch.steps += 1;
        self.epoch.examples += step.examples;
        self.epoch.loss += step.loss * step.examples as f64;
        self.epoch.correct += step.correct;
        self.epoch.passes += step.passes;
    }

    /// Hands out the sums and starts the next epoch's.
    pub fn end_epoch(&mut self) -> Epoch {
        std::mem::take(&mut self.epoch)
    }
}
