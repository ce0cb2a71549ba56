//! The same share of each stage forgotten in turn, on a copy.

use super::error::{Failure, Halt};
use super::measure::{self, OnDevice, Probe};
use super::{Run, some_examples};
use crate::components::forgetting::{self, Fill, Ranking, Request, Selected, Unit};
use crate::components::metrics::{self, Measure, Measured, Part, sensitivity::MEMBER};
use crate::components::objectives::Draws;
use crate::components::{Metric, Spec};
use crate::language::program::Settings;
use crate::nn::architecture::PartKind;
use crate::nn::network::Network;
use crate::plan::passes::EVALUATION_BATCH;

/// Whether it is a `sensitivity`.
pub fn is_one(spec: &Spec) -> bool {
    spec.member == &MEMBER
}

/// Measures the metric inside with each stage's share forgotten, unless that has been done at this point of training.
/// The network's own value has been measured.
pub fn measure(run: &mut Run, metric: &Metric, probe: &Probe, settings: &Settings) -> Result<(), Halt> {
    let key = measure::key(metric, probe);
    if run.readings.known.contains_key(&key) {
        return Ok(());
    }
    let Some(whole) = run.readings.known.get(&probe.key).cloned() else {
        return Err(Failure::new(format!("{metric} could not be measured")).into());
    };
    let data = run.dataset(&settings.data)?;
    let mut costs = |file: &str| run.costs(file, &settings.facts.class_names);
    let measures = [Measure::build(&probe.spec, None, &mut costs)?];
    let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
    let sign = if metrics::describe(&probe.spec).higher_is_better { 1.0 } else { -1.0 };
    let mut parts = Vec::new();
    for (stage, (name, selection)) in stages(&run.state.network, metric.spec.word("per")).into_iter().enumerate() {
        let memory = metrics::of_memory(&probe.spec);
        let mut copy = if memory { run.state.memory()?.network.copy()? } else { run.state.network.copy()? };
        let scope = [run.state.journal.clock, run.state.journal.changes, stage as u64];
        forget(&mut copy, &selection, metric.spec.real("share"), draws.seed, &scope)?;
        let all = some_examples(&data, probe.split)?;
        let examples = OnDevice::of(all, metrics::examples(&probe.spec), draws.seed, &run.world.device);
        let measured = metrics::evaluate(&copy, &examples, &measures, EVALUATION_BATCH as usize, &draws)?;
        parts.extend(measured.iter().map(|m| Part::new(name.clone(), sign * (whole.value - m.value))));
    }
    let value = parts.iter().map(|part| part.value).fold(f64::NEG_INFINITY, f64::max);
    run.readings.known.insert(key, Measured { value, parts, ..whole });
    Ok(())
}

/// The scope has more numbers than that of an event has, so its draws are others.
fn forget(network: &mut Network, selection: &[Selected], share: f64, seed: u64, scope: &[u64]) -> Result<(), Halt> {
    let (by, to) = (Ranking::Random { fixed: false }, Fill::Init);
    let request = Request { selection, share, overall: false, unit: Unit::Weight, by, to, seed, scope };
    forgetting::forget(network, &request)?;
    Ok(())
}

/// The weights of convolutions and linear layers, stage by stage.
fn stages(network: &Network, per: &str) -> Vec<(String, Vec<Selected>)> {
    let mut stages: Vec<(String, Vec<Selected>)> = Vec::new();
    for (part, parameter) in network.parameters().iter().enumerate() {
        let what = &parameter.part;
        let stage = if per == "layers" { Some(what.layer) } else { what.block };
        let (Some(stage), PartKind::ConvWeight | PartKind::LinearWeight) = (stage, what.kind) else { continue };
        let name = format!("{per}[{stage}]");
        let selected = Selected { part, rows: None };
        match stages.iter_mut().find(|(known, _)| *known == name) {
            Some((_, selection)) => selection.push(selected),
            None => stages.push((name, vec![selected])),
        }
    }
    stages
}
