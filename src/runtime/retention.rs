//! What is left of the accuracy on tasks: the network of now beside that of a checkpoint, on the same examples.

use super::error::{Failure, Halt};
use super::measure::{OnDevice, Probe};
use super::{Run, Snapshot};
use crate::components::data::Examples;
use crate::components::metrics::retention::{parts, ratio};
use crate::components::metrics::{self, Measure, Measured};
use crate::components::objectives::Draws;
use crate::components::tasks::{self, Task};
use crate::components::{Spec, Split};
use crate::nn::network::Network;
use crate::plan::passes::EVALUATION_BATCH;
use std::collections::{BTreeSet, HashMap};

/// What was measured with checkpoints; it holds as long as none of them is made again.
#[derive(Default)]
pub struct Retained {
    /// steps and changes of weights so far
    at: (u64, u64),
    /// at that point of training
    now: HashMap<String, Measured>,
    /// accuracies at the checkpoints
    then: HashMap<String, f64>,
}

impl Retained {
    /// A retention that was measured at the present point of training.
    pub fn get(&self, key: &str) -> Option<&Measured> {
        self.now.get(key)
    }
}

/// Measures a retention, unless that has been done at this point of training: its value, and for each example whether
/// it is classified correctly now.
pub fn measure(run: &mut Run, probe: &Probe) -> Result<(), Halt> {
    let Some((tasks, since)) = parts(&probe.spec) else { return Ok(()) };
    let at = (run.state.journal.clock, run.state.journal.changes);
    if run.retained.at != at {
        run.retained.now.clear();
        run.retained.at = at;
    }
    if run.retained.now.contains_key(&probe.key) {
        return Ok(());
    }
    let name = since.map(str::to_string).or_else(|| run.state.journal.first_checkpoint.clone());
    let name = name.ok_or_else(none_made)?;
    let parts = examples(run, &tasks, probe.split)?;
    let then = match run.retained.then.get(&probe.key) {
        Some(then) => *then,
        None => mean(&right(run, &Snapshot::find(run, &name)?.network, &parts)?),
    };
    run.retained.then.insert(probe.key.clone(), then);
    let per_example = right(run, &run.state.network, &parts)?;
    let measured = Measured { value: ratio(mean(&per_example), then), per_example, ..Measured::default() };
    run.retained.now.insert(probe.key.clone(), measured);
    Ok(())
}

/// A checkpoint was made, perhaps in place of one that something was measured with.
pub fn checkpoint_made(run: &mut Run, name: &str) {
    run.state.journal.first_checkpoint.get_or_insert_with(|| name.to_string());
    run.retained = Retained::default();
}

fn none_made() -> Failure {
    Failure::new("`retention` compares with a checkpoint, but none has been made at this point of the run")
        .help("put `checkpoint \"learned\"` where it is reached before this step")
}

/// The examples of a split that belong to the tasks, those of each data set together.
fn examples(run: &mut Run, tasks: &[&Task], split: Split) -> Result<Vec<Examples>, Failure> {
    let joined: Vec<(Spec, BTreeSet<u32>)> = tasks::joined(tasks).into_iter().map(|(d, c)| (d.clone(), c)).collect();
    let mut parts = Vec::with_capacity(joined.len());
    for (data, classes) in joined {
        parts.push(run.dataset(&data)?.split(split).of_classes(&classes));
    }
    parts.retain(|part| !part.is_empty());
    match parts.is_empty() {
        true => Err(Failure::new(format!("the {} split has no example of {}", split.name(), tasks::shown(tasks)))),
        false => Ok(parts),
    }
}

/// 1 for each example that the network classifies correctly, else 0.
fn right(run: &Run, network: &Network, parts: &[Examples]) -> Result<Vec<f64>, Failure> {
    let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
    let mut all = Vec::new();
    for examples in parts {
        let examples = &OnDevice::of(examples, None, run.program.seed, &run.world.device);
        let batch_size = EVALUATION_BATCH as usize;
        let measured = metrics::evaluate(network, examples, &[Measure::Clean], batch_size, &draws)?;
        all.extend(measured.into_iter().flat_map(|m| m.per_example));
    }
    Ok(all)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
