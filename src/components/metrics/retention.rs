//! What is left of the accuracy on tasks that were learned before.

use super::{MetricInfo, MetricUnit};
use crate::components::tasks::{self, Task};
use crate::components::{Bounds, Default, Family, Member, Param, Spec, Type, Value};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "retention",
    params: &[
        Param::new("tasks", Type::Tasks, "what should be kept"),
        Param::new("since", Type::Text, "the checkpoint to compare with; if left out: the first one that the run made")
            .or(Default::Absent)
            .named(),
    ],
    doc: "accuracy on the examples of these tasks, divided by what it was at a checkpoint; 1 where that was 0",
    source: "",
    example: "checkpoint \"learned\"; evaluate retention(split(fashion, by: class, size: 5)[0]) on test",
};

pub(super) static INFO: MetricInfo = MetricInfo {
    member: &MEMBER,
    higher_is_better: true,
    bounds: Bounds { min: 0.0, max: f64::INFINITY, above: false, below: false },
    unit: MetricUnit::Share,
};

/// The tasks and the checkpoint of a `retention`; `None` for other metrics.
pub fn parts(spec: &Spec) -> Option<(Vec<&Task>, Option<&str>)> {
    if spec.member != &MEMBER {
        return None;
    }
    let since = match spec.get("since") {
        Value::Text(name) => Some(name.as_str()),
        _ => None,
    };
    Some((tasks::of(spec.get("tasks")), since))
}

/// Whether a metric needs a checkpoint to compare with: a `retention`, or one within a `gap`.
pub fn looks_back(spec: &Spec) -> bool {
    let mut found = false;
    spec.each(&mut |spec| found |= spec.member == &MEMBER);
    found
}

/// What is left of an accuracy. Where it was 0 there was nothing to lose, so all of it is left.
pub fn ratio(now: f64, then: f64) -> f64 {
    if then == 0.0 { 1.0 } else { now / then }
}
