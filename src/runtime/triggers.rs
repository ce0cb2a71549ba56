//! Blocks within training that an event starts: `every`, `when`.

use super::error::Halt;
use super::event::Kind;
use super::moment::Moment;
use super::progress::{Pending, Seen};
use super::{Run, exec, scope};
use crate::components::{Duration, Expression};
use crate::language::program::{Due, Settings, Train};

/// What a training step was followed by.
#[derive(Clone, Copy)]
pub struct After {
    pub steps_per_epoch: u64,
    /// right before the step
    pub before: Moment,
    /// an epoch ended, or something was measured: the time to look at conditions
    pub look: bool,
}

/// Whether the clock decides when some block of the statement runs.
pub fn clocked(op: &Train) -> bool {
    op.triggers.iter().any(|trigger| matches!(trigger.due, Due::Every(Duration::Seconds(_))))
}

/// Finds what is due after a training step. It is noted in the state before anything of it runs, so that a checkpoint
/// made in between knows of it.
pub fn look(run: &mut Run, op: &Train, after: After) -> Result<(), Halt> {
    for (trigger, block) in op.triggers.iter().enumerate() {
        let due = match &block.due {
            Due::Every(every) => comes(run, *every, after).then(Vec::new),
            Due::When { condition, settings } if after.look => crosses(run, trigger, condition, settings)?,
            Due::When { .. } => None,
        };
        if let (Some(values), Some(progress)) = (due, run.state.journal.cursor.training_mut()) {
            progress.pending.push(Pending { trigger, values });
        }
    }
    Ok(())
}

/// Whether a multiple of `every`, counted from the beginning of the statement, was reached by the step.
fn comes(run: &Run, every: Duration, after: After) -> bool {
    let Some(progress) = run.state.journal.cursor.training() else { return false };
    match every.steps(after.steps_per_epoch) {
        Some(steps) => progress.done.is_multiple_of(steps.max(1)),
        None => {
            let since = |seconds: f64| seconds - progress.began.unwrap_or_default();
            let at = |seconds: f64| Moment { steps: 0, epochs: 0.0, seconds: since(seconds) };
            at(run.looked_at).passes(every, at(after.before.seconds.max(progress.began.unwrap_or_default())))
        }
    }
}

/// Whether a condition holds that did not when it was looked at before; then with what it was decided by.
fn crosses(
    run: &mut Run,
    trigger: usize,
    condition: &Expression,
    settings: &Settings,
) -> Result<Option<Vec<Seen>>, Halt> {
    let settings = scope::settings(run, settings)?;
    let verdict = scope::condition(run, condition, &settings)?;
    let Some(progress) = run.state.journal.cursor.training_mut() else { return Ok(None) };
    let held = std::mem::replace(&mut progress.triggers.entry(trigger).or_default().held, verdict.held);
    let seen = verdict.readings.iter().map(|r| Seen { metric: r.full_name(), value: r.value });
    Ok((verdict.held && !held).then(|| seen.collect()))
}

/// Runs what is due, in the order in which it is written. A resumed run that stood in one of the blocks goes on there.
pub fn fire(run: &mut Run, op: &Train, steps_per_epoch: u64) -> Result<(), Halt> {
    while let Some(due) = run.state.journal.cursor.training().and_then(|progress| progress.pending.first().cloned()) {
        block(run, op, due)?;
        let epochs = run.state.journal.epochs;
        if let Some(progress) = run.state.journal.cursor.training_mut() {
            progress.pending.remove(0);
            // Training within the block took its time too.
            progress.epochs_before = epochs - progress.done as f64 / steps_per_epoch as f64;
        }
    }
    Ok(())
}

fn block(run: &mut Run, op: &Train, due: Pending) -> Result<(), Halt> {
    let Some(trigger) = op.triggers.get(due.trigger) else { return exec::arrived(run) };
    let again = !run.path.is_empty();
    let fired = match run.state.journal.cursor.training_mut() {
        Some(progress) if !again => {
            let triggered = progress.triggers.entry(due.trigger).or_default();
            triggered.fired += 1;
            triggered.fired
        }
        _ => 0,
    };
    exec::enter(run, &trigger.id)?;
    let outer = run.span.replace(trigger.span);
    let done = match again {
        true => Ok(()),
        false => {
            run.state.journal.cursor.set_turn(fired);
            let values = due.values.into_iter().map(|seen| (seen.metric, seen.value)).collect();
            run.emit(Kind::Trigger { text: trigger.text.clone(), values })
        }
    };
    let done = done.map_err(Halt::from).and_then(|()| exec::body(run, &trigger.body)).and_then(|()| exec::arrived(run));
    let done = done.map_err(|halt| halt.at(&run.state.journal.cursor.instance(), run.span));
    run.span = outer;
    run.state.journal.cursor.leave();
    done
}
