//! What happens between the steps of a training step, counted: `every` and `when`.

use super::passes::Probe;
use super::range::Range;
use super::totals::{Counter, Totals};
use crate::components::Metric;
use crate::language::program::{Due, Measure, Settings, Train, Trigger, When};

impl Counter<'_> {
    /// A training step with what happens between its steps.
    pub(super) fn train(&mut self, train: &Train) -> Totals {
        let own = self.training(train);
        if train.triggers.is_empty() {
            return own;
        }
        let outer = std::mem::take(&mut self.may_have_ended);
        let mut all = self.hosted(train, own, |_| true);
        let within = |least: &u64| own.train_steps.max.is_none_or(|steps| *least < steps);
        if let Some(least) = train.first_end().filter(within) {
            let epochs = least as f64 / train.settings.steps_per_epoch() as f64;
            let begun = self.stretch(train, least, epochs);
            // What stands in their blocks before the end counts as nothing.
            all = all.or(self.hosted(train, begun, |t| !t.may_end_host()));
        }
        self.known.clear();
        self.may_have_ended |= outer;
        all
    }

    /// The host's own training with its triggers, with the blocks of these.
    fn hosted(&mut self, host: &Train, own: Totals, with_block: impl Fn(&Trigger) -> bool) -> Totals {
        host.triggers.iter().fold(own, |sum, trigger| {
            let (asked, block) = self.trigger(host, trigger, &own);
            let sum = sum.plus(asked);
            if with_block(trigger) { sum.plus(block) } else { sum }
        })
    }

    /// What a trigger adds to its host's training of which these are the totals: for looking at its condition, and for its
    /// block.
    fn trigger(&mut self, host: &Train, trigger: &Trigger, own: &Totals) -> (Totals, Totals) {
        let epoch = host.settings.steps_per_epoch();
        let (asked, fires) = match &trigger.due {
            Due::Every(every) => (Totals::default(), firings(own.train_steps, every.steps(epoch))),
            Due::When { condition, settings } => {
                let looks = looks(host, own.train_steps);
                self.known = self.followed_each_epoch(&host.settings);
                let at_epochs = self.condition(condition, settings);
                self.known.clear();
                let between = self.condition(condition, settings);
                let (epochs, more) = looks;
                // Between two crossings the condition is false once at least.
                let most = epochs.max.zip(more).map(|(a, b)| a.saturating_add(b).div_ceil(2));
                let between = between.within(Range { min: 0, max: more });
                (at_epochs.within(epochs).plus(between), Range { min: 0, max: most })
            }
        };
        self.known.clear();
        (asked, self.body(&trigger.body).within(fires))
    }

    /// What is known after each epoch, because it is followed.
    fn followed_each_epoch(&mut self, settings: &Settings) -> Vec<Probe> {
        let epoch = settings.steps_per_epoch();
        let due =
            |m: &&Measure| matches!(m.when, When::Every(d) if d.steps(epoch).is_some_and(|p| epoch.is_multiple_of(p)));
        let mut metrics: Vec<Metric> = settings.measure.iter().filter(due).flat_map(|m| m.metrics.clone()).collect();
        metrics.extend(settings.keep.best.clone());
        self.probes(&metrics, settings)
    }
}

/// How often something fires that is due each so many of these steps; where a clock says when it is due, after each
/// step at most.
fn firings(steps: Range<u64>, period: Option<u64>) -> Range<u64> {
    match period {
        Some(period) => Range { min: steps.min / period.max(1), max: steps.max.map(|n| n / period.max(1)) },
        None => Range { min: 0, max: steps.max },
    }
}

/// How often a `when` is looked at while its host trains for so many steps: after epochs, and beside these at most so
/// often after measurements.
fn looks(host: &Train, steps: Range<u64>) -> (Range<u64>, Option<u64>) {
    let epochs = Range { min: host.looks(steps.min).0, max: steps.max.map(|n| host.looks(n).0) };
    (epochs, steps.max.map(|n| host.looks(n).1))
}
