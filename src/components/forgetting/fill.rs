//! What forgotten weights become.

use super::{Fan, Fill, Shape};
use crate::nn::architecture::{Part, PartKind};
use crate::nn::init;
use crate::nn::rng::Stream;
use candle_core::{DType, Result, bail};

/// The new values of the weights at `places`, which have the values `old`.
pub(super) fn values(part: &Part, places: &[usize], old: &[f32], to: &Fill, mut stream: Stream) -> Result<Vec<f32>> {
    Ok(match to {
        Fill::Init => init::draw(part, places.len(), &mut stream),
        Fill::Zero => vec![0.0; places.len()],
        Fill::Shrink { factor, noise } => {
            let fresh = init::draw(part, places.len(), &mut stream);
            let mixed = |(old, fresh): (&f32, f32)| (factor * f64::from(*old) + noise * f64::from(fresh)) as f32;
            old.iter().zip(fresh).map(mixed).collect()
        }
        Fill::Kaiming { shape, a, fan } => {
            let mut new = vec![0.0; places.len()];
            let variance = 2.0 / ((1.0 + a * a) * fan.of(part)?);
            match shape {
                Shape::Uniform => {
                    let bound = (3.0 * variance).sqrt() as f32;
                    stream.fill_uniform(&mut new, -bound, bound);
                }
                Shape::Normal => stream.fill_normal(&mut new, 0.0, variance.sqrt() as f32),
            }
            new
        }
        Fill::Rewind(tensors) => {
            let name = &part.name;
            let Some(then) = tensors.get(name) else { bail!("the checkpoint has no {name} to rewind to") };
            if then.dims() != part.shape {
                bail!("{name} had shape {:?} at the checkpoint and has {:?} now", then.dims(), part.shape);
            }
            let then: Vec<f32> = then.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
            places.iter().map(|&place| then[place]).collect()
        }
        Fill::Noise { std } => {
            let mut noise = vec![0.0; places.len()];
            stream.fill_normal(&mut noise, 0.0, *std as f32);
            old.iter().zip(noise).map(|(old, noise)| old + noise).collect()
        }
    })
}

impl Fan {
    fn of(self, part: &Part) -> Result<f64> {
        if !counts_inputs(part) {
            bail!("{} has no inputs and outputs to count", part.name);
        }
        Ok(match self {
            Fan::In => part.fan_in as f64,
            Fan::Out => init::fan_out(part),
        })
    }
}

/// Whether a tensor has inputs and outputs: PyTorch's Kaiming draws refuse the others too.
pub fn counts_inputs(part: &Part) -> bool {
    matches!(part.kind, PartKind::ConvWeight | PartKind::LinearWeight)
}
