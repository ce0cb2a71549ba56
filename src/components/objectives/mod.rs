//! Objectives: what a training step lowers.

pub mod adversarial;
pub mod awp;
pub mod cross_entropy;
pub mod free;
mod loss;
pub mod mart;
mod pass;
mod texts;
pub mod trades;

pub use texts::{Read, read_once};

pub use loss::{Lesson, Likeness, Loss, On, log_softmax, rows};

use crate::components::{Family, Member, Problem, ProblemKind, Spec, Value, entries};
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
    /// what an earlier step handed on, which the images were crafted with
    pub carried: Option<Tensor>,
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
    /// (N, C, H, W): what is handed on to the next step
    pub carried: Option<Tensor>,
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
    /// The images as an attack on the network makes them; `None` where the objective attacks nothing. `carried` is what
    /// the step before handed on for the images at these places, of an objective that [`carries`](Self::carries).
    ///
    /// # Errors
    /// What the network's operations return: shapes that don't fit.
    fn craft(
        &self,
        network: &Network,
        batch: &Batch,
        carried: Option<&Tensor>,
        draws: &Draws,
    ) -> Result<Option<Tensor>>;

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
        let attacked = self.craft(network, batch, None, draws)?;
        let crafted = Crafted { batch: batch.clone(), attacked, carried: None };
        self.learn(network, &crafted, &[], trainable)
    }

    /// Whether each step hands something on to the next, by the places of the images in the batch.
    fn carries(&self) -> bool {
        false
    }

    /// What is handed on, from the gradient of the loss with respect to the attacked pixels.
    ///
    /// # Errors
    /// Shapes that don't fit.
    fn carry(&self, _crafted: &Crafted, gradient: &Tensor) -> Result<Tensor> {
        Ok(gradient.clone())
    }

    /// Gradient evaluations of the attack for each example of a pass.
    fn attack_passes(&self) -> u64;

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
static OBJECTIVES: [(&Member, Build); 6] = [
    (&cross_entropy::MEMBER, cross_entropy::build),
    (&adversarial::MEMBER, adversarial::build),
    (&trades::MEMBER, trades::build),
    (&mart::MEMBER, mart::build),
    (&awp::MEMBER, awp::build),
    (&free::MEMBER, free::build),
];

/// The descriptions of all objectives.
pub static MEMBERS: &[&Member] = &entries::members(&OBJECTIVES);

/// The objective that `spec` describes.
pub fn build(spec: &Spec) -> Box<dyn Objective> {
    entries::builder(&OBJECTIVES, spec.name())(spec)
}

/// The objective inside of an `awp`.
fn inner(spec: &Spec) -> Option<&Spec> {
    spec.args.iter().find_map(|arg| arg.as_component(Family::Objective))
}

/// The attack that an objective trains against, also where some of its arguments wait.
pub fn attack_of(spec: &Spec) -> Option<&Spec> {
    let own = spec.args.iter().find_map(|arg| arg.as_component(Family::Attack));
    own.or_else(|| inner(spec).and_then(attack_of))
}

/// Passes forward and back to the weights that a step takes, beside those of the attack.
pub fn own_passes(spec: &Spec) -> u64 {
    match inner(spec) {
        Some(inner) => 2 * own_passes(inner),
        None if [&trades::MEMBER, &mart::MEMBER].contains(&spec.member) => 2,
        None => 1,
    }
}

/// Which images it passes through the network: as they are, and as they are attacked.
pub fn reads(spec: &Spec) -> (bool, bool) {
    match inner(spec) {
        Some(inner) => reads(inner),
        None if own_passes(spec) == 2 => (true, true),
        None => (spec.member == &cross_entropy::MEMBER, spec.member != &cross_entropy::MEMBER),
    }
}

/// Whether its attack drives up how far an image is from itself, so that it asks for the image as it is once.
pub fn diverges(spec: &Spec) -> bool {
    inner(spec).map_or(spec.member == &trades::MEMBER, diverges)
}

/// How often each batch is trained on before the next; `None` where a loop's variable decides.
pub fn replays(spec: &Spec) -> Option<u64> {
    if spec.member == &free::MEMBER { free::replays(spec) } else { Some(1) }
}

/// Whether each of its steps hands something as large as the batch on to the next.
pub fn carries(spec: &Spec) -> bool {
    spec.member == &free::MEMBER
}

/// What the bounds of single parameters can't say.
///
/// # Errors
/// What doesn't go together.
pub fn check(spec: &Spec) -> std::result::Result<(), Problem> {
    let wrong = |message: &str, help: &str| Err(Problem::new(ProblemKind::DoesNotFit, message).help(help));
    match inner(spec) {
        Some(inner) if inner.member == &awp::MEMBER => {
            wrong("`awp` of an `awp` perturbs weights twice", "write one with the sum of both `gamma`")
        }
        Some(inner) if inner.member == &free::MEMBER => wrong(
            "`awp` wants images crafted before its two passes, and `free` crafts by its pass",
            "write awp(adversarial(fgsm(eps: 8/255)))",
        ),
        _ => {
            let restarts = |attack: &Spec| {
                let several = |(place, _)| matches!(attack.args[place], Value::Int(n) if n > 1);
                attack.member.param("restarts").is_some_and(several)
            };
            let near = [&trades::MEMBER, &mart::MEMBER].contains(&spec.member);
            match attack_of(spec).filter(|attack| near && restarts(attack)) {
                Some(_) => {
                    wrong(&format!("`{}` crafts from one start near the image", spec.name()), "leave out `restarts`")
                }
                None => Ok(()),
            }
        }
    }
}

impl Draws {
    /// The stream of that purpose and scope.
    pub fn stream(&self, purpose: &str, scope: &[u64]) -> Stream {
        Stream::new(self.seed, purpose, scope)
    }
}

#[cfg(test)]
mod robust_tests;
#[cfg(test)]
mod tests;
