//! Objectives: what a training step lowers.

pub mod adversarial;
pub mod cross_entropy;
mod pass;

use crate::components::{Member, Spec, entries};
use crate::nn::network::{Network, Statistics, Trainable};
use crate::nn::rng::Stream;
use candle_core::{Result, Tensor};

/// A batch of labelled images.
///
/// Batches that aren't classification (token sequences with masks) will be further kinds of batch beside this one;
/// only objectives, attacks and metrics look inside.
#[derive(Clone, Debug)]
pub struct Batch {
    /// (N, C, H, W) in 0..=1
    pub pixels: Tensor,
    pub labels: Vec<u32>,
    /// the examples' own ids: what their random streams are keyed by
    pub ids: Vec<u64>,
}

impl Batch {
    /// The examples at these places.
    ///
    /// # Errors
    /// If a place isn't in the batch.
    pub fn pick(&self, places: &[usize]) -> Result<Batch> {
        let index = Tensor::from_iter(places.iter().map(|&i| i as u32), self.pixels.device())?;
        Ok(Batch {
            pixels: self.pixels.index_select(&index, 0)?,
            labels: places.iter().map(|&i| self.labels[i]).collect(),
            ids: places.iter().map(|&i| self.ids[i]).collect(),
        })
    }
}

/// What random draws of a pass are keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    pub seed: u64,
    /// the trial's own step count
    pub clock: u64,
}

/// What one pass over a batch found.
#[derive(Debug)]
pub struct Pass {
    /// mean over the batch's examples
    pub loss: f64,
    /// of that mean, by parameter index; `None` where the parameter isn't trained
    pub gradients: Vec<Option<Tensor>>,
    /// new running statistics, to be applied where the caller wants them: by a step once for each pass that trains
    pub statistics: Vec<Statistics>,
    /// right answers on the inputs that were trained on, and how many inputs there were
    pub correct: usize,
    pub examples: usize,
    /// gradient evaluations spent on each example, attack passes included
    pub passes: u64,
}

/// What a training step lowers.
///
/// A pass doesn't change the network, so it can be taken several times in a step: over chunks (`accumulate`, joined by
/// [`Pass::join`]), twice by optimizers that look around the weights first (SAM and its kin, which keep the statistics
/// of the first pass only), by several processes.
///
/// What comes later goes here: a second network beside the first (a teacher, the old model) is held by the
/// objective that asks it and read in `pass`; losses on features and extra heads add their terms to the loss before
/// the one backward pass, and return the gradients of their own weights beside those of the network's.
pub trait Objective: Send + Sync {
    /// Loss, gradients of the weights in `trainable`, and statistics, on a batch in train mode.
    ///
    /// # Errors
    /// What the network's operations return: shapes that don't fit.
    fn pass(&self, network: &Network, batch: &Batch, trainable: Trainable, draws: &Draws) -> Result<Pass>;

    /// Gradient evaluations for each example of a pass.
    fn passes_per_step(&self) -> u64;

    /// The attack it trains against: what a bare `robust` measures.
    fn attack(&self) -> Option<&Spec>;
}

type Build = fn(&Spec) -> Box<dyn Objective>;

/// The family's members with their builders, in the order in which they are listed.
static OBJECTIVES: [(&Member, Build); 2] =
    [(&cross_entropy::MEMBER, cross_entropy::build), (&adversarial::MEMBER, adversarial::build)];

/// The descriptions of all objectives.
pub static MEMBERS: &[&Member] = &entries::members(&OBJECTIVES);

/// The objective that `spec` describes.
pub fn build(spec: &Spec) -> Box<dyn Objective> {
    entries::builder(&OBJECTIVES, spec.name())(spec)
}

impl Draws {
    /// The stream of that purpose and scope.
    pub fn stream(&self, purpose: &str, scope: &[u64]) -> Stream {
        Stream::new(self.seed, purpose, scope)
    }
}

#[cfg(test)]
mod tests;
