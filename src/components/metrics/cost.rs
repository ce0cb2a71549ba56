//! Mean cost of mistakes, where some are worse than others.

use super::{MetricInfo, MetricUnit};
use crate::components::{Bounds, Family, Member, Param, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "cost",
    params: &[
        Param::new(
            "matrix",
            Type::Text,
            "a CSV file: above, the classes that are predicted; one row for each true class, its name first; numbers from 0 on",
        ),
        super::EXAMPLES,
        super::OF,
    ],
    doc: "mean over the images of what their prediction costs, by the true class and the predicted one",
    source: "Elkan 2001, The foundations of cost-sensitive learning",
    example: "evaluate cost(matrix: \"costs.csv\") on test",
};

pub(super) static INFO: MetricInfo = MetricInfo {
    member: &MEMBER,
    higher_is_better: false,
    bounds: Bounds { min: 0.0, max: f64::INFINITY, above: false, below: false },
    unit: MetricUnit::Cost,
};

/// The file that a `cost`, or the `cost` within another metric, is read from.
pub fn file(spec: &Spec) -> Option<&str> {
    match spec.args.first() {
        Some(crate::components::Value::Metric(inner)) => file(&inner.spec),
        _ => (spec.member == &MEMBER).then(|| spec.text("matrix")),
    }
}
