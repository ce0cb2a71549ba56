//! What conditions decide between steps: `guard`, the end of `repeat until`, `stop`.

use super::error::{Halt, Stop};
use super::event::Kind;
use super::{Run, forget, scope, within};
use crate::components::Expression;
use crate::language::program::{Guard, Otherwise, Settings, Until};

/// `guard CONDITION else …`: where the condition doesn't hold, what it says is done.
pub fn guard(run: &mut Run, guard: &Guard) -> Result<(), Halt> {
    let (held, values) = ask(run, &guard.condition, &guard.settings)?;
    let action = (!held).then(|| guard.otherwise.clone());
    run.emit(Kind::Guard { text: guard.text.clone(), held, values, action: action.clone() })?;
    match action {
        Some(Otherwise::Rollback(name)) => forget::rollback(run, &name),
        Some(Otherwise::Stop) => Err(Halt::Stopped(Stop::Guard(guard.text.clone()))),
        Some(Otherwise::Warn) | None => Ok(()),
    }
}

/// Whether a `repeat until` ends after the round that has just been run.
pub fn ends(run: &mut Run, until: &Until) -> Result<bool, Halt> {
    let (held, values) = ask(run, &until.condition, &until.settings)?;
    run.emit(Kind::Until { text: until.text.clone(), held, values })?;
    Ok(held)
}

/// Whether a condition holds now, with the metrics that it was decided by.
fn ask(run: &mut Run, condition: &Expression, settings: &Settings) -> Result<(bool, Vec<(String, f64)>), Halt> {
    let settings = scope::settings(run, settings)?;
    run.entered_again = false;
    let verdict = within::reenterable(run, |run| scope::condition(run, condition, &settings))?;
    Ok((verdict.held, verdict.readings.iter().map(|r| (r.full_name(), r.value)).collect()))
}
