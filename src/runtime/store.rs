//! The state as the three files of a checkpoint, and back.

use super::checkpoint::Snapshot;
use super::disk;
use super::error::Failure;
use super::state::{Journal, State};
use crate::components::optimizers::{OptimizerState, TensorState};
use crate::language::program::{Model, Precision};
use crate::nn::network::Network;
use crate::nn::weights;
use crate::reading::{self, json, limits};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const WEIGHTS: &str = "weights.safetensors";
const MEMORY: &str = "state.safetensors";
const STATE: &str = "state.json";

/// `state.json`
#[derive(Debug, Serialize, Deserialize)]
struct StateFile {
    format: u32,
    /// SHA-256 of the other files
    files: Sums,
    /// the same of the named checkpoints, which lie in folders beside this one
    named: BTreeMap<String, Named>,
    shape: Shape,
    journal: Journal,
}

/// The sums alone.
#[derive(Deserialize)]
struct Sealed {
    files: Sums,
}

type Sums = BTreeMap<String, String>;

/// What tensors can't say of themselves.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shape {
    /// rows of the classifier
    classes: usize,
    /// updates so far, by optimizer and weight
    optimizer_steps: BTreeMap<u32, BTreeMap<String, u64>>,
}

/// A named checkpoint that the state knows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    /// beside this checkpoint's own
    folder: String,
    files: Sums,
    shape: Shape,
}

/// Writes a checkpoint: all of it or nothing. The same state gives the same bytes.
pub fn save(state: &State, folder: &Path) -> Result<(), Failure> {
    disk::replace_folder(folder, |fresh| {
        let files = write_pair(&state.network, &state.optimizers, fresh)?;
        let mut named = BTreeMap::new();
        for (name, snapshot) in &state.named {
            named.insert(name.clone(), describe(name, snapshot, folder, &files)?);
        }
        let shape = Shape::of(&state.network, &state.optimizers);
        let file = StateFile { format: 1, files, named, shape, journal: state.journal.clone() };
        disk::write_file(&fresh.join(STATE), &json(&file)?)
    })
}

/// Reads a checkpoint of a program's model. `folder` lies in `checkpoints/`, beside the named ones.
///
/// # Errors
/// Files that are missing, changed since they were written, or of another model.
pub fn load(folder: &Path, model: &Model, precision: Precision, device: &Device) -> Result<State, Failure> {
    let blank = |classes: usize| -> Result<Network, Failure> {
        // The seed doesn't matter: every weight is read.
        let architecture = model.architecture.clone().with_classes(classes);
        Ok(Network::new(architecture, 0, device)?.with_precision(precision))
    };
    let path = folder.join(STATE);
    let file: StateFile = read_json(&path)?;
    if file.format != 1 {
        let message = format!("{} has format {}, this version reads 1", path.display(), file.format);
        return Err(Failure::new(message).help("go on with the version that wrote it"));
    }
    let Snapshot { network, optimizers } = read_pair(folder, &file.files, &file.shape, &blank)?;
    let mut named = BTreeMap::new();
    for (name, known) in file.named {
        let beside = folder.with_file_name(&known.folder);
        named.insert(name, read_pair(&beside, &known.files, &known.shape, &blank)?);
    }
    Ok(State { network, optimizers, named, journal: file.journal })
}

/// Folder of a checkpoint's name, below `checkpoints/`. The checker lets only names pass that folders can have; those
/// of unnamed checkpoints are marked.
pub fn named_folder(name: &str) -> String {
    let ours = ["best", "step-", "name-"].iter().any(|ours| name.to_lowercase().starts_with(ours));
    if ours { format!("name-{name}") } else { name.to_string() }
}

/// Tensors as a safetensors file, there whole or not at all.
pub fn write_tensors(tensors: &BTreeMap<String, Tensor>, path: &Path) -> Result<(), Failure> {
    weights::write(tensors, path).map_err(|e| {
        Failure::new(e.to_string()).help("make sure that the folder exists, may be written to, and has space left")
    })
}

fn json(file: &StateFile) -> Result<Vec<u8>, Failure> {
    // By way of `Value`, whose objects are sorted by key.
    let value = serde_json::to_value(file).and_then(|value| serde_json::to_vec_pretty(&value));
    value.map_err(|e| Failure::new(format!("cannot write the state of the run: {e}")))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let bytes = reading::whole(path, limits::RECORD_BYTES).map_err(|e| Failure::new(e.to_string()))?;
    json::parse(&bytes, json::Kind::Known)
        .map_err(|e| Failure::new(format!("{} is no state of a run: {e}", path.display())))
}

/// Weights and optimizer memory; their sums.
fn write_pair(network: &Network, optimizers: &BTreeMap<u32, OptimizerState>, folder: &Path) -> Result<Sums, Failure> {
    write_tensors(&network.state_dict()?, &folder.join(WEIGHTS))?;
    write_tensors(&memory(optimizers), &folder.join(MEMORY))?;
    let sum = |name: &str| Ok((name.to_string(), disk::sum(&folder.join(name))?));
    [WEIGHTS, MEMORY].into_iter().map(sum).collect()
}

/// A named checkpoint as it lies on disk beside `folder`; if `folder` is its own, then with the sums of the `files`
/// that were just written.
fn describe(name: &str, snapshot: &Snapshot, folder: &Path, files: &Sums) -> Result<Named, Failure> {
    let own = named_folder(name);
    let beside = folder.with_file_name(&own);
    let files = match beside == folder {
        true => files.clone(),
        false => read_json::<Sealed>(&beside.join(STATE))?.files,
    };
    Ok(Named { folder: own, files, shape: Shape::of(&snapshot.network, &snapshot.optimizers) })
}

fn read_pair(
    folder: &Path,
    sums: &Sums,
    shape: &Shape,
    blank: &impl Fn(usize) -> Result<Network, Failure>,
) -> Result<Snapshot, Failure> {
    for (name, sum) in sums {
        let path = folder.join(name);
        if disk::sum(&path)? != *sum {
            let message = format!("{} is not the file that the checkpoint was saved with", path.display());
            return Err(Failure::new(message).help("it was changed or damaged; start from another checkpoint"));
        }
    }
    let unreadable = |e: weights::WeightsError| Failure::new(e.to_string());
    let mut network = blank(shape.classes)?;
    weights::load(&mut network, &folder.join(WEIGHTS)).map_err(unreadable)?;
    let tensors = weights::read(&folder.join(MEMORY)).map_err(unreadable)?;
    Ok(Snapshot { network, optimizers: remember(&tensors, &shape.optimizer_steps)? })
}

/// What the optimizers remember, as `0/fc1.weight/0`: optimizer, weight, which of its moments.
fn memory(optimizers: &BTreeMap<u32, OptimizerState>) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    for (id, state) in optimizers {
        for (weight, memory) in state.iter() {
            for (n, moment) in memory.moments.iter().enumerate() {
                tensors.insert(format!("{id}/{weight}/{n}"), moment.clone());
            }
        }
    }
    tensors
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

impl Shape {
    fn of(network: &Network, optimizers: &BTreeMap<u32, OptimizerState>) -> Shape {
        let steps = |state: &OptimizerState| state.iter().map(|(name, t)| (name.to_string(), t.step)).collect();
        Shape {
            classes: network.architecture().classes,
            optimizer_steps: optimizers.iter().map(|(id, state)| (*id, steps(state))).collect(),
        }
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
