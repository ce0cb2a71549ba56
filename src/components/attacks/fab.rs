//! The untargeted fast adaptive boundary attack.

use super::apgd::EPS;
use super::boundary::{self, NORM, Rival, Walk};
use super::{Attack, Norm};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "fab",
    params: &[
        EPS,
        NORM,
        Param::new("iters", Type::Int, "number of steps; each takes a gradient evaluation for every other class")
            .or(Default::Int(100))
            .named()
            .within(1.0, 1e6),
        Param::new("restarts", Type::Int, "tries; the first from the image, the others from random points")
            .or(Default::Int(5))
            .named()
            .within(1.0, 1e4),
    ],
    doc: "fast adaptive boundary attack: looks for the nearest wrong image of any class",
    source: "Croce and Hein 2020, arXiv 1907.02044; arithmetic of pyautoattack 0.2.0 FABAttack",
    example: "evaluate robust(fab(eps: 0.5, norm: l2)) on test",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Fab {
        eps: spec.real("eps"),
        norm: Norm::of(spec),
        iters: spec.usize("iters"),
        restarts: spec.usize("restarts"),
    })
}

#[derive(Clone)]
struct Fab {
    eps: f64,
    norm: Norm,
    iters: usize,
    restarts: usize,
}

/// Other classes of the data that the attack is mostly run on, for what is said of its cost before a network is known.
const OTHERS: usize = 9;

impl Attack for Fab {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let walk = Walk { norm: self.norm, iters: self.iters, enough: self.eps as f32 };
        let tries = (0..self.restarts as u64).map(|restart| (Rival::Nearest, restart));
        boundary::attack(walk, tries, network, mode, batch, draws)
    }

    /// As for ten classes.
    fn passes(&self) -> u64 {
        (self.iters * self.restarts * OTHERS) as u64
    }

    /// One to see after each step whether the image is wrong.
    fn forwards(&self) -> u64 {
        (self.iters * self.restarts) as u64
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(Fab { eps, ..self.clone() })
    }
}
