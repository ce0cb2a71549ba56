//! Metrics that compare the network after a change of weights with that before: drift, confusion, groups.

use super::Run;
use super::error::Halt;
use super::event::{Comparison, Confusion};
use super::measure::{self, OnDevice, Probe};
use super::some_examples;
use crate::components::Metric;
use crate::components::data::{DataFacts, Examples};
use crate::components::metrics::compare::{self, Gram};
use crate::components::metrics::{self, Examples as _, Measure, Part, confusion, drift};
use crate::components::objectives::Draws;
use crate::language::program::{Settings, When};
use crate::nn::network::{Mode, Network};
use crate::plan::passes::EVALUATION_BATCH;
use candle_core::{Result, Tensor};

/// The network as it was before a change that is under way.
pub struct Before {
    network: Network,
    metrics: Vec<Metric>,
}

/// Pairs of classes that a `confusion` names.
const MOST_PAIRS: usize = 10;

impl Before {
    /// A copy of the network, where `measure … at: forget` asks for something that compares with it.
    pub fn keep(run: &Run, settings: &Settings) -> std::result::Result<Option<Before>, Halt> {
        let asked = settings.measure.iter().filter(|m| m.when == When::AtForget).flat_map(|m| &m.metrics);
        let metrics: Vec<Metric> = asked.filter(|m| metrics::compares(&m.spec)).cloned().collect();
        match metrics.is_empty() {
            true => Ok(None),
            false => Ok(Some(Before { network: run.state.network.copy()?, metrics })),
        }
    }

    /// All comparisons with the network of now.
    pub fn compare(self, run: &mut Run, settings: &Settings) -> std::result::Result<Vec<Comparison>, Halt> {
        self.metrics.iter().map(|metric| self.one(run, metric, settings)).collect()
    }

    fn one(&self, run: &mut Run, metric: &Metric, settings: &Settings) -> std::result::Result<Comparison, Halt> {
        let probe = measure::probe(metric, settings);
        let data = run.dataset(&settings.data)?;
        let examples = some_examples(&data, probe.split)?;
        let after = &run.state.network;
        let (value, parts, confusion) = if metric.spec.member == &drift::MEMBER {
            let parts = self.drift(run, examples)?;
            (parts.iter().map(|part| part.value).sum::<f64>() / parts.len().max(1) as f64, parts, None)
        } else if metric.spec.member == &confusion::MEMBER {
            let pair = [predictions(run, &self.network, examples)?, predictions(run, after, examples)?];
            let (value, parts, confusion) = confused(pair, examples, &settings.facts);
            (value, parts, Some(confusion))
        } else {
            let (value, parts) = self.groups(run, &probe, examples)?;
            (value, parts, None)
        };
        let metric = Metric { split: Some(probe.split), spec: metric.spec.clone() }.to_string();
        Ok(Comparison { metric, value, n: examples.len(), parts, confusion })
    }

    /// 1 − linear CKA of each block's features before and after.
    fn drift(&self, run: &Run, examples: &Examples) -> Result<Vec<Part>> {
        let then = grams(run, &self.network, examples)?;
        let now = grams(run, &run.state.network, examples)?;
        let part = |(block, (then, now)): (usize, (&Gram, &Gram))| {
            Ok(Part::new(format!("blocks[{block}]"), 1.0 - compare::linear_cka(then, now)?))
        };
        then.iter().zip(&now).enumerate().map(part).collect()
    }

    /// Accuracy lost, of all and of each group.
    fn groups(&self, run: &Run, probe: &Probe, examples: &Examples) -> std::result::Result<(f64, Vec<Part>), Halt> {
        let inner = || Measure::build(&probe.spec, None, &mut |_| unreachable!("`groups` takes accuracies alone"));
        let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
        let on_device = OnDevice { examples, device: &run.world.device };
        let size = EVALUATION_BATCH as usize;
        let then = metrics::evaluate(&self.network, &on_device, &[Measure::Loss, inner()?], size, &draws)?;
        let now = metrics::evaluate(&run.state.network, &on_device, &[inner()?], size, &draws)?;
        let wrong: Vec<bool> = examples.all_labels().iter().zip(examples.true_labels()).map(|(a, b)| a != b).collect();
        let groups = compare::groups(&then[0].per_example, &wrong);
        let parts = compare::lost(&groups, &then[1].per_example, &now[0].per_example);
        Ok((then[1].value - now[0].value, parts))
    }
}

/// The Gram matrix of each block's features on these examples.
fn grams(run: &Run, network: &Network, examples: &Examples) -> Result<Vec<Gram>> {
    let mut features: Vec<Vec<Tensor>> = Vec::new();
    each_batch(run, examples, |batch| {
        for (block, found) in network.features(batch, Mode::Eval)?.into_iter().enumerate() {
            if features.len() == block {
                features.push(Vec::new());
            }
            features[block].push(found);
        }
        Ok(())
    })?;
    features.into_iter().map(|batches| Gram::of(&Tensor::cat(&batches, 0)?)).collect()
}

fn predictions(run: &Run, network: &Network, examples: &Examples) -> Result<Vec<u32>> {
    let mut all = Vec::with_capacity(examples.len());
    each_batch(run, examples, |batch| {
        all.extend(metrics::predictions(&network.logits(batch, Mode::Eval)?)?);
        Ok(())
    })?;
    Ok(all)
}

fn each_batch(run: &Run, examples: &Examples, mut f: impl FnMut(&Tensor) -> Result<()>) -> Result<()> {
    let on_device = OnDevice { examples, device: &run.world.device };
    let (count, size) = (examples.len(), EVALUATION_BATCH as usize);
    (0..count).step_by(size).try_for_each(|start| f(&on_device.batch(start..(start + size).min(count))?.pixels))
}

/// The share of predictions that changed, the pairs that changed most, and the matrices.
fn confused([then, now]: [Vec<u32>; 2], examples: &Examples, facts: &DataFacts) -> (f64, Vec<Part>, Confusion) {
    let labels = examples.all_labels();
    let changed = then.iter().zip(&now).filter(|(then, now)| then != now).count();
    let [before, after] = [&then, &now].map(|predicted| compare::confusion(labels, predicted, facts.classes));
    let parts = compare::moved(&before, &after, &facts.class_names, MOST_PAIRS);
    (changed as f64 / then.len().max(1) as f64, parts, Confusion { classes: facts.class_names.clone(), before, after })
}
