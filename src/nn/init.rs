//! How weights start: PyTorch's distributions, drawn from keyed streams.

use super::architecture::{Init, Part};
use super::rng::Stream;
use candle_core::{Device, Result, Tensor};

/// The tensor at the start of a run, from the stream (seed, "init/NAME"): no tensor's start depends on another's.
///
/// # Errors
/// If memory cannot be had.
pub fn tensor(part: &Part, seed: u64, device: &Device) -> Result<Tensor> {
    let mut stream = Stream::new(seed, &format!("init/{}", part.name), &[]);
    Tensor::from_vec(draw(part, part.count(), &mut stream), part.shape.as_slice(), device)
}

/// `count` numbers from the initial distribution of one entry of this tensor.
pub fn draw(part: &Part, count: usize, stream: &mut Stream) -> Vec<f32> {
    let mut numbers = vec![0.0; count];
    match part.init {
        Init::Default => {
            let bound = 1.0 / (part.fan_in as f64).sqrt();
            stream.fill_uniform(&mut numbers, -bound as f32, bound as f32);
        }
        Init::KaimingNormalFanIn => stream.fill_normal(&mut numbers, 0.0, (2.0 / part.fan_in as f64).sqrt() as f32),
        Init::KaimingNormalFanOut => stream.fill_normal(&mut numbers, 0.0, (2.0 / fan_out(part)).sqrt() as f32),
        Init::Normal(std) => stream.fill_normal(&mut numbers, 0.0, std),
        Init::Constant(value) => numbers.fill(value),
    }
    numbers
}

/// Outputs that one input entry reaches: K·R·S for a shape (K, C, R, S).
pub fn fan_out(part: &Part) -> f64 {
    let positions: usize = part.shape.iter().skip(2).product();
    (part.shape[0] * positions) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::architecture::PartKind;

    fn part(init: Init, shape: &[usize], fan_in: usize) -> Part {
        let shape = shape.to_vec();
        let kind = PartKind::ConvWeight;
        Part { name: "a.weight".into(), shape, kind, layer: 0, block: None, head: false, init, fan_in }
    }

    fn moments(part: &Part) -> (f64, f64, f64) {
        let numbers = draw(part, 40_000, &mut Stream::new(1, "test", &[]));
        let mean = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / 40_000.0;
        let var = numbers.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / 40_000.0;
        (mean, var.sqrt(), numbers.iter().fold(0f64, |a, x| a.max(f64::from(x.abs()))))
    }

    #[test]
    fn the_default_is_uniform_within_the_root_of_fan_in() {
        let (mean, std, max) = moments(&part(Init::Default, &[32, 16, 3, 3], 144));
        assert!(mean.abs() < 1e-3, "{mean}");
        assert!((std - 1.0 / 12.0 / 3f64.sqrt()).abs() < 5e-4, "{std}");
        assert!(max <= 1.0 / 12.0 + 1e-7 && max > 0.0832, "{max}");
    }

    #[test]
    fn kaiming_counts_inputs_or_outputs() {
        let (_, std, _) = moments(&part(Init::KaimingNormalFanIn, &[32, 16, 3, 3], 144));
        assert!((std - (2.0f64 / 144.0).sqrt()).abs() < 1e-3, "{std}");
        let (_, std, _) = moments(&part(Init::KaimingNormalFanOut, &[32, 16, 3, 3], 144));
        assert!((std - (2.0f64 / 288.0).sqrt()).abs() < 1e-3, "{std}");
    }

    #[test]
    fn a_tensor_depends_on_seed_and_name_alone() -> Result<()> {
        let first = |seed: u64, name: &str| -> Result<f32> {
            let part = Part { name: name.into(), ..part(Init::Default, &[4], 4) };
            tensor(&part, seed, &Device::Cpu)?.get(0)?.to_scalar()
        };
        assert_eq!(first(0, "a")?, first(0, "a")?);
        assert_ne!(first(0, "a")?, first(1, "a")?);
        assert_ne!(first(0, "a")?, first(0, "b")?);
        Ok(())
    }
}
