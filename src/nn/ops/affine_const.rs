//! A constant line per channel, as in the normalization of inputs.

use super::composed;
use crate::nn::kernels::norm::{Sizes, channel_forward, channel_scale};
use crate::nn::kernels::{buffer, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y(n, c, ...) = scale(c) x(n, c, ...) + shift(c). Shapes: x (N, C, ...), result the same; scale and shift C numbers.
///
/// # Errors
/// If x has fewer than two dimensions or C differs from the number of scales or shifts.
pub fn affine_const(tape: &Tape, x: &Value, scale: &[f32], shift: &[f32]) -> Result<Value> {
    let sizes = super::batch_norm::sizes(x.tensor())?;
    if scale.len() != sizes.c || shift.len() != sizes.c {
        bail!("affine: {} scales and {} shifts for {} channels", scale.len(), shift.len(), sizes.c);
    }
    if !is_fast(x.tensor()) {
        return composed(tape, x, sizes, scale, shift);
    }
    let xt = x.tensor().contiguous()?;
    let scales: Vec<(f32, f32)> = scale.iter().map(|&scale| (0.0, scale)).collect();
    let ones = vec![1.0; sizes.c];
    let y = channel_forward(sizes, &buffer::view(&xt)?, &scales, &ones, shift);
    let y = buffer::tensor(y, xt.shape())?;
    let shape = xt.shape().clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dx = channel_scale(sizes, &scales, &ones, &buffer::view(&gradient)?);
        Ok(vec![Some(buffer::tensor(dx, &shape)?)])
    }))
}

fn composed(tape: &Tape, x: &Value, sizes: Sizes, scale: &[f32], shift: &[f32]) -> Result<Value> {
    let shape = x.tensor().shape().clone();
    let constant =
        |values: &[f32]| Tensor::from_slice(values, (1, sizes.c, 1), x.tensor().device())?.to_dtype(x.tensor().dtype());
    let (scale, shift) = (constant(scale)?, constant(shift)?);
    composed::record(tape, &[x], |t| {
        t[0].reshape((sizes.n, sizes.c, sizes.m))?.broadcast_mul(&scale)?.broadcast_add(&shift)?.reshape(&shape)
    })
}
