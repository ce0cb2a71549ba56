//! A constant line per channel, as in the normalization of inputs.

use super::composed;
use crate::nn::in_place;
use crate::nn::kernels::channel_norm::{self, Incoming, Statistics};
use crate::nn::kernels::source::Lines;
use crate::nn::kernels::{buffer, is_fast, norm::Sizes};
use crate::nn::tape::{Tape, Value};
use crate::nn::value::Deferred;
use candle_core::{Result, Tensor, bail};
use std::sync::Arc;

/// y(n, c, ...) = scale(c) x(n, c, ...) + shift(c). Shapes: x (N, C, ...), result the same; scale and shift C numbers.
/// On the kernels the result is deferred.
///
/// # Errors
/// If x has fewer than two dimensions or C differs from the number of scales or shifts.
pub fn affine_const(tape: &Tape, x: &Value, scale: &[f32], shift: &[f32]) -> Result<Value> {
    let sizes = super::batch_norm::sizes(x)?;
    if scale.len() != sizes.c || shift.len() != sizes.c {
        bail!("affine: {} scales and {} shifts for {} channels", scale.len(), shift.len(), sizes.c);
    }
    if !is_fast(x.tensor()) {
        return composed(tape, x, sizes, scale, shift);
    }
    let mean = vec![0.0; sizes.c];
    let lines = Arc::new(Lines { mean, slope: scale.to_vec(), shift: shift.to_vec(), relu: false });
    let y = Deferred::new(x.tensor().contiguous()?, lines.clone())?;
    let shape = x.shape().clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let back = |dy: Option<&[f32]>, dx: &mut [f32]| {
            let incoming = Incoming { dy, others: None };
            channel_norm::backward(sizes, None, lines.activation(), Statistics::Constant, incoming, dx);
        };
        if needs.owns_gradient() {
            in_place::write(&gradient, |dx| {
                back(None, dx);
                Ok(())
            })?;
            return Ok(vec![Some(gradient)]);
        }
        // SAFETY: `backward` writes every element.
        let mut dx = unsafe { buffer::unfilled(shape.elem_count()) };
        back(Some(&buffer::view(&gradient)?), &mut dx);
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
