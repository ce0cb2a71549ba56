//! What stays: checkpoints under `checkpoints/<id>/`, and the final weights.
//!
//! A checkpoint is a folder: `weights.safetensors` (in PyTorch's names), `memory.safetensors` (those of the stable
//! network, where there is one), `state.safetensors` (what the optimizers remember), `state.json` (all the rest, and SHA-256 sums), `named/` (the named checkpoints that the state knows, so
//! that it needs nothing outside of its folder), and `time.json` (what a clock said).

use super::error::{Failure, Halt};
use super::event::Kind;
use super::guard::broken_weight;
use super::lent::Lent;
use super::measure::Reading;
use super::moment::Moment;
use super::protect::Protected;
use super::state::Best;
use super::store::{self, Pair};
use super::{Run, guard, retention};
use crate::components::Duration;
use crate::components::memory::Memory;
use crate::components::metrics;
use crate::components::optimizers::OptimizerState;
use crate::disk;
use crate::language::program::{Keep, Settings};
use crate::nn::network::Network;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `rollback` and `rewind` go back to: weights, running statistics, the memory and what the optimizers remember.
#[derive(Debug)]
pub struct Snapshot {
    pub network: Network,
    pub memory: Option<Memory>,
    pub optimizers: BTreeMap<u32, OptimizerState>,
    /// what `protect` held still
    pub protected: Protected,
    /// of its files; empty where there is no run folder
    pub pair: Pair,
}

impl Snapshot {
    fn of(run: &Run) -> Result<Snapshot, Failure> {
        let state = &run.state;
        Ok(Snapshot {
            network: state.network.copy()?,
            memory: state.memory.as_ref().map(Memory::copy).transpose()?,
            optimizers: copies(&state.optimizers)?,
            protected: state.protected.clone(),
            pair: Pair::default(),
        })
    }

    /// The checkpoint of that name.
    pub(super) fn find<'r>(run: &'r Run, name: &str) -> Result<&'r Snapshot, Failure> {
        run.state.named.get(name).ok_or_else(|| {
            Failure::new(format!("there is no checkpoint {name:?} yet at this point of the run"))
                .help(format!("put `checkpoint {name:?}` where it is reached before this step"))
        })
    }

    /// Puts copies of all of it into the state. Clocks and histories stay, and a memory that began after the checkpoint.
    pub(super) fn restore(run: &mut Run, name: &str) -> Result<(), Failure> {
        let snapshot = Snapshot::find(run, name)?;
        let (network, optimizers) = (snapshot.network.copy()?, copies(&snapshot.optimizers)?);
        let protected = snapshot.protected.clone();
        if let Some(memory) = snapshot.memory.as_ref().map(Memory::copy).transpose()? {
            let now = run.state.memory.as_ref().map_or(0, |now| now.revision);
            run.state.memory = Some(Memory { revision: now.max(memory.revision) + 1, ..memory });
        }
        run.state.network = network;
        run.state.protected = protected;
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
    Ok(write(run, &[folder], Some(name))?)
}

/// After a training step, all its measurements told: the best checkpoints where `best`, what `keep best:` asks for, are the
/// best so far, and the one that `keep … every:` asks for, if it is due. Both hold the same state, from which the next
/// thing to happen is what happens after this.
pub fn after_training_step(run: &mut Run, settings: &Settings, before: Moment, best: &[Reading]) -> Result<(), Halt> {
    let mut folders = Vec::new();
    for reading in best {
        let folder = better(run, reading);
        if folder.is_some() && run.world.folder.is_none() {
            run.bests.insert(reading.key.clone(), Lent::of(run)?);
        }
        folders.extend(folder);
    }
    let Keep { last, every, .. } = settings.keep;
    let by_clock = matches!(every, Duration::Seconds(_));
    if last > 0 && (if by_clock { overdue(run, every) } else { run.moment().passes(every, before) }) {
        folders.push(unnamed(run));
    }
    if run.world.folder.is_none() || folders.is_empty() {
        return Ok(());
    }
    for folder in &folders {
        let relative = format!("checkpoints/{folder}");
        match by_clock && folder.starts_with(UNNAMED) {
            true => run.tell_saved(&relative)?,
            false => run.emit(Kind::Checkpoint { name: None, folder: relative })?,
        }
    }
    write(run, &folders, None)?;
    Ok(drop_older(run, last)?)
}

/// After a step that isn't training: `keep … every:` by a clock, for evaluations take their time too.
pub fn after_step(run: &mut Run, settings: &Settings) -> Result<(), Halt> {
    if overdue_by_clock(run, &settings.keep) {
        save(run)?;
        drop_older(run, settings.keep.last)?;
    }
    Ok(())
}

/// Whether `keep … every:` by a clock asks for a checkpoint.
pub fn overdue_by_clock(run: &Run, keep: &Keep) -> bool {
    keep.last > 0 && run.world.folder.is_some() && overdue(run, keep.every)
}

/// An unnamed checkpoint that a clock or a signal decided.
pub fn save(run: &mut Run) -> Result<(), Failure> {
    if run.world.folder.is_none() {
        return Ok(());
    }
    let folder = unnamed(run);
    run.tell_saved(&format!("checkpoints/{folder}"))?;
    write(run, &[folder], None)
}

/// Whether a clock asks for a checkpoint: so long after the one before, or after the beginning of the session.
fn overdue(run: &Run, every: Duration) -> bool {
    matches!(every, Duration::Seconds(n) if run.seconds() - run.saved_at >= n)
}

/// What begins the folders of unnamed checkpoints.
const UNNAMED: &str = "step-";

fn unnamed(run: &Run) -> String {
    format!("{UNNAMED}{:08}", run.state.journal.clock)
}

/// The folder for the best by this metric, if it is that.
fn better(run: &mut Run, reading: &Reading) -> Option<String> {
    let point = run.state.journal.point(reading.value);
    let info = metrics::describe(&reading.spec);
    let known = run.state.journal.best.get(&reading.key);
    if reading.value.is_nan() || known.is_some_and(|best| !info.better(reading.value, best.point.value)) {
        return None;
    }
    let folder = known.map_or_else(|| best_folder(run.state.journal.best.len()), |best| best.folder.clone());
    run.state.journal.best.insert(reading.key.clone(), Best { point, folder: folder.clone() });
    Some(folder)
}

/// Programs seldom keep the best by more than one metric.
fn best_folder(others: usize) -> String {
    if others == 0 { "best".into() } else { format!("best-{}", others + 1) }
}

/// A run that goes on may have been interrupted between saving and this.
pub fn drop_older_again(run: &Run) -> Result<(), Failure> {
    drop_older(run, run.state.journal.keep_last.max(1))
}

/// Of the unnamed checkpoints the newest stay, `last` in all.
pub fn drop_older(run: &Run, last: usize) -> Result<(), Failure> {
    let checkpoints = checkpoints(run);
    let Ok(entries) = std::fs::read_dir(&checkpoints) else { return Ok(()) };
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let step = |name: &String| name.strip_prefix(UNNAMED)?.parse::<u64>().ok();
    let mut found: Vec<(u64, String)> = names.filter_map(|name| Some((step(&name)?, name))).collect();
    found.sort();
    for (_, folder) in &found[..found.len().saturating_sub(last)] {
        let path = checkpoints.join(folder);
        run.world.patience.with(|| disk::drop_folder(&path)).map_err(Failure::disk)?;
    }
    Ok(())
}

/// At the end of a run: `final.safetensors`, and `final_memory.safetensors` where there is a memory.
pub fn finish(run: &mut Run) -> Result<(), Halt> {
    if let Some(folder) = run.world.folder.clone() {
        let memory = run.state.memory.as_ref().map(|memory| ("final_memory.safetensors", &memory.network));
        for (name, network) in [("final.safetensors", &run.state.network)].into_iter().chain(memory) {
            let (tensors, path) = (network.state_dict()?, folder.join(name));
            run.world.patience.with(|| store::write_tensors(&tensors, &path)).map_err(Failure::disk)?;
        }
        // Nobody comes back to tidy up after a power cut.
        let checkpoints = checkpoints(run);
        if checkpoints.exists() {
            disk::flush_folder(&checkpoints).map_err(|e| Failure::disk(disk::named("flush", &checkpoints, e)))?;
        }
    }
    Ok(())
}

/// Writes the state as a checkpoint, under several names if it is several.
fn write(run: &mut Run, folders: &[String], own: Option<&str>) -> Result<(), Failure> {
    let (Some(first), Some(_)) = (folders.first(), &run.world.folder) else { return Ok(()) };
    if let Some(name) = broken_weight(&run.state.network)? {
        // The checkpoints that are there are good, and stay.
        return Err(guard::not_finite(run, &format!("{name} is no longer finite"), &[]));
    }
    disk::point("checkpoint: all is told");
    run.state.journal.logs = run.marks()?;
    let prepared = store::prepare(&run.state, &run.world.plan, own)?;
    let (checkpoints, seconds) = (checkpoints(run), run.seconds());
    disk::point("checkpoint: the state is put into words");
    run.world.patience.with(|| prepared.write(&checkpoints, first, seconds)).map_err(Failure::disk)?;
    for other in &folders[1..] {
        let link = |fresh: &std::path::Path| disk::link_folder(&checkpoints.join(first), fresh);
        let both = || disk::replace_folder(&checkpoints.join(other), link);
        run.world.patience.with(both).map_err(Failure::disk)?;
    }
    if let Some(snapshot) = own.and_then(|name| run.state.named.get_mut(name)) {
        snapshot.pair = prepared.pair;
    }
    run.saved = folders.last().map(|folder| format!("checkpoints/{folder}"));
    run.saved_at = run.seconds();
    Ok(())
}

fn checkpoints(run: &Run) -> PathBuf {
    run.world.folder.clone().unwrap_or_default().join("checkpoints")
}
