//! One forward and backward pass with labels, and how the passes over the chunks of a batch become one.

use super::Pass;
use crate::components::metrics::correct;
use crate::nn::kernels::{all_fast, buffer, elementwise};
use crate::nn::network::{Mode, Network, Trainable};
use crate::nn::ops::{Reduction, cross_entropy};
use crate::nn::tape::Value;
use candle_core::{Result, Tensor, bail};

/// Mean cross-entropy of `pixels` (N, C, H, W) with `labels`, its gradients and the statistics of a train-mode pass.
pub(super) fn supervised(
    network: &Network,
    pixels: &Tensor,
    labels: &[u32],
    label_smoothing: f64,
    trainable: Trainable,
) -> Result<Pass> {
    let tape = network.tape();
    let forward = network.forward(&tape, &Value::constant(pixels.clone()), Mode::Train, trainable)?;
    let correct = correct(forward.logits.tensor(), labels)?.into_iter().filter(|&right| right).count();
    let loss = cross_entropy(&tape, &forward.logits, labels, label_smoothing, Reduction::Mean)?;
    let value = f64::from(loss.tensor().to_scalar::<f32>()?);
    // With every weight frozen there is nothing to walk back to.
    let gradients = if loss.is_tracked() {
        let mut gradients = tape.backward(&loss)?;
        forward.leaves.iter().map(|leaf| leaf.as_ref().and_then(|leaf| gradients.take(leaf))).collect()
    } else {
        vec![None; forward.leaves.len()]
    };
    let statistics = forward.statistics;
    Ok(Pass { loss: value, gradients, statistics, correct, examples: labels.len(), passes: 1 })
}

impl Pass {
    /// The pass over this chunk and `next` together: each weighs as many examples as it has, so that chunks of any sizes
    /// add up to the gradient of one large batch (where no norm ties the examples of a chunk together).
    ///
    /// The statistics are those of `next`: apply this chunk's before they are dropped.
    ///
    /// # Errors
    /// If the two passes didn't train the same parameters.
    pub fn join(self, next: Pass) -> Result<Pass> {
        let examples = self.examples + next.examples;
        let (a, b) = (self.examples as f64 / examples as f64, next.examples as f64 / examples as f64);
        let both = self.gradients.into_iter().zip(next.gradients);
        let gradients = both.map(|pair| match pair {
            (Some(first), Some(second)) => Ok(Some(weighted_sum(a, &first, b, &second)?)),
            (None, None) => Ok(None),
            _ => bail!("two chunks of one batch trained different parameters"),
        });
        Ok(Pass {
            loss: a * self.loss + b * next.loss,
            gradients: gradients.collect::<Result<_>>()?,
            statistics: next.statistics,
            correct: self.correct + next.correct,
            examples,
            passes: self.passes,
        })
    }
}

/// a·x + b·y
fn weighted_sum(a: f64, x: &Tensor, b: f64, y: &Tensor) -> Result<Tensor> {
    if !all_fast(&[x, y]) {
        return (x * a)? + (y * b)?;
    }
    let (x, y) = (x.contiguous()?, y.contiguous()?);
    let (a, b) = (a as f32, b as f32);
    let sum = elementwise::map2(&buffer::view(&x)?, &buffer::view(&y)?, |x, y| a * x + b * y);
    buffer::tensor(sum, x.dims())
}
