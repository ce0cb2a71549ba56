//! Batch normalization.

use super::{NORM_EPSILON, composed};
use crate::nn::in_place;
use crate::nn::kernels::channel_norm::{self, Incoming, Statistics};
use crate::nn::kernels::norm::{Moments, Sizes};
use crate::nn::kernels::source::Lines;
use crate::nn::kernels::{all_fast, buffer};
use crate::nn::tape::{Needs, Tape, Value};
use crate::nn::value::Deferred;
use candle_core::{DType, Result, Tensor, bail};
use std::sync::Arc;

/// Weight of the newest batch in the running averages, PyTorch's default.
pub const MOMENTUM: f64 = 0.1;

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
/// all dimensions but C and the gradient of x passes through them; running statistics are constants. On the kernels y
/// is deferred: the next operation computes it as it reads x, if it can.
///
/// # Errors
/// If shapes do not fit, or batch statistics are asked of a single value per channel.
pub fn batch_norm(tape: &Tape, x: &Value, w: &Value, b: &Value, stats: BatchNormStats) -> Result<Value> {
    normalize(tape, x, w, b, stats, false)
}

/// max(y, 0) with y as in [`batch_norm`], the derivative at 0 being 0: one operation, which keeps nothing but x.
///
/// # Errors
/// As `batch_norm`.
pub fn batch_norm_relu(tape: &Tape, x: &Value, w: &Value, b: &Value, stats: BatchNormStats) -> Result<Value> {
    normalize(tape, x, w, b, stats, true)
}

fn normalize(tape: &Tape, x: &Value, w: &Value, b: &Value, stats: BatchNormStats, relu: bool) -> Result<Value> {
    let sizes = check(x, w, b, &stats)?;
    if !all_fast(&[x.tensor(), w.tensor(), b.tensor()]) {
        let y = composed(tape, [x, w, b], sizes, stats)?;
        return if relu { super::relu(tape, &y) } else { Ok(y) };
    }
    let norm = Norm::new(x.tensor().contiguous()?, w, b, sizes, stats, relu)?;
    let y = Deferred::new(norm.x.clone(), norm.lines.clone())?;
    Ok(tape.record_fresh(&[x, w, b], y, move |gradient, needs| {
        let wanted = needs.input(1) || needs.input(2);
        // Before the gradient is overwritten; statistics of the batch have their sums formed on the way to x.
        let alone = wanted && !(norm.batch && needs.input(0));
        let sums = if alone { norm.sums(gradient)? } else { Vec::new() };
        let (dx, sums) = match needs.input(0) {
            true => norm.gradient_of_x(gradient, needs).map(|(dx, own)| (Some(dx), if alone { sums } else { own }))?,
            false => (None, sums),
        };
        norm.gradients(dx, &sums, needs)
    }))
}

/// A batch norm on the kernels, on its way back.
pub(super) struct Norm {
    pub sizes: Sizes,
    pub x: Tensor,
    pub lines: Arc<Lines>,
    /// 1 / sqrt(variance + epsilon) of each channel
    pub inv_std: Vec<f32>,
    /// whether mean and variance are those of x
    pub batch: bool,
}

/// For each channel the sums of the gradient g behind the ReLU and of g (x − mean).
pub(super) type Sums = Vec<(f64, f64)>;

impl Norm {
    /// x, w and b are f32 on the CPU, x contiguous. The running averages learn from the batch here.
    pub fn new(x: Tensor, w: &Value, b: &Value, sizes: Sizes, stats: BatchNormStats, relu: bool) -> Result<Norm> {
        let batch = !matches!(stats, BatchNormStats::Running(_));
        let moments = match stats {
            BatchNormStats::Running(running) => moments_of(running)?,
            BatchNormStats::Batch => channel_norm::moments(sizes, &buffer::view(&x)?),
            BatchNormStats::BatchAndUpdate(running) => {
                let moments = channel_norm::moments(sizes, &buffer::view(&x)?);
                learn(running, &moments, sizes)?;
                moments
            }
        };
        let (mean, inv_std): (Vec<f32>, Vec<f32>) =
            moments.iter().map(|moments| moments.to_scale(NORM_EPSILON)).unzip();
        let (w, b) = (w.tensor().contiguous()?, b.tensor().contiguous()?);
        let slope = inv_std.iter().zip(buffer::view(&w)?.iter()).map(|(inv_std, w)| inv_std * w).collect();
        let lines = Arc::new(Lines { mean, slope, shift: buffer::view(&b)?.to_vec(), relu });
        Ok(Norm { sizes, x, lines, inv_std, batch })
    }

    /// What its mean and variance are, for the way back.
    pub fn statistics(&self) -> Statistics<'_> {
        if self.batch { Statistics::OfBatch(&self.inv_std) } else { Statistics::Constant }
    }

    /// The gradient of x, in the memory of the output's where that may be, and the sums where the statistics are the
    /// batch's.
    fn gradient_of_x(&self, gradient: &Tensor, needs: &Needs) -> Result<(Tensor, Sums)> {
        let others = needs.take_others(0).map(|others| others.contiguous()).transpose()?;
        let others = others.as_ref().map(buffer::view).transpose()?;
        let (x, activation) = (buffer::view(&self.x)?, self.lines.activation());
        let back = |dy: Option<&[f32]>, dx: &mut [f32]| {
            let incoming = Incoming { dy, others: others.as_deref() };
            channel_norm::backward(self.sizes, Some(&x), activation, self.statistics(), incoming, dx)
        };
        let gradient = gradient.contiguous()?;
        let (dx, sums) = if needs.owns_gradient() {
            let sums = in_place::write(&gradient, |dx| Ok(back(None, dx)))?;
            (gradient.clone(), sums)
        } else {
            // SAFETY: `backward` writes every element.
            let mut dx = unsafe { buffer::unfilled(x.len()) };
            let sums = back(Some(&buffer::view(&gradient)?), &mut dx);
            (buffer::tensor(dx, self.x.shape())?, sums)
        };
        Ok((dx, sums))
    }

    fn sums(&self, gradient: &Tensor) -> Result<Sums> {
        let gradient = gradient.contiguous()?;
        let (x, dy) = (buffer::view(&self.x)?, buffer::view(&gradient)?);
        Ok(channel_norm::gradient_sums(self.sizes, &x, self.lines.activation(), &dy))
    }

    /// The gradients of x, weight and bias.
    pub fn gradients(&self, dx: Option<Tensor>, sums: &[(f64, f64)], needs: &Needs) -> Result<Vec<Option<Tensor>>> {
        let normal = sums.iter().zip(&self.inv_std).map(|(sums, &inv_std)| (sums.0, sums.1 * f64::from(inv_std)));
        affine_gradients(dx, &normal.collect::<Vec<_>>(), needs)
    }
}

/// The sizes of x, if everything fits together.
pub(super) fn check(x: &Value, w: &Value, b: &Value, stats: &BatchNormStats) -> Result<Sizes> {
    let sizes = sizes(x)?;
    check_affine(sizes.c, w, b)?;
    let running = match stats {
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
        bail!("batch norm in train mode needs more than one value per channel, got shape {:?}", x.shape().dims());
    }
    Ok(sizes)
}

/// (N, C, M) of a tensor (N, C, ...).
pub(super) fn sizes(x: &Value) -> Result<Sizes> {
    match x.shape().dims() {
        [n, c, rest @ ..] if x.shape().elem_count() > 0 => Ok(Sizes { n: *n, c: *c, m: rest.iter().product() }),
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

/// The gradients of x, weight and bias from the sums (of dy, of dy x̂) of each channel.
pub(super) fn affine_gradients(dx: Option<Tensor>, sums: &[(f64, f64)], needs: &Needs) -> Result<Vec<Option<Tensor>>> {
    let c = sums.len();
    let dw = needs.compute(1, || buffer::tensor(sums.iter().map(|sums| sums.1 as f32).collect(), c))?;
    let db = needs.compute(2, || buffer::tensor(sums.iter().map(|sums| sums.0 as f32).collect(), c))?;
    Ok(vec![dx, dw, db])
}

fn moments_of(running: &RunningStats) -> Result<Vec<Moments>> {
    let (means, variances) = (numbers(&running.mean)?, numbers(&running.var)?);
    Ok(means.into_iter().zip(variances).map(|(mean, variance)| Moments { mean, variance }).collect())
}

/// The few numbers of a running average, without an operation of candle's on the way of every step.
fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    match tensor.dtype() {
        DType::F32 => Ok(tensor.to_vec1::<f32>()?.into_iter().map(f64::from).collect()),
        _ => tensor.to_dtype(DType::F64)?.to_vec1(),
    }
}

/// [`update`] in plain loops.
fn learn(running: &mut RunningStats, moments: &[Moments], sizes: Sizes) -> Result<()> {
    let count = (sizes.n * sizes.m) as f64;
    let mix = |old: &Tensor, new: &dyn Fn(&Moments) -> f64| {
        let old_numbers = numbers(old)?;
        let mixed = old_numbers.iter().zip(moments).map(|(old, m)| old * (1.0 - MOMENTUM) + new(m) * MOMENTUM);
        match old.dtype() {
            DType::F32 => Tensor::from_vec(mixed.map(|x| x as f32).collect(), sizes.c, old.device()),
            other => Tensor::from_vec(mixed.collect::<Vec<f64>>(), sizes.c, old.device())?.to_dtype(other),
        }
    };
    running.mean = mix(&running.mean, &|moments| moments.mean)?;
    running.var = mix(&running.var, &|moments| moments.variance * (count / (count - 1.0)))?;
    Ok(())
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
