//! Passes through the network: what one optimizer step, one measurement and one attack take.

use super::variables::Variables;
use crate::components::metrics::{self, cost, overfitting, recovery, retention, robust, sensitivity, step_loss};
use crate::components::tasks::{self, Task};
use crate::components::{Metric, Param, Spec, Split, Value, attacks, catalogue, objectives};
use crate::language::program::{Batch, Settings};
use crate::nn::architecture::Part;
use std::collections::BTreeSet;

/// Images in one batch of an evaluation. Networks evaluate each image by itself, so it doesn't change a result.
pub const EVALUATION_BATCH: u64 = 250;

/// What an attack takes for one batch, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttackWork {
    /// forward and backward passes
    pub gradients: u64,
    /// forward passes alone: queries
    pub forwards: u64,
}

impl AttackWork {
    /// The same so many times over.
    fn times(self, n: u64) -> AttackWork {
        let times = |count: u64| count.saturating_mul(n);
        AttackWork { gradients: times(self.gradients), forwards: times(self.forwards) }
    }
}

/// What that attack takes. An argument that isn't known yet counts as its default, a number without one as 1.
pub fn attack_work(attack: &Spec) -> AttackWork {
    let known = |(param, value): (&Param, &Value)| match value.waits() {
        false => value.clone(),
        true => catalogue::default_value(&param.default, param).unwrap_or(Value::Int(1)),
    };
    let args = attack.member.params.iter().zip(&attack.args).map(known).collect();
    let attack = attacks::build(&Spec { member: attack.member, args });
    AttackWork { gradients: attack.passes(), forwards: attack.forwards() }
}

/// The attack that an objective trains against.
pub fn attack_of(objective: &Value) -> Option<&Spec> {
    match objective {
        Value::Component(spec) => objectives::attack_of(spec),
        _ => None,
    }
}

/// Images and batches that so much training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    pub images: u64,
    /// batches whose gradients are formed: `accumulate` of them make a step
    pub batches: u64,
}

/// What `steps` optimizer steps take, begun at the start of an epoch; the last batch of an epoch may be smaller.
pub fn training(settings: &Settings, steps: u64) -> Work {
    let all = settings.train_count();
    let per_step = settings.examples_per_step();
    let (per_epoch, replays) = (settings.steps_per_epoch(), settings.replays());
    let per_pass = per_epoch / replays;
    let batch = match settings.batch {
        Batch::Size(n) => n.max(1),
        Batch::All => per_step,
    };
    let in_full_step = per_step.div_ceil(batch);
    let in_last_step = (all - (per_pass - 1) * per_step).div_ceil(batch).max(1);
    let (epochs, rest) = (steps / per_epoch, steps % per_epoch);
    let batches_per_epoch = ((per_pass - 1) * in_full_step + in_last_step) * replays;
    Work {
        images: epochs.saturating_mul(all * replays).saturating_add(rest * per_step),
        batches: epochs.saturating_mul(batches_per_epoch).saturating_add(rest * in_full_step),
    }
}

/// The first batches of an epoch; no more than it has.
pub fn batches(settings: &Settings, asked: u64) -> Work {
    let all = settings.train_count();
    let batch = match settings.batch {
        Batch::Size(n) => n.max(1),
        Batch::All => all.max(1),
    };
    Work { images: asked.saturating_mul(batch).min(all), batches: asked.min(all.div_ceil(batch)) }
}

/// What one measurement takes at most: images that are misclassified without an attack aren't attacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
    /// passes of a batch: a forward pass is one, a pass of an attack (forward and backward) too
    pub passes: u64,
    /// images times forward passes
    pub forwards: u64,
    /// images times attack passes
    pub attacks: u64,
}

impl Measurement {
    fn add(&mut self, images: u64, attack: AttackWork) {
        let batches = images.div_ceil(EVALUATION_BATCH);
        let forwards = attack.forwards.saturating_add(1);
        self.passes = self.passes.saturating_add(batches.saturating_mul(attack.gradients.saturating_add(forwards)));
        self.forwards = self.forwards.saturating_add(images.saturating_mul(forwards));
        self.attacks = self.attacks.saturating_add(images.saturating_mul(attack.gradients));
    }
}

/// A metric as it is measured: a `gap` is its inner metric's, a missing split and attack are filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub split: Split,
    /// on the memory, not on the network that is trained
    pub memory: bool,
    /// `None`: on the images as they are
    pub attack: Option<Spec>,
    /// `loss`, `clean`, `robust`
    pub metric: &'static str,
    /// what else tells it from others of that name: a cost matrix, tasks and a checkpoint
    pub arguments: Option<String>,
    /// of so many examples alone
    pub examples: Option<u64>,
    /// sizes of the attack that are tried, its own among them
    pub budgets: u64,
    /// classes whose examples alone are measured, each also at a checkpoint
    pub classes: Option<usize>,
    /// networks that it is measured on by itself, sharing no pass with others: the copies of a `sensitivity`, each side of a
    /// comparison
    pub networks: u64,
}

/// All that is measured for `metric` under these settings, in a network of these parts.
pub fn probes(metric: &Metric, settings: &Settings, parts: &[Part], variables: &mut Variables) -> Vec<Probe> {
    let spec = &metric.spec;
    let one = probe(metric, settings, variables);
    if spec.member == &overfitting::MEMBER {
        return vec![Probe { split: Split::Train, ..one.clone() }, one];
    }
    if spec.member == &sensitivity::MEMBER {
        let stage = |p: &Part| if *spec.get("per") == Value::Word("layers".into()) { Some(p.layer) } else { p.block };
        let stages: BTreeSet<usize> = parts.iter().filter_map(stage).collect();
        let own = Probe { arguments: Some(spec.to_json().to_string()), networks: stages.len() as u64, ..one.clone() };
        return vec![one, own];
    }
    if metrics::compares(spec) {
        return vec![Probe { arguments: Some(spec.to_json().to_string()), networks: 1, ..one }];
    }
    // These look at what was measured for others, or formed by a training step.
    let looks = [&recovery::MEMBER, &recovery::SAVINGS, &step_loss::MEMBER].contains(&spec.member);
    if looks { Vec::new() } else { vec![one] }
}

/// What is measured for `metric`; for one that is made of another, that one.
fn probe(metric: &Metric, settings: &Settings, variables: &mut Variables) -> Probe {
    let split = metric.split.unwrap_or(settings.default_split());
    match metric.spec.args.first() {
        Some(Value::Metric(inner)) => {
            let inner = Metric { split: inner.split.or(metric.split), spec: inner.spec.clone() };
            probe(&inner, settings, variables)
        }
        _ => {
            let given = metric.spec.args.iter().find_map(|v| v.as_component(crate::components::Family::Attack));
            let takes_attack = metric.spec.member.param("attack").is_some();
            let attack = given.or(attack_of(&settings.objective).filter(|_| takes_attack));
            let spec = variables.resolve_spec(&metric.spec);
            let classes = retention::parts(&spec).map(|(tasks, _)| classes(&tasks));
            let told = classes.is_some() || cost::file(&spec).is_some();
            let attack = attack.map(|a| variables.resolve_spec(a));
            let own = attack.as_ref().and_then(|a| a.maybe("eps")).cloned();
            let further =
                robust::budgets(&spec).into_iter().filter(|eps| !own.as_ref().is_some_and(|own| is(own, *eps)));
            Probe {
                split,
                attack,
                budgets: 1 + further.count() as u64,
                examples: metrics::examples(&spec).map(|n| n as u64),
                memory: metrics::of_memory(&spec),
                metric: metric.spec.name(),
                arguments: told.then(|| spec.to_json().to_string()),
                classes,
                networks: 0,
            }
        }
    }
}

/// Whether a number of a program is that real.
fn is(value: &Value, real: f64) -> bool {
    matches!(value, Value::Real(r) if *r == real) || matches!(value, Value::Int(i) if *i as f64 == real)
}

/// How many classes there are in tasks together.
fn classes(tasks: &[&Task]) -> usize {
    tasks::joined(tasks).iter().map(|(_, classes)| classes.len()).sum()
}

/// What it takes to measure all of these at one point of training: one pass over each split for the images as they
/// are, and one for each attack on it, besides the attack's own.
pub fn measurement(probes: &[Probe], settings: &Settings) -> Measurement {
    let mut total = Measurement::default();
    let mut done = Vec::new();
    for (i, probe) in probes.iter().enumerate() {
        let all = settings.facts.count(probe.split) as u64;
        let images = probe.examples.map_or(all, |examples| examples.min(all));
        if probe.networks > 0 {
            if !probes[..i].contains(probe) {
                let attacks = probe.attack.as_ref().map(|attack| attack_work(attack).times(probe.budgets));
                for _ in 0..probe.networks {
                    total.add(images, AttackWork::default());
                    attacks.iter().for_each(|attack| total.add(images, *attack));
                }
            }
            continue;
        }
        if let Some(classes) = probe.classes {
            // As if each class had its share; the accuracy at the checkpoint is measured once for it.
            let all = settings.facts.classes.max(1) as u64;
            let images = images.saturating_mul(classes as u64).div_ceil(all);
            let times = if probes[..i].contains(probe) { 0 } else { 2 };
            (0..times).for_each(|_| total.add(images, AttackWork::default()));
            continue;
        }
        for attack in [None, probe.attack.as_ref().map(|attack| (attack, probe.budgets))] {
            let what = (probe.split, probe.memory, probe.examples, attack);
            if !done.contains(&what) {
                total.add(
                    images,
                    attack.map(|(attack, budgets)| attack_work(attack).times(budgets)).unwrap_or_default(),
                );
                done.push(what);
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::components::attacks;

    #[test]
    fn what_an_attack_takes_follows_from_its_arguments() {
        let taken = |member, more: &[(&str, Value)]| {
            let given: Vec<(&str, Value)> = [("eps", Value::Real(0.1))].iter().chain(more).cloned().collect();
            let work = attack_work(&fixture::spec(member, &given));
            (work.gradients, work.forwards)
        };
        let (seven, three) = (("iters", Value::Int(7)), ("restarts", Value::Int(3)));
        assert_eq!(taken(&attacks::fgsm::MEMBER, &[]), (1, 0));
        assert_eq!(taken(&attacks::pgd::MEMBER, &[seven.clone(), three.clone()]), (21, 3));
        assert_eq!(taken(&attacks::apgd_ce::MEMBER, &[]), (101, 1));
        assert_eq!(taken(&attacks::apgd_t::MEMBER, &[seven, three]), (9 * 3 * 8, 1));
        let l1 = [("norm", Value::Word("l1".into())), ("eot", Value::Int(2))];
        assert_eq!(taken(&attacks::apgd_dlr::MEMBER, &l1), (2 * (31 + 31 + 41), 1));
    }
}
