//! Accuracy on the images as they are.

use super::{MetricInfo, SHARE};
use crate::components::{Family, Member};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "clean",
    params: &[super::EXAMPLES, super::OF],
    doc: "share of images that are classified correctly",
    source: "",
    example: "evaluate clean on test",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: true, bounds: SHARE, unit: super::MetricUnit::Share };
