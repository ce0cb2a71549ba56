//! An exponential moving average of the weights.

use super::{Average, Cadence, Following, Statistics};
use crate::components::{Default, Family, Member, Param, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Memory,
    name: "ema",
    params: &[
        Param::new("decay", Type::Real, "what remains of the old average in an update; FOMO's is not published")
            .or(Default::Real(0.999))
            .within(0.0, 1.0),
        Param::new("probability", Type::Share, "that an update which is due is made; CURE has 20%, CLS-ER 70%")
            .or(Default::Real(1.0))
            .named(),
        Param::new(
            "cadence",
            Type::Word(&["iteration", "phase", "relearn"]),
            "due after each step of a `consolidate`, at its end, or at the end of each `relearn`",
        )
        .or(Default::Word("iteration"))
        .named(),
        Param::new("warm", Type::Bool, "in the first updates a mean: α = min(1 − 1/(k + 1), decay) after k updates")
            .or(Default::Bool(false))
            .named(),
        Param::new(
            "statistics",
            Type::Word(Statistics::WORDS),
            "running statistics: of the present network, averaged, or estimated on the training images",
        )
        .or(Default::Word("copy"))
        .named(),
    ],
    doc: "φ ← α·φ + (1 − α)·θ, begun as a copy at the first `consolidate`",
    source: "Arani, Sarfraz and Zonooz 2022 (CLS-ER), arXiv 2201.12604, eq. 3; FOMO, arXiv 2402.11733",
    example: "memory ema(decay: 0.999, probability: 20%)",
};

pub(super) fn build(spec: &Spec) -> Following {
    Following {
        average: Average::Exponential { decay: spec.real("decay"), warm: spec.bool("warm") },
        cadence: match spec.word("cadence") {
            "iteration" => Cadence::Iteration,
            "phase" => Cadence::Phase,
            _ => Cadence::Relearn,
        },
        probability: spec.real("probability"),
        statistics: Statistics::of(spec),
    }
}
