//! Accuracy under attack.

use super::{MetricInfo, SHARE};
use crate::components::{Default, Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "robust",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "if left out: the one the objective trains against")
            .or(Default::Absent),
        super::OF,
    ],
    doc: "share of images that are classified correctly both as they are and as the attack makes them",
    source: "Madry et al. 2018, arXiv 1706.06083",
    example: "evaluate robust(pgd(eps: 8/255, step: 2/255, iters: 20)) on test",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: true, bounds: SHARE, unit: super::MetricUnit::Share };
