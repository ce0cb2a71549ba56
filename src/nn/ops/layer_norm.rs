//! Layer normalization.

use super::{NORM_EPSILON, composed};
use crate::nn::kernels::{all_fast, buffer, norm};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, bail};

/// y(i) = (x(i) - mean) / sqrt(var + 1e-5) w(i) + b(i), mean and biased variance over the last dimension.
///
/// Shapes: x (..., D), w and b (D), result as x.
///
/// # Errors
/// If the shapes do not fit.
pub fn layer_norm(tape: &Tape, x: &Value, w: &Value, b: &Value) -> Result<Value> {
    let d = x.tensor().dims().last().copied().unwrap_or(0);
    if d == 0 || w.tensor().dims() != [d] || b.tensor().dims() != [d] {
        let (w, b) = (w.tensor().dims(), b.tensor().dims());
        bail!("layer norm: weight {w:?} and bias {b:?} for input {:?}", x.tensor().dims());
    }
    if !all_fast(&[x.tensor(), w.tensor(), b.tensor()]) {
        return composed(tape, x, w, b);
    }
    let (xt, wt, bt) = (x.tensor().contiguous()?, w.tensor().contiguous()?, b.tensor().contiguous()?);
    let (y, scales) = norm::row_forward(&buffer::view(&xt)?, &buffer::view(&wt)?, &buffer::view(&bt)?, NORM_EPSILON);
    let y = buffer::tensor(y, xt.shape())?;
    Ok(tape.record_fresh(&[x, w, b], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let (x, w) = (buffer::view(&xt)?, buffer::view(&wt)?);
        let (dx, dw, db) = norm::row_backward(&x, &scales, &w, &buffer::view(&gradient)?);
        Ok(vec![
            needs.compute(0, || buffer::tensor(dx, xt.shape()))?,
            needs.compute(1, || buffer::tensor(dw, d))?,
            needs.compute(2, || buffer::tensor(db, d))?,
        ])
    }))
}

fn composed(tape: &Tape, x: &Value, w: &Value, b: &Value) -> Result<Value> {
    let last = x.tensor().rank() - 1;
    composed::record(tape, &[x, w, b], |t| {
        let centered = t[0].broadcast_sub(&t[0].mean_keepdim(last)?)?;
        let var = centered.sqr()?.mean_keepdim(last)?;
        centered.broadcast_div(&(var + NORM_EPSILON)?.sqrt()?)?.broadcast_mul(&t[1])?.broadcast_add(&t[2])
    })
}
