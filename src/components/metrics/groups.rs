//! Which examples a change of weights was forgotten of.

use super::{MetricInfo, MetricUnit, SHARE};
use crate::components::{Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "groups",
    params: &[Param::new("metric", Type::Metric, "`clean`, or `robust(attack)`")],
    doc: "accuracy that a forget took, on easy, hard and mislabelled examples: rightly labelled ones with a loss up to the \
          median before it, above it, and those whose label `label_noise` changed; of train unless a split is named",
    source: "Zhou et al. 2022, arXiv 2202.00155, section 4",
    example: "measure groups(clean) at: forget; train 1; forget layers[-2..] 30%; train 1",
};

/// Of a share; [`super::describe`] gives the range and unit of the metric inside.
pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };
