//! Attacks: changes of an image, within a budget, that raise the loss.

pub mod fgsm;
mod gradient;
pub mod inner;
pub mod pgd;
mod project;
mod start;

use crate::components::objectives::{Batch, Draws};
use crate::components::{Member, Problem, ProblemKind, Spec, entries};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

/// How the size of a change is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// the largest change of a pixel
    Linf,
    /// the root of the sum of squares
    L2,
    /// the sum of absolute changes
    L1,
}

impl Norm {
    /// The norm that an attack is described with; attacks without the parameter are linf.
    pub fn of(spec: &Spec) -> Norm {
        match spec.member.param("norm").map_or("linf", |_| spec.word("norm")) {
            "l2" => Norm::L2,
            "l1" => Norm::L1,
            _ => Norm::Linf,
        }
    }
}

/// An attack with its budget.
pub trait Attack: Send + Sync {
    /// The images as the attack makes them, (N, C, H, W) in 0..=1, within the budget around `batch.pixels`: one that
    /// the network gets wrong where the attack found one, else the last or worst that it came to.
    ///
    /// The network isn't changed, running statistics included, and no gradient of a weight is formed. Where batch
    /// norm runs on its running statistics (`Mode::Eval`), what an image becomes doesn't depend on the rest of the
    /// batch: random draws are keyed by its id, never by its place.
    ///
    /// # Errors
    /// What the network's operations return: shapes that don't fit.
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor>;

    /// Gradient evaluations for each image, at most.
    fn passes(&self) -> u64;

    /// Forward passes for each image besides them, at most: queries.
    fn forwards(&self) -> u64 {
        0
    }

    /// The attacks of an ensemble under their names, in order, each for the images that withstood the ones before it;
    /// none for an attack of its own.
    fn parts(&self) -> Vec<(&'static str, &dyn Attack)> {
        Vec::new()
    }

    /// What its budget is measured in.
    fn norm(&self) -> Norm;

    /// Its budget.
    fn eps(&self) -> f64;

    /// The same attack with another budget; lengths of steps keep their ratio to it.
    fn with_eps(&self, eps: f64) -> Box<dyn Attack>;

    /// The mode in which examples for training are crafted; evaluation crafts in `Mode::Eval`.
    fn crafted_in(&self) -> Mode {
        Mode::Eval
    }
}

type Build = fn(&Spec) -> Box<dyn Attack>;

/// The family's members with their builders, in the order in which they are listed.
static ATTACKS: [(&Member, Build); 2] = [(&fgsm::MEMBER, fgsm::build), (&pgd::MEMBER, pgd::build)];

/// The descriptions of all attacks.
pub static MEMBERS: &[&Member] = &entries::members(&ATTACKS);

/// The attack that `spec` describes.
pub fn build(spec: &Spec) -> Box<dyn Attack> {
    entries::builder(&ATTACKS, spec.name())(spec)
}

/// What the bounds of single parameters can't say: an linf ball wider than the pixels' range is no budget, and restarts
/// from one and the same point are one attack.
pub fn check(spec: &Spec) -> std::result::Result<(), Problem> {
    let eps = spec.real("eps");
    if Norm::of(spec) == Norm::Linf && eps > 1.0 {
        let message = format!("eps {eps} is wider than the pixels' range; in the linf norm it is between 0 and 1");
        let help = format!("pixels are in 0..=1 here: for a budget of {eps} grey levels write {eps}/255");
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("eps"));
    }
    if spec.member == &pgd::MEMBER && spec.int("restarts") > 1 && !spec.bool("random_start") {
        let message = format!("{} restarts that all start at the image itself are one attack", spec.int("restarts"));
        let help = "leave out `restarts`, or write `random_start: true`";
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("restarts"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
