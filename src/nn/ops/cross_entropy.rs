//! Cross-entropy of a softmax against class indices.

use super::composed;
use super::softmax::composed_log_softmax;
use crate::nn::kernels::{buffer, elementwise, is_fast, softmax};
use crate::nn::tape::{Tape, Value};
use candle_core::{DType, Result, Tensor, bail};

pub use crate::nn::kernels::softmax::IGNORED;

/// How the losses of the samples become one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean, a scalar.
    Mean,
    /// Their sum, a scalar.
    Sum,
    /// Each on its own, (N).
    None,
}

/// loss(n) = -sum over k of t(n, k) log softmax(logits(n))(k), with t = (1 - s) onehot(target) + s / K.
///
/// Shapes: logits (N, K), targets N class indices below K, s = `label_smoothing` in [0, 1]. PyTorch's definition. A sample
/// whose target is [`IGNORED`] (PyTorch's -100) has loss 0 and no gradient, and is not counted by the mean.
/// Sums and logarithms are formed in f64, samples in order. The gradient is formed with the loss and kept, not the
/// logits.
///
/// # Errors
/// If the number of targets is not N, a target is neither below K nor ignored, the smoothing lies outside [0, 1], N is
/// 0, or the mean is asked for where all are ignored.
pub fn cross_entropy(
    tape: &Tape,
    logits: &Value,
    targets: &[u32],
    label_smoothing: f64,
    reduction: Reduction,
) -> Result<Value> {
    let (n, classes) = logits.tensor().dims2()?;
    check(n, classes, targets, label_smoothing)?;
    let counted = targets.iter().filter(|&&target| target != IGNORED).count();
    if counted == 0 && reduction == Reduction::Mean {
        bail!("cross-entropy: the mean over {n} samples, all of them ignored");
    }
    if !is_fast(logits.tensor()) {
        return composed(tape, logits, targets, label_smoothing, reduction);
    }
    let tensor = logits.tensor().contiguous()?;
    let data = buffer::view(&tensor)?;
    let (losses, mut gradients) = softmax::cross_entropy(&data, classes, targets, label_smoothing, logits.is_tracked());
    let total: f64 = losses.iter().sum();
    let output = match reduction {
        Reduction::Mean => buffer::tensor(vec![(total / counted as f64) as f32], ())?,
        Reduction::Sum => buffer::tensor(vec![total as f32], ())?,
        Reduction::None => buffer::tensor(losses.iter().map(|&loss| loss as f32).collect(), n)?,
    };
    Ok(tape.record_fresh(&[logits], output, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let gradient = buffer::view(&gradient)?;
        match reduction {
            Reduction::Mean => scale(&mut gradients, (f64::from(gradient[0]) / counted as f64) as f32),
            Reduction::Sum => scale(&mut gradients, gradient[0]),
            Reduction::None => {
                gradients.chunks_mut(classes).zip(gradient.iter()).for_each(|(row, &by)| scale(row, by));
            }
        }
        Ok(vec![Some(buffer::tensor(gradients, (n, classes))?)])
    }))
}

fn scale(numbers: &mut [f32], by: f32) {
    if by != 1.0 {
        elementwise::update(numbers, |x| x * by);
    }
}

fn check(n: usize, classes: usize, targets: &[u32], label_smoothing: f64) -> Result<()> {
    if n == 0 || classes == 0 {
        bail!("cross-entropy of an empty batch: logits have shape {n}x{classes}");
    }
    if targets.len() != n {
        bail!("cross-entropy: {} targets for {n} samples", targets.len());
    }
    if let Some(target) = targets.iter().find(|&&target| target as usize >= classes && target != IGNORED) {
        bail!("cross-entropy: target class {target} of {classes} classes (0 to {})", classes - 1);
    }
    if !(0.0..=1.0).contains(&label_smoothing) {
        bail!("cross-entropy: label smoothing {label_smoothing} is outside 0 to 1");
    }
    Ok(())
}

fn composed(tape: &Tape, logits: &Value, targets: &[u32], label_smoothing: f64, reduction: Reduction) -> Result<Value> {
    let (n, classes) = logits.tensor().dims2()?;
    let (device, dtype) = (logits.tensor().device(), logits.tensor().dtype());
    let counted = targets.iter().filter(|&&target| target != IGNORED).count();
    let mut wanted = vec![0.0; n * classes];
    for (row, &target) in wanted.chunks_mut(classes).zip(targets).filter(|(_, target)| **target != IGNORED) {
        row.fill(label_smoothing / classes as f64);
        row[target as usize] += 1.0 - label_smoothing;
    }
    let wanted = Tensor::from_vec(wanted, (n, classes), &candle_core::Device::Cpu)?;
    let wanted = wanted.to_dtype(if dtype == DType::F64 { DType::F64 } else { DType::F32 })?;
    let wanted = wanted.to_device(device)?.to_dtype(dtype)?;
    composed::record(tape, &[logits], |t| {
        let log_softmax = composed_log_softmax(&t[0])?;
        let losses = (log_softmax * &wanted)?.sum(1)?.neg()?;
        match reduction {
            Reduction::Mean => losses.sum_all()? / counted as f64,
            Reduction::Sum => losses.sum_all(),
            Reduction::None => Ok(losses),
        }
    })
}
