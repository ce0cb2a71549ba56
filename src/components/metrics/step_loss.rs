//! `step_loss`: what a training step was about to improve.

use super::{MetricInfo, MetricUnit, loss};
use crate::components::{Family, Member, Spec};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "step_loss",
    params: &[],
    doc: "the objective's loss on the examples of the last step, teachers' terms included, before its update; no pass of its own",
    source: "",
    example: "measure step_loss every: 1 step",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: loss::INFO.bounds, unit: MetricUnit::Nats };

/// Whether it is that of a step, which there is right after one alone: in `measure … every:`.
pub fn is_one(spec: &Spec) -> bool {
    spec.member == &MEMBER
}
