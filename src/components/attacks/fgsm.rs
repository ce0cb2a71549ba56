//! The fast gradient sign method.

use super::loss::Loss;
use super::project::{self, Move};
use super::{Attack, Norm, gradient, start};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "fgsm",
    params: &[
        Param::new("eps", Type::Real, "largest change of a pixel; pixels are in 0..=1").at_least(0.0),
        Param::new("step", Type::Real, "length of the step; eps if left out, from a random start 1.25 * eps")
            .or(Default::Absent)
            .named()
            .above(0.0),
        Param::new(
            "random_start",
            Type::Bool,
            "start at a random point of the ball, as fast adversarial training does",
        )
        .or(Default::Bool(false))
        .named(),
    ],
    doc: "one step along the sign of the loss gradient (linf); with a random start the attack of Fast AT",
    source: "Goodfellow et al. 2015, arXiv 1412.6572; Wong et al. 2020, arXiv 2001.03994; arithmetic of torchattacks 3.5.1 \
             FGSM and FFGSM",
    example: "objective adversarial(fgsm(eps: 8/255))",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Fgsm { eps: spec.real("eps"), step: spec.maybe_real("step"), random_start: spec.bool("random_start") })
}

struct Fgsm {
    eps: f64,
    /// as it is written
    step: Option<f64>,
    random_start: bool,
}

impl Attack for Fgsm {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let start = match self.random_start {
            true => start::linf(self.eps, batch, draws, 0)?,
            false => project::own_copy(&batch.pixels)?,
        };
        let usual = if self.random_start { 1.25 } else { 1.0 };
        let (step, eps) = (self.step.unwrap_or(usual * self.eps), self.eps);
        let by = match self.random_start || step != eps {
            true => Move::Linf { step, eps },
            false => Move::Sign { step },
        };
        let seen = gradient::see(network, mode, &start, &batch.labels, None, Loss::Ce)?;
        project::step(by, start, &seen.gradient, &batch.pixels)
    }

    fn passes(&self) -> u64 {
        1
    }

    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(Fgsm { eps, step: self.step.map(|step| project::scaled(step, self.eps, eps)), ..*self })
    }

    fn crafted_in(&self) -> Mode {
        Mode::Train
    }
}
