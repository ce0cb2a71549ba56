//! Projected gradient descent in the linf or l2 ball.

use super::loss::Loss;
use super::project::{self, Move};
use super::{Attack, Norm, gradient, start};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "pgd",
    params: &[
        Param::new("eps", Type::Real, "radius of the ball around the image, pixels in 0..=1; at most 1 for linf")
            .at_least(0.0),
        Param::new("step", Type::Real, "length of one step; 2.5 * eps / iters if left out")
            .or(Default::Absent)
            .above(0.0),
        Param::new("iters", Type::Int, "number of steps").or(Default::Int(10)).within(1.0, 1e6),
        Param::new("norm", Type::Word(&["linf", "l2"]), "the norm that eps and step are measured in")
            .or(Default::Word("linf"))
            .named(),
        Param::new("random_start", Type::Bool, "start at a random point of the ball, not at the image")
            .or(Default::Bool(true))
            .named(),
        Param::new("restarts", Type::Int, "tries; of each image the one that harms most is kept")
            .or(Default::Int(1))
            .named()
            .within(1.0, 1e4),
        Param::new(
            "loss",
            Type::Word(Loss::WORDS),
            "what is driven up: cross-entropy, the margin of the likeliest other \
                    class, that up to kappa, or the difference of logits ratio",
        )
        .or(Default::Word("ce"))
        .named(),
        Param::new("kappa", Type::Real, "of the loss cw: the margin that is enough; 0 if left out")
            .or(Default::Absent)
            .named()
            .at_least(0.0),
        Param::new("crafted_in", Type::Word(&["train", "eval"]), "mode of batch norm while crafting for training")
            .or(Default::Word("train"))
            .named(),
    ],
    doc: "projected gradient descent; evaluation always crafts in eval mode",
    source: "Madry et al. 2018, arXiv 1706.06083; arithmetic of torchattacks 3.5.1 PGD and PGDL2; losses: Carlini & \
             Wagner 2017, arXiv 1608.04644 (cw: f6), Croce & Hein 2020, arXiv 2003.01690 (dlr)",
    example: "objective adversarial(pgd(eps: 8/255, step: 2/255, iters: 10))",
};

/// Length of one step.
pub(super) fn step(spec: &Spec) -> f64 {
    length(spec.maybe_real("step"), spec.real("eps"), spec.usize("iters"))
}

/// The written one, or what follows from the rest.
fn length(written: Option<f64>, eps: f64, iters: usize) -> f64 {
    written.unwrap_or(2.5 * eps / iters as f64)
}

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Pgd {
        eps: spec.real("eps"),
        step: spec.maybe_real("step"),
        iters: spec.usize("iters"),
        norm: Norm::of(spec),
        random_start: spec.bool("random_start"),
        restarts: spec.usize("restarts"),
        loss: Loss::of(spec),
        crafted_in: if spec.word("crafted_in") == "train" { Mode::Train } else { Mode::Eval },
    })
}

#[derive(Clone)]
struct Pgd {
    eps: f64,
    /// as it is written
    step: Option<f64>,
    iters: usize,
    norm: Norm,
    random_start: bool,
    restarts: usize,
    loss: Loss,
    crafted_in: Mode,
}

impl Attack for Pgd {
    /// Of several restarts each image keeps the one that harms most: one that is misclassified before one that isn't,
    /// then the higher loss, then the earlier one.
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let mut kept = self.once(network, mode, batch, draws, 0)?;
        if self.restarts == 1 {
            return Ok(kept);
        }
        let mut harm = gradient::losses(network, mode, &kept, &batch.labels, self.loss)?;
        for restart in 1..self.restarts {
            let tried = self.once(network, mode, batch, draws, restart as u64)?;
            let new = gradient::losses(network, mode, &tried, &batch.labels, self.loss)?;
            let better: Vec<bool> = new.iter().zip(&harm).map(|(new, old)| worse_for_the_network(*new, *old)).collect();
            let choose = Tensor::from_iter(better.iter().map(|&b| u8::from(b)), tried.device())?;
            let choose = choose.reshape((better.len(), 1, 1, 1))?.broadcast_as(tried.shape())?;
            kept = choose.where_cond(&tried, &kept)?;
            harm.iter_mut()
                .zip(new)
                .zip(better)
                .for_each(|((old, new), better)| *old = if better { new } else { *old });
        }
        Ok(kept)
    }

    fn passes(&self) -> u64 {
        (self.iters * self.restarts) as u64
    }

    /// The comparison of restarts.
    fn forwards(&self) -> u64 {
        if self.restarts == 1 { 0 } else { self.restarts as u64 }
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(Pgd { eps, step: self.step.map(|step| project::scaled(step, self.eps, eps)), ..self.clone() })
    }

    fn crafted_in(&self) -> Mode {
        self.crafted_in
    }
}

impl Pgd {
    /// One descent from one start; its last point.
    fn once(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws, restart: u64) -> Result<Tensor> {
        let l2 = self.norm == Norm::L2;
        let (step, eps) = (length(self.step, self.eps, self.iters), self.eps);
        let by = if l2 { Move::L2 { step, eps } } else { Move::Linf { step, eps } };
        let mut adversarial = match (self.random_start, l2) {
            (false, _) => project::own_copy(&batch.pixels)?,
            (true, true) => start::l2(self.eps, batch, draws, restart)?,
            (true, false) => start::linf(self.eps, batch, draws, restart)?,
        };
        for _ in 0..self.iters {
            let seen = gradient::see(network, mode, &adversarial, &batch.labels, None, self.loss)?;
            adversarial = project::step(by, adversarial, &seen.gradient, &batch.pixels)?;
        }
        Ok(adversarial)
    }
}

/// Whether (loss, correct) `new` beats `old` in the attacker's eyes.
fn worse_for_the_network((new, right): (f32, bool), (old, was_right): (f32, bool)) -> bool {
    match (right, was_right) {
        (false, true) => true,
        (true, false) => false,
        _ => new > old,
    }
}
