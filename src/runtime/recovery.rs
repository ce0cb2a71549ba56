//! How long relearning takes: what metrics were before the last `forget`, and when they were that again.

use super::Run;
use super::measure::{Probe, Reading};
use super::progress::Seen;
use super::state::Forgot;
use crate::components::metrics::recovery::{Followed, MEMBER, Relearning, SAVINGS, relearning};
use crate::components::metrics::{self, Flag};
use crate::components::{Metric, Spec};

/// Whether it is a `recovery` or `savings`.
pub fn is_one(spec: &Spec) -> bool {
    [&MEMBER, &SAVINGS].contains(&spec.member)
}

/// Something is forgotten now; `before` was measured right before.
pub fn forgotten(run: &mut Run, before: &[Reading]) {
    let seen = |reading: &Reading| Seen { metric: reading.key.clone(), value: reading.value };
    let journal = &mut run.state.journal;
    let (clock, epochs) = (journal.clock, journal.epochs);
    journal.forgot = Some(Forgot { clock, epochs, before: before.iter().map(seen).collect() });
}

/// A `recovery` or `savings` from the followed values of the metric inside and its value `now`, where that is known.
/// Nothing was forgotten, or nothing is known from before: no epochs are lost then, and all or nothing is saved.
pub fn value(run: &Run, metric: &Metric, probe: &Probe, now: Option<f64>) -> (f64, Vec<Flag>) {
    let saves = metric.spec.member == &SAVINGS;
    let journal = &run.state.journal;
    let Some(forgot) = &journal.forgot else { return (if saves { 1.0 } else { 0.0 }, Vec::new()) };
    let mut points = journal.histories.get(&probe.key).cloned().unwrap_or_default();
    if let Some(value) = now.filter(|_| points.last().is_none_or(|last| last.clock < journal.clock)) {
        points.push(journal.point(value));
    }
    // A point is followed after a training step, before what forgets at that clock.
    let (past, since) = points.split_at(points.partition_point(|point| point.clock <= forgot.clock));
    let followed =
        |points: &[super::state::Point]| points.iter().map(|p| (p.epochs, p.value)).collect::<Vec<Followed>>();
    let level = forgot.before.iter().find(|seen| seen.metric == probe.key).map(|seen| seen.value);
    let better = metrics::describe(&probe.spec).higher_is_better;
    let found = relearning(&followed(past), &followed(since), level, forgot.epochs, journal.epochs, better);
    let Some(found) = found else { return (0.0, Vec::new()) };
    let flag = |found: Relearning| Flag {
        code: "not-back-yet".into(),
        seen: format!("no value in the {} epochs since the last forget was as good as before it", found.relearned),
        help: "train longer; until then this only says how long it has taken so far".into(),
    };
    let flags = if found.is_back { Vec::new() } else { vec![flag(found)] };
    (if saves { found.savings() } else { found.relearned }, flags)
}
