//! Metrics: what is measured, which way is better, and in which range it lies.

pub mod clean;
pub mod gap;
pub mod loss;
pub mod robust;

use crate::components::{Bounds, Member, Spec, Value};

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
}

pub(crate) const SHARE: Bounds = Bounds { min: 0.0, max: 1.0, above: false };

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&loss::MEMBER, &clean::MEMBER, &robust::MEMBER, &gap::MEMBER];

static INFOS: &[&MetricInfo] = &[&loss::INFO, &clean::INFO, &robust::INFO, &gap::INFO];

/// Direction, range and unit of a metric; those of a `gap` follow from the metric inside.
pub fn describe(spec: &Spec) -> MetricInfo {
    let info = INFOS.iter().find(|i| i.member.name == spec.name()).expect("every metric has a description");
    match spec.args.first() {
        Some(Value::Metric(inner)) => {
            let inner = describe(&inner.spec);
            MetricInfo { bounds: inner.bounds, unit: inner.unit, ..**info }
        }
        _ => **info,
    }
}

impl MetricInfo {
    /// Whether `a` is a better value than `b`.
    pub fn better(&self, a: f64, b: f64) -> bool {
        if self.higher_is_better { a > b } else { a < b }
    }
}
