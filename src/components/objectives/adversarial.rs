//! Adversarial training: the images are attacked first, and only what the attack made is trained on.

use super::cross_entropy::LABEL_SMOOTHING;
use super::{Batch, Draws, Objective, Pass, pass};
use crate::components::attacks::{self, Attack};
use crate::components::{Family, Member, Param, Spec, Type};
use crate::nn::network::{Network, Trainable};
use candle_core::Result;

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "adversarial",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "makes the images that are trained on"),
        LABEL_SMOOTHING,
    ],
    doc: "mean cross-entropy on the images as an attack on the present weights makes them",
    source: "Madry et al. 2018, arXiv 1706.06083, eq. 2.1",
    example: "objective adversarial(pgd(eps: 8/255, step: 2/255, iters: 10))",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Objective> {
    Box::new(Adversarial {
        attack: attacks::build(spec.component("attack")),
        spec: spec.component("attack").clone(),
        label_smoothing: spec.real("label_smoothing"),
    })
}

struct Adversarial {
    attack: Box<dyn Attack>,
    /// how the attack was described
    spec: Spec,
    label_smoothing: f64,
}

impl Objective for Adversarial {
    fn pass(&self, network: &Network, batch: &Batch, trainable: Trainable, draws: &Draws) -> Result<Pass> {
        let pixels = self.attack.perturb(network, self.attack.crafted_in(), batch, draws)?;
        let pass = pass::supervised(network, &pixels, &batch.labels, self.label_smoothing, trainable)?;
        Ok(Pass { passes: self.passes_per_step(), ..pass })
    }

    fn passes_per_step(&self) -> u64 {
        self.attack.passes() + 1
    }

    fn attack(&self) -> Option<&Spec> {
        Some(&self.spec)
    }
}
