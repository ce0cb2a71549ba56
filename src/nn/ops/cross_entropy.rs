//! Cross-entropy of a softmax against class indices.

use super::composed;
use super::softmax::composed_log_softmax;
use crate::nn::kernels::{buffer, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{DType, Result, Tensor, bail};
use rayon::prelude::*;

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
/// Shapes: logits (N, K), targets N class indices below K, s = `label_smoothing` in [0, 1]. PyTorch's definition.
/// Log-sum-exp and the sum of the losses are formed in f64, samples in order.
///
/// # Errors
/// If the number of targets is not N, a target is not below K, N is 0, or the smoothing lies outside [0, 1].
pub fn cross_entropy(
    tape: &Tape,
    logits: &Value,
    targets: &[u32],
    label_smoothing: f64,
    reduction: Reduction,
) -> Result<Value> {
    let (n, classes) = logits.tensor().dims2()?;
    check(n, classes, targets, label_smoothing)?;
    if !is_fast(logits.tensor()) {
        return composed(tape, logits, targets, label_smoothing, reduction);
    }
    let tensor = logits.tensor().contiguous()?;
    let data = buffer::view(&tensor)?;
    let smooth = label_smoothing / classes as f64;
    let per_sample = data.par_chunks(classes).zip(targets).with_min_len(64).map(|(row, &target)| {
        let normalizer = log_sum_exp(row);
        let mean_part: f64 = row.iter().map(|&logit| normalizer - f64::from(logit)).sum();
        (1.0 - label_smoothing) * (normalizer - f64::from(row[target as usize])) + smooth * mean_part
    });
    let losses: Vec<f64> = per_sample.collect();
    let total: f64 = losses.iter().sum();
    let output = match reduction {
        Reduction::Mean => buffer::tensor(vec![(total / n as f64) as f32], ())?,
        Reduction::Sum => buffer::tensor(vec![total as f32], ())?,
        Reduction::None => buffer::tensor(losses.iter().map(|&loss| loss as f32).collect(), n)?,
    };
    drop(data);
    let targets = targets.to_vec();
    Ok(tape.record_fresh(&[logits], output, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let gradient = buffer::view(&gradient)?;
        let scale = |sample: usize| match reduction {
            Reduction::Mean => f64::from(gradient[0]) / n as f64,
            Reduction::Sum => f64::from(gradient[0]),
            Reduction::None => f64::from(gradient[sample]),
        };
        let mut out = vec![0f32; n * classes];
        let data = buffer::view(&tensor)?;
        let rows = out.par_chunks_mut(classes).zip(data.par_chunks(classes)).enumerate().with_min_len(64);
        rows.for_each(|(sample, (out, row))| {
            let (normalizer, scale) = (log_sum_exp(row), scale(sample));
            for (class, (out, &logit)) in out.iter_mut().zip(row).enumerate() {
                let target = if class == targets[sample] as usize { 1.0 - label_smoothing } else { 0.0 } + smooth;
                *out = (((f64::from(logit) - normalizer).exp() - target) * scale) as f32;
            }
        });
        Ok(vec![Some(buffer::tensor(out, (n, classes))?)])
    }))
}

fn check(n: usize, classes: usize, targets: &[u32], label_smoothing: f64) -> Result<()> {
    if n == 0 || classes == 0 {
        bail!("cross-entropy of an empty batch: logits have shape {n}x{classes}");
    }
    if targets.len() != n {
        bail!("cross-entropy: {} targets for {n} samples", targets.len());
    }
    if let Some(target) = targets.iter().find(|&&target| target as usize >= classes) {
        bail!("cross-entropy: target class {target} of {classes} classes (0 to {})", classes - 1);
    }
    if !(0.0..=1.0).contains(&label_smoothing) {
        bail!("cross-entropy: label smoothing {label_smoothing} is outside 0 to 1");
    }
    Ok(())
}

/// log of the sum of e^x, safe against overflow.
pub(super) fn log_sum_exp(row: &[f32]) -> f64 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let max = f64::from(if max.is_finite() { max } else { 0.0 });
    max + row.iter().map(|&x| (f64::from(x) - max).exp()).sum::<f64>().ln()
}

fn composed(tape: &Tape, logits: &Value, targets: &[u32], label_smoothing: f64, reduction: Reduction) -> Result<Value> {
    let (n, classes) = logits.tensor().dims2()?;
    let (device, dtype) = (logits.tensor().device(), logits.tensor().dtype());
    let mut wanted = vec![label_smoothing / classes as f64; n * classes];
    for (row, &target) in wanted.chunks_mut(classes).zip(targets) {
        row[target as usize] += 1.0 - label_smoothing;
    }
    let wanted = Tensor::from_vec(wanted, (n, classes), &candle_core::Device::Cpu)?;
    let wanted = wanted.to_dtype(if dtype == DType::F64 { DType::F64 } else { DType::F32 })?;
    let wanted = wanted.to_device(device)?.to_dtype(dtype)?;
    composed::record(tape, &[logits], |t| {
        let log_softmax = composed_log_softmax(&t[0])?;
        let losses = (log_softmax * &wanted)?.sum(1)?.neg()?;
        match reduction {
            Reduction::Mean => losses.mean_all(),
            Reduction::Sum => losses.sum_all(),
            Reduction::None => Ok(losses),
        }
    })
}
