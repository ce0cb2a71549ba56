//! Adversarial training: the images are attacked first, and only what the attack made is trained on.

use super::cross_entropy::LABEL_SMOOTHING;
use super::{Batch, Draws, Logits, Loss, Objective, On, loss};
use crate::components::attacks::{self, Attack};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "adversarial",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "makes the images that are trained on"),
        LABEL_SMOOTHING,
        Param::new("weight", Type::Real, "what the loss is multiplied by: less than 1 beside the terms of teachers")
            .or(Default::Real(1.0))
            .named()
            .above(0.0),
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
        weight: spec.real("weight"),
    })
}

struct Adversarial {
    attack: Box<dyn Attack>,
    /// how the attack was described
    spec: Spec,
    label_smoothing: f64,
    weight: f64,
}

impl Objective for Adversarial {
    fn craft(&self, network: &Network, batch: &Batch, _: Option<&Tensor>, draws: &Draws) -> Result<Option<Tensor>> {
        self.attack.perturb(network, self.attack.crafted_in(), batch, draws).map(Some)
    }

    fn reads(&self) -> &'static [On] {
        &[On::Attacked]
    }

    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss> {
        let (value, gradient) = loss::cross_entropy(logits.of(On::Attacked)?, labels, self.label_smoothing)?;
        Loss::new(On::Attacked, value, gradient).times(self.weight)
    }

    fn attack_passes(&self) -> u64 {
        self.attack.passes()
    }

    fn attack(&self) -> Option<&Spec> {
        Some(&self.spec)
    }
}
