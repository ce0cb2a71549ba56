//! Maxima of windows.

use super::composed;
use crate::nn::kernels::pool::{PoolShape, max_backward, max_forward};
use crate::nn::kernels::{buffer, channel_norm::Statistics, is_fast, max_pool, source::Lines};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor};

/// y(n, c, i, j) = max of x(n, c, i stride + 0..kernel, j stride + 0..kernel). No padding; windows that would pass
/// the edge are left out. Shapes: x (N, C, H, W), result (N, C, OH, OW), OH = (H - kernel) / stride + 1 rounded down.
///
/// The gradient goes to the maximum, the first one (by row, then column) of equals, as in PyTorch.
///
/// # Errors
/// If x is not four-dimensional, kernel or stride is zero, or the window exceeds the input.
pub fn max_pool2d(tape: &Tape, x: &Value, kernel: usize, stride: usize) -> Result<Value> {
    let shape = PoolShape::new(x.shape().dims4()?, kernel, stride)?;
    if !is_fast(x.tensor()) {
        return composed(tape, x, &shape);
    }
    let xt = x.tensor().contiguous()?;
    if max_pool::applies(&shape) {
        return pairs(tape, x, xt, shape);
    }
    let (y, places) = max_forward(&shape, &buffer::view(&xt)?);
    let y = buffer::tensor(y, (shape.n, shape.c, shape.oh, shape.ow))?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dx = max_backward(&shape, &places, &buffer::view(&gradient)?);
        Ok(vec![Some(buffer::tensor(dx, (shape.n, shape.c, shape.h, shape.w))?)])
    }))
}

/// Windows of 2 x 2, whose maxima are found again from x on the way back.
fn pairs(tape: &Tape, x: &Value, xt: Tensor, shape: PoolShape) -> Result<Value> {
    let (zeros, ones) = (vec![0.0; shape.c], vec![1.0; shape.c]);
    let lines = Lines { mean: zeros.clone(), slope: ones, shift: zeros, relu: false };
    let y = max_pool::forward(&shape, &buffer::view(&xt)?, lines.activation());
    let y = buffer::tensor(y, (shape.n, shape.c, shape.oh, shape.ow))?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let (x, dy) = (buffer::view(&xt)?, buffer::view(&gradient)?);
        let (dx, _) = max_pool::backward(&shape, &x, lines.activation(), Statistics::Constant, &dy);
        Ok(vec![Some(buffer::tensor(dx, xt.shape())?)])
    }))
}

fn composed(tape: &Tape, x: &Value, shape: &PoolShape) -> Result<Value> {
    let best = windows(shape, x.tensor())?.argmax_keepdim(4)?;
    composed::record(tape, &[x], |t| windows(shape, &t[0])?.gather(&best, 4)?.squeeze(4))
}

/// The elements of each window along a last axis, (N, C, OH, OW, kernel²), by differentiable candle operations.
pub(super) fn windows(shape: &PoolShape, x: &Tensor) -> Result<Tensor> {
    let places = |offset: usize, count: usize| {
        let places: Vec<u32> = (0..count).map(|i| (offset + i * shape.stride) as u32).collect();
        Tensor::from_vec(places, count, x.device())
    };
    let mut shifted = Vec::with_capacity(shape.kernel * shape.kernel);
    for i in 0..shape.kernel {
        let rows = x.index_select(&places(i, shape.oh)?, 2)?;
        for j in 0..shape.kernel {
            shifted.push(rows.index_select(&places(j, shape.ow)?, 3)?);
        }
    }
    Tensor::stack(&shifted, 4)?.contiguous()
}
