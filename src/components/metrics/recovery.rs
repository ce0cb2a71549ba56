//! How long it takes to get back what a forget took, and how much of the first learning that saves.

use super::{MetricInfo, MetricUnit};
use crate::components::{Bounds, Family, Member, Param, Type};

const FOLLOWED: Param = Param::new("metric", Type::Metric, "a metric that `measure … every:` or `keep` follows");

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "recovery",
    params: &[FOLLOWED],
    doc: "epochs from the last forget until a metric was back at its value before; as long as it isn't, the epochs so far",
    source: "",
    example: "measure clean, recovery(clean) every: 1 epoch",
};

pub static SAVINGS: Member = Member {
    family: Family::Metric,
    name: "savings",
    params: &[FOLLOWED],
    doc: "1 - epochs from the last forget until a metric was back at its value before / epochs it first took to reach that; 0 as long as it isn't",
    source: "Ebbinghaus 1885, Memory, chapter 2: savings in relearning",
    example: "measure clean, savings(clean) every: 1 epoch",
};

pub(super) static INFO: MetricInfo = MetricInfo {
    member: &MEMBER,
    higher_is_better: false,
    bounds: Bounds { min: 0.0, max: f64::INFINITY, above: false, below: false },
    unit: MetricUnit::Epochs,
};

pub(super) static SAVINGS_INFO: MetricInfo = MetricInfo {
    member: &SAVINGS,
    higher_is_better: true,
    bounds: Bounds { min: f64::NEG_INFINITY, max: 1.0, above: false, below: false },
    unit: MetricUnit::Share,
};

/// A followed value: epochs of the run, and what was measured.
pub type Followed = (f64, f64);

/// How a metric fared after a forget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relearning {
    /// epochs of the run until the metric first had the value that it had before the forget
    pub first: f64,
    /// epochs since the forget: until the metric was back, or so far
    pub relearned: f64,
    pub is_back: bool,
}

impl Relearning {
    /// 1 − relearned / first: how much less it took than the first time. 0 where the first time took none, and as long
    /// as the metric is not back.
    pub fn savings(&self) -> f64 {
        if self.is_back && self.first > 0.0 { 1.0 - self.relearned / self.first } else { 0.0 }
    }
}

/// What a followed metric's values say: `past` up to the forget and `since` then, both in order. `level` is the value right
/// before the forget where that was measured, else the last one followed counts. `None` where nothing is known from before.
pub fn relearning(
    past: &[Followed],
    since: &[Followed],
    level: Option<f64>,
    forgot_at: f64,
    now: f64,
    higher_is_better: bool,
) -> Option<Relearning> {
    let level = level.or(past.last().map(|(_, value)| *value))?;
    let reaches = |value: f64| if higher_is_better { value >= level } else { value <= level };
    // A value that was measured at the forget alone was reached there at the latest.
    let first = past.iter().find(|(_, value)| reaches(*value)).map_or(forgot_at, |(epochs, _)| *epochs);
    let back = since.iter().find(|(_, value)| reaches(*value)).map(|(epochs, _)| *epochs);
    Some(Relearning { first, relearned: back.unwrap_or(now) - forgot_at, is_back: back.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn savings_are_what_the_second_time_was_shorter() {
        let past = [(1.0, 0.5), (2.0, 0.7), (3.0, 0.9), (4.0, 0.9)];
        let since = [(5.0, 0.6), (6.0, 0.95)];
        let found = relearning(&past, &since, None, 4.0, 6.0, true).unwrap();
        assert_eq!(found, Relearning { first: 3.0, relearned: 2.0, is_back: true });
        assert!((found.savings() - (1.0 - 2.0 / 3.0)).abs() < 1e-12);
        // Not back yet, and with a level that was measured right before the forget.
        let found = relearning(&past, &since[..1], Some(0.7), 4.0, 5.5, true).unwrap();
        assert_eq!(found, Relearning { first: 2.0, relearned: 1.5, is_back: false });
        assert_eq!(found.savings(), 0.0);
        // Of a loss, lower is back.
        let found = relearning(&[(1.0, 0.5), (2.0, 0.3)], &[(3.0, 0.4), (4.0, 0.3)], None, 2.0, 4.0, false).unwrap();
        assert_eq!(found, Relearning { first: 2.0, relearned: 2.0, is_back: true });
        assert_eq!(found.savings(), 0.0);
        assert_eq!(relearning(&[], &[], None, 0.0, 0.0, true), None);
    }
}
