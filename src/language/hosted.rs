//! What happens between the steps of a training step, by the count: how often, and when it may end that step. The run's
//! clock, by which `measure … every:` goes, is taken to begin with the step.

use super::program::{Due, Op, Otherwise, Step, Train, Trigger, When};
use crate::components::{Duration, Environment, Value};

impl Trigger {
    /// How often an `every` fires while its host trains; `None` where a clock or a measurement decides.
    pub fn firings(&self, host: &Train, variables: &mut impl Environment) -> Option<u64> {
        let Due::Every(every) = &self.due else { return None };
        let epoch = host.settings.steps_per_epoch();
        match host.duration.resolve(variables).ok()? {
            Value::Duration(time) => Some(time.steps(epoch)? / every.steps(epoch)?.max(1)),
            _ => None,
        }
    }

    /// Whether it may end its host before its time: by a `stop`, or by a guard that ends the run.
    pub fn may_end_host(&self) -> bool {
        stops(&self.body) || ends_run(&self.body)
    }

    /// The step of its host after which it may fire for the first time.
    fn first_chance(&self, host: &Train) -> u64 {
        let epoch = host.settings.steps_per_epoch();
        let period = |every: Duration| every.steps(epoch).unwrap_or(1).max(1);
        match &self.due {
            Due::Every(every) => period(*every),
            Due::When { .. } => host.measured().map(period).chain([epoch]).min().unwrap_or(epoch),
        }
    }
}

impl Train {
    /// The step after which one of its triggers may end it first; `None` where none may.
    pub fn first_end(&self) -> Option<u64> {
        self.triggers.iter().filter(|t| t.may_end_host()).map(|t| t.first_chance(self)).min()
    }

    /// How often a `when` is looked at in so many of its steps: after epochs, and at most how often beside these, after
    /// measurements.
    pub fn looks(&self, steps: u64) -> (u64, u64) {
        let epoch = self.settings.steps_per_epoch();
        // Those of a whole number of epochs come with an epoch's end. By the clock, one may come with each step.
        let periods = self.measured().map(|every| every.steps(epoch).unwrap_or(1).max(1));
        let between = periods.filter(|period| !period.is_multiple_of(epoch)).map(|period| steps / period);
        (steps.div_ceil(epoch), between.fold(0, u64::saturating_add))
    }

    /// The periods of all `measure … every:`.
    fn measured(&self) -> impl Iterator<Item = Duration> {
        self.settings.measure.iter().filter_map(|m| match m.when {
            When::Every(every) => Some(every),
            When::AtForget => None,
        })
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
fn ends_run(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.op {
        Op::Guard(guard) => guard.otherwise == Otherwise::Stop,
        op => op.bodies().any(ends_run),
    })
}
