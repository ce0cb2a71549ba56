//! Whether a metric has stopped getting better.

use crate::components::metrics::MetricInfo;
use crate::components::{Duration, Family, Member, Param, Problem, ProblemKind, Spec, Type, Value};

pub static MEMBER: Member = Member {
    family: Family::Condition,
    name: "plateau",
    params: &[
        Param::new("metric", Type::Metric, "a metric that `measure … every:` or `keep` follows"),
        Param::new("duration", Type::Duration, "how long without a new best; in epochs or steps"),
    ],
    doc: "true where a metric has had no new best for so long; false as long as it has not been followed for so long",
    source: "Keras EarlyStopping, where `duration` in epochs is its patience, with min_delta 0",
    example: "measure clean every: 1 epoch; repeat until plateau(clean, 3) max: 20 { train 1 }",
};

pub(super) fn check(spec: &Spec) -> Result<(), Problem> {
    match spec.get("duration") {
        Value::Duration(Duration::Seconds(_)) => {
            let message = "`duration` of `plateau` is counted in training, not by a clock";
            let problem = Problem::new(ProblemKind::DoesNotFit, message);
            Err(problem.help("write epochs or steps: `plateau(clean, 3 epochs)`").of("duration"))
        }
        _ => Ok(()),
    }
}

/// A metric's value when it was followed: steps and epochs of the run, and the value.
pub type Followed = (u64, f64, f64);

/// Whether the last of these values lies so far behind the best one. A value that equals the best is no new best.
pub fn holds(history: impl IntoIterator<Item = Followed>, info: &MetricInfo, duration: Duration) -> bool {
    let mut ends: Option<(Followed, Followed)> = None;
    for now in history {
        let best = match ends {
            Some((best, _)) if best.2.is_nan() || info.better(now.2, best.2) => now,
            Some((best, _)) => best,
            None => now,
        };
        ends = Some((best, now));
    }
    let Some((best, last)) = ends else { return false };
    match duration {
        Duration::Steps(n) => last.0 - best.0 >= n,
        // The tolerance keeps a third of an epoch three times at one epoch.
        Duration::Epochs(n) => last.1 - best.1 >= n - 1e-9,
        Duration::Seconds(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::metrics;

    fn after(values: &[f64], metric: &str, duration: Duration) -> Vec<bool> {
        let info = metrics::named(metric).unwrap();
        let all: Vec<Followed> =
            values.iter().enumerate().map(|(i, v)| (10 * (i as u64 + 1), i as f64 + 1.0, *v)).collect();
        (0..=all.len()).map(|n| holds(all[..n].iter().copied(), &info, duration)).collect()
    }

    #[test]
    fn a_metric_that_has_no_new_best_for_long_enough_is_on_a_plateau() {
        let values = [0.5, 0.6, 0.6, 0.55, 0.7, 0.7];
        let (t, f) = (true, false);
        assert_eq!(after(&values, "clean", Duration::Epochs(2.0)), [f, f, f, f, t, f, f]);
        assert_eq!(after(&values, "clean", Duration::Epochs(1.0)), [f, f, f, t, t, f, t]);
        assert_eq!(after(&values, "clean", Duration::Steps(20)), [f, f, f, f, t, f, f]);
        assert_eq!(after(&values, "clean", Duration::Steps(21)), [f; 7]);
        // Lower is better: the first value stays the best.
        assert_eq!(after(&values, "loss", Duration::Epochs(3.0)), [f, f, f, f, t, t, t]);
    }

    #[test]
    fn what_is_no_number_is_no_best() {
        assert_eq!(after(&[f64::NAN, 0.5, f64::NAN], "clean", Duration::Epochs(1.0)), [false, false, false, true]);
        assert_eq!(after(&[f64::NAN, f64::NAN], "clean", Duration::Epochs(1.0)), [false, false, false]);
    }
}
