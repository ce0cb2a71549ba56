//! Attacks: changes of an image, within a budget, that raise the loss.

mod apgd;
pub mod apgd_ce;
pub mod apgd_dlr;
mod apgd_moves;
pub mod apgd_t;
mod ascent;
pub mod autoattack;
mod boundary;
mod candidate;
mod climb;
pub mod fab;
pub mod fab_t;
pub mod fgsm;
mod gradient;
mod hyperplane;
pub mod inner;
mod l1;
mod loss;
pub mod pgd;
mod project;
pub mod square;
mod standing;
mod start;

use self::loss::Loss;
use crate::components::objectives::{Batch, Draws};
use crate::components::{Member, Param, Problem, ProblemKind, Spec, Value, catalogue, entries};
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
static ATTACKS: [(&Member, Build); 9] = [
    (&fgsm::MEMBER, fgsm::build),
    (&pgd::MEMBER, pgd::build),
    (&apgd_ce::MEMBER, apgd_ce::build),
    (&apgd_dlr::MEMBER, apgd_dlr::build),
    (&apgd_t::MEMBER, apgd_t::build),
    (&fab::MEMBER, fab::build),
    (&fab_t::MEMBER, fab_t::build),
    (&square::MEMBER, square::build),
    (&autoattack::MEMBER, autoattack::build),
];

/// The descriptions of all attacks.
pub static MEMBERS: &[&Member] = &entries::members(&ATTACKS);

/// The attack that `spec` describes.
pub fn build(spec: &Spec) -> Box<dyn Attack> {
    entries::builder(&ATTACKS, spec.name())(spec)
}

/// The attack of that name with these arguments, all others at their defaults.
pub fn with(name: &str, given: &[(&str, Value)]) -> Box<dyn Attack> {
    let member = entries::member(&ATTACKS, name);
    let argument = |param: &Param| match given.iter().find(|(name, _)| *name == param.name) {
        Some((_, value)) => value.clone(),
        None => catalogue::default_value(&param.default, param).unwrap_or(Value::None),
    };
    build(&Spec { member, args: member.params.iter().map(argument).collect() })
}

/// What the bounds of single parameters can't say: an linf ball wider than the pixels' range is no budget, restarts
/// from one and the same point are one attack, and some parameters belong to others.
pub fn check(spec: &Spec) -> std::result::Result<(), Problem> {
    let eps = spec.real("eps");
    if Norm::of(spec) == Norm::Linf && eps > 1.0 {
        let message = format!("eps {eps} is wider than the pixels' range; in the linf norm it is between 0 and 1");
        let help = format!("pixels are in 0..=1 here: for a budget of {eps} grey levels write {eps}/255");
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("eps"));
    }
    if spec.member.param("multi_eps").is_some() {
        apgd::check(spec)?;
    }
    if spec.member == &autoattack::MEMBER {
        autoattack::check(spec)?;
    }
    if spec.member != &pgd::MEMBER {
        return Ok(());
    }
    if spec.maybe_real("kappa").is_some() && spec.word("loss") != "cw" {
        let message = format!("`kappa` is for the loss cw, this is {}", spec.word("loss"));
        let help = "leave it out, or write `loss: cw`";
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("kappa"));
    }
    if spec.int("restarts") > 1 && !spec.bool("random_start") {
        let message = format!("{} restarts that all start at the image itself are one attack", spec.int("restarts"));
        let help = "leave out `restarts`, or write `random_start: true`";
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("restarts"));
    }
    Ok(())
}

/// Whether an attack's losses are defined for so many classes.
pub fn fits(spec: &Spec, classes: usize) -> std::result::Result<(), Problem> {
    let loss = match spec.name() {
        "apgd_t" => Loss::DlrTargeted,
        "autoattack" if spec.word("version") != "rand" => Loss::DlrTargeted,
        "autoattack" | "apgd_dlr" => Loss::Dlr,
        "pgd" => Loss::of(spec),
        _ => return Ok(()),
    };
    let least = loss.least_classes();
    if classes >= least {
        return Ok(());
    }
    let message = format!("`{}` compares {least} classes, this data has {classes}", spec.name());
    let help = match (spec.name(), classes) {
        (_, 0 | 1) => "attacks need two classes or more",
        ("pgd", _) => "take `loss: margin`",
        ("autoattack", _) => "take `apgd_ce`, `fab_t` and `square`, which any two classes will do for",
        ("apgd_t", 3) => "take `apgd_ce` and `apgd_dlr`",
        _ => "take `apgd_ce`",
    };
    Err(Problem::new(ProblemKind::DoesNotFit, message).help(help))
}

#[cfg(test)]
mod apgd_tests;
#[cfg(test)]
mod square_fab_tests;
#[cfg(test)]
mod tests;
