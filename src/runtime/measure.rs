//! Measuring: when, on what, and what is remembered of it.

use super::error::{Failure, Halt};
use super::event::Kind;
use super::guard::not_finite;
use super::moment::Moment;
use super::{Run, recovery, retention, sensitivity, some_examples, texts, train, within};
use crate::components::attacks::Attack;
use crate::components::conditions::plateau;
use crate::components::data::Examples;
use crate::components::metrics::{self, Detail, Evaluation, Measure, Measured, Part, Standing, Work, step_loss};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Family, Metric, Spec, Split, Value, objectives};
use crate::disk;
use crate::language::program::{Settings, When};
use crate::plan::cost::PassCost;
use crate::plan::passes::EVALUATION_BATCH;
use candle_core::Device;
use serde_json::json;
use std::collections::{HashMap, HashSet};
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
    /// what broke each of them, where several attacks or budgets tried
    pub broken_by: Vec<Option<String>>,
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
    /// steps, changes of weights and of the memory so far
    at: (u64, u64, u64),
    pub(super) known: HashMap<String, Measured>,
}

/// A metric with its split and attack filled in; for a `gap` and its like the metric inside.
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
    let on_train: Vec<Probe> =
        metrics.iter().filter(|m| is_overfitting(&m.spec)).map(|m| probe(&on_train(m), settings)).collect();
    let is_measured = |m: &Metric| !recovery::is_one(&m.spec) && !step_loss::is_one(&m.spec);
    let values = metrics.iter().zip(&probes).filter(|(m, _)| is_measured(m)).map(|(_, p)| p);
    let values: Vec<&Probe> = values.chain(&on_train).collect();
    if settings.facts.texts().is_some() {
        forget_older(run);
        for probe in &values {
            texts::measure::measure(run, probe, settings)?;
        }
    }
    let images = values.into_iter().filter(|_| settings.facts.texts().is_none());
    let (retained, others): (Vec<&Probe>, Vec<&Probe>) = images.partition(|p| is_retention(&p.spec));
    for split in [Split::Train, Split::Validation, Split::Test] {
        let wanted: Vec<&Probe> = others.iter().copied().filter(|p| p.split == split).collect();
        measure(run, split, &wanted, settings)?;
    }
    for probe in retained {
        retention::measure(run, probe)?;
    }
    for (metric, probe) in metrics.iter().zip(&probes).filter(|(m, _)| sensitivity::is_one(&m.spec)) {
        sensitivity::measure(run, metric, probe, settings)?;
    }
    let plain: Vec<&str> =
        metrics.iter().zip(&probes).filter(|(m, _)| metrics::is_plain(&m.spec)).map(|(_, p)| p.key.as_str()).collect();
    let read = |(metric, probe): (&Metric, &Probe)| {
        Ok(reading(run, metric, probe, settings, plain.contains(&probe.key.as_str()))?)
    };
    metrics.iter().zip(&probes).map(read).collect()
}

/// Tells the listeners.
pub fn tell(run: &mut Run, reading: &Reading, per_example: bool) -> Result<(), Halt> {
    let per_example = (per_example && !reading.per_example.is_empty()).then(|| reading.per_example.clone());
    let broken_by = per_example.as_ref().filter(|_| !reading.broken_by.is_empty()).map(|_| reading.broken_by.clone());
    let (split, metric) = (reading.split, reading.name.clone());
    let spec = reading.spec.to_json();
    let (value, n, detail) = (reading.value, reading.n, reading.detail.clone());
    Ok(run.emit(Kind::Measure { split, metric, spec, value, n, per_example, broken_by, detail })?)
}

/// What [`follow`] measured.
#[derive(Default)]
pub struct Followed {
    /// something was due
    pub any: bool,
    /// what `keep best:` goes by
    pub best: Vec<Reading>,
}

/// After a training step: what `measure … every:` and `keep best:` ask for, if it is due. Only these readings make the
/// histories that `gap` looks back on, so an `evaluate` more or less changes nothing.
pub fn follow(run: &mut Run, settings: &Settings, before: Moment, epoch_ends: bool) -> Result<Followed, Halt> {
    let moment = Moment { seconds: run.looked_at, ..run.moment() };
    let due = |when: When| matches!(when, When::Every(every) if moment.passes(every, before));
    let mut metrics: Vec<Metric> = Vec::new();
    let best = settings.keep.best.iter().filter(|_| epoch_ends);
    for metric in settings.measure.iter().filter(|m| due(m.when)).flat_map(|m| &m.metrics).chain(best.clone()) {
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
    let (back, forth): (Vec<&Reading>, Vec<&Reading>) = readings.iter().partition(|r| metrics::looks_back(&r.spec));
    for reading in forth.into_iter().chain(back) {
        // `clean` and `validation.clean` may be one.
        if told.contains(&reading.key.as_str()) {
            continue;
        }
        told.push(&reading.key);
        // Nothing looks back on the loss of a step, and there may be as many as steps.
        if !step_loss::is_one(&reading.spec) {
            remember(run, reading);
        }
        tell(run, reading, false)?;
    }
    // Before anything is saved: what is measured now is what a checkpoint would hold.
    if let Some(reading) = readings.iter().find(|reading| reading.value.is_nan()) {
        return Err(not_finite(run, &format!("{} became NaN", reading.full_name()), &[]).into());
    }
    let best = best.map(|metric| now(run, metric, settings)).collect::<Result<_, _>>()?;
    Ok(Followed { any: true, best })
}

/// What `measure … at: forget` asks for, measured now.
pub fn around_changes(run: &mut Run, settings: &Settings) -> Result<Vec<Reading>, Halt> {
    let asked = settings.measure.iter().filter(|m| m.when == When::AtForget);
    let metrics: Vec<Metric> =
        asked.flat_map(|m| &m.metrics).filter(|m| !metrics::compares(&m.spec)).cloned().collect();
    all(run, &metrics, settings)
}

fn remember(run: &mut Run, reading: &Reading) {
    let point = run.state.journal.point(reading.value);
    run.state.journal.histories.entry(reading.key.clone()).or_default().push(point);
}

/// What was measured at other weights counts no longer.
fn forget_older(run: &mut Run) {
    let at = run.state.point();
    if run.readings.at != at {
        run.readings = Readings { at, known: HashMap::new() };
    }
}

/// Measures on one split what isn't known yet.
fn measure(run: &mut Run, split: Split, wanted: &[&Probe], settings: &Settings) -> Result<(), Halt> {
    forget_older(run);
    let at = run.state.point();
    let mut new: Vec<&Probe> = Vec::new();
    for probe in wanted {
        if !run.readings.known.contains_key(&probe.key) && new.iter().all(|n| n.key != probe.key) {
            new.push(probe);
        }
    }
    while let Some(first) = new.first() {
        let (examples, memory) = (metrics::examples(&first.spec), metrics::of_memory(&first.spec));
        let alike = |p: &&Probe| metrics::examples(&p.spec) == examples && metrics::of_memory(&p.spec) == memory;
        let (mut now, mut later): (Vec<&Probe>, Vec<&Probe>) = new.into_iter().partition(alike);
        if let Some(begun) = run.evaluations.begun_apart(&keys(run, &now), at) {
            let (begun, others) = now.into_iter().partition(|p| begun.contains(&key_now(run, p)));
            later.splice(..0, others);
            now = begun;
        }
        run_evaluation(run, split, &now, settings)?;
        new = later;
    }
    Ok(())
}

/// What an evaluation under way is known by: its metrics, each with what is measured in place of the present weights.
fn keys(run: &Run, probes: &[&Probe]) -> Vec<String> {
    probes.iter().map(|probe| key_now(run, probe)).collect()
}

fn key_now(run: &Run, probe: &Probe) -> String {
    run.lent.as_ref().map_or(probe.key.clone(), |lent| format!("{} at {}", probe.key, lent.rule))
}

/// Measures these, which are of one network and the same examples.
fn run_evaluation(run: &mut Run, split: Split, probes: &[&Probe], settings: &Settings) -> Result<(), Halt> {
    let (examples, memory) = (metrics::examples(&probes[0].spec), metrics::of_memory(&probes[0].spec));
    let mut costs = |file: &str| run.costs(file, &settings.facts.class_names);
    let measures = probes.iter().map(|p| Measure::build(&p.spec, None, &mut costs)).collect::<Result<Vec<_>, _>>()?;
    let data = run.dataset(&settings.data)?;
    let device = run.world.device.clone();
    let examples = OnDevice::of(some_examples(&data, split)?, examples, run.program.seed, &device);
    let cost = PassCost::of(run.state.network.architecture());
    let batch_size = at_once(cost.forward());
    let piece = |attack: &dyn Attack| {
        at_once(attack.passes() as f64 * cost.attack() + attack.forwards() as f64 * cost.forward())
    };
    let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
    let keys = keys(run, probes);
    let begun = run.evaluations.begun(&keys, run.state.point());
    let mut evaluation =
        if begun.fits(&measures, metrics::Examples::count(&examples)) { begun } else { Evaluation::default() };
    loop {
        let network = run.measured_network(memory)?;
        let work = Work { network, examples: &examples, measures: &measures, batch_size, piece: &piece, draws };
        let over = evaluation.is_over(&work) || evaluation.step(&work)?;
        let standing = evaluation.standing(&work);
        if over {
            break;
        }
        run.evaluations.note(&keys, &evaluation);
        progress(run, split, probes, standing)?;
        within::heed(run, settings)?;
        disk::point("evaluate: between two batches");
    }
    for (probe, measured) in probes.iter().zip(evaluation.finish(&measures)) {
        run.readings.known.insert(probe.key.clone(), measured);
    }
    run.evaluations.note(&keys, &evaluation);
    Ok(())
}

/// Images that are looked at or attacked together, at so many operations each. An evaluation can be interrupted between two
/// such pieces, so the costlier they are, the fewer it has; what is measured doesn't depend on it.
fn at_once(operations: f64) -> usize {
    ((MOST_AT_ONCE / operations.max(1.0)) as usize).clamp(FEWEST, EVALUATION_BATCH as usize)
}

/// Operations between two points at which an evaluation can be interrupted, about: a minute of two cores.
const MOST_AT_ONCE: f64 = 4e12;

/// With fewer images the cores would have too little to share.
const FEWEST: usize = 4;

/// Tells how far an evaluation has come.
fn progress(run: &mut Run, split: Split, probes: &[&Probe], standing: Standing) -> Result<(), Halt> {
    let costliest = probes.iter().find(|p| p.spec.member == &metrics::robust::MEMBER).unwrap_or(&probes[0]);
    let metric = Metric { split: Some(split), spec: costliest.spec.clone() }.to_string();
    Ok(run.emit(Kind::Evaluating { metric, standing })?)
}

/// `current`: the metric that this one looks back on was measured beside it, so its value counts.
fn reading(run: &Run, metric: &Metric, probe: &Probe, settings: &Settings, current: bool) -> Result<Reading, Failure> {
    let known = |key: &str| run.readings.known.get(key).or_else(|| run.retained.get(key));
    let measured = |key: &str| known(key).ok_or_else(|| Failure::new(format!("{metric} could not be measured")));
    let name = Metric { split: None, spec: metric.spec.clone() }.to_string();
    let (split, key) = (probe.split, key(metric, probe));
    let made = |value: f64, n: usize, parts: Vec<Part>| {
        let (name, key, spec) = (name.clone(), key.clone(), metric.spec.clone());
        let detail = Detail { parts, ..Detail::default() };
        Reading { split, name, key, spec, value, n, per_example: Vec::new(), broken_by: Vec::new(), detail }
    };
    if recovery::is_one(&metric.spec) {
        let now = if current { known(&probe.key).map(|measured| measured.value) } else { None };
        let (value, flags) = recovery::value(run, metric, probe, now);
        let reading = made(value, settings.facts.count(split), Vec::new());
        return Ok(Reading { detail: Detail { flags, ..Detail::default() }, ..reading });
    }
    if step_loss::is_one(&metric.spec) {
        let training = run.state.journal.cursor.training();
        let last = training.ok_or_else(|| Failure::new("no step was taken whose loss there is"))?.last_step;
        return Ok(made(last.loss, last.examples, Vec::new()));
    }
    if sensitivity::is_one(&metric.spec) {
        let found = measured(&key)?;
        return Ok(made(found.value, found.n(), found.parts.clone()));
    }
    let measured = measured(&probe.key)?;
    let n = measured.n();
    if is_gap(&metric.spec) {
        return Ok(made(gap(run, probe, measured.value), n, Vec::new()));
    }
    if is_overfitting(&metric.spec) {
        let train = known(&self::probe(&on_train(metric), settings).key);
        let train = train.ok_or_else(|| Failure::new(format!("{metric} could not be measured")))?.value;
        let parts = vec![Part::new(Split::Train.name(), train), Part::new(split.name(), measured.value)];
        let sign = if metrics::describe(&probe.spec).higher_is_better { 1.0 } else { -1.0 };
        return Ok(made(sign * (train - measured.value), n, parts));
    }
    // Of a retention, the examples' own values are those of one of two accuracies.
    let is_mean = !is_retention(&probe.spec);
    let per_example = if is_mean { measured.per_example.clone() } else { Vec::new() };
    let (value, spec) = (measured.value, probe.spec.clone());
    let interval = is_mean.then(|| metrics::interval(&metrics::describe(&spec), &per_example)).flatten();
    let at = run.lent.as_ref().map(|lent| lent.rule.clone());
    let detail = Detail { at, interval, parts: measured.parts.clone(), flags: measured.flags.clone() };
    let broken_by = measured.broken_by.clone();
    Ok(Reading { split, name, key, spec, value, n, per_example, broken_by, detail })
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
pub(super) fn key(metric: &Metric, probe: &Probe) -> String {
    match metric.spec.args.split_first() {
        Some((Value::Metric(_), others)) => {
            let others: String = others.iter().map(|value| format!(" {}", value.to_json())).collect();
            format!("{}{others} of {}", metric.spec.name(), probe.key)
        }
        _ => probe.key.clone(),
    }
}

fn is_overfitting(spec: &Spec) -> bool {
    spec.member == &metrics::overfitting::MEMBER
}

/// The metric inside, on the train split.
fn on_train(metric: &Metric) -> Metric {
    match metric.spec.args.first() {
        Some(Value::Metric(inner)) => Metric { split: Some(Split::Train), spec: inner.spec.clone() },
        _ => metric.clone(),
    }
}

/// What the best checkpoint by this metric is kept under.
pub(super) fn best_key(metric: &Metric, settings: &Settings) -> String {
    key(metric, &probe(metric, settings))
}

/// The part of a key that says what is measured, without the data that it is measured on.
pub(super) fn metric_of_key(key: &str) -> &str {
    key.rsplit_once(' ').map_or(key, |(metric, _)| metric)
}

fn is_gap(spec: &Spec) -> bool {
    spec.member == &metrics::gap::MEMBER
}

pub(super) fn probe(metric: &Metric, settings: &Settings) -> Probe {
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
    let full = json!({ "metric": spec.to_json(), "split": split.name() });
    let [metric, data] = [full, settings.data.to_json()].map(|json| disk::sha256(json.to_string().as_bytes()));
    let key = format!("{} {} {}", Metric { split: Some(split), spec: spec.clone() }, &metric[..16], &data[..16]);
    Probe { split, spec, key }
}

/// The examples of a split for evaluation, or some of them.
pub(super) struct OnDevice<'a> {
    examples: &'a Examples,
    /// which of them, where not all
    places: Option<Vec<usize>>,
    device: &'a Device,
}

impl<'a> OnDevice<'a> {
    pub(super) fn of(examples: &'a Examples, count: Option<usize>, seed: u64, device: &'a Device) -> OnDevice<'a> {
        OnDevice { examples, places: count.map(|count| examples.subset(count, seed)), device }
    }
}

impl OnDevice<'_> {
    /// Those at these places of it.
    pub(super) fn at(&self, places: &[usize]) -> candle_core::Result<Batch> {
        train::batch_of(self.examples, &self.in_data(places), self.device)
    }

    /// Places in the data of those at these places of it.
    fn in_data(&self, places: &[usize]) -> Vec<usize> {
        match &self.places {
            Some(all) => places.iter().map(|i| all[*i]).collect(),
            None => places.to_vec(),
        }
    }

    /// `count` of these places of it, in order, drawn as `examples:` draws: each class keeps its share.
    pub(super) fn sample(&self, mut among: Vec<usize>, count: usize, seed: u64) -> Vec<usize> {
        let drawn: HashSet<usize> = self.examples.subset_of(self.in_data(&among), count, seed).into_iter().collect();
        among.retain(|place| self.in_data(&[*place]).iter().all(|place| drawn.contains(place)));
        among
    }
}

impl metrics::Examples for OnDevice<'_> {
    fn count(&self) -> usize {
        self.places.as_ref().map_or(self.examples.len(), Vec::len)
    }

    fn batch(&self, range: Range<usize>) -> candle_core::Result<Batch> {
        self.at(&range.collect::<Vec<_>>())
    }
}
