//! Batch normalization, ReLU and 2x2 maxima as one operation.

use super::batch_norm::{BatchNormStats, Norm, check};
use crate::nn::kernels::pool::PoolShape;
use crate::nn::kernels::{all_fast, buffer, max_pool};
use crate::nn::tape::{Tape, Value};
use candle_core::Result;

/// `max_pool2d(batch_norm_relu(x, w, b), 2, 2)`, which keeps nothing but x and writes nothing but the maxima.
///
/// Shapes: x (N, C, H, W), w and b (C), result (N, C, H / 2, W / 2) rounded down. The gradient of a maximum goes to the
/// first of equals.
///
/// # Errors
/// As the operations it is made of.
pub fn batch_norm_relu_pool(tape: &Tape, x: &Value, w: &Value, b: &Value, stats: BatchNormStats) -> Result<Value> {
    let sizes = check(x, w, b, &stats)?;
    let shape = PoolShape::new(x.shape().dims4()?, 2, 2)?;
    if !all_fast(&[x.tensor(), w.tensor(), b.tensor()]) {
        let y = super::batch_norm_relu(tape, x, w, b, stats)?;
        return super::max_pool2d(tape, &y, 2, 2);
    }
    let norm = Norm::new(x.tensor().contiguous()?, w, b, sizes, stats, true)?;
    let y = max_pool::forward(&shape, &buffer::view(&norm.x)?, norm.lines.activation());
    let y = buffer::tensor(y, (shape.n, shape.c, shape.oh, shape.ow))?;
    Ok(tape.record_fresh(&[x, w, b], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let (x, dy, lines) = (buffer::view(&norm.x)?, buffer::view(&gradient)?, norm.lines.activation());
        let (dx, sums) = match needs.input(0) {
            true => {
                let (dx, sums) = max_pool::backward(&shape, &x, lines, norm.statistics(), &dy);
                (Some(buffer::tensor(dx, norm.x.shape())?), sums)
            }
            false => (None, Vec::new()),
        };
        let wanted = needs.input(1) || needs.input(2);
        let sums = if sums.is_empty() && wanted { max_pool::gradient_sums(&shape, &x, lines, &dy) } else { sums };
        norm.gradients(dx, &sums, needs)
    }))
}
