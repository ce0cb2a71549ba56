//! The mean of each channel's plane.

use super::composed;
use crate::nn::kernels::{buffer, elementwise, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, bail};
use rayon::prelude::*;

/// y(n, c) = mean over i, j of x(n, c, i, j). Shapes: x (N, C, H, W), result (N, C), already flat for a linear layer.
///
/// # Errors
/// If x is not four-dimensional or has empty planes.
pub fn global_avg_pool(tape: &Tape, x: &Value) -> Result<Value> {
    let (n, c, h, w) = x.tensor().dims4()?;
    let m = h * w;
    if m == 0 {
        bail!("global pooling of empty planes: the input has shape {n}x{c}x{h}x{w}");
    }
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| t[0].reshape((n, c, m))?.mean(2));
    }
    let xt = x.tensor().contiguous()?;
    let means = buffer::view(&xt)?.par_chunks(m).map(|plane| (elementwise::sum(plane) / m as f64) as f32).collect();
    let y = buffer::tensor(means, (n, c))?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        // SAFETY: the loop fills every plane.
        let mut dx = unsafe { buffer::unfilled(n * c * m) };
        let gradient = buffer::view(&gradient)?;
        dx.par_chunks_mut(m).zip(gradient.par_iter()).for_each(|(dx, &dy)| dx.fill(dy / m as f32));
        Ok(vec![Some(buffer::tensor(dx, (n, c, h, w))?)])
    }))
}
