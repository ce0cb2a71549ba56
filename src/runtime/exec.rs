//! One short function for each kind of step.

use super::error::{Failure, Halt};
use super::event::Kind;
use super::state::Expectation;
use super::{Frame, Run, checkpoint, control, export, follow, forget, lent, measure, protect, scope, train, within};
use crate::components::{Expression, Value};
use crate::disk;
use crate::language::program::{Evaluate, Op, Settings, Step, Until};

/// Steps, one after another. Where a resumed run is on its way to where it stood, those before that are passed over.
pub fn body(run: &mut Run, steps: &[Step]) -> Result<(), Halt> {
    let first = match run.path.front() {
        None => 0,
        // What settings add to a program stands before the step after them, under its path.
        Some(frame) => steps.iter().rposition(|step| step.id == frame.id).ok_or_else(|| lost(&frame.id))?,
    };
    steps[..first].iter().try_for_each(|step| pass_over(run, step))?;
    steps[first..].iter().try_for_each(|step| one(run, step))
}

/// A checkpoint's place that the program does not have.
pub fn lost(id: &str) -> Failure {
    Failure::new(format!("the checkpoint stands at step {id}, which the program does not have there"))
        .help("resume with the program that the run began with")
}

fn one(run: &mut Run, step: &Step) -> Result<(), Halt> {
    let was_done = enter(run, &step.id)?;
    let outer = run.span.replace(step.span);
    let done = match was_done {
        true => pass_over(run, step),
        false => op(run, &step.op).and_then(|()| arrived(run)).and_then(|()| after(run, &step.op)),
    };
    let done = done.map_err(|halt| halt.at(&run.state.journal.cursor.instance(), run.span));
    run.span = outer;
    run.state.journal.cursor.leave();
    done
}

/// Begins a step, or goes on with it; whether it had been done when the run was interrupted.
///
/// # Errors
/// If the run stood in another step.
pub fn enter(run: &mut Run, id: &str) -> Result<bool, Failure> {
    let cursor = &mut run.state.journal.cursor;
    match run.path.pop_front() {
        None => {
            cursor.enter(id);
            Ok(false)
        }
        Some(frame) if frame.id != id => Err(lost(&frame.id)),
        Some(frame) => {
            let innermost = run.path.is_empty();
            let was_done = innermost && frame.training.is_none() && !frame.measuring;
            run.entered_again = innermost && frame.measuring;
            cursor.enter_again(Frame { measuring: false, ..frame });
            Ok(was_done)
        }
    }
}

/// A step is over: a resumed run that stood in it has found its way, or the step no longer holds where it stood.
pub fn arrived(run: &Run) -> Result<(), Halt> {
    match run.path.front() {
        None => Ok(()),
        Some(frame) => Err(lost(&frame.id).into()),
    }
}

/// Between this step and the next one.
fn after(run: &mut Run, op: &Op) -> Result<(), Halt> {
    match op {
        // Nothing is saved where a path does not say what has been done.
        Op::Schedule { .. } | Op::FreshOptimizer { .. } => return Ok(()),
        // Training has looked after each of its steps.
        Op::Train(_) => {}
        op => {
            if let Some(settings) = op.settings() {
                checkpoint::after_step(run, settings)?;
            }
        }
    }
    run.heed_stop()
}

/// What a step that had been done leaves behind outside of the state.
fn pass_over(run: &mut Run, step: &Step) -> Result<(), Halt> {
    match &step.op {
        Op::Schedule { clock, schedule, total } => train::recall_schedule(run, *clock, schedule, *total),
        _ => Ok(()),
    }
}

/// What a step does.
pub fn op(run: &mut Run, op: &Op) -> Result<(), Halt> {
    match op {
        Op::Train(op) => train::train(run, op),
        Op::Forget(op) => forget::forget(run, op),
        Op::Zap(op) => forget::zap(run, op),
        Op::Evaluate(op) => evaluate(run, op),
        Op::Checkpoint { name } => checkpoint::name(run, name),
        Op::Rollback { name } => forget::rollback(run, name),
        Op::Expect { condition, text, settings } => expect(run, condition, text, settings),
        Op::Load { path, only, memory, settings } => {
            forget::load(run, path, only.as_ref(), settings)?;
            memory.iter().try_for_each(|path| follow::load(run, path))
        }
        Op::Guard(op) => control::guard(run, op),
        Op::Stop => Err(Halt::Leave),
        Op::Export { what, only, name } => export::export(run, *what, only.as_ref(), name),
        Op::Protect(op) => protect::protect(run, op),
        Op::Merge { rounding, settings } => forget::merge(run, *rounding, settings),
        Op::Repeat { count, until, body } => repeat(run, *count, until.as_deref(), body),
        Op::For { variable, values, body, .. } => each(run, *variable, values, body),
        Op::If { condition, settings, then, otherwise } => {
            run.entered_again = false;
            let taken = match run.path.front().map(|frame| frame.id.as_str()) {
                Some(inside) => then.iter().any(|step| step.id == inside),
                None => holds(run, condition, settings)?,
            };
            body(run, if taken { then } else { otherwise })
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
    let mut inside = !run.path.is_empty();
    // Interrupted while it was looked at whether the loop ends: the round had been run.
    let mut looking = std::mem::take(&mut run.entered_again);
    while inside || looking || run.state.journal.cursor.turns() < count {
        if !std::mem::take(&mut looking) {
            if !std::mem::take(&mut inside) {
                run.state.journal.cursor.turn();
            }
            body(run, steps)?;
        }
        if let Some(until) = until
            && control::ends(run, until)?
        {
            break;
        }
    }
    Ok(())
}

fn each(run: &mut Run, variable: u32, values: &[Value], steps: &[Step]) -> Result<(), Halt> {
    let mut inside = !run.path.is_empty();
    let first = run.state.journal.cursor.turns().saturating_sub(1) as usize;
    for value in values.iter().skip(first) {
        if !std::mem::take(&mut inside) {
            run.state.journal.cursor.turn();
        }
        run.variables.insert(variable, value.clone());
        body(run, steps)?;
    }
    run.variables.remove(&variable);
    Ok(())
}

fn evaluate(run: &mut Run, op: &Evaluate) -> Result<(), Halt> {
    let settings = scope::settings(run, &op.settings)?;
    if !std::mem::take(&mut run.entered_again) {
        run.emit(Kind::Start { what: "evaluate".into(), steps: None })?;
    }
    let metrics =
        op.metrics.iter().map(|metric| scope::metric(run, metric, &settings)).collect::<Result<Vec<_>, _>>()?;
    let found = within::reenterable(run, |run| lent::readings(run, op, &metrics, &settings))?;
    disk::point("evaluate: measured, not told");
    for message in found.left_out {
        run.emit(Kind::Warning { message })?;
    }
    for reading in found.readings {
        measure::tell(run, &reading, op.per_example)?;
    }
    Ok(())
}

/// Whether a condition holds; what was measured for it is told.
fn holds(run: &mut Run, condition: &Expression, settings: &Settings) -> Result<bool, Halt> {
    let settings = scope::settings(run, settings)?;
    let verdict = within::reenterable(run, |run| scope::condition(run, condition, &settings))?;
    for reading in &verdict.readings {
        measure::tell(run, reading, false)?;
    }
    Ok(verdict.held)
}

fn expect(run: &mut Run, condition: &Expression, text: &str, settings: &Settings) -> Result<(), Halt> {
    run.entered_again = false;
    let settings = scope::settings(run, settings)?;
    let verdict = within::reenterable(run, |run| scope::condition(run, condition, &settings))?;
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
