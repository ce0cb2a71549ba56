//! Mean cross-entropy on the images as they are.

use super::{MetricInfo, MetricUnit};
use crate::components::{Bounds, Family, Member};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "loss",
    params: &[super::EXAMPLES, super::OF],
    doc: "mean cross-entropy with the true labels, in nats, with no label smoothing",
    source: "PyTorch torch.nn.functional.cross_entropy",
    example: "measure loss every: 1 epoch",
};

pub(super) static INFO: MetricInfo = MetricInfo {
    member: &MEMBER,
    higher_is_better: false,
    bounds: Bounds { min: 0.0, max: f64::INFINITY, above: false, below: false },
    unit: MetricUnit::Nats,
};
