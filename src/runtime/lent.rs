//! Weights that are measured in place of the present ones: `evaluate … at: best`.

use super::error::{Failure, Halt};
use super::measure::{self, Reading};
use super::state::Best;
use super::{Run, sound, store};
use crate::components::Metric;
use crate::components::metrics::{self, Part};
use crate::language::program::{At, Evaluate, Settings};
use crate::nn::network::Network;

/// Weights of another moment.
#[derive(Debug)]
pub struct Lent {
    pub network: Network,
    pub memory: Option<Network>,
    /// how they were chosen: `best by validation.robust(pgd)`
    pub rule: String,
}

impl Lent {
    /// Copies of the present weights.
    pub fn of(run: &Run) -> Result<Lent, Failure> {
        let memory = run.state.memory.as_ref().map(|memory| memory.network.copy()).transpose()?;
        Ok(Lent { network: run.state.network.copy()?, memory, rule: String::new() })
    }

    fn copy(&self) -> Result<Lent, Failure> {
        let memory = self.memory.as_ref().map(Network::copy).transpose()?;
        Ok(Lent { network: self.network.copy()?, memory, rule: self.rule.clone() })
    }
}

impl Run<'_> {
    /// The network that is measured, or the memory.
    pub(super) fn measured_network(&self, memory: bool) -> Result<&Network, Failure> {
        match (&self.lent, memory) {
            (None, false) => Ok(&self.state.network),
            (None, true) => Ok(&self.state.memory()?.network),
            (Some(lent), false) => Ok(&lent.network),
            (Some(lent), true) => lent.memory.as_ref().ok_or_else(|| {
                Failure::new(format!("there was no memory yet at the {}", lent.rule))
                    .help("measure it without `at: best`, or begin it before the best is chosen")
            }),
        }
    }
}

/// What an `evaluate` found.
pub struct Found {
    pub readings: Vec<Reading>,
    /// what could not be measured, a sentence each
    pub left_out: Vec<String>,
}

/// The readings of an `evaluate`, of all the weights that it asks for. Where both are asked for, each of the best has
/// as a part how far it is from the last. A best that was chosen before the memory began has none to measure.
pub fn readings(run: &mut Run, op: &Evaluate, metrics: &[Metric], settings: &Settings) -> Result<Found, Halt> {
    let both = op.at.contains(&At::Best) && op.at.contains(&At::Last);
    let mut last = match op.at.contains(&At::Last) {
        true => checked(run, metrics, settings)?,
        false => Vec::new(),
    };
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for at in &op.at {
        match at {
            At::Last => {
                if both {
                    last.iter_mut().for_each(|reading| reading.detail.at = Some("last".into()));
                }
                found.extend(last.iter().cloned());
            }
            At::Best => {
                for rule in &settings.keep.best {
                    let mut best = at_best(run, rule, metrics, settings, &mut left_out)?;
                    for best in &mut best {
                        if let Some(last) = last.iter().find(|last| last.key == best.key) {
                            best.detail.parts.push(Part::new("best - last", best.value - last.value));
                        }
                    }
                    found.extend(best);
                }
            }
        }
    }
    Ok(Found { readings: found, left_out })
}

/// Measures, and looks for what makes a robust accuracy doubtful.
fn checked(run: &mut Run, metrics: &[Metric], settings: &Settings) -> Result<Vec<Reading>, Halt> {
    let mut readings = measure::all(run, metrics, settings)?;
    readings.iter_mut().try_for_each(|reading| sound::check(run, reading, settings))?;
    Ok(readings)
}

/// Measures the best checkpoint by `rule`. The run's own weights stay where they are.
fn at_best(
    run: &mut Run,
    rule: &Metric,
    metrics: &[Metric],
    settings: &Settings,
    left_out: &mut Vec<String>,
) -> Result<Vec<Reading>, Halt> {
    with_best(run, rule, settings, |run| {
        let lent = run.lent.as_ref().filter(|lent| lent.memory.is_none());
        let Some(rule) = lent.map(|lent| lent.rule.clone()) else { return checked(run, metrics, settings) };
        let (there, not_there): (Vec<Metric>, Vec<Metric>) =
            metrics.iter().cloned().partition(|metric| !metrics::of_memory(&metric.spec));
        left_out.extend(not_there.iter().map(|metric| {
            format!("`{metric}` is not measured at the {rule}: that was chosen before there was a memory")
        }));
        checked(run, &there, settings)
    })
}

/// Does something while the best checkpoint by `rule` is what is measured.
pub fn with_best<T>(
    run: &mut Run,
    rule: &Metric,
    settings: &Settings,
    work: impl FnOnce(&mut Run) -> Result<T, Halt>,
) -> Result<T, Halt> {
    run.lent = Some(best(run, rule, settings)?);
    // What is known is of the present weights.
    let known = (std::mem::take(&mut run.readings), run.texts.lend());
    let done = work(run);
    run.lent = None;
    run.readings = known.0;
    run.texts.take_back(known.1);
    done
}

/// The best checkpoint by a metric, from the run folder or from memory.
fn best(run: &Run, rule: &Metric, settings: &Settings) -> Result<Lent, Failure> {
    let split = Some(rule.split.unwrap_or(settings.default_split()));
    let name = format!("best by {}", Metric { split, spec: rule.spec.clone() });
    let key = measure::best_key(rule, settings);
    let Some((key, known)) = chosen(run, &key) else {
        return Err(Failure::new(format!("there is no {name} yet at this point of the run"))
            .help("it is chosen at the end of an epoch: train before"));
    };
    let lent = match &run.world.folder {
        Some(folder) => read(run, &folder.join("checkpoints").join(&known.folder), key, known)?,
        None => match run.bests.get(key) {
            Some(lent) => lent.copy()?,
            None => return Err(Failure::new(format!("the {name} was not kept"))),
        },
    };
    Ok(Lent { rule: name, ..lent })
}

/// The best under this key. Where other data are measured than were trained on, that of the same metric which was chosen
/// last: a best is one of training.
fn chosen<'r>(run: &'r Run, key: &'r str) -> Option<(&'r str, &'r Best)> {
    let all = &run.state.journal.best;
    if let Some(known) = all.get(key) {
        return Some((key, known));
    }
    let metric = measure::metric_of_key(key);
    let alike = all.iter().filter(|(other, _)| measure::metric_of_key(other) == metric);
    alike.max_by_key(|(_, best)| best.point.clock).map(|(key, best)| (key.as_str(), best))
}

/// The weights of a checkpoint, if it is the one that the run made as its best.
fn read(run: &Run, folder: &std::path::Path, key: &str, known: &Best) -> Result<Lent, Failure> {
    let program = run.program;
    let state = store::load(folder, &program.model, program.precision, &run.world.device)?.state;
    if state.journal.best.get(key) != Some(known) || state.journal.clock != known.point.clock {
        let message =
            format!("{} is not the checkpoint that the run chose after {} steps", folder.display(), known.point.clock);
        return Err(Failure::new(message).help("it was replaced by someone else; start from a checkpoint before it"));
    }
    Ok(Lent { network: state.network, memory: state.memory.map(|memory| memory.network), rule: String::new() })
}
