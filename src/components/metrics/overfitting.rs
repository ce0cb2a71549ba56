//! How much better a metric is on what was trained on.

use super::{MetricInfo, MetricUnit, SHARE};
use crate::components::{Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "overfitting",
    params: &[Param::new("metric", Type::Metric, "such as `clean` or `robust(attack)`")],
    doc: "how much better a metric is on train than on the split, in its own direction; of an accuracy, train less split",
    source: "robust generalization gap: Rice et al. 2020, arXiv 2002.11569",
    example: "measure overfitting(clean) every: 1 epoch",
};

/// Of a share; [`super::describe`] gives the range and unit of the metric inside.
pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };
