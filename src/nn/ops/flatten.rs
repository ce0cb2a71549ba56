//! All dimensions but the first as one.

use crate::nn::tape::{Tape, Value};
use candle_core::Result;

/// y = x with shape (N, F): N the first dimension of x, F the product of the others. Shares the data.
///
/// # Errors
/// If x is a scalar.
pub fn flatten(tape: &Tape, x: &Value) -> Result<Value> {
    let shape = x.tensor().shape().clone();
    let y = x.tensor().flatten_from(1)?;
    let y = if shape.rank() == 1 { y.unsqueeze(1)? } else { y };
    Ok(tape.record(&[x], y, move |gradient, _| Ok(vec![Some(gradient.reshape(&shape)?)])))
}
