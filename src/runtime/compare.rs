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

/// The examples that a comparison is of.
struct Seen<'a> {
    examples: &'a Examples,
    places: Vec<usize>,
    on_device: OnDevice<'a>,
}

impl<'a> Seen<'a> {
    fn of(run: &'a Run, examples: &'a Examples, count: Option<usize>) -> Seen<'a> {
        let seed = run.program.seed;
        let places = count.map_or_else(|| (0..examples.len()).collect(), |count| examples.subset(count, seed));
        Seen { examples, places, on_device: OnDevice::of(examples, count, seed, &run.world.device) }
    }

    fn count(&self) -> usize {
        self.places.len()
    }

    fn labels(&self) -> Vec<u32> {
        self.examples.labels(&self.places)
    }

    /// Whether the label of each is another than its true one.
    fn mislabelled(&self) -> Vec<bool> {
        let (labels, truth) = (self.examples.all_labels(), self.examples.true_labels());
        self.places.iter().map(|place| labels[*place] != truth[*place]).collect()
    }

    fn each_batch(&self, mut f: impl FnMut(&Tensor) -> Result<()>) -> Result<()> {
        let (count, size) = (self.count(), EVALUATION_BATCH as usize);
        (0..count)
            .step_by(size)
            .try_for_each(|start| f(&self.on_device.batch(start..(start + size).min(count))?.pixels))
    }
}

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
        let examples = &Seen::of(run, some_examples(&data, probe.split)?, metrics::examples(&metric.spec));
        let after = &run.state.network;
        let (value, parts, confusion) = if metric.spec.member == &drift::MEMBER {
            let parts = self.drift(run, examples)?;
            (parts.iter().map(|part| part.value).sum::<f64>() / parts.len().max(1) as f64, parts, None)
        } else if metric.spec.member == &confusion::MEMBER {
            let pair = [predictions(&self.network, examples)?, predictions(after, examples)?];
            let (value, parts, confusion) = confused(pair, examples, &settings.facts);
            (value, parts, Some(confusion))
        } else {
            let (value, parts) = self.groups(run, &probe, examples)?;
            (value, parts, None)
        };
        let metric = Metric { split: Some(probe.split), spec: metric.spec.clone() }.to_string();
        Ok(Comparison { metric, value, n: examples.count(), parts, confusion })
    }

    /// 1 − linear CKA of each block's features before and after.
    fn drift(&self, run: &Run, examples: &Seen) -> Result<Vec<Part>> {
        let then = features(&self.network, examples)?;
        let now = features(&run.state.network, examples)?;
        // Products of one block at a time: they are as many numbers as pairs of examples.
        let part = |(block, (then, now)): (usize, (Vec<Tensor>, Vec<Tensor>))| {
            let [then, now] = [then, now].map(|batches| Gram::of(&Tensor::cat(&batches, 0)?));
            Ok(Part::new(format!("blocks[{block}]"), 1.0 - compare::linear_cka(&then?, &now?)?))
        };
        then.into_iter().zip(now).enumerate().map(part).collect()
    }

    /// Accuracy lost, of all and of each group.
    fn groups(&self, run: &Run, probe: &Probe, examples: &Seen) -> std::result::Result<(f64, Vec<Part>), Halt> {
        let inner = || Measure::build(&probe.spec, None, &mut |_| unreachable!("`groups` takes accuracies alone"));
        let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
        let (size, on_device) = (EVALUATION_BATCH as usize, &examples.on_device);
        let then = metrics::evaluate(&self.network, on_device, &[Measure::Loss, inner()?], size, &draws)?;
        let now = metrics::evaluate(&run.state.network, on_device, &[inner()?], size, &draws)?;
        let groups = compare::groups(&then[0].per_example, &examples.mislabelled());
        let parts = compare::lost(&groups, &then[1].per_example, &now[0].per_example);
        Ok((then[1].value - now[0].value, parts))
    }
}

/// Each block's features of these examples, in batches.
fn features(network: &Network, examples: &Seen) -> Result<Vec<Vec<Tensor>>> {
    let mut features: Vec<Vec<Tensor>> = Vec::new();
    examples.each_batch(|batch| {
        for (block, found) in network.features(batch, Mode::Eval)?.into_iter().enumerate() {
            if features.len() == block {
                features.push(Vec::new());
            }
            features[block].push(found);
        }
        Ok(())
    })?;
    Ok(features)
}

fn predictions(network: &Network, examples: &Seen) -> Result<Vec<u32>> {
    let mut all = Vec::with_capacity(examples.count());
    examples.each_batch(|batch| {
        all.extend(metrics::predictions(&network.logits(batch, Mode::Eval)?)?);
        Ok(())
    })?;
    Ok(all)
}

/// The share of predictions that changed, the pairs that changed most, and the matrices.
fn confused([then, now]: [Vec<u32>; 2], examples: &Seen, facts: &DataFacts) -> (f64, Vec<Part>, Confusion) {
    let labels = examples.labels();
    let changed = then.iter().zip(&now).filter(|(then, now)| then != now).count();
    let [before, after] = [&then, &now].map(|predicted| compare::confusion(&labels, predicted, facts.classes));
    let parts = compare::moved(&before, &after, &facts.class_names, MOST_PAIRS);
    (changed as f64 / then.len().max(1) as f64, parts, Confusion { classes: facts.class_names.clone(), before, after })
}
