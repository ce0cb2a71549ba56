//! What stays: checkpoints under `checkpoints/<id>/`, and the final weights.
//!
//! A checkpoint is a folder of three files: `weights.safetensors` (in PyTorch's names), `state.safetensors` (what the
//! optimizers remember) and `state.json` (all the rest, and SHA-256 sums of the other two).

use super::error::{Failure, Halt};
use super::event::Kind;
use super::measure::Reading;
use super::moment::Moment;
use super::state::Best;
use super::{Run, disk, retention, store};
use crate::components::metrics;
use crate::components::optimizers::OptimizerState;
use crate::language::program::{Keep, Settings};
use crate::nn::network::Network;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `rollback` and `rewind` go back to: weights, running statistics and what the optimizers remember.
#[derive(Debug)]
pub struct Snapshot {
    pub network: Network,
    pub optimizers: BTreeMap<u32, OptimizerState>,
}

impl Snapshot {
    fn of(run: &Run) -> Result<Snapshot, Failure> {
        let state = &run.state;
        Ok(Snapshot { network: state.network.copy()?, optimizers: copies(&state.optimizers)? })
    }

    /// The checkpoint of that name.
    pub(super) fn find<'r>(run: &'r Run, name: &str) -> Result<&'r Snapshot, Failure> {
        run.state.named.get(name).ok_or_else(|| {
            Failure::new(format!("there is no checkpoint {name:?} yet at this point of the run"))
                .help(format!("put `checkpoint {name:?}` where it is reached before this step"))
        })
    }

    /// Puts copies of all of it into the state. Clocks and histories stay.
    pub(super) fn restore(run: &mut Run, name: &str) -> Result<(), Failure> {
        let snapshot = Snapshot::find(run, name)?;
        let (network, optimizers) = (snapshot.network.copy()?, copies(&snapshot.optimizers)?);
        run.state.network = network;
        run.state.optimizers = optimizers;
        Ok(())
    }
}

fn copies(optimizers: &BTreeMap<u32, OptimizerState>) -> Result<BTreeMap<u32, OptimizerState>, Failure> {
    optimizers.iter().map(|(id, state)| Ok((*id, state.copy()?))).collect()
}

/// `checkpoint "name"`: kept in memory, and on disk where there is a run folder. Made again, it is replaced.
pub fn name(run: &mut Run, name: &str) -> Result<(), Halt> {
    let snapshot = Snapshot::of(run)?;
    run.state.named.insert(name.to_string(), snapshot);
    retention::checkpoint_made(run, name);
    let folder = store::named_folder(name);
    let relative = if run.world.folder.is_some() { format!("checkpoints/{folder}") } else { String::new() };
    run.emit(Kind::Checkpoint { name: Some(name.to_string()), folder: relative })?;
    Ok(write(run, &folder)?)
}

/// After a training step: the checkpoint that `keep … every:` asks for, if one is due.
pub fn keep(run: &mut Run, settings: &Settings, before: Moment) -> Result<(), Halt> {
    let Keep { last, every, .. } = settings.keep;
    if last == 0 || run.world.folder.is_none() || !run.moment().passes(every, before) {
        return Ok(());
    }
    let by_clock = matches!(every, crate::components::Duration::Seconds(_));
    Ok(save(run, last, by_clock)?)
}

/// Somebody asked the run to stop.
pub fn save_before_stopping(run: &mut Run) -> Result<(), Failure> {
    let last = run.state.journal.kept.len().max(1);
    save(run, last, true)
}

/// An unnamed checkpoint; of the older ones the newest stay, `last` in all.
fn save(run: &mut Run, last: usize, by_clock: bool) -> Result<(), Failure> {
    if run.world.folder.is_none() {
        return Ok(());
    }
    let folder = format!("step-{:08}", run.state.journal.clock);
    let kept = &mut run.state.journal.kept;
    kept.retain(|old| *old != folder);
    kept.push(folder.clone());
    let dropped: Vec<String> = kept.drain(..kept.len().saturating_sub(last)).collect();
    let relative = format!("checkpoints/{folder}");
    if by_clock {
        run.tell_saved(&relative)?;
    } else {
        run.emit(Kind::Checkpoint { name: None, folder: relative })?;
    }
    write(run, &folder)?;
    for folder in dropped {
        disk::remove_folder(&checkpoints(run).join(folder))?;
    }
    Ok(())
}

/// After a measurement that `keep best:` asks for: a checkpoint if it is the best so far.
pub fn best(run: &mut Run, reading: &Reading) -> Result<(), Halt> {
    let point = run.state.journal.point(reading.value);
    let info = metrics::describe(&reading.spec);
    let known = run.state.journal.best.get(&reading.key);
    if reading.value.is_nan() || known.is_some_and(|best| !info.better(reading.value, best.point.value)) {
        return Ok(());
    }
    let folder = known.map_or_else(|| best_folder(run.state.journal.best.len()), |best| best.folder.clone());
    run.state.journal.best.insert(reading.key.clone(), Best { point, folder: folder.clone() });
    if run.world.folder.is_some() {
        run.emit(Kind::Checkpoint { name: None, folder: format!("checkpoints/{folder}") })?;
    }
    Ok(write(run, &folder)?)
}

/// Programs seldom keep the best by more than one metric.
fn best_folder(others: usize) -> String {
    if others == 0 { "best".into() } else { format!("best-{}", others + 1) }
}

/// At the end of a run: `final.safetensors`.
pub fn finish(run: &mut Run) -> Result<(), Halt> {
    if let Some(folder) = &run.world.folder {
        store::write_tensors(&run.state.network.state_dict()?, &folder.join("final.safetensors"))?;
    }
    Ok(())
}

fn write(run: &mut Run, folder: &str) -> Result<(), Failure> {
    if run.world.folder.is_none() {
        return Ok(());
    }
    run.state.journal.logs = run.log_lengths()?;
    store::save(&run.state, &checkpoints(run).join(folder))?;
    run.saved = Some(format!("checkpoints/{folder}"));
    Ok(())
}

fn checkpoints(run: &Run) -> PathBuf {
    run.world.folder.clone().unwrap_or_default().join("checkpoints")
}
