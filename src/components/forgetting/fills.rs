//! `forget … to:`: what forgotten weights become.

use crate::components::{Default, Family, Member, Param, Type};

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&INIT, &ZERO, &REWIND, &NOISE, &SHRINK, &KAIMING_UNIFORM, &KAIMING_NORMAL];

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

pub static SHRINK: Member = Member {
    family: Family::Fill,
    name: "shrink",
    params: &[
        Param::new("factor", Type::Real, "what the weight is multiplied by").or(Default::Real(0.3)).within(0.0, 1.0),
        Param::new("noise", Type::Real, "what a fresh draw from the layer's initial distribution is multiplied by")
            .or(Default::Real(0.001))
            .named()
            .at_least(0.0),
    ],
    doc: "shrink-and-perturb: factor * weight + noise * a fresh draw",
    source: "Ash and Adams 2020, arXiv 1910.08475, section 4; the defaults are those of LURE (NeurAI-Lab)",
    example: "forget layers 100% to: shrink(0.3, noise: 0.001)",
};

/// Inputs of an output, or outputs that an input reaches.
const FAN: Param =
    Param::new("fan", Type::Word(&["in", "out"]), "counts inputs, or outputs").or(Default::Word("in")).named();

pub static KAIMING_UNIFORM: Member = Member {
    family: Family::Fill,
    name: "kaiming_uniform",
    params: &[
        Param::new(
            "a",
            Type::Real,
            "slope of the leaky ReLU that it is meant for; 2.236 makes U(-1/sqrt(fan), 1/sqrt(fan))",
        )
        .or(Default::Real(2.236_067_977_499_79))
        .at_least(0.0),
        FAN,
    ],
    doc: "a fresh draw from U(-b, b), b = sqrt(6 / ((1 + a^2) fan)); for weights of convolutions and linear layers",
    source: "He et al. 2015, arXiv 1502.01852, eq. 15; arithmetic of PyTorch's kaiming_uniform_",
    example: "forget layers[-2..] 30% to: kaiming_uniform",
};

pub static KAIMING_NORMAL: Member = Member {
    family: Family::Fill,
    name: "kaiming_normal",
    params: &[
        Param::new("a", Type::Real, "slope of the leaky ReLU that it is meant for")
            .or(Default::Real(0.0))
            .at_least(0.0),
        FAN,
    ],
    doc: "a fresh draw from N(0, 2 / ((1 + a^2) fan)); for weights of convolutions and linear layers",
    source: "He et al. 2015, arXiv 1502.01852, eq. 15; arithmetic of PyTorch's kaiming_normal_",
    example: "forget layers[-2..] 30% to: kaiming_normal(fan: out)",
};
