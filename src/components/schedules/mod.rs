//! Schedules: what the base learning rate is multiplied by at each step. Plain numbers, no tensors: the plan asks
//! them too.

mod constant;
mod cosine;
mod drop;
mod then;
mod warmup;

use crate::components::{Duration, Member, Problem, ProblemKind, Spec, Value};

/// A factor of the learning rate over the steps of a stretch of training.
pub trait Schedule: std::fmt::Debug + Send + Sync {
    /// Factor at step `t` = 0 … `total` − 1, where an epoch has `epoch` steps. Steps after the end have the last
    /// step's factor or what the formula gives there, always a number ≥ 0.
    fn factor(&self, t: u64, total: u64, epoch: u64) -> f64;

    /// Whether it needs to know `total`; where it doesn't, any `total` will do.
    fn needs_total(&self) -> bool;

    /// Steps until it has ended and another may follow; `None` where it never ends by itself.
    fn length(&self, _total: u64, _epoch: u64) -> Option<u64> {
        None
    }

    /// Steps at which something turns, in order: `(150, "drop")`; those from `total` on are never reached.
    fn turns(&self, _total: u64, _epoch: u64) -> Vec<(u64, &'static str)> {
        Vec::new()
    }
}

type Build = fn(&Spec) -> Result<Box<dyn Schedule>, Problem>;

/// All schedules with their builders.
pub static SCHEDULES: &[(&Member, Build)] = &[
    (&constant::MEMBER, constant::build),
    (&drop::MEMBER, drop::build),
    (&cosine::MEMBER, cosine::build),
    (&warmup::MEMBER, warmup::build),
    (&then::MEMBER, then::build),
];

/// The schedule that `spec` describes.
pub fn build(spec: &Spec) -> Result<Box<dyn Schedule>, Problem> {
    let (_, build) = SCHEDULES
        .iter()
        .find(|(member, _)| member.name == spec.name())
        .unwrap_or_else(|| unreachable!("{} is no schedule", spec.name()));
    build(spec)
}

/// A point in a schedule's time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// of the whole time, 0..=1
    Share(f64),
    Duration(Duration),
}

impl Moment {
    /// From a checked value of type [`Moment`](crate::components::Type::Moment).
    fn from(value: &Value, argument: &'static str) -> Result<Moment, Problem> {
        match value {
            Value::Real(share) => Ok(Moment::Share(*share)),
            Value::Int(epochs) => Ok(Moment::Duration(Duration::Epochs(*epochs as f64))),
            Value::Duration(Duration::Seconds(_)) => {
                let message = "a schedule counts steps, so its moments cannot be times of the clock";
                Err(Problem::new(ProblemKind::DoesNotFit, message).of(argument).help("use a share, epochs or steps"))
            }
            Value::Duration(duration) => Ok(Moment::Duration(*duration)),
            other => unreachable!("{argument} was checked to be a moment, yet holds {other:?}"),
        }
    }

    fn is_share(self) -> bool {
        matches!(self, Moment::Share(_))
    }

    /// The first step at or after it: ⌈share·total⌉.
    fn steps(self, total: u64, epoch: u64) -> u64 {
        match self {
            // The tolerance keeps 10% of 30 steps at step 3: 0.1 · 30 is a little above 3 in binary.
            Moment::Share(share) => (share * total as f64 * (1.0 - 1e-12)).ceil() as u64,
            Moment::Duration(duration) => {
                duration.steps(epoch).unwrap_or_else(|| unreachable!("times of the clock are refused when it is built"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
