//! What happens between the steps of a training step, counted: `every` and `when`.

use super::passes::Probe;
use super::range::Range;
use super::totals::{Counter, Totals};
use crate::components::{Duration, Metric};
use crate::language::program::{Due, Measure, Op, Otherwise, Settings, Step, Train, Trigger, When};

impl Counter<'_> {
    /// A training step with what happens between its steps.
    pub(super) fn train(&mut self, train: &Train) -> Totals {
        let own = self.training(train);
        if train.triggers.is_empty() {
            return own;
        }
        let outer = std::mem::take(&mut self.may_have_ended);
        let mut all = self.hosted(train, own, |_| true);
        let ends = |t: &Trigger| stops(&t.body) || may_end(&t.body);
        let chances = train.triggers.iter().filter(|t| ends(t)).map(|t| first_chance(&t.due, &train.settings));
        let within = |least: &u64| own.train_steps.max.is_none_or(|steps| *least < steps);
        if let Some(least) = chances.min().filter(within) {
            let epochs = least as f64 / train.settings.steps_per_epoch() as f64;
            let begun = self.stretch(&train.settings, least, epochs);
            // What stands in their blocks before the end counts as nothing.
            all = all.or(self.hosted(train, begun, |t| !ends(t)));
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
    let epoch = host.settings.steps_per_epoch();
    let epochs = Range { min: steps.min.div_ceil(epoch), max: steps.max.map(|n| n.div_ceil(epoch)) };
    let periods = host.settings.measure.iter().filter_map(|m| match m.when {
        When::Every(every) => Some(every.steps(epoch)),
        When::AtForget => None,
    });
    // Those of a whole number of epochs come with an epoch's end.
    let between = periods.filter(|p| p.is_none_or(|p| !p.is_multiple_of(epoch)));
    let more = between.map(|period| firings(steps, period).max).try_fold(0u64, |sum, n| Some(sum.saturating_add(n?)));
    (epochs, more)
}

/// The step of its host after which a trigger may fire for the first time.
fn first_chance(due: &Due, host: &Settings) -> u64 {
    let epoch = host.steps_per_epoch();
    let period = |every: Duration| every.steps(epoch).unwrap_or(1).max(1);
    match due {
        Due::Every(every) => period(*every),
        Due::When { .. } => {
            let measured = host.measure.iter().filter_map(|m| match m.when {
                When::Every(every) => Some(period(every)),
                When::AtForget => None,
            });
            measured.chain([epoch]).min().unwrap_or(epoch)
        }
    }
}

/// Whether a `stop` in it leaves the step that hosts it.
fn stops(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.op {
        Op::Stop => true,
        // Those in there leave that step.
        Op::Train(_) => false,
        op => op.bodies().any(stops),
    })
}

/// Whether a guard in it may end the run.
fn may_end(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.op {
        Op::Guard(guard) => guard.otherwise == Otherwise::Stop,
        op => op.bodies().any(may_end),
    })
}
