//! The stable network beside the one that is trained: how it follows, and when.

pub mod ema;
pub mod swa;

use crate::components::{Duration, Member, Spec, entries};
use crate::nn::network::Network;
use candle_core::Result;

/// The stable network φ of a run. There is one; whichever `memory` statement holds says how it follows.
#[derive(Debug)]
pub struct Memory {
    pub network: Network,
    /// the `memory` statement that it followed by last
    pub by: u32,
    /// updates by that statement
    pub updates: u64,
    /// all changes of the network so far: what was measured with an earlier one holds no more
    pub revision: u64,
}

/// How a stable network follows the one that is trained.
pub struct Following {
    pub average: Average,
    pub cadence: Cadence,
    /// that an update which is due is made
    pub probability: f64,
    pub statistics: Statistics,
}

/// What an update of the weights is, φ being the stable ones and θ the present ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Average {
    /// φ ← α·φ + (1 − α)·θ with α = decay, or min(1 − 1/(k + 1), decay) after k updates where it is warm
    Exponential { decay: f64, warm: bool },
    /// φ ← φ + (θ − φ)/(k + 1) after k updates: their mean, in which the copy that φ began as has no part
    Equal,
}

/// When an update is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cadence {
    /// after each optimizer step of a `consolidate`
    Iteration,
    /// at the end of each `consolidate`
    Phase,
    /// at the end of each `relearn`
    Relearn,
    /// each so much training within a `consolidate`
    Every(Duration),
}

/// What the stable network's batch norms have as running statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// those of the present network
    Copy,
    /// averaged as the weights are
    Average,
    /// those of its own activations on the training images
    Estimate,
}

impl Statistics {
    const WORDS: &'static [&'static str] = &["copy", "average", "estimate"];

    fn of(spec: &Spec) -> Statistics {
        match spec.word("statistics") {
            "copy" => Statistics::Copy,
            "average" => Statistics::Average,
            _ => Statistics::Estimate,
        }
    }
}

type Build = fn(&Spec) -> Following;

/// The family's members with their builders, in the order in which they are listed.
static MEMORIES: [(&Member, Build); 2] = [(&ema::MEMBER, ema::build), (&swa::MEMBER, swa::build)];

/// The descriptions of all memories.
pub static MEMBERS: &[&Member] = &entries::members(&MEMORIES);

/// The way of following that `spec` describes.
pub fn build(spec: &Spec) -> Following {
    entries::builder(&MEMORIES, spec.name())(spec)
}

impl Average {
    /// What remains of the old weights in an update after `k` others.
    pub fn kept(self, k: u64) -> f64 {
        let mean = 1.0 - 1.0 / (k as f64 + 1.0);
        match self {
            Average::Exponential { decay, warm: true } => mean.min(decay),
            Average::Exponential { decay, warm: false } => decay,
            Average::Equal => mean,
        }
    }
}

impl Following {
    /// Whether statistics are estimated after each update: not where there are many, which copy them in between.
    pub fn estimates_each(&self) -> bool {
        self.statistics == Statistics::Estimate && self.cadence != Cadence::Iteration
    }
}

impl Memory {
    /// As it begins: a copy of the present network.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn begin(network: &Network, by: u32) -> Result<Memory> {
        Ok(Memory { network: network.copy()?, by, updates: 0, revision: 1 })
    }

    /// A copy that later updates don't change.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn copy(&self) -> Result<Memory> {
        Ok(Memory { network: self.network.copy()?, ..*self })
    }

    /// One update towards the present network, of the same shapes. A statement that takes over begins to count anew.
    ///
    /// # Errors
    /// If the two networks differ in shape.
    pub fn follow(&mut self, present: &Network, following: &Following, by: u32) -> Result<()> {
        if self.by != by {
            (self.by, self.updates) = (by, 0);
        }
        let kept = following.average.kept(self.updates);
        self.network.blend(present, kept)?;
        match following.statistics {
            Statistics::Average => self.network.blend_statistics(present, kept)?,
            Statistics::Copy | Statistics::Estimate => self.network.copy_statistics(present),
        }
        self.updates += 1;
        self.revision += 1;
        Ok(())
    }
}
