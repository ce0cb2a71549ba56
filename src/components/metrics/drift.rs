//! How far features moved when weights were changed.

use super::{MetricInfo, MetricUnit, SHARE};
use crate::components::{Family, Member};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "drift",
    params: &[super::EXAMPLES],
    doc: "how far the features of each block moved at a forget: the mean over the blocks of 1 - linear CKA before and after",
    source: "Kornblith et al. 2019, arXiv 1905.00414, eq. 4 and 5",
    example: "measure drift at: forget; train 1; forget layers[-2..] 30%; train 1",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };
