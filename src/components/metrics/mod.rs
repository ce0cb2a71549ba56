//! Metrics: what is measured, which way is better, and in which range it lies.

pub mod clean;
pub mod cost;
mod detail;
mod evaluate;
pub mod gap;
pub mod loss;
mod matrix;
pub mod retention;
pub mod robust;

pub use detail::{Detail, Flag, Part, interval, wilson};
pub use evaluate::{Examples, Measure, Measured, correct, evaluate};
pub use matrix::{Costs, Matrix};

use crate::components::{Bounds, Member, Spec, Value, entries};

/// What a metric's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricInfo {
    pub member: &'static Member,
    /// which of two values is the better one: `keep best:`, `gap`
    pub higher_is_better: bool,
    /// values that can occur; a comparison with another number is a mistake
    pub bounds: Bounds,
    pub unit: MetricUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// in 0..=1, shown as a percentage
    Share,
    /// a loss
    Nats,
    /// in the unit of a cost matrix
    Cost,
}

const SHARE: Bounds = Bounds { min: 0.0, max: 1.0, above: false, below: false };

/// The family's members with what their numbers mean, in the order in which they are listed.
static METRICS: [(&Member, &MetricInfo); 6] = [
    (&loss::MEMBER, &loss::INFO),
    (&clean::MEMBER, &clean::INFO),
    (&robust::MEMBER, &robust::INFO),
    (&cost::MEMBER, &cost::INFO),
    (&retention::MEMBER, &retention::INFO),
    (&gap::MEMBER, &gap::INFO),
];

/// The descriptions of all metrics.
pub static MEMBERS: &[&Member] = &entries::members(&METRICS);

/// Direction, range and unit of a metric; those of a `gap` follow from the metric inside.
pub fn describe(spec: &Spec) -> MetricInfo {
    let info = entries::builder(&METRICS, spec.name());
    match spec.args.first() {
        Some(Value::Metric(inner)) => {
            let inner = describe(&inner.spec);
            MetricInfo { bounds: inner.bounds, unit: inner.unit, ..*info }
        }
        _ => *info,
    }
}

/// The same of the metric of that name; of a `gap` as if it were of a share.
pub fn named(name: &str) -> Option<MetricInfo> {
    METRICS.iter().find(|(member, _)| member.name == name).map(|(_, info)| **info)
}

impl MetricInfo {
    /// Whether `a` is a better value than `b`.
    pub fn better(&self, a: f64, b: f64) -> bool {
        if self.higher_is_better { a > b } else { a < b }
    }
}

#[cfg(test)]
mod tests;
