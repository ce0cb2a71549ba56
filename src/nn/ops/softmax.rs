//! Softmax and its logarithm over the last dimension.

use super::composed;
use crate::nn::kernels::{buffer, is_fast, softmax as kernels};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y(k) = e^x(k) / sum over j of e^x(j), over the last dimension; any leading shape.
///
/// # Errors
/// If x is a scalar or the last dimension is empty.
pub fn softmax(tape: &Tape, x: &Value) -> Result<Value> {
    let classes = last(x.tensor())?;
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| composed_log_softmax(&t[0])?.exp());
    }
    record(tape, x, classes, kernels::softmax, kernels::softmax_gradient)
}

/// y(k) = x(k) - log of the sum over j of e^x(j), over the last dimension; any leading shape.
///
/// # Errors
/// If x is a scalar or the last dimension is empty.
pub fn log_softmax(tape: &Tape, x: &Value) -> Result<Value> {
    let classes = last(x.tensor())?;
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| composed_log_softmax(&t[0]));
    }
    record(tape, x, classes, kernels::log_softmax, kernels::log_softmax_gradient)
}

/// y = `forward(x, classes)`, whose gradient is `backward(y, dy, classes)`.
fn record(
    tape: &Tape,
    x: &Value,
    classes: usize,
    forward: fn(&[f32], usize) -> Vec<f32>,
    backward: fn(&[f32], &[f32], usize) -> Vec<f32>,
) -> Result<Value> {
    let xt = x.tensor().contiguous()?;
    let y = buffer::tensor(forward(&buffer::view(&xt)?, classes), xt.shape())?;
    let kept = y.clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dx = backward(&buffer::view(&kept)?, &buffer::view(&gradient)?, classes);
        Ok(vec![Some(buffer::tensor(dx, kept.shape())?)])
    }))
}

fn last(x: &Tensor) -> Result<usize> {
    match x.dims().last() {
        Some(&classes) if classes > 0 => Ok(classes),
        _ => bail!("softmax of shape {:?}: the last dimension must have elements", x.dims()),
    }
}

/// By differentiable candle operations.
pub(super) fn composed_log_softmax(x: &Tensor) -> Result<Tensor> {
    let last = x.rank() - 1;
    // The maximum only shifts: it is a constant for the gradient.
    let shifted = x.broadcast_sub(&x.detach().max_keepdim(last)?)?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(last)?.log()?)
}
