//! The rectified linear unit.

use super::composed;
use crate::nn::kernels::{buffer, elementwise, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::Result;

/// y = max(x, 0), elementwise, any shape. The derivative at 0 is 0; NaN passes, as in PyTorch.
///
/// # Errors
/// None of its own.
pub fn relu(tape: &Tape, x: &Value) -> Result<Value> {
    if !is_fast(x.tensor()) {
        return composed(tape, x);
    }
    let xt = x.tensor().contiguous()?;
    let y = elementwise::map(&buffer::view(&xt)?, |x| if x <= 0.0 { 0.0 } else { x });
    let y = buffer::tensor(y, xt.shape())?;
    let kept = y.clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dx = elementwise::map2(
            &buffer::view(&kept)?,
            &buffer::view(&gradient)?,
            |y, dy| {
                if y <= 0.0 { 0.0 } else { dy }
            },
        );
        Ok(vec![Some(buffer::tensor(dx, kept.shape())?)])
    }))
}

fn composed(tape: &Tape, x: &Value) -> Result<Value> {
    // Candle's own relu has derivative 1 at 0.
    let positive = x.tensor().gt(0.0)?.to_dtype(x.tensor().dtype())?;
    composed::record(tape, &[x], |t| &t[0] * &positive)
}
