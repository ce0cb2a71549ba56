//! What a run needs of memory and disk at most.

use super::cost::{self, PassCost};
use super::variables::{Variables, measured_at_forget, metrics_in};
use super::{each_step, lessons};
use crate::components::metrics::drift;
use crate::components::{Family, Metric, objectives};
use crate::language::program::{Due, Method, Op, Program, Protect, Rounding, Settings, Train};
use crate::nn::architecture::PartKind;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes, estimated from above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// weights, the memory, what optimizers remember, the same for each named checkpoint, data, gradients with what the largest pass
    /// keeps, a state being written; and the program itself
    pub peak_memory_bytes: u64,
    /// all checkpoints that stay at one time: the newest, the best, the named ones, and the final weights
    pub checkpoint_bytes: u64,
}

/// The program itself, its threads' stacks and what libraries hold: 25 MB were seen on two threads.
const PROCESS_BYTES: u64 = 32 << 20;

impl Footprint {
    pub fn of(program: &Program) -> Footprint {
        let mut survey = Survey::default();
        let cost = PassCost::of_program(program);
        let weights = cost::weight_bytes(program, &changed(program));
        survey.weights = weights;
        each_step(&program.body, &mut |step| survey.step(program, &cost, &step.op));
        let state: u64 = survey.optimizers.values().sum();
        let data: u64 = survey.data.values().sum();
        let kept = survey.last + survey.best + survey.named.len() as u64;
        // The stable network is as large as the one that is trained.
        let memory = if survey.memory { weights } else { 0 };
        let (weights, state) = (weights.saturating_add(memory), state.saturating_add(survey.carried));
        let one = weights.saturating_add(state);
        // Named checkpoints stay in memory too. To be written, a state is put into words whole, from one tensor at a time.
        let largest = program.model.parts.iter().map(|part| part.count() as u64).max().unwrap_or(0);
        let named = one.saturating_mul(survey.named.len() as u64);
        let written = one.saturating_add(8 * largest);
        // What passes have freed stays with the allocator, which has no use for it there.
        let working = survey.gradients.saturating_add(survey.pass).saturating_add(written);
        let sum = [PROCESS_BYTES, one, named, data, working].into_iter().fold(0, u64::saturating_add);
        Footprint {
            // An allocator keeps some of what was freed.
            peak_memory_bytes: sum.saturating_add(sum / 10),
            checkpoint_bytes: kept.saturating_mul(weights + state).saturating_add(weights),
        }
    }
}

/// The parts that some step changes, or may read from another file.
fn changed(program: &Program) -> Vec<bool> {
    let parts = &program.model.parts;
    let mut changed = vec![false; parts.len()];
    let trained = |changed: &mut [bool], settings: &Settings| {
        changed.iter_mut().zip(settings.trainable.iter()).for_each(|(part, trained)| *part |= trained);
    };
    let idle: Vec<bool> = parts.iter().map(|part| part.kind == PartKind::Idle).collect();
    let all = |changed: &mut [bool]| changed.iter_mut().zip(&idle).for_each(|(part, idle)| *part |= !idle);
    each_step(&program.body, &mut |step| match &step.op {
        // Models whose weights may be narrow have no stable network.
        Op::Train(train) => trained(&mut changed, &train.settings),
        // What is rounded stays as narrow as it is.
        Op::Merge { rounding: Rounding::Float32, .. } => {
            let adapted = program.model.architecture.linears().into_iter().filter(|linear| !linear.adapters.is_empty());
            let adapted: BTreeSet<String> = adapted.map(|linear| format!("{}.weight", linear.name)).collect();
            changed.iter_mut().zip(parts.iter()).for_each(|(part, of)| *part |= adapted.contains(&of.name));
        }
        Op::Load { only: Some(only), .. } => only.parts.iter().for_each(|part| changed[*part] = true),
        Op::Load { only: None, .. } => changed.iter_mut().for_each(|part| *part = true),
        Op::Protect(Protect { by: Method::Fisher { settings, .. }, .. }) => trained(&mut changed, settings),
        Op::Forget(_) | Op::Zap(_) => all(&mut changed),
        _ => {}
    });
    changed
}

/// What an objective holds beside the gradients: the perturbed weights of `awp` with the gradients there, and the
/// perturbation of `free`, which stays.
fn objective_bytes(weights: u64, s: &Settings) -> (u64, u64) {
    let Some(objective) = s.objective.as_component(Family::Objective) else { return (0, 0) };
    let image: u64 = s.facts.image().iter().map(|n| *n as u64).product();
    let carried = if objectives::carries(objective) { 4 * image * s.examples_per_step() } else { 0 };
    let perturbed = objective.member == &objectives::awp::MEMBER;
    (if perturbed { 2 * weights } else { 0 }, carried)
}

#[derive(Default)]
struct Survey {
    /// bytes of one network
    weights: u64,
    /// bytes that each optimizer remembers
    optimizers: BTreeMap<u32, u64>,
    /// bytes of each data set, by its description
    data: BTreeMap<String, u64>,
    /// a stable network begins
    memory: bool,
    /// bytes of what an objective hands on
    carried: u64,
    gradients: u64,
    pass: u64,
    last: u64,
    best: u64,
    named: BTreeSet<String>,
}

impl Survey {
    fn step(&mut self, program: &Program, cost: &PassCost, op: &Op) {
        match op {
            Op::Train(train) => {
                let s = &*train.settings;
                let trained = cost::trained_bytes(&program.model.parts, s);
                let remembered = self.optimizers.entry(s.optimizer.id).or_default();
                *remembered = (*remembered).max(trained.saturating_mul(cost::remembered(&s.optimizer.spec)));
                self.memory |= train.memory().is_some();
                let (copies, carried) = objective_bytes(self.weights, s);
                self.carried = self.carried.max(carried);
                let trained = trained.saturating_add(copies);
                self.gradients = self.gradients.max(trained);
                // Kinds of images that are passed through together keep all that they came by.
                let taught: Vec<_> = Train::recalled(train.word, s).cloned().collect();
                let together = lessons::together(&s.objective, &taught);
                self.pass = self.pass.max(cost::training_pass_bytes(program, cost, s).saturating_mul(together));
                self.last = self.last.max(s.keep.last as u64);
                self.best = self.best.max(s.keep.best.len() as u64);
                self.uses_data(s);
                let measured: Vec<Metric> = s.measure.iter().flat_map(|m| m.metrics.clone()).collect();
                self.measures(program, cost, &measured, s);
                for trigger in &train.triggers {
                    if let Due::When { condition, settings } = &trigger.due {
                        self.measures(program, cost, &metrics_in(condition), settings);
                    }
                }
            }
            Op::Forget(f) => self.measures(program, cost, &measured_at_forget(&f.settings), &f.settings),
            Op::Zap(z) => self.measures(program, cost, &measured_at_forget(&z.settings), &z.settings),
            Op::Merge { settings, .. } => self.measures(program, cost, &measured_at_forget(settings), settings),
            Op::Evaluate(e) => self.measures(program, cost, &e.metrics, &e.settings),
            Op::Expect { condition, settings, .. } | Op::If { condition, settings, .. } => {
                self.measures(program, cost, &metrics_in(condition), settings);
            }
            Op::Guard(g) => self.measures(program, cost, &metrics_in(&g.condition), &g.settings),
            Op::Repeat { until: Some(u), .. } => self.measures(program, cost, &metrics_in(&u.condition), &u.settings),
            Op::Checkpoint { name } => {
                self.named.insert(name.clone());
            }
            _ => {}
        }
    }

    fn measures(&mut self, program: &Program, cost: &PassCost, metrics: &[Metric], settings: &Settings) {
        for metric in metrics {
            let parts = &program.model.parts;
            for probe in super::passes::probes(metric, settings, parts, &mut Variables::default()) {
                let pass = cost::evaluation_pass_bytes(program, cost, probe.attack.is_some());
                // A copy of the network stands beside it, and what all its blocks give for all images.
                let copy = if probe.networks > 0 { self.weights } else { 0 };
                let all = settings.facts.count(probe.split) as u64;
                let images = probe.examples.map_or(all, |examples| examples.min(all));
                let features =
                    if metric.spec.member == &drift::MEMBER { cost::features_bytes(program, images) } else { 0 };
                self.pass = self.pass.max(pass.saturating_add(copy).saturating_add(features));
            }
            self.uses_data(settings);
        }
    }

    fn uses_data(&mut self, settings: &Settings) {
        self.data.entry(settings.data.to_json().to_string()).or_insert_with(|| cost::data_bytes(settings));
    }
}
