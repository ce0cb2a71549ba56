//! Measuring: when, on what, and what is remembered of it.

use super::error::{Failure, Halt};
use super::event::Kind;
use super::guard::not_finite;
use super::moment::Moment;
use super::{Run, retention, some_examples, train};
use crate::components::conditions::plateau;
use crate::components::data::Examples;
use crate::components::metrics::{self, Detail, Measure, Measured};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Family, Metric, Spec, Split, Value, objectives};
use crate::disk;
use crate::language::program::{Settings, When};
use crate::plan::passes::EVALUATION_BATCH;
use candle_core::Device;
use serde_json::json;
use std::collections::HashMap;
use std::ops::Range;

/// A metric's value at one point of training.
#[derive(Clone, Debug)]
pub struct Reading {
    pub split: Split,
    /// as it is written, without the split
    pub name: String,
    /// tells readings of different metrics, splits and data apart
    pub key: String,
    /// complete
    pub spec: Spec,
    pub value: f64,
    pub n: usize,
    /// in data order; empty where the value isn't a mean over examples
    pub per_example: Vec<f64>,
    pub detail: Detail,
}

impl Reading {
    /// `validation.robust(pgd)`
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.split.name(), self.name)
    }
}

/// What has been measured at the present point of training, so that nothing is measured twice.
#[derive(Default)]
pub struct Readings {
    /// steps and changes of weights so far
    at: (u64, u64),
    known: HashMap<String, Measured>,
}

/// A metric with its split and attack filled in; for a `gap` the metric inside.
pub(super) struct Probe {
    pub(super) split: Split,
    pub(super) spec: Spec,
    pub(super) key: String,
}

/// The metric's value now; measured only if it hasn't been at this point of training.
pub fn now(run: &mut Run, metric: &Metric, settings: &Settings) -> Result<Reading, Halt> {
    let mut readings = all(run, std::slice::from_ref(metric), settings)?;
    readings.pop().ok_or_else(|| Failure::new(format!("{metric} could not be measured")).into())
}

/// The values of several metrics now, in order. Those on one split share what they have in common.
pub fn all(run: &mut Run, metrics: &[Metric], settings: &Settings) -> Result<Vec<Reading>, Halt> {
    let probes: Vec<Probe> = metrics.iter().map(|metric| probe(metric, settings)).collect();
    let (retained, others): (Vec<&Probe>, Vec<&Probe>) = probes.iter().partition(|p| is_retention(&p.spec));
    for split in [Split::Train, Split::Validation, Split::Test] {
        let wanted: Vec<&Probe> = others.iter().copied().filter(|p| p.split == split).collect();
        measure(run, split, &wanted, settings)?;
    }
    for probe in retained {
        retention::measure(run, probe)?;
    }
    metrics.iter().zip(&probes).map(|(metric, probe)| Ok(reading(run, metric, probe)?)).collect()
}

/// Tells the listeners.
pub fn tell(run: &mut Run, reading: &Reading, per_example: bool) -> Result<(), Halt> {
    let per_example = (per_example && !reading.per_example.is_empty()).then(|| reading.per_example.clone());
    let (split, metric) = (reading.split, reading.name.clone());
    let spec = reading.spec.to_json();
    let (value, n, detail) = (reading.value, reading.n, reading.detail.clone());
    Ok(run.emit(Kind::Measure { split, metric, spec, value, n, per_example, detail })?)
}

/// What [`follow`] measured.
#[derive(Default)]
pub struct Followed {
    /// something was due
    pub any: bool,
    /// what `keep best:` goes by
    pub best: Option<Reading>,
}

/// After a training step: what `measure … every:` and `keep best:` ask for, if it is due. Only these readings make the
/// histories that `gap` looks back on, so an `evaluate` more or less changes nothing.
pub fn follow(run: &mut Run, settings: &Settings, before: Moment, epoch_ends: bool) -> Result<Followed, Halt> {
    let moment = Moment { seconds: run.looked_at, ..run.moment() };
    let due = |when: When| matches!(when, When::Every(every) if moment.passes(every, before));
    let mut metrics: Vec<Metric> = Vec::new();
    let best = settings.keep.best.as_ref().filter(|_| epoch_ends);
    for metric in settings.measure.iter().filter(|m| due(m.when)).flat_map(|m| &m.metrics).chain(best) {
        if !metrics.contains(metric) {
            metrics.push(metric.clone());
        }
    }
    if metrics.is_empty() {
        return Ok(Followed::default());
    }
    let readings = all(run, &metrics, settings)?;
    disk::point("evaluate: measured, not told");
    let mut told: Vec<&str> = Vec::new();
    for reading in readings.iter().filter(|r| !is_gap(&r.spec)).chain(readings.iter().filter(|r| is_gap(&r.spec))) {
        // `clean` and `validation.clean` may be one.
        if told.contains(&reading.key.as_str()) {
            continue;
        }
        told.push(&reading.key);
        remember(run, reading);
        tell(run, reading, false)?;
    }
    // Before anything is saved: what is measured now is what a checkpoint would hold.
    if let Some(reading) = readings.iter().find(|reading| reading.value.is_nan()) {
        return Err(not_finite(run, &format!("{} became NaN", reading.full_name()), &[]).into());
    }
    let best = best.map(|metric| now(run, metric, settings)).transpose()?;
    Ok(Followed { any: true, best })
}

/// What `measure … at: forget` asks for, measured now.
pub fn around_changes(run: &mut Run, settings: &Settings) -> Result<Vec<Reading>, Halt> {
    let asked = settings.measure.iter().filter(|m| m.when == When::AtForget);
    let metrics: Vec<Metric> = asked.flat_map(|m| m.metrics.iter().cloned()).collect();
    all(run, &metrics, settings)
}

fn remember(run: &mut Run, reading: &Reading) {
    let point = run.state.journal.point(reading.value);
    run.state.journal.histories.entry(reading.key.clone()).or_default().push(point);
}

/// Measures on one split what isn't known yet.
fn measure(run: &mut Run, split: Split, wanted: &[&Probe], settings: &Settings) -> Result<(), Halt> {
    let at = (run.state.journal.clock, run.state.journal.changes);
    if run.readings.at != at {
        run.readings = Readings { at, known: HashMap::new() };
    }
    let mut new: Vec<&Probe> = Vec::new();
    for probe in wanted {
        if !run.readings.known.contains_key(&probe.key) && new.iter().all(|n| n.key != probe.key) {
            new.push(probe);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let mut costs = |file: &str| run.costs(file, &settings.facts.class_names);
    let measures = new.iter().map(|p| Measure::build(&p.spec, None, &mut costs)).collect::<Result<Vec<_>, _>>()?;
    let data = run.dataset(&settings.data)?;
    let examples = OnDevice { examples: some_examples(&data, split)?, device: &run.world.device };
    let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
    let measured = metrics::evaluate(&run.state.network, &examples, &measures, EVALUATION_BATCH as usize, &draws)?;
    for (probe, measured) in new.into_iter().zip(measured) {
        run.readings.known.insert(probe.key.clone(), measured);
    }
    Ok(())
}

fn reading(run: &Run, metric: &Metric, probe: &Probe) -> Result<Reading, Failure> {
    let Some(measured) = run.readings.known.get(&probe.key).or_else(|| run.retained.get(&probe.key)) else {
        return Err(Failure::new(format!("{metric} could not be measured")));
    };
    let name = Metric { split: None, spec: metric.spec.clone() }.to_string();
    let (split, n) = (probe.split, measured.n());
    if !is_gap(&metric.spec) {
        // Of a retention, the examples' own values are those of one of two accuracies.
        let is_mean = !is_retention(&probe.spec);
        let per_example = if is_mean { measured.per_example.clone() } else { Vec::new() };
        let (value, key, spec) = (measured.value, probe.key.clone(), probe.spec.clone());
        let interval = is_mean.then(|| metrics::interval(&metrics::describe(&spec), &per_example)).flatten();
        let detail = Detail { interval, parts: measured.parts.clone(), flags: measured.flags.clone() };
        return Ok(Reading { split, name, key, spec, value, n, per_example, detail });
    }
    let value = gap(run, probe, measured.value);
    let key = key(metric, probe);
    Ok(Reading {
        split,
        name,
        key,
        spec: metric.spec.clone(),
        value,
        n,
        per_example: Vec::new(),
        detail: Detail::default(),
    })
}

/// How much worse the present value is than the best so far, itself included.
fn gap(run: &Run, probe: &Probe, now: f64) -> f64 {
    let info = metrics::describe(&probe.spec);
    let history = run.state.journal.histories.get(&probe.key);
    let past = history.into_iter().flatten().map(|point| point.value);
    let best = past.fold(now, |best, value| if info.better(value, best) { value } else { best });
    (best - now).abs()
}

/// Whether a condition on the past of a followed metric holds: `plateau(M, D)`.
pub fn on_plateau(run: &Run, condition: &Spec, settings: &Settings) -> bool {
    let (Value::Metric(metric), Value::Duration(duration)) = (condition.get("metric"), condition.get("duration"))
    else {
        return false;
    };
    let probe = probe(metric, settings);
    let history = run.state.journal.histories.get(&key(metric, &probe));
    let past = history.into_iter().flatten().map(|point| (point.clock, point.epochs, point.value));
    plateau::holds(past, &metrics::describe(&metric.spec), *duration)
}

fn is_retention(spec: &Spec) -> bool {
    spec.member == &metrics::retention::MEMBER
}

/// What a metric's history is kept under.
fn key(metric: &Metric, probe: &Probe) -> String {
    if is_gap(&metric.spec) { format!("gap of {}", probe.key) } else { probe.key.clone() }
}

fn is_gap(spec: &Spec) -> bool {
    spec.member == &metrics::gap::MEMBER
}

fn probe(metric: &Metric, settings: &Settings) -> Probe {
    if let Some(Value::Metric(inner)) = metric.spec.args.first() {
        return probe(&Metric { split: inner.split.or(metric.split), spec: inner.spec.clone() }, settings);
    }
    let split = metric.split.unwrap_or(settings.default_split());
    let mut spec = metric.spec.clone();
    if let Some((place, _)) = spec.member.param("attack").filter(|(place, _)| spec.args[*place] == Value::None) {
        let objective = settings.objective.as_component(Family::Objective).map(objectives::build);
        let attack = objective.and_then(|o| o.attack().cloned());
        spec.args[place] = attack.map_or(Value::None, Value::Component);
    }
    let full = json!({ "data": settings.data.to_json(), "metric": spec.to_json(), "split": split.name() });
    let hash = disk::sha256(full.to_string().as_bytes());
    let key = format!("{} {}", Metric { split: Some(split), spec: spec.clone() }, &hash[..16]);
    Probe { split, spec, key }
}

/// The examples of a split for evaluation.
pub(super) struct OnDevice<'a> {
    pub(super) examples: &'a Examples,
    pub(super) device: &'a Device,
}

impl metrics::Examples for OnDevice<'_> {
    fn count(&self) -> usize {
        self.examples.len()
    }

    fn batch(&self, range: Range<usize>) -> candle_core::Result<Batch> {
        train::batch_of(self.examples, &range.collect::<Vec<_>>(), self.device)
    }
}
