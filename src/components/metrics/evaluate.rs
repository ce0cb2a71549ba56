//! Measuring a network on a split, in batches, in eval mode.

use super::{Costs, Flag, Part, cost, loss, robust};
use crate::components::attacks::{self, Attack};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Problem, ProblemKind, Spec, Value as Argument};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor, bail};
use std::ops::Range;
use std::sync::Arc;

/// The images of a split in the data's order, without augmentation.
pub trait Examples {
    fn count(&self) -> usize;

    /// # Errors
    /// If images can't be read or decoded.
    fn batch(&self, range: Range<usize>) -> Result<Batch>;
}

/// A metric, ready to be measured.
pub enum Measure {
    Loss,
    Clean,
    Robust(Box<dyn Attack>),
    Cost(Arc<Costs>),
}

/// What was measured on a split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// mean of `per_example`
    pub value: f64,
    /// 0 or 1 for accuracies, the losses for a loss, the costs for a cost, in the data's order
    pub per_example: Vec<f64>,
    /// what the value is made of, where it is made of several
    pub parts: Vec<Part>,
    /// what makes it doubtful
    pub flags: Vec<Flag>,
}

impl Measured {
    /// How many examples it is of.
    pub fn n(&self) -> usize {
        self.per_example.len()
    }
}

impl Measure {
    /// What has to be measured for a metric; for a `gap` that is the metric inside. `trained_against` is the
    /// objective's attack, which a bare `robust` means; `costs` reads the cost matrix of a file for the data's classes.
    ///
    /// # Errors
    /// A bare `robust` where the objective has no attack, and what `costs` returns.
    pub fn build(
        spec: &Spec,
        trained_against: Option<&Spec>,
        costs: &mut dyn FnMut(&str) -> std::result::Result<Arc<Costs>, Problem>,
    ) -> std::result::Result<Measure, Problem> {
        if let Some(Argument::Metric(inner)) = spec.args.first() {
            return Measure::build(&inner.spec, trained_against, costs);
        }
        if spec.member == &loss::MEMBER {
            return Ok(Measure::Loss);
        }
        if let Some(file) = cost::file(spec) {
            return costs(file).map(Measure::Cost);
        }
        if spec.member != &robust::MEMBER {
            return Ok(Measure::Clean);
        }
        let named = match spec.get("attack") {
            Argument::Component(attack) => Some(attack),
            _ => trained_against,
        };
        let Some(attack) = named else {
            let message = "`robust` names no attack, and the objective trains against none";
            return Err(Problem::new(ProblemKind::DoesNotFit, message)
                .help("write robust(pgd(eps: 8/255))")
                .of("attack"));
        };
        Ok(Measure::Robust(attacks::build(attack)))
    }

    /// Gradient evaluations for each example, at most: an attack skips what is misclassified without it.
    pub fn passes(&self) -> u64 {
        match self {
            Measure::Loss | Measure::Clean | Measure::Cost(_) => 0,
            Measure::Robust(attack) => attack.passes(),
        }
    }
}

/// All `measures` on all examples, `batch_size` at a time, in one go: the clean pass is shared.
///
/// # Errors
/// No examples, and what reading them and the network's operations return.
pub fn evaluate(
    network: &Network,
    examples: &dyn Examples,
    measures: &[Measure],
    batch_size: usize,
    draws: &Draws,
) -> Result<Vec<Measured>> {
    let (count, size) = (examples.count(), batch_size.max(1));
    if count == 0 {
        bail!("there is no example to measure on");
    }
    let mut values = vec![Vec::with_capacity(count); measures.len()];
    for start in (0..count).step_by(size) {
        let batch = examples.batch(start..(start + size).min(count))?;
        let logits = network.logits(&batch.pixels, Mode::Eval)?;
        let right = correct(&logits, &batch.labels)?;
        for (measure, values) in measures.iter().zip(&mut values) {
            match measure {
                Measure::Loss => values.extend(losses(&logits, &batch.labels)?),
                Measure::Clean => values.extend(right.iter().map(|&right| f64::from(u8::from(right)))),
                Measure::Cost(costs) => values.extend(paid(&logits, &batch.labels, costs)?),
                Measure::Robust(attack) => {
                    values.extend(under_attack(network, attack.as_ref(), &batch, &right, draws)?)
                }
            }
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    Ok(values
        .into_iter()
        .map(|per_example| Measured { value: mean(&per_example), per_example, ..Measured::default() })
        .collect())
}

/// 1 for each image that is classified correctly both as it is (`right`) and as the attack makes it. Images that are
/// misclassified without an attack aren't attacked: their value is 0 either way.
fn under_attack(
    network: &Network,
    attack: &dyn Attack,
    batch: &Batch,
    right: &[bool],
    draws: &Draws,
) -> Result<Vec<f64>> {
    let mut values = vec![0.0; right.len()];
    let attacked: Vec<usize> = (0..right.len()).filter(|&i| right[i]).collect();
    if attacked.is_empty() {
        return Ok(values);
    }
    let part = pick(batch, &attacked)?;
    let adversarial = attack.perturb(network, Mode::Eval, &part, draws)?;
    let withstood = correct(&network.logits(&adversarial, Mode::Eval)?, &part.labels)?;
    for (i, withstood) in attacked.into_iter().zip(withstood) {
        values[i] = f64::from(u8::from(withstood));
    }
    Ok(values)
}

/// The examples at these places of a batch.
fn pick(batch: &Batch, places: &[usize]) -> Result<Batch> {
    let index = Tensor::from_iter(places.iter().map(|&i| i as u32), batch.pixels.device())?;
    Ok(Batch {
        pixels: batch.pixels.index_select(&index, 0)?,
        labels: places.iter().map(|&i| batch.labels[i]).collect(),
        ids: places.iter().map(|&i| batch.ids[i]).collect(),
    })
}

/// Whether each row of `logits` (N, K) is largest at its label. Of equal logits the first one counts; where one is NaN
/// the answer is wrong.
///
/// # Errors
/// If the number of labels isn't N or a label isn't below K.
pub fn correct(logits: &Tensor, labels: &[u32]) -> Result<Vec<bool>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    check_labels(logits, labels)?;
    let wins = |(row, &label): (&Vec<f32>, &u32)| {
        let label = label as usize;
        row[..label].iter().all(|&other| other < row[label]) && row[label..].iter().all(|&other| other <= row[label])
    };
    Ok(rows.iter().zip(labels).map(wins).collect())
}

/// log Σ e^logits − logit of the label, for each row, in f64.
fn losses(logits: &Tensor, labels: &[u32]) -> Result<Vec<f64>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    check_labels(logits, labels)?;
    let loss = |(row, &label): (&Vec<f32>, &u32)| {
        let max = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = row.iter().map(|&x| (f64::from(x) - max).exp()).sum();
        max + sum.ln() - f64::from(row[label as usize])
    };
    Ok(rows.iter().zip(labels).map(loss).collect())
}

/// What each prediction costs. Of equal logits the first one is predicted; a row with NaN predicts nothing.
pub(super) fn paid(logits: &Tensor, labels: &[u32], costs: &Costs) -> Result<Vec<f64>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    check_labels(logits, labels)?;
    let (_, classes) = logits.dims2()?;
    if classes != costs.classes() {
        bail!("costs of {} classes for a network with {classes}", costs.classes());
    }
    Ok(rows.iter().zip(labels).map(|(row, &label)| costs.of(label as usize, predicted(row))).collect())
}

/// The class that each row of `logits` (N, K) is largest at, the first of equal ones; where one is NaN, the first class.
///
/// # Errors
/// If the logits are not of two dimensions.
pub fn predictions(logits: &Tensor) -> Result<Vec<u32>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    Ok(rows.iter().map(|row| predicted(row).unwrap_or(0) as u32).collect())
}

/// The place of the largest number, the first of equal ones; `None` where one is NaN.
fn predicted(row: &[f32]) -> Option<usize> {
    if row.iter().any(|x| x.is_nan()) {
        return None;
    }
    (0..row.len()).reduce(|best, i| if row[i] > row[best] { i } else { best })
}

fn check_labels(logits: &Tensor, labels: &[u32]) -> Result<()> {
    let (n, classes) = logits.dims2()?;
    if labels.len() != n {
        bail!("{} labels for {n} images", labels.len());
    }
    match labels.iter().find(|&&label| label as usize >= classes) {
        Some(label) => bail!("label {label} of a network with {classes} classes"),
        None => Ok(()),
    }
}
