//! The sum of two values, as at the end of a residual block.

use crate::nn::kernels::{all_fast, buffer, elementwise};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, bail};

/// y = a + b, elementwise; both have the same shape, any shape.
///
/// # Errors
/// If the shapes differ.
pub fn add(tape: &Tape, a: &Value, b: &Value) -> Result<Value> {
    let (at, bt) = (a.tensor(), b.tensor());
    if at.shape() != bt.shape() {
        bail!("addition of shapes {:?} and {:?}: they must be equal", at.dims(), bt.dims());
    }
    let y = if all_fast(&[at, bt]) {
        let (at, bt) = (at.contiguous()?, bt.contiguous()?);
        buffer::tensor(elementwise::map2(&buffer::view(&at)?, &buffer::view(&bt)?, |a, b| a + b), at.shape())?
    } else {
        (at + bt)?
    };
    // The gradient passes on unchanged, and shared.
    Ok(tape.record(&[a, b], y, |gradient, needs| {
        Ok(vec![needs.compute(0, || Ok(gradient.clone()))?, needs.compute(1, || Ok(gradient.clone()))?])
    }))
}
