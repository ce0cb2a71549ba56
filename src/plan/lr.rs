//! Where learning rates turn, in steps of their schedule.

use super::each_step;
use super::variables::Variables;
use crate::components::{Family, Value, schedules};
use crate::language::program::{Op, Program, Settings};
use std::collections::HashMap;

/// A schedule laid out over its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// factor of the base rate at the first step
    pub start: f64,
    /// factor at the last step
    pub end: f64,
    /// in order, those within its time
    pub turns: Vec<Turn>,
}

/// Something that a schedule does at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// steps of training since the schedule began
    pub step: u64,
    /// `drop`, `end of warm-up`
    pub what: &'static str,
    /// factor of the base rate from this step on
    pub factor: f64,
}

/// By clock: the settings of the first step that trains at its rate.
pub type Rated<'a> = HashMap<u32, &'a Settings>;

/// How a schedule goes over `total` steps, where these are the first to train at its rate; `None` where a loop's
/// variable decides.
pub fn course(first: Option<&Settings>, schedule: &Value, total: u64) -> Option<Course> {
    let resolved = Variables::default().resolve(schedule)?;
    let built = schedules::build(resolved.as_component(Family::Schedule)?).ok()?;
    let epoch = first.map_or(1, Settings::steps_per_epoch);
    let turns = built.turns(total, epoch).into_iter().filter(|(step, _)| *step < total);
    let turns = turns.map(|(step, what)| Turn { step, what, factor: built.factor(step, total, epoch) }).collect();
    let last = total.saturating_sub(1);
    Some(Course { start: built.factor(0, total, epoch), end: built.factor(last, total, epoch), turns })
}

/// The clocks at whose rates a program trains.
pub fn rated(program: &Program) -> Rated<'_> {
    let mut found = HashMap::new();
    each_step(&program.body, &mut |step| {
        if let Op::Train(train) = &step.op
            && let Some(clock) = train.settings.clocks.last()
        {
            found.entry(*clock).or_insert(&*train.settings);
        }
    });
    found
}
