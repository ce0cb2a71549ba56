//! One short function for each kind of step.

use super::error::Halt;
use super::event::Kind;
use super::state::Expectation;
use super::{Run, checkpoint, control, forget, measure, scope, train};
use crate::components::{Expression, Value};
use crate::language::program::{Evaluate, Op, Settings, Step, Until};

/// Steps, one after another.
pub fn body(run: &mut Run, steps: &[Step]) -> Result<(), Halt> {
    steps.iter().try_for_each(|step| one(run, step))
}

fn one(run: &mut Run, step: &Step) -> Result<(), Halt> {
    run.state.journal.cursor.enter(&step.id);
    let outer = run.span.replace(step.span);
    let done = op(run, &step.op).and_then(|()| run.heed_stop());
    let done = done.map_err(|halt| halt.at(&run.state.journal.cursor.instance(), run.span));
    run.span = outer;
    run.state.journal.cursor.leave();
    done
}

fn op(run: &mut Run, op: &Op) -> Result<(), Halt> {
    match op {
        Op::Train(op) => train::train(run, op),
        Op::Forget(op) => forget::forget(run, op),
        Op::Zap(op) => forget::zap(run, op),
        Op::Evaluate(op) => evaluate(run, op),
        Op::Checkpoint { name } => checkpoint::name(run, name),
        Op::Rollback { name } => forget::rollback(run, name),
        Op::Expect { condition, text, settings } => expect(run, condition, text, settings),
        Op::Load { path, settings } => forget::load(run, path, settings),
        Op::Guard(op) => control::guard(run, op),
        Op::Stop => Err(Halt::Leave),
        Op::Repeat { count, until, body } => repeat(run, *count, until.as_deref(), body),
        Op::For { variable, values, body, .. } => each(run, *variable, values, body),
        Op::If { condition, settings, then, otherwise } => {
            let taken = if holds(run, condition, settings)? { then } else { otherwise };
            body(run, taken)
        }
        Op::Block { body: steps, .. } => body(run, steps),
        Op::Schedule { clock, schedule, total } => train::schedule(run, *clock, schedule, *total),
        Op::FreshOptimizer { id } => {
            run.state.optimizers.remove(id);
            Ok(())
        }
    }
}

fn repeat(run: &mut Run, count: u64, until: Option<&Until>, steps: &[Step]) -> Result<(), Halt> {
    for _ in 0..count {
        run.state.journal.cursor.turn();
        body(run, steps)?;
        if let Some(until) = until
            && control::ends(run, until)?
        {
            break;
        }
    }
    Ok(())
}

fn each(run: &mut Run, variable: u32, values: &[Value], steps: &[Step]) -> Result<(), Halt> {
    for value in values {
        run.state.journal.cursor.turn();
        run.variables.insert(variable, value.clone());
        body(run, steps)?;
    }
    run.variables.remove(&variable);
    Ok(())
}

fn evaluate(run: &mut Run, op: &Evaluate) -> Result<(), Halt> {
    let settings = scope::settings(run, &op.settings)?;
    run.emit(Kind::Start { what: "evaluate".into(), steps: None })?;
    let metrics =
        op.metrics.iter().map(|metric| scope::metric(run, metric, &settings)).collect::<Result<Vec<_>, _>>()?;
    for reading in measure::all(run, &metrics, &settings)? {
        measure::tell(run, &reading, op.per_example)?;
    }
    Ok(())
}

/// Whether a condition holds; what was measured for it is told.
fn holds(run: &mut Run, condition: &Expression, settings: &Settings) -> Result<bool, Halt> {
    let settings = scope::settings(run, settings)?;
    let verdict = scope::condition(run, condition, &settings)?;
    for reading in &verdict.readings {
        measure::tell(run, reading, false)?;
    }
    Ok(verdict.held)
}

fn expect(run: &mut Run, condition: &Expression, text: &str, settings: &Settings) -> Result<(), Halt> {
    let settings = scope::settings(run, settings)?;
    let verdict = scope::condition(run, condition, &settings)?;
    let step = run.state.journal.cursor.instance();
    run.state.journal.expectations.push(Expectation { step, text: text.to_string(), held: verdict.held });
    let values = verdict.readings.iter().map(|r| (r.full_name(), r.value)).collect();
    Ok(run.emit(Kind::Expect { text: text.to_string(), held: verdict.held, values })?)
}

/// Settings of the first training statement.
pub fn first_training(steps: &[Step]) -> Option<&Settings> {
    steps.iter().find_map(|step| match &step.op {
        Op::Train(op) => Some(op.settings.as_ref()),
        op => op.bodies().find_map(first_training),
    })
}
