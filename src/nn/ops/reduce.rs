//! Sum and mean of all elements.

use super::composed;
use crate::nn::kernels::{buffer, elementwise, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, bail};

/// y = sum of all elements of x, a scalar.
///
/// # Errors
/// None of its own.
pub fn sum(tape: &Tape, x: &Value) -> Result<Value> {
    scaled_sum(tape, x, 1.0)
}

/// y = mean of all elements of x, a scalar.
///
/// # Errors
/// If x is empty.
pub fn mean(tape: &Tape, x: &Value) -> Result<Value> {
    match x.tensor().elem_count() {
        0 => bail!("mean of an empty tensor of shape {:?}", x.tensor().dims()),
        count => scaled_sum(tape, x, 1.0 / count as f64),
    }
}

fn scaled_sum(tape: &Tape, x: &Value, scale: f64) -> Result<Value> {
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| t[0].sum_all()? * scale);
    }
    let xt = x.tensor().contiguous()?;
    let y = buffer::tensor(vec![(elementwise::total(&buffer::view(&xt)?) * scale) as f32], ())?;
    let shape = xt.shape().clone();
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let each = f64::from(gradient.to_scalar::<f32>()?) * scale;
        Ok(vec![Some(buffer::tensor(vec![each as f32; shape.elem_count()], &shape)?)])
    }))
}
