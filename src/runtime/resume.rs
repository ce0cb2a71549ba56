//! Which checkpoint a run goes on from.

use super::error::Failure;
use super::event::Mark;
use super::exec;
use super::state::State;
use super::store::{self, Loaded};
use crate::components::Value;
use crate::components::optimizers::{self, OptimizerState};
use crate::disk;
use crate::language::program::{Op, Optimizer, Program, Step, Trigger};
use crate::plan::each_step;
use candle_core::Device;
use std::collections::BTreeMap;
use std::path::Path;

/// The newest checkpoint that is whole.
#[derive(Debug)]
pub struct Point {
    pub state: State,
    /// relative to the run folder
    pub checkpoint: String,
    /// hash of the plan that it was saved under
    pub plan: String,
    /// that the run had taken
    pub seconds: f64,
}

/// What there is to go on from.
#[derive(Debug)]
pub struct Search {
    /// `None`: no checkpoint is whole, or there is none
    pub point: Option<Point>,
    /// newer ones that are not, and why
    pub passed_over: Vec<String>,
}

/// Looks for the newest whole checkpoint of a run folder. `records` says whether the records reach as far as a
/// checkpoint says.
///
/// What an interrupted save left half-way is put in order before, so the folder must be ours.
///
/// # Errors
/// If the folder can't be read or put in order.
pub fn search(
    folder: &Path,
    program: &Program,
    device: &Device,
    records: impl Fn(&BTreeMap<String, Mark>) -> std::io::Result<()>,
) -> Result<Search, Failure> {
    let checkpoints = folder.join("checkpoints");
    disk::tidy(&checkpoints).map_err(Failure::disk)?;
    let mut passed_over = Vec::new();
    let mut damaged = Vec::new();
    for name in newest_first(&checkpoints)? {
        let path = checkpoints.join(&name);
        let loaded = store::load(&path, &program.model, program.precision, device);
        let sound = loaded.and_then(|loaded| {
            records(&loaded.state.journal.logs).map_err(Failure::disk)?;
            Ok(loaded)
        });
        match sound {
            Ok(Loaded { state, plan, seconds }) => {
                // Out of the way of those to come, and kept: somebody may want to know what happened to it.
                for name in damaged {
                    set_aside(&checkpoints, name).map_err(Failure::disk)?;
                }
                store::restore_named(&state, &checkpoints, &path).map_err(Failure::disk)?;
                let point = Point { state, checkpoint: format!("checkpoints/{name}"), plan, seconds };
                return Ok(Search { point: Some(point), passed_over });
            }
            Err(failure) => {
                passed_over.push(failure.message);
                damaged.push(name);
            }
        }
    }
    Ok(Search { point: None, passed_over })
}

/// Whether a program has the steps in which a checkpoint stands, loop by loop.
///
/// # Errors
/// A sentence that names the step that it has not.
pub fn stands_in(program: &Program, point: &Point) -> Result<(), Failure> {
    let mut bodies: Vec<&[Step]> = vec![&program.body];
    let mut triggers: &[Trigger] = &[];
    for frame in point.state.journal.cursor.frames() {
        let lost = || exec::lost(&frame.id);
        if let Some(trigger) = triggers.iter().find(|trigger| trigger.id == frame.id) {
            (bodies, triggers) = (vec![trigger.body.as_slice()], &[]);
            continue;
        }
        let step = bodies.iter().find_map(|body| body.iter().rfind(|step| step.id == frame.id)).ok_or_else(lost)?;
        let turns = match &step.op {
            Op::Repeat { count, .. } => *count,
            Op::For { values, .. } => values.len() as u64,
            _ => 0,
        };
        if frame.turn > turns || frame.training.is_some() && !matches!(step.op, Op::Train(_)) {
            return Err(lost());
        }
        triggers = match &step.op {
            Op::Train(op) => &op.triggers,
            _ => &[],
        };
        bodies = if triggers.is_empty() { step.op.bodies().collect() } else { Vec::new() };
    }
    Ok(())
}

/// Leaves out what optimizers remember that a changed program builds otherwise: moments of one kind mean nothing to another.
/// The ids of their statements.
pub fn anew(state: &mut State, program: &Program) -> Vec<u32> {
    // How many moments each remembers of a weight; none is known where a loop's variable decides something of it.
    let mut wanted: BTreeMap<u32, Option<usize>> = BTreeMap::new();
    each_step(&program.body, &mut |step| {
        for Optimizer { id, spec } in step.op.all_settings().map(|settings| &settings.optimizer) {
            let built = (!spec.args.iter().any(Value::waits)).then(|| optimizers::build(spec).ok()).flatten();
            wanted.insert(*id, built.map(|optimizer| optimizer.remembers().len()));
        }
    });
    let others = |id: &u32, state: &OptimizerState| {
        let moments = wanted.get(id).copied().flatten();
        moments.is_some_and(|moments| state.iter().any(|(_, tensor)| tensor.moments.len() != moments))
    };
    let gone: Vec<u32> = state.optimizers.iter().filter(|(id, state)| others(id, state)).map(|(id, _)| *id).collect();
    gone.iter().for_each(|id| {
        state.optimizers.remove(id);
    });
    gone
}

/// What begins the names of checkpoints that are not whole.
const DAMAGED: &str = "damaged-";

fn set_aside(checkpoints: &Path, name: String) -> std::io::Result<()> {
    let aside = checkpoints.join(format!("{DAMAGED}{name}"));
    disk::remove_folder(&aside)?;
    disk::rename(&checkpoints.join(&name), &aside).map_err(|e| disk::named("rename", &aside, e))
}

/// Names of all checkpoints: those that can't be placed first, so that they are told of.
fn newest_first(checkpoints: &Path) -> Result<Vec<String>, Failure> {
    let entries = match std::fs::read_dir(checkpoints) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| Failure::disk(disk::named("read", checkpoints, e)))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Failure::disk(disk::named("read", checkpoints, e)))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with('.') && !name.starts_with(DAMAGED) && entry.path().is_dir() {
            found.push((store::order(&entry.path()).unwrap_or((u64::MAX, 0, 0)), name));
        }
    }
    // Of equals, which hold the same state, any will do; the order is that of their names.
    found.sort_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, name)| name).collect())
}
