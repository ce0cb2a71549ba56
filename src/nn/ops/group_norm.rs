//! Group normalization, and instance normalization as its finest case.

use super::batch_norm::{affine_gradients, check_affine, sizes};
use super::{NORM_EPSILON, composed};
use crate::nn::kernels::norm::{self, Sizes};
use crate::nn::kernels::{all_fast, buffer};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, bail};

/// y = (x - mean) / sqrt(var + 1e-5) w(c) + b(c), mean and biased variance over each channel of each sample.
///
/// Shapes: x (N, C, ...), w and b (C), result as x. No running statistics: train and eval mode are the same.
///
/// # Errors
/// If shapes do not fit or a channel has a single position.
pub fn instance_norm(tape: &Tape, x: &Value, w: &Value, b: &Value) -> Result<Value> {
    let sizes = sizes(x)?;
    if sizes.m < 2 {
        bail!("instance norm needs more than one position per channel, got shape {:?}", x.tensor().dims());
    }
    group_norm(tape, x, w, b, sizes.c)
}

/// y = (x - mean) / sqrt(var + 1e-5) w(c) + b(c), mean and biased variance over C / groups adjacent channels of each
/// sample.
///
/// Shapes: x (N, C, ...), w and b (C), result as x.
///
/// # Errors
/// If shapes do not fit, `groups` does not divide C, or the batch holds a single value per group position, as PyTorch.
pub fn group_norm(tape: &Tape, x: &Value, w: &Value, b: &Value, groups: usize) -> Result<Value> {
    let sizes = sizes(x)?;
    check_affine(sizes.c, w, b)?;
    if groups == 0 || !sizes.c.is_multiple_of(groups) {
        bail!("group norm: {} channels cannot be cut into {groups} equal groups", sizes.c);
    }
    if sizes.n * sizes.c / groups * sizes.m < 2 {
        bail!("group norm needs more than one value per group, got shape {:?}", x.tensor().dims());
    }
    if !all_fast(&[x.tensor(), w.tensor(), b.tensor()]) {
        return composed(tape, [x, w, b], sizes, groups);
    }
    let (xt, wt, bt) = (x.tensor().contiguous()?, w.tensor().contiguous()?, b.tensor().contiguous()?);
    let (y, scales) =
        norm::group_forward(sizes, groups, &buffer::view(&xt)?, &buffer::view(&wt)?, &buffer::view(&bt)?, NORM_EPSILON);
    let y = buffer::tensor(y, xt.shape())?;
    Ok(tape.record_fresh(&[x, w, b], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let (x, w) = (buffer::view(&xt)?, buffer::view(&wt)?);
        let (dx, sums) = norm::group_backward(sizes, groups, &x, &scales, &w, &buffer::view(&gradient)?);
        let dx = needs.compute(0, || buffer::tensor(dx, xt.shape()))?;
        affine_gradients(dx, &sums, needs)
    }))
}

fn composed(tape: &Tape, inputs: [&Value; 3], sizes: Sizes, groups: usize) -> Result<Value> {
    let shape = inputs[0].tensor().shape().clone();
    composed::record(tape, &inputs, |t| {
        let x = t[0].reshape((sizes.n, groups, sizes.c / groups * sizes.m))?;
        let centered = x.broadcast_sub(&x.mean_keepdim(2)?)?;
        let var = centered.sqr()?.mean_keepdim(2)?;
        let normal = centered.broadcast_div(&(var + NORM_EPSILON)?.sqrt()?)?.reshape((sizes.n, sizes.c, sizes.m))?;
        let (w, b) = (t[1].reshape((1, sizes.c, 1))?, t[2].reshape((1, sizes.c, 1))?);
        normal.broadcast_mul(&w)?.broadcast_add(&b)?.reshape(&shape)
    })
}
