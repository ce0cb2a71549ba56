//! The fast gradient sign method.

use super::project::{self, Move};
use super::{Attack, Norm, gradient};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Family, Member, Param, Spec, Type};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "fgsm",
    params: &[Param::new("eps", Type::Real, "largest change of a pixel; pixels are in 0..=1").at_least(0.0)],
    doc: "one step of eps along the sign of the loss gradient (linf)",
    source: "Goodfellow et al. 2015, arXiv 1412.6572; arithmetic of torchattacks 3.5.1 FGSM",
    example: "objective adversarial(fgsm(eps: 8/255))",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Fgsm { eps: spec.real("eps") })
}

struct Fgsm {
    eps: f64,
}

impl Attack for Fgsm {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, _draws: &Draws) -> Result<Tensor> {
        let g = gradient::of_pixels(network, mode, &batch.pixels, &batch.labels)?;
        project::step(Move::Sign { step: self.eps }, project::own_copy(&batch.pixels)?, &g, &batch.pixels)
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
        Box::new(Fgsm { eps })
    }

    fn crafted_in(&self) -> Mode {
        Mode::Train
    }
}
