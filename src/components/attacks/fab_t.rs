//! The targeted fast adaptive boundary attack, as AutoAttack runs it.

use super::apgd::EPS;
use super::boundary::{self, NORM, Rival, Walk};
use super::{Attack, Norm};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "fab_t",
    params: &[
        EPS,
        NORM,
        Param::new("iters", Type::Int, "number of steps towards each class")
            .or(Default::Int(100))
            .named()
            .within(1.0, 1e6),
        Param::new("targets", Type::Int, "classes that are tried, the likeliest first; all others at most")
            .or(Default::Int(9))
            .named()
            .within(1.0, 1e4),
        Param::new(
            "restarts",
            Type::Int,
            "tries for each class; the first from the image, the others from random points",
        )
        .or(Default::Int(1))
        .named()
        .within(1.0, 1e4),
    ],
    doc: "fast adaptive boundary attack, class by class: looks for the nearest wrong image",
    source: "Croce and Hein 2020, arXiv 1907.02044 and 2003.01690; arithmetic of pyautoattack 0.2.0 FABAttack, targeted",
    example: "evaluate robust(fab_t(eps: 8/255)) on test",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(FabT {
        eps: spec.real("eps"),
        norm: Norm::of(spec),
        iters: spec.usize("iters"),
        targets: spec.usize("targets"),
        restarts: spec.usize("restarts"),
    })
}

#[derive(Clone)]
struct FabT {
    eps: f64,
    norm: Norm,
    iters: usize,
    targets: usize,
    restarts: usize,
}

impl Attack for FabT {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let walk = Walk { norm: self.norm, iters: self.iters, enough: self.eps as f32 };
        let ranks = 1..=self.targets.min(network.architecture().classes.saturating_sub(1));
        let tries = ranks.flat_map(|rank| (0..self.restarts as u64).map(move |restart| (Rival::Rank(rank), restart)));
        boundary::attack(walk, tries, network, mode, batch, draws)
    }

    fn passes(&self) -> u64 {
        (self.iters * self.targets * self.restarts) as u64
    }

    /// One to see after each step whether the image is wrong.
    fn forwards(&self) -> u64 {
        self.passes()
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(FabT { eps, ..self.clone() })
    }
}
