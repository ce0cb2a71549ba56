//! Means of windows.

use super::composed;
use super::max_pool2d::windows;
use crate::nn::kernels::pool::{PoolShape, mean_backward, mean_forward};
use crate::nn::kernels::{buffer, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::Result;

/// y(n, c, i, j) = mean of x(n, c, i stride + 0..kernel, j stride + 0..kernel). No padding; windows that would pass
/// the edge are left out. Shapes: x (N, C, H, W), result (N, C, OH, OW), OH = (H - kernel) / stride + 1 rounded down.
///
/// # Errors
/// If x is not four-dimensional, kernel or stride is zero, or the window exceeds the input.
pub fn avg_pool2d(tape: &Tape, x: &Value, kernel: usize, stride: usize) -> Result<Value> {
    let shape = PoolShape::new(x.tensor().dims4()?, kernel, stride)?;
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| windows(&shape, &t[0])?.mean(4));
    }
    let xt = x.tensor().contiguous()?;
    let y = mean_forward(&shape, &buffer::view(&xt)?);
    let y = buffer::tensor(y, (shape.n, shape.c, shape.oh, shape.ow))?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dx = mean_backward(&shape, &buffer::view(&gradient)?);
        Ok(vec![Some(buffer::tensor(dx, (shape.n, shape.c, shape.h, shape.w))?)])
    }))
}
