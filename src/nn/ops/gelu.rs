//! Gaussian error linear units.

use super::composed;
use crate::nn::kernels::{buffer, elementwise, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::cpu::erf::erf_f64;
use candle_core::{Result, Tensor};

/// Which formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gelu {
    /// x Φ(x) = x (1 + erf(x / √2)) / 2 (Hendrycks and Gimpel 2016): PyTorch's default
    Exact,
    /// x / (1 + e^(-1.702 x)): that of CLIP
    Quick,
}

/// y = gelu(x), elementwise, in f64 before it is rounded; of any shape.
///
/// # Errors
/// If memory cannot be had.
pub fn gelu(tape: &Tape, x: &Value, kind: Gelu) -> Result<Value> {
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| composed_gelu(&t[0], kind));
    }
    let kept = x.tensor().contiguous()?;
    let y = elementwise::map(&buffer::view(&kept)?, |x| kind.value(f64::from(x)) as f32);
    let y = buffer::tensor(y, kept.shape())?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let slope = |x, dy| (kind.slope(f64::from(x)) * f64::from(dy)) as f32;
        let dx = elementwise::map2(&buffer::view(&kept)?, &buffer::view(&gradient)?, slope);
        Ok(vec![Some(buffer::tensor(dx, kept.shape())?)])
    }))
}

impl Gelu {
    fn value(self, x: f64) -> f64 {
        match self {
            Gelu::Exact => 0.5 * x * (1.0 + erf_f64(x / std::f64::consts::SQRT_2)),
            Gelu::Quick => x / (1.0 + (-1.702 * x).exp()),
        }
    }

    fn slope(self, x: f64) -> f64 {
        match self {
            Gelu::Exact => {
                let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                0.5 * (1.0 + erf_f64(x / std::f64::consts::SQRT_2)) + x * density
            }
            Gelu::Quick => {
                let share = 1.0 / (1.0 + (-1.702 * x).exp());
                share * (1.0 + 1.702 * x * (1.0 - share))
            }
        }
    }
}

/// By differentiable candle operations.
fn composed_gelu(x: &Tensor, kind: Gelu) -> Result<Tensor> {
    match kind {
        Gelu::Exact => x.gelu_erf(),
        Gelu::Quick => x / ((x * -1.702)?.exp()? + 1.0)?,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, max_error, test_tensor};
    use candle_core::{DType, Device};

    #[test]
    fn values_are_those_of_pytorch() {
        // torch 2.15.0: F.gelu and x * sigmoid(1.702 x) in f64.
        let x = Value::constant(Tensor::new(&[-3f32, -0.5, 0.0, 0.7, 4.0], &Device::Cpu).unwrap());
        let expected = [
            (Gelu::Exact, [-0.004049694095, -0.154268769363, 0.0, 0.530625443444, 3.999873315033]),
            (Gelu::Quick, [-0.018071309708, -0.149611563394, 0.0, 0.536893951723, 3.995585275860]),
        ];
        for (kind, expected) in expected {
            let found = gelu(&Tape::new(), &x, kind).unwrap();
            let expected = Tensor::new(&expected.map(|y: f64| y as f32), &Device::Cpu).unwrap();
            let error = max_error(found.tensor(), &expected);
            assert!(error < 1e-6, "{kind:?}: {error:e}");
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences_and_the_composed_form() {
        for kind in [Gelu::Exact, Gelu::Quick] {
            check_gradient(|tape, v| gelu(tape, &v[0], kind), &[test_tensor(&[3, 7], 1)], 1e-2).unwrap();
            let run = |dtype: DType| {
                let tape = Tape::new();
                let x = tape.leaf(&test_tensor(&[3, 7], 1).to_dtype(dtype).unwrap());
                let y = gelu(&tape, &x, kind).unwrap();
                let dy = test_tensor(&[3, 7], 2).to_dtype(dtype).unwrap();
                [y.tensor().clone(), tape.backward_from(&y, dy).unwrap().get(&x).unwrap().clone()]
            };
            for (fast, composed) in run(DType::F32).iter().zip(run(DType::F64)) {
                // Candle's slope of the exact form has constants of six digits.
                assert!(max_error(fast, &composed) < 2e-6, "{kind:?}");
            }
        }
    }
}
