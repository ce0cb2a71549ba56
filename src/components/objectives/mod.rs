//! Objectives: what a training step lowers.

pub mod adversarial;
pub mod cross_entropy;
mod loss;
mod pass;

pub use loss::{Lesson, Likeness, Loss, On};

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

/// A batch as it is, and as it was crafted.
#[derive(Clone, Debug)]
pub struct Crafted {
    pub batch: Batch,
    /// (N, C, H, W) in 0..=1; `None` where nothing is attacked
    pub attacked: Option<Tensor>,
}

impl Crafted {
    /// What `on` reads: where nothing is attacked, the images as they are.
    pub fn pixels(&self, on: On) -> &Tensor {
        match (on, &self.attacked) {
            (On::Attacked, Some(attacked)) => attacked,
            _ => &self.batch.pixels,
        }
    }
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
/// A step crafts its images, asks its teachers about them, and takes a pass over both. Neither changes the network, so
/// they can be taken several times in a step: over chunks (`accumulate`, joined by [`Pass::join`]), at other weights on
/// the same images (`awp`, SAM and its kin).
///
/// Losses on features and extra heads will add their terms before the one backward pass, and return the gradients of
/// their own weights beside those of the network's.
pub trait Objective: Send + Sync {
    /// The images as an attack on the network makes them; `None` where the objective attacks nothing.
    ///
    /// # Errors
    /// What the network's operations return: shapes that don't fit.
    fn craft(&self, network: &Network, batch: &Batch, draws: &Draws) -> Result<Option<Tensor>>;

    /// Which images it passes through the network, in this order; each pass moves the running statistics.
    fn reads(&self) -> &'static [On];

    /// The loss of the logits of what it reads, and its derivatives.
    ///
    /// # Errors
    /// If logits and labels don't fit together.
    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss>;

    /// Loss, gradients of the weights in `trainable`, and statistics, in train mode; with what teachers ask for beside
    /// the objective's own loss.
    ///
    /// # Errors
    /// What the network's operations return: shapes that don't fit.
    fn learn(&self, network: &Network, crafted: &Crafted, lessons: &[Lesson], trainable: Trainable) -> Result<Pass> {
        pass::once(self, network, crafted, lessons, trainable)
    }

    /// [`craft`](Self::craft) and [`learn`](Self::learn), with no teacher.
    ///
    /// # Errors
    /// As those.
    fn pass(&self, network: &Network, batch: &Batch, trainable: Trainable, draws: &Draws) -> Result<Pass> {
        let crafted = Crafted { attacked: self.craft(network, batch, draws)?, batch: batch.clone() };
        self.learn(network, &crafted, &[], trainable)
    }

    /// Gradient evaluations for each example of a pass.
    fn passes_per_step(&self) -> u64;

    /// The attack it trains against: what a bare `robust` measures.
    fn attack(&self) -> Option<&Spec>;
}

/// Logits (N, K) of the images that were read.
#[derive(Debug, Default)]
pub struct Logits {
    clean: Option<Tensor>,
    attacked: Option<Tensor>,
}

impl Logits {
    /// Of those images.
    ///
    /// # Errors
    /// If they weren't read.
    pub fn of(&self, on: On) -> Result<&Tensor> {
        let logits = match on {
            On::Clean => &self.clean,
            On::Attacked => &self.attacked,
        };
        logits.as_ref().ok_or_else(|| candle_core::Error::Msg(format!("{on:?} images were not passed through")))
    }

    fn put(&mut self, on: On, logits: Tensor) {
        match on {
            On::Clean => self.clean = Some(logits),
            On::Attacked => self.attacked = Some(logits),
        }
    }
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
