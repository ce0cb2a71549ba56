//! The mean of each channel's plane.

use super::composed;
use crate::nn::kernels::{buffer, is_fast, norm::Sizes, pool};
use crate::nn::tape::{Tape, Value};
use crate::nn::value::source;
use candle_core::{Result, bail};

/// y(n, c) = mean over i, j of x(n, c, i, j). Shapes: x (N, C, H, W), result (N, C), already flat for a linear layer.
///
/// # Errors
/// If x is not four-dimensional or has empty planes.
pub fn global_avg_pool(tape: &Tape, x: &Value) -> Result<Value> {
    let (n, c, h, w) = x.shape().dims4()?;
    let m = h * w;
    if m == 0 {
        bail!("global pooling of empty planes: the input has shape {n}x{c}x{h}x{w}");
    }
    let (raw, lines) = x.raw();
    if !is_fast(raw) {
        return composed::record(tape, &[x], |t| t[0].reshape((n, c, m))?.mean(2));
    }
    let raw = raw.contiguous()?;
    let y = buffer::tensor(pool::means(Sizes { n, c, m }, source(&buffer::view(&raw)?, lines)), (n, c))?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dx = pool::spread(m, &buffer::view(&gradient)?);
        Ok(vec![Some(buffer::tensor(dx, (n, c, h, w))?)])
    }))
}
