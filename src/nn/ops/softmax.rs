//! Softmax and its logarithm over the last dimension.

use super::composed;
use super::cross_entropy::log_sum_exp;
use crate::nn::kernels::{buffer, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// y(k) = e^x(k) / sum over j of e^x(j), over the last dimension; any leading shape.
///
/// # Errors
/// If x is a scalar or the last dimension is empty.
pub fn softmax(tape: &Tape, x: &Value) -> Result<Value> {
    let classes = last(x.tensor())?;
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| composed_log_softmax(&t[0])?.exp());
    }
    let y = rows(x.tensor(), classes, |x, normalizer| (f64::from(x) - normalizer).exp() as f32)?;
    let kept = y.clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let dx = row_gradient(&kept, gradient, classes, |y, dy, dot| y * (dy - dot as f32), |y, dy| y * dy)?;
        Ok(vec![Some(dx)])
    }))
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
    let y = rows(x.tensor(), classes, |x, normalizer| (f64::from(x) - normalizer) as f32)?;
    let kept = y.clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let dx = row_gradient(&kept, gradient, classes, |y, dy, sum| dy - y.exp() * sum as f32, |_, dy| dy)?;
        Ok(vec![Some(dx)])
    }))
}

fn last(x: &Tensor) -> Result<usize> {
    match x.dims().last() {
        Some(&classes) if classes > 0 => Ok(classes),
        _ => bail!("softmax of shape {:?}: the last dimension must have elements", x.dims()),
    }
}

/// `f(x, log_sum_exp of the row)` for every element.
fn rows(x: &Tensor, classes: usize, f: impl Fn(f32, f64) -> f32 + Sync) -> Result<Tensor> {
    let x = x.contiguous()?;
    let data = buffer::view(&x)?;
    let mut y = vec![0f32; data.len()];
    y.par_chunks_mut(classes).zip(data.par_chunks(classes)).with_min_len(64).for_each(|(y, x)| {
        let normalizer = log_sum_exp(x);
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x, normalizer));
    });
    buffer::tensor(y, x.shape())
}

/// `f(y, dy, s)` for every element, where s is the sum of `term(y, dy)` over its row.
fn row_gradient(
    y: &Tensor,
    gradient: &Tensor,
    classes: usize,
    f: impl Fn(f32, f32, f64) -> f32 + Sync,
    term: impl Fn(f32, f32) -> f32 + Sync,
) -> Result<Tensor> {
    let gradient = gradient.contiguous()?;
    let (data, gradient) = (buffer::view(y)?, buffer::view(&gradient)?);
    let mut dx = vec![0f32; data.len()];
    let rows = dx.par_chunks_mut(classes).zip(data.par_chunks(classes)).zip(gradient.par_chunks(classes));
    rows.with_min_len(64).for_each(|((dx, y), dy)| {
        let sum: f64 = y.iter().zip(dy).map(|(&y, &dy)| f64::from(term(y, dy))).sum();
        dx.iter_mut().zip(y).zip(dy).for_each(|((dx, &y), &dy)| *dx = f(y, dy, sum));
    });
    buffer::tensor(dx, y.shape())
}

/// By differentiable candle operations.
pub(super) fn composed_log_softmax(x: &Tensor) -> Result<Tensor> {
    let last = x.rank() - 1;
    // The maximum only shifts: it is a constant for the gradient.
    let shifted = x.broadcast_sub(&x.detach().max_keepdim(last)?)?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(last)?.log()?)
}
