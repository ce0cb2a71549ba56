//! Batch normalization.

use super::{NORM_EPSILON, composed};
use crate::nn::kernels::norm::{self, Sizes};
use crate::nn::kernels::{all_fast, buffer};
use crate::nn::tape::{Tape, Value};
use candle_core::{DType, Result, Tensor, bail};

/// Weight of the newest batch in the running averages, PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// Running averages of a batch normalization, each of shape (C).
#[derive(Clone, Debug)]
pub struct RunningStats {
    pub mean: Tensor,
    pub var: Tensor,
}

/// Which mean and variance normalize, and whether the running averages learn from the batch.
#[derive(Debug)]
pub enum BatchNormStats<'a> {
    /// Those of the batch; the running averages stay as they are (passes of an attack in train mode).
    Batch,
    /// Those of the batch, which then enter the running averages with momentum 0.1 (variance unbiased there).
    /// The tensors are replaced, not written into.
    BatchAndUpdate(&'a mut RunningStats),
    /// The running averages (eval mode).
    Running(&'a RunningStats),
}

/// y = (x - mean(c)) / sqrt(var(c) + 1e-5) w(c) + b(c) for each channel c.
///
/// Shapes: x (N, C, ...), w and b (C), result as x. With batch statistics mean and (biased) variance are taken over
/// all dimensions but C and the gradient of x passes through them; running statistics are constants.
///
/// # Errors
/// If shapes do not fit, or batch statistics are asked of a single value per channel.
pub fn batch_norm(tape: &Tape, x: &Value, w: &Value, b: &Value, stats: BatchNormStats) -> Result<Value> {
    let sizes = sizes(x.tensor())?;
    check_affine(sizes.c, w, b)?;
    let running = match &stats {
        BatchNormStats::Batch => None,
        BatchNormStats::BatchAndUpdate(running) => Some(&**running),
        BatchNormStats::Running(running) => Some(*running),
    };
    if let Some(RunningStats { mean, var }) = running
        && (mean.dims() != [sizes.c] || var.dims() != [sizes.c])
    {
        bail!("batch norm: running statistics {:?} and {:?} for {} channels", mean.dims(), var.dims(), sizes.c);
    }
    if !matches!(stats, BatchNormStats::Running(_)) && sizes.n * sizes.m < 2 {
        bail!("batch norm in train mode needs more than one value per channel, got shape {:?}", x.tensor().dims());
    }
    if all_fast(&[x.tensor(), w.tensor(), b.tensor()]) {
        fast(tape, x, w, b, sizes, stats)
    } else {
        composed(tape, [x, w, b], sizes, stats)
    }
}

/// (N, C, M) of a tensor (N, C, ...).
pub(super) fn sizes(x: &Tensor) -> Result<Sizes> {
    match x.dims() {
        [n, c, rest @ ..] if x.elem_count() > 0 => Ok(Sizes { n: *n, c: *c, m: rest.iter().product() }),
        dims => bail!("a tensor (N, C, ...) with elements is needed, got shape {dims:?}"),
    }
}

/// Weight and bias must have one entry per channel.
pub(super) fn check_affine(c: usize, w: &Value, b: &Value) -> Result<()> {
    let (w, b) = (w.tensor().dims(), b.tensor().dims());
    if w != [c] || b != [c] {
        bail!("normalization: weight {w:?} and bias {b:?} for {c} channels");
    }
    Ok(())
}

fn fast(tape: &Tape, x: &Value, w: &Value, b: &Value, sizes: Sizes, stats: BatchNormStats) -> Result<Value> {
    let (xt, wt, bt) = (x.tensor().contiguous()?, w.tensor().contiguous()?, b.tensor().contiguous()?);
    let batch = !matches!(stats, BatchNormStats::Running(_));
    let moments = match stats {
        BatchNormStats::Running(running) => moments_of(running)?,
        BatchNormStats::Batch => norm::channel_moments(sizes, &buffer::view(&xt)?),
        BatchNormStats::BatchAndUpdate(running) => {
            let moments = norm::channel_moments(sizes, &buffer::view(&xt)?);
            let tensor = |f: &dyn Fn(&norm::Moments) -> f64| {
                Tensor::from_vec(moments.iter().map(f).collect(), sizes.c, xt.device())
            };
            update(running, &tensor(&|moments| moments.mean)?, &tensor(&|moments| moments.variance)?, sizes)?;
            moments
        }
    };
    let scales: Vec<(f32, f32)> = moments.iter().map(|moments| moments.to_scale(NORM_EPSILON)).collect();
    let y = norm::channel_forward(sizes, &buffer::view(&xt)?, &scales, &buffer::view(&wt)?, &buffer::view(&bt)?);
    let y = buffer::tensor(y, xt.shape())?;
    let shape = xt.shape().clone();
    // In eval mode the gradient of x needs no x.
    let kept_x = (batch || w.is_tracked()).then_some(xt);
    Ok(tape.record_fresh(&[x, w, b], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let (dy, w) = (buffer::view(&gradient)?, buffer::view(&wt)?);
        let x = kept_x.as_ref().map(buffer::view).transpose()?;
        let (dx, sums) = match x {
            Some(x) if batch && needs.input(0) => {
                let (dx, sums) = norm::channel_backward(sizes, &x, &scales, &w, &dy);
                (Some(dx), sums)
            }
            x => {
                let dx = needs.input(0).then(|| norm::channel_scale(sizes, &scales, &w, &dy));
                let wanted = needs.input(1) || needs.input(2);
                // Without x the weight is not tracked, and only the sum of dy is of use.
                let of_x = x.as_deref().unwrap_or(&dy);
                (dx, if wanted { norm::channel_sums(sizes, of_x, &scales, &dy) } else { Vec::new() })
            }
        };
        let dx = dx.map(|dx| buffer::tensor(dx, &shape)).transpose()?;
        affine_gradients(dx, &sums, needs)
    }))
}

/// The gradients of x, weight and bias from the sums (of dy, of dy x̂) of each channel.
pub(super) fn affine_gradients(
    dx: Option<Tensor>,
    sums: &[(f64, f64)],
    needs: &crate::nn::tape::Needs,
) -> Result<Vec<Option<Tensor>>> {
    let c = sums.len();
    let dw = needs.compute(1, || buffer::tensor(sums.iter().map(|sums| sums.1 as f32).collect(), c))?;
    let db = needs.compute(2, || buffer::tensor(sums.iter().map(|sums| sums.0 as f32).collect(), c))?;
    Ok(vec![dx, dw, db])
}

fn moments_of(running: &RunningStats) -> Result<Vec<norm::Moments>> {
    let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.to_vec1::<f64>();
    let (means, variances) = (numbers(&running.mean)?, numbers(&running.var)?);
    Ok(means.into_iter().zip(variances).map(|(mean, variance)| norm::Moments { mean, variance }).collect())
}

/// running = 0.9 running + 0.1 batch, with the unbiased variance of the batch.
fn update(running: &mut RunningStats, mean: &Tensor, biased_var: &Tensor, sizes: Sizes) -> Result<()> {
    let count = (sizes.n * sizes.m) as f64;
    let mix = |old: &Tensor, new: Tensor| {
        let dtype = new.dtype();
        ((old.to_dtype(dtype)? * (1.0 - MOMENTUM))? + (new * MOMENTUM)?)?.to_dtype(old.dtype())
    };
    running.mean = mix(&running.mean, mean.clone())?;
    running.var = mix(&running.var, (biased_var * (count / (count - 1.0)))?)?;
    Ok(())
}

fn composed(tape: &Tape, inputs: [&Value; 3], sizes: Sizes, stats: BatchNormStats) -> Result<Value> {
    let shape = inputs[0].tensor().shape().clone();
    let per_channel = |t: &Tensor| t.reshape((1, sizes.c, 1));
    composed::record(tape, &inputs, |t| {
        let x = t[0].reshape((sizes.n, sizes.c, sizes.m))?;
        let (mean, var) = match &stats {
            BatchNormStats::Running(running) => (per_channel(&running.mean)?, per_channel(&running.var)?),
            _ => {
                let mean = x.mean_keepdim((0, 2))?;
                let var = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2))?;
                (mean, var)
            }
        };
        if let BatchNormStats::BatchAndUpdate(running) = stats {
            update(running, &mean.detach().flatten_all()?, &var.detach().flatten_all()?, sizes)?;
        }
        let (mean, var) = (mean.to_dtype(x.dtype())?, var.to_dtype(x.dtype())?);
        let normal = x.broadcast_sub(&mean)?.broadcast_div(&(var + NORM_EPSILON)?.sqrt()?)?;
        normal.broadcast_mul(&per_channel(&t[1])?)?.broadcast_add(&per_channel(&t[2])?)?.reshape(&shape)
    })
}
