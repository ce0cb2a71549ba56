//! Products of equal places.

use crate::nn::kernels::{all_fast, buffer, elementwise};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y = a b, elementwise; both have the same shape, any shape.
///
/// # Errors
/// If the shapes differ.
pub fn multiply(tape: &Tape, a: &Value, b: &Value) -> Result<Value> {
    let (at, bt) = (a.tensor().contiguous()?, b.tensor().contiguous()?);
    let y = product(&at, &bt)?;
    Ok(tape.record_fresh(&[a, b], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        Ok(vec![needs.compute(0, || product(&gradient, &bt))?, needs.compute(1, || product(&gradient, &at))?])
    }))
}

/// y = x c, elementwise, for constants c in the order of x.
///
/// # Errors
/// If there are not as many of them as x has numbers.
pub fn multiply_const(tape: &Tape, x: &Value, factors: Vec<f32>) -> Result<Value> {
    let shape = x.tensor().shape();
    if factors.len() != shape.elem_count() {
        bail!("{} factors for a value of shape {:?}", factors.len(), shape.dims());
    }
    let factors = Tensor::from_vec(factors, shape, x.tensor().device())?.to_dtype(x.tensor().dtype())?;
    multiply(tape, x, &Value::constant(factors))
}

fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.shape() != b.shape() {
        bail!("multiplication of shapes {:?} and {:?}: they must be equal", a.dims(), b.dims());
    }
    if !all_fast(&[a, b]) {
        return a * b;
    }
    buffer::tensor(elementwise::map2(&buffer::view(a)?, &buffer::view(b)?, |a, b| a * b), a.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, test_tensor};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let [a, b] = [1, 2].map(|seed| test_tensor(&[3, 5], seed));
        check_gradient(|tape, v| multiply(tape, &v[0], &v[1]), &[a.clone(), b], 1e-2).unwrap();
        // Twice the same value: both gradients are its own.
        check_gradient(|tape, v| multiply(tape, &v[0], &v[0]), std::slice::from_ref(&a), 1e-2).unwrap();
        let factors: Vec<f32> = (0..15).map(|i| (i % 3) as f32).collect();
        check_gradient(|tape, v| multiply_const(tape, &v[0], factors.clone()), std::slice::from_ref(&a), 1e-2).unwrap();
        let short = multiply_const(&Tape::new(), &Value::constant(a), vec![1.0]).unwrap_err().to_string();
        assert!(short.contains("1 factors"), "{short}");
    }
}
