//! Which part of a network a metric rests on most.

use super::{MetricInfo, MetricUnit, SHARE};
use crate::components::{Default, Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "sensitivity",
    params: &[
        Param::new("metric", Type::Metric, "such as `clean` or `robust(attack)`"),
        Param::new("share", Type::Share, "of the weights of each tensor").or(Default::Real(0.3)).named(),
        Param::new("per", Type::Word(&["blocks", "layers"]), "what is forgotten in turn")
            .or(Default::Word("blocks"))
            .named(),
    ],
    doc: "how much worse a metric gets where a share of one stage's weights is drawn anew, each stage in turn, on a copy: \
          the most of them",
    source: "",
    example: "evaluate sensitivity(clean, share: 30%, per: layers)",
};

/// Of a share; [`super::describe`] gives the range and unit of the metric inside.
pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };
