//! Attacks: changes of an image, within a budget, that raise the loss.

pub mod fgsm;
mod gradient;
pub mod pgd;
mod project;
mod start;

use crate::components::objectives::{Batch, Draws};
use crate::components::{Member, Problem, ProblemKind, Spec, entries};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

/// An attack with its budget.
pub trait Attack: Send + Sync {
    /// The images as the attack makes them, (N, C, H, W) in 0..=1, within the budget around `batch.pixels`.
    ///
    /// The network isn't changed, running statistics included, and no gradient of a weight is formed. Where batch
    /// norm runs on its running statistics (`Mode::Eval`), what an image becomes doesn't depend on the rest of the
    /// batch. Later attacks that need other losses or more than the last iterate (`apgd_ce`, TRADES' inner problem)
    /// build on [`gradient`](self) in the same way.
    ///
    /// # Errors
    /// What the network's operations return: shapes that don't fit.
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor>;

    /// Gradient evaluations for each image.
    fn passes(&self) -> u64;

    /// The mode in which examples for training are crafted; evaluation crafts in `Mode::Eval`.
    fn crafted_in(&self) -> Mode;
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
    let linf = spec.member.param("norm").is_none_or(|_| spec.word("norm") == "linf");
    let eps = spec.real("eps");
    if linf && eps > 1.0 {
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
