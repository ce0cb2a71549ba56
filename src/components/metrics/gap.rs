//! How much worse a metric is than its best so far. The runtime computes it from the metric's history.

use super::{MetricInfo, MetricUnit, SHARE};
use crate::components::{Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "gap",
    params: &[Param::new("metric", Type::Metric, "a metric that `measure … every:` or `keep` follows")],
    doc: "how much worse a metric is than its best so far, in its own direction; never below 0",
    source: "robust overfitting: Rice et al. 2020, arXiv 2002.11569",
    example: "measure robust(fgsm(eps: 0.1)), gap(robust(fgsm(eps: 0.1))) every: 1 epoch",
};

/// Of a share; [`super::describe`] gives the range and unit of the metric inside.
pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };
