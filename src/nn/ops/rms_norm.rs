//! Normalization by the root mean square.

use super::composed;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{all_fast, buffer, rms_norm as kernel};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y(i) = x(i) / sqrt(mean of x² + epsilon) w(i), the mean over the last dimension (Zhang and Sennrich 2019).
///
/// Shapes: x (..., D), w (D), result as x. Keeps x and one number a row.
///
/// # Errors
/// If the shapes do not fit.
pub fn rms_norm(tape: &Tape, x: &Value, w: &Value, epsilon: f64) -> Result<Value> {
    let d = check(x.tensor(), w.tensor())?;
    if !all_fast(&[x.tensor(), w.tensor()]) {
        return composed::record(tape, &[x, w], |t| composed_rms_norm(&t[0], &t[1], epsilon));
    }
    let isa = Isa::in_use();
    let (xt, wt) = (x.tensor().contiguous()?, w.tensor().contiguous()?);
    let inverse = kernel::inverse_rms(isa, &buffer::view(&xt)?, d, epsilon);
    let y = kernel::scale(isa, &buffer::view(&xt)?, &inverse, &buffer::view(&wt)?);
    let y = buffer::tensor(y, xt.shape())?;
    Ok(tape.record_fresh(&[x, w], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let (x, w, dy) = (buffer::view(&xt)?, buffer::view(&wt)?, buffer::view(&gradient)?);
        let (dx, dw) = kernel::backward(isa, &x, &inverse, &w, &dy, needs.input(1));
        Ok(vec![needs.compute(0, || buffer::tensor(dx, xt.shape()))?, needs.compute(1, || buffer::tensor(dw, d))?])
    }))
}

/// The size of the last dimension, if the weight fits it.
pub(super) fn check(x: &Tensor, w: &Tensor) -> Result<usize> {
    match x.dims().last() {
        Some(&d) if d > 0 && w.dims() == [d] => Ok(d),
        _ => bail!("rms norm: weight {:?} for input {:?}", w.dims(), x.dims()),
    }
}

/// By differentiable candle operations.
pub(super) fn composed_rms_norm(x: &Tensor, w: &Tensor, epsilon: f64) -> Result<Tensor> {
    let mean = x.sqr()?.mean_keepdim(x.rank() - 1)?;
    x.broadcast_div(&(mean + epsilon)?.sqrt()?)?.broadcast_mul(w)
}
