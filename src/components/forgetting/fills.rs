//! `forget … to:`: what forgotten weights become.

use crate::components::{Family, Member, Param, Type};

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&INIT, &ZERO, &REWIND, &NOISE];

pub static INIT: Member = Member {
    family: Family::Fill,
    name: "init",
    params: &[],
    doc: "a fresh draw from the distribution that the layer started from",
    source: "Ramkumar et al. 2024, arXiv 2402.11733",
    example: "forget layers[-2..] 30% to: init",
};

pub static ZERO: Member = Member {
    family: Family::Fill,
    name: "zero",
    params: &[],
    doc: "0",
    source: "Taha et al. 2021, arXiv 2103.05152 (evolve_mode zero)",
    example: "forget layers[-2..] 30% to: zero",
};

pub static REWIND: Member = Member {
    family: Family::Fill,
    name: "rewind",
    params: &[Param::new("name", Type::Text, "a checkpoint made earlier in the run")],
    doc: "the same weights' values at a checkpoint",
    source: "Zhou et al. 2022, arXiv 2202.00155 (rewind)",
    example: "checkpoint \"start\"; train 1; forget layers[-2..] 30% to: rewind(\"start\")",
};

pub static NOISE: Member = Member {
    family: Family::Fill,
    name: "noise",
    params: &[Param::new("std", Type::Real, "standard deviation of what is added").above(0.0)],
    doc: "the weight plus a draw from N(0, std^2)",
    source: "the noise of shrink-and-perturb: Ash and Adams 2020, arXiv 1910.08475",
    example: "forget layers[-2..] 30% to: noise(std: 0.01)",
};
