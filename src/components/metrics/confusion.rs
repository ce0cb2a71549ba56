//! Which predictions changed when weights were changed.

use super::{MetricInfo, MetricUnit, SHARE};
use crate::components::{Family, Member};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "confusion",
    params: &[super::EXAMPLES],
    doc: "share of images that a forget made the network predict another class for; beside it the pairs of classes that \
          gained or lost most",
    source: "",
    example: "measure confusion at: forget; train 1; forget layers[-2..] 30%; train 1",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };
