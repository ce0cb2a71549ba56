//! Stochastic weight averaging: the mean of the weights at equal distances.

use super::{Average, Cadence, Following, Statistics};
use crate::components::{Default, Duration, Family, Member, Param, Spec, Type, Value};

pub static MEMBER: Member = Member {
    family: Family::Memory,
    name: "swa",
    params: &[
        Param::new(
            "every",
            Type::Duration,
            "how often the present weights enter, counted from the beginning of the run; 1 epoch if left out",
        )
        .or(Default::Absent)
        .named(),
        Param::new(
            "statistics",
            Type::Word(Statistics::WORDS),
            "running statistics: of the present network, averaged, or estimated on the training images",
        )
        .or(Default::Word("estimate"))
        .named(),
    ],
    doc: "the mean of the weights, each so much training within a `consolidate`",
    source: "Izmailov et al. 2018, arXiv 1803.05407, algorithm 1; arithmetic of torch.optim.swa_utils",
    example: "memory swa(every: 1 epoch)",
};

pub(super) fn build(spec: &Spec) -> Following {
    let every = match spec.get("every") {
        Value::Duration(every) => *every,
        _ => Duration::Epochs(1.0),
    };
    Following {
        average: Average::Equal,
        cadence: Cadence::Every(every),
        probability: 1.0,
        statistics: Statistics::of(spec),
    }
}
