//! The same numbers under another shape.

use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Shape};

/// y = x in row-major order with another shape of as many elements. Shares the data where x is contiguous.
///
/// # Errors
/// If the numbers of elements differ.
pub fn reshape(tape: &Tape, x: &Value, shape: impl Into<Shape>) -> Result<Value> {
    let before = x.tensor().shape().clone();
    let y = x.tensor().reshape(shape.into())?;
    Ok(tape.record(&[x], y, move |gradient, _| Ok(vec![Some(gradient.reshape(&before)?)])))
}

/// y = x with two dimensions exchanged. Shares the data; operations that need them in order copy.
///
/// # Errors
/// If x has no such dimension.
pub fn transpose(tape: &Tape, x: &Value, first: usize, second: usize) -> Result<Value> {
    let y = x.tensor().transpose(first, second)?;
    Ok(tape.record(&[x], y, move |gradient, _| Ok(vec![Some(gradient.transpose(first, second)?)])))
}
