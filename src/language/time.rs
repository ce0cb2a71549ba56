//! How much training there is in a piece of program.

use super::context::{Fixed, LoopVariable};
use super::program::{Due, Op, Step};
use crate::components::{Expression, Spec, Value};

/// Steps that are looked at before counting is given up: loops whose variables decide durations multiply.
const MOST_VISITS: usize = 1_000_000;

/// Optimizer steps in these steps; `None` where a clock or a measurement decides. Loop variables from outside take
/// their first value.
pub(super) fn train_steps(steps: &[Step], loops: &[LoopVariable]) -> Option<u64> {
    let env = Fixed(loops.iter().filter_map(|l| Some((l.id, l.values.first()?))).collect());
    sum(steps, &mut Clock { env, visits: 0 })
}

/// Loop variables at the values of a round, and how many steps have been looked at.
struct Clock<'v> {
    env: Fixed<'v>,
    visits: usize,
}

fn sum<'v>(steps: &'v [Step], clock: &mut Clock<'v>) -> Option<u64> {
    steps.iter().try_fold(0u64, |total, step| Some(total.saturating_add(one(step, clock)?)))
}

fn one<'v>(step: &'v Step, clock: &mut Clock<'v>) -> Option<u64> {
    clock.visits += 1;
    match &step.op {
        Op::Train(train) => {
            let mut total = match train.duration.resolve(&mut clock.env).ok()? {
                Value::Duration(d) => {
                    let here = train.settings.in_round(&mut clock.env);
                    d.steps(here.as_ref().unwrap_or(&train.settings).steps_per_epoch())?
                }
                _ => return None,
            };
            for trigger in train.triggers.iter().filter(|t| matches!(t.due, Due::Every(_))) {
                let once = sum(&trigger.body, clock)?;
                if once > 0 {
                    total = total.saturating_add(once.saturating_mul(trigger.firings(train, &mut clock.env)?));
                }
            }
            Some(total)
        }
        // Where it ends, a measurement decides.
        Op::Repeat { until: Some(_), body, .. } => sum(body, clock).filter(|once| *once == 0),
        Op::Repeat { count, body, .. } => Some(count.saturating_mul(sum(body, clock)?)),
        Op::For { variable, values, body, .. } if uses(body, *variable) => {
            let mut total = 0u64;
            for value in values {
                clock.env.0.push((*variable, value));
                let time = sum(body, clock).filter(|_| clock.visits <= MOST_VISITS);
                clock.env.0.pop();
                total = total.saturating_add(time?);
            }
            Some(total)
        }
        Op::For { values, body, .. } => Some((values.len() as u64).saturating_mul(sum(body, clock)?)),
        // Schedules stand still in arms that a measurement decides.
        Op::If { .. } => Some(0),
        Op::Block { body, .. } => sum(body, clock),
        _ => Some(0),
    }
}

/// Whether some duration in the body depends on the variable.
pub(super) fn uses(body: &[Step], variable: u32) -> bool {
    body.iter().any(|step| match &step.op {
        Op::Train(train) => {
            let mut found = false;
            for value in std::iter::once(&train.duration).chain(&train.settings.texts.learned) {
                value.visit(&mut |e| found |= matches!(e, Expression::Variable(v, _) if *v == variable));
            }
            found || train.triggers.iter().any(|t| uses(&t.body, variable))
        }
        op => op.bodies().any(|body| uses(body, variable)),
    })
}

/// Whether a schedule needs to know its total time.
pub(super) fn needs_total(schedule: &Value) -> bool {
    let Value::Component(spec) = schedule else { return true };
    match spec.name() {
        "constant" => false,
        "then" => spec.args.iter().any(needs_total),
        "cosine" => true,
        _ => has_share(spec),
    }
}

fn has_share(spec: &Spec) -> bool {
    spec.member.params.iter().zip(&spec.args).any(|(p, v)| match v {
        Value::Real(_) => p.ty == crate::components::Type::Moment,
        Value::List(items) => items.iter().any(|v| matches!(v, Value::Real(_))),
        _ => false,
    })
}
