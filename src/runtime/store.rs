//! The state as the files of a checkpoint, and back.

use super::checkpoint::Snapshot;
use super::error::Failure;
use super::protect::{Protected, SAVED, Weights};
use super::state::{Journal, State};
use crate::components::memory::Memory;
use crate::components::optimizers::{OptimizerState, TensorState};
use crate::disk;
use crate::language::is_checkpoint_name;
use crate::language::program::{Model, Precision};
use crate::nn::network::Network;
use crate::nn::weights::{self, TensorFacts};
use crate::reading::{self, json, limits};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const WEIGHTS: &str = "weights.safetensors";
/// what the optimizers remember
const REMEMBERED: &str = "state.safetensors";
/// the stable network, where there is one
const MEMORY: &str = "memory.safetensors";
const STATE: &str = "state.json";
const TIME: &str = "time.json";
/// The named checkpoints that the state knows, each in a folder of its own.
const NAMED: &str = "named";

/// Among what the optimizers remember: what the objective's last step handed on.
const CARRIED: &str = "carried";

/// Raised when an older version could not read a checkpoint any more.
const FORMAT: u32 = 3;

/// `state.json`
#[derive(Debug, Serialize, Deserialize)]
struct StateFile {
    format: u32,
    /// hash of the plan
    plan: String,
    pair: Pair,
    /// the same of the named checkpoints
    named: BTreeMap<String, Pair>,
    journal: Journal,
    /// SHA-256 of all the rest of this file
    seal: String,
}

/// The part of `state.json` that tells checkpoints apart.
#[derive(Debug, Deserialize)]
struct Outline {
    journal: OutlineOfJournal,
}

#[derive(Debug, Deserialize)]
struct OutlineOfJournal {
    clock: u64,
    changes: u64,
    logs: BTreeMap<String, super::event::Mark>,
}

/// `time.json`: all of a checkpoint that another run of the program need not have.
#[derive(Debug, Serialize, Deserialize)]
struct Time {
    /// that the run had taken
    seconds: f64,
    /// SHA-256 of their text
    seal: String,
}

impl Time {
    fn of(seconds: f64) -> Time {
        Time { seconds, seal: disk::sha256(seconds.to_string().as_bytes()) }
    }
}

/// What two files of tensors can't say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// SHA-256 by name
    files: BTreeMap<String, String>,
    /// rows of the classifier
    classes: usize,
    /// of the stable network
    memory: Option<MemoryFacts>,
    /// of the terms of what `protect` holds still, once something does
    #[serde(skip_serializing_if = "Option::is_none", default)]
    protected: Option<Weights>,
    /// updates so far, by optimizer and weight
    optimizer_steps: BTreeMap<u32, BTreeMap<String, u64>>,
}

/// What the file of the stable network can't say of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MemoryFacts {
    classes: usize,
    by: u32,
    updates: u64,
    revision: u64,
}

/// A checkpoint that is ready to be written. The same state gives the same bytes.
pub struct Prepared {
    /// of the weights and of what the optimizers remember
    pub pair: Pair,
    files: Vec<(&'static str, Vec<u8>)>,
    /// named checkpoints that go along, with their folders
    named: Vec<(String, Pair)>,
}

/// A checkpoint that was read.
#[derive(Debug)]
pub struct Loaded {
    pub state: State,
    /// hash of the plan that it was saved under
    pub plan: String,
    /// that the run had taken
    pub seconds: f64,
}

/// Makes a checkpoint of the state. `own` is its name, if it has one: the state holds the same under it.
///
/// # Errors
/// Tensors that can't be brought from their device.
pub fn prepare(state: &State, plan: &str, own: Option<&str>) -> Result<Prepared, Failure> {
    let mut files = vec![(WEIGHTS, bytes(&state.network.state_dict()?)?), (REMEMBERED, bytes(&remembered(state)?)?)];
    if let Some(memory) = &state.memory {
        files.push((MEMORY, bytes(&memory.network.state_dict()?)?));
    }
    let sums = files.iter().map(|(name, bytes)| (name.to_string(), disk::sha256(bytes))).collect();
    let pair = Pair::of(state, sums);
    let others = state.named.iter().filter(|(name, _)| own != Some(name.as_str()));
    let mut named: BTreeMap<String, Pair> = others.map(|(name, s)| (name.clone(), s.pair.clone())).collect();
    let folders = named.iter().map(|(name, pair)| (named_folder(name), pair.clone())).collect();
    named.extend(own.map(|name| (name.to_string(), pair.clone())));
    let journal = state.journal.clone();
    let file = StateFile { format: FORMAT, plan: plan.to_string(), pair, named, journal, seal: String::new() };
    let json = sealed(&file)?;
    files.push((STATE, json));
    Ok(Prepared { pair: file.pair, files, named: folders })
}

impl Prepared {
    /// Writes the checkpoint, all of it or nothing, as a folder in `checkpoints`, where the named ones lie too.
    /// `seconds` is what the run has taken.
    ///
    /// # Errors
    /// What the file system says, with the path.
    pub fn write(&self, checkpoints: &Path, folder: &str, seconds: f64) -> io::Result<()> {
        disk::replace_folder(&checkpoints.join(folder), |fresh| {
            for (name, bytes) in &self.files {
                disk::write_new(&fresh.join(name), bytes)?;
            }
            for (name, pair) in &self.named {
                link_pair(&checkpoints.join(name), &fresh.join(NAMED).join(name), pair)?;
            }
            disk::write_new(&fresh.join(TIME), &serde_json::to_vec(&Time::of(seconds))?)
        })
    }
}

/// A named checkpoint's files once more, in another checkpoint that needs them.
fn link_pair(from: &Path, to: &Path, pair: &Pair) -> io::Result<()> {
    disk::make_folder(to)?;
    pair.tensors().into_iter().try_for_each(|name| disk::link(&from.join(name), &to.join(name)))
}

/// Reads a checkpoint of a program's model.
///
/// # Errors
/// Files that are missing, changed since they were written, or of another model.
pub fn load(folder: &Path, model: &Model, precision: Precision, device: &Device) -> Result<Loaded, Failure> {
    let blank = |classes: usize| -> Result<Network, Failure> {
        let architecture = model.architecture.clone().with_classes(classes);
        Ok(Network::blank(architecture, device)?.with_precision(precision))
    };
    let file = unseal(&folder.join(STATE))?;
    let Snapshot { network, memory, optimizers, protected, .. } = read_pair(folder, &file.pair, model, &blank)?;
    let carried = weights::read(&folder.join(REMEMBERED)).map_err(|e| Failure::new(e.to_string()))?.remove(CARRIED);
    let mut named = BTreeMap::new();
    for (name, pair) in file.named {
        let place = home(folder, &name);
        named.insert(name, read_pair(&place, &pair, model, &blank)?);
    }
    let seconds = read_time(folder)?;
    let state = State { network, memory, carried, protected, optimizers, named, journal: file.journal };
    Ok(Loaded { state, plan: file.plan, seconds })
}

/// How far a run had come at a checkpoint: greater is later. `None` where that can't be read.
pub fn order(folder: &Path) -> Option<(u64, u64, u64)> {
    let Outline { journal } = read_json(&folder.join(STATE), json::Kind::Known).ok()?;
    Some((journal.clock, journal.changes, journal.logs.values().map(|mark| mark.lines).sum()))
}

/// Where a checkpoint stands: optimizer steps, changes of weights so far, and how far the records had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub clock: u64,
    pub changes: u64,
    pub marks: BTreeMap<String, super::event::Mark>,
}

/// Whether the files of a checkpoint are those that were saved; then where it stands.
///
/// # Errors
/// If a file is missing, changed since it was written, or of another version.
pub fn verify(folder: &Path) -> Result<Standing, Failure> {
    let file = unseal(&folder.join(STATE))?;
    read_time(folder)?;
    are_saved(folder, &file.pair)?;
    for (name, pair) in &file.named {
        are_saved(&home(folder, name), pair)?;
    }
    let Journal { clock, changes, logs, .. } = file.journal;
    Ok(Standing { clock, changes, marks: logs })
}

fn are_saved(folder: &Path, pair: &Pair) -> Result<(), Failure> {
    for name in pair.tensors() {
        let path = folder.join(name);
        let found = reading::sha256(&path).map_err(|e| Failure::new(e.to_string()))?;
        if pair.files.get(name) != Some(&found) {
            return Err(changed(&path));
        }
    }
    Ok(())
}

/// Where a checkpoint keeps a named one: a named checkpoint's own folder holds itself once.
fn home(folder: &Path, name: &str) -> PathBuf {
    let beside = folder.join(NAMED).join(named_folder(name));
    if beside.exists() { beside } else { folder.to_path_buf() }
}

fn read_time(folder: &Path) -> Result<f64, Failure> {
    let path = folder.join(TIME);
    let time: Time = read_json(&path, json::Kind::Known)?;
    if time.seal != Time::of(time.seconds).seal {
        return Err(changed(&path));
    }
    Ok(time.seconds)
}

/// Gives the named checkpoints of a state their folders in `checkpoints`, from a checkpoint that holds them, where they
/// are missing or others.
///
/// # Errors
/// What the file system says, with the path.
pub fn restore_named(state: &State, checkpoints: &Path, from: &Path) -> io::Result<()> {
    for (name, snapshot) in &state.named {
        let folder = named_folder(name);
        let (home, kept) = (checkpoints.join(&folder), from.join(NAMED).join(&folder));
        let whole =
            |(name, sum): (&String, &String)| reading::sha256(&home.join(name)).is_ok_and(|found| found == *sum);
        if kept.exists() && !snapshot.pair.files.iter().all(whole) {
            disk::replace_folder(&home, |fresh| link_pair(&kept, fresh, &snapshot.pair))?;
        }
    }
    Ok(())
}

/// Folder of a checkpoint's name, below `checkpoints/`. The checker lets only names pass that folders can have; those
/// of unnamed checkpoints are marked.
pub fn named_folder(name: &str) -> String {
    let ours = ["best", "step-", "name-", "damaged-"].iter().any(|ours| name.to_lowercase().starts_with(ours));
    if ours { format!("name-{name}") } else { name.to_string() }
}

/// Tensors as a safetensors file, there whole or not at all.
///
/// # Errors
/// What the file system says, with the path.
pub fn write_tensors(tensors: &BTreeMap<String, Tensor>, path: &Path) -> io::Result<()> {
    weights::write(tensors, path).map_err(|e| match e {
        weights::WeightsError::Write { source } => source,
        other => io::Error::other(other.to_string()),
    })
}

/// The file with its seal.
fn sealed(file: &StateFile) -> Result<Vec<u8>, Failure> {
    let failed = |e: serde_json::Error| Failure::new(format!("cannot write the state of the run: {e}"));
    // By way of `Value`, whose objects are sorted by key.
    let mut value = serde_json::to_value(file).map_err(failed)?;
    value["seal"] = seal(&mut value).into();
    serde_json::to_vec_pretty(&value).map_err(failed)
}

/// Over all but the seal itself.
fn seal(value: &mut serde_json::Value) -> String {
    value["seal"] = "".into();
    disk::sha256(value.to_string().as_bytes())
}

fn unseal(path: &Path) -> Result<StateFile, Failure> {
    let mut value: serde_json::Value = read_json(path, json::Kind::Any)?;
    if value["format"] != FORMAT {
        let message = format!("{} has format {}, this version reads {FORMAT}", path.display(), value["format"]);
        return Err(Failure::new(message).help("go on with the version that wrote it"));
    }
    let found = value["seal"].take();
    if found != seal(&mut value).as_str() {
        return Err(changed(path));
    }
    let file: StateFile = serde_json::from_value(value)
        .map_err(|e| Failure::new(format!("{} is no state of a run: {e}", path.display())))?;
    match leads_astray(&file) {
        None => Ok(file),
        Some(name) => {
            Err(Failure::new(format!("{} names the folder or file {name:?}, which no run makes", path.display())))
        }
    }
}

/// A name in a state that would lead out of the run's folder. Names become paths that are written to.
fn leads_astray(file: &StateFile) -> Option<&str> {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let best = file.journal.best.values().map(|best| &best.folder).find(|f| !f.starts_with("best") || !plain(f));
    let log = || file.journal.logs.keys().find(|name| !name.ends_with(".jsonl") || !plain(name));
    let named = || file.named.keys().find(|name| !is_checkpoint_name(name));
    best.or_else(log).or_else(named).map(String::as_str)
}

/// A file of the run was changed or damaged.
fn changed(path: &Path) -> Failure {
    let message = format!("{} is not the file that the checkpoint was saved with", path.display());
    Failure::new(message).help("it was changed or damaged; start from another checkpoint")
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path, kind: json::Kind) -> Result<T, Failure> {
    let bytes = reading::whole(path, limits::RECORD_BYTES).map_err(|e| Failure::new(e.to_string()))?;
    json::parse(&bytes, kind).map_err(|e| Failure::new(format!("{} is no state of a run: {e}", path.display())))
}

fn bytes(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, Failure> {
    weights::bytes(tensors).map_err(|e| Failure::new(e.to_string()))
}

fn read_pair(
    folder: &Path,
    pair: &Pair,
    model: &Model,
    blank: &impl Fn(usize) -> Result<Network, Failure>,
) -> Result<Snapshot, Failure> {
    are_saved(folder, pair)?;
    let unreadable = |e: weights::WeightsError| Failure::new(e.to_string());
    let read = |name: &str, classes: usize| -> Result<Network, Failure> {
        let saved = folder.join(name);
        // Before there is a network of so many classes.
        weights::fits(&model.architecture.clone().with_classes(classes), &saved).map_err(unreadable)?;
        let mut network = blank(classes)?;
        weights::load(&mut network, &saved).map_err(unreadable)?;
        Ok(network)
    };
    let network = read(WEIGHTS, pair.classes)?;
    let memory = match &pair.memory {
        Some(MemoryFacts { classes, by, updates, revision }) => {
            let network = read(MEMORY, *classes)?;
            Some(Memory { network, by: *by, updates: *updates, revision: *revision })
        }
        None => None,
    };
    let remembered = folder.join(REMEMBERED);
    if let Some(name) = strange(&network, &weights::describe(&remembered).map_err(unreadable)?) {
        let message = format!("{} remembers {name:?}, which the model has not", remembered.display());
        return Err(Failure::new(message).help("start from another checkpoint"));
    }
    let tensors = weights::read(&remembered).map_err(unreadable)?;
    let optimizers = remember(&tensors, &pair.optimizer_steps)?;
    let protected = Protected::of(&tensors, pair.protected)?;
    Ok(Snapshot { network, memory, optimizers, protected, pair: pair.clone() })
}

/// The first tensor that optimizers remember of no weight of the network.
fn strange(network: &Network, remembered: &[TensorFacts]) -> Option<String> {
    let shapes: BTreeMap<&str, &[usize]> =
        network.parameters().iter().map(|p| (p.part.name.as_str(), p.part.shape.as_slice())).collect();
    let input = network.architecture().input.picture();
    let belongs = |fact: &&TensorFacts| {
        if fact.name == CARRIED {
            return fact.shape.len() == 4 && fact.shape[1..] == input;
        }
        for (prefix, dimensions) in SAVED.iter().zip([1, 2]) {
            if let Some(layer) = fact.name.strip_prefix(prefix) {
                let weight = shapes.get(format!("{layer}.weight").as_str());
                let fits = dimensions == 1 || weight.is_some_and(|weight| weight[1..] == fact.shape[1..]);
                return fact.shape.len() == dimensions && weight.is_some() && fits;
            }
        }
        if let Some(rest) = fact.name.strip_prefix(SAVED[2]) {
            let weight = rest.rsplit_once('/').map(|(weight, _)| weight);
            return weight.and_then(|weight| shapes.get(weight)).is_some_and(|shape| *shape == fact.shape);
        }
        let weight = fact.name.split_once('/').and_then(|(_, rest)| rest.rsplit_once('/')).map(|(weight, _)| weight);
        weight.and_then(|weight| shapes.get(weight)).is_some_and(|shape| *shape == fact.shape)
    };
    remembered.iter().find(|fact| !belongs(fact)).map(|fact| fact.name.clone())
}

/// What the optimizers remember, as `0/fc1.weight/0`: optimizer, weight, which of its moments; what the objective
/// carries; and by layer what `protect` holds still.
fn remembered(state: &State) -> Result<BTreeMap<String, Tensor>, Failure> {
    let mut tensors = state.protected.tensors()?;
    tensors.extend(state.carried.as_ref().map(|carried| (CARRIED.to_string(), carried.clone())));
    for (id, state) in &state.optimizers {
        for (weight, memory) in state.iter() {
            for (n, moment) in memory.moments.iter().enumerate() {
                tensors.insert(format!("{id}/{weight}/{n}"), moment.clone());
            }
        }
    }
    Ok(tensors)
}

fn remember(
    tensors: &BTreeMap<String, Tensor>,
    steps: &BTreeMap<u32, BTreeMap<String, u64>>,
) -> Result<BTreeMap<u32, OptimizerState>, Failure> {
    let mut optimizers = BTreeMap::new();
    for (id, weights) in steps {
        let saved = weights.iter().map(|(weight, step)| {
            let moments = (0..).map_while(|n| tensors.get(&format!("{id}/{weight}/{n}")).cloned()).collect();
            (weight.clone(), TensorState { step: *step, moments })
        });
        optimizers.insert(*id, OptimizerState::restore(saved)?);
    }
    Ok(optimizers)
}

impl Pair {
    fn of(state: &State, files: BTreeMap<String, String>) -> Pair {
        let steps = |state: &OptimizerState| state.iter().map(|(name, t)| (name.to_string(), t.step)).collect();
        Pair {
            files,
            classes: state.network.architecture().classes,
            memory: state.memory.as_ref().map(|memory| MemoryFacts {
                classes: memory.network.architecture().classes,
                by: memory.by,
                updates: memory.updates,
                revision: memory.revision,
            }),
            protected: state.protected.weights(),
            optimizer_steps: state.optimizers.iter().map(|(id, state)| (*id, steps(state))).collect(),
        }
    }

    /// Names of its files.
    fn tensors(&self) -> Vec<&'static str> {
        let memory = self.memory.is_some().then_some(MEMORY);
        [WEIGHTS, REMEMBERED].into_iter().chain(memory).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_checkpoints_never_take_the_folders_of_unnamed_ones() {
        for (name, folder) in [
            ("pretrained", "pretrained"),
            ("best", "name-best"),
            ("Best-2", "name-Best-2"),
            ("step-00000005", "name-step-00000005"),
            ("name-best", "name-name-best"),
        ] {
            assert_eq!(named_folder(name), folder);
        }
    }
}
