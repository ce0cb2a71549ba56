//! What forgotten weights become.

use super::Fill;
use crate::nn::architecture::Part;
use crate::nn::init;
use crate::nn::rng::Stream;
use candle_core::{Result, bail};

/// The new values of the weights at `places`, which have the values `old`.
pub(super) fn values(part: &Part, places: &[usize], old: &[f32], to: &Fill, mut stream: Stream) -> Result<Vec<f32>> {
    Ok(match to {
        Fill::Init => init::draw(part, places.len(), &mut stream),
        Fill::Zero => vec![0.0; places.len()],
        Fill::Rewind(tensors) => {
            let name = &part.name;
            let Some(then) = tensors.get(name) else { bail!("the checkpoint has no {name} to rewind to") };
            if then.dims() != part.shape {
                bail!("{name} had shape {:?} at the checkpoint and has {:?} now", then.dims(), part.shape);
            }
            let then: Vec<f32> = then.flatten_all()?.to_vec1()?;
            places.iter().map(|&place| then[place]).collect()
        }
        Fill::Noise { std } => {
            let mut noise = vec![0.0; places.len()];
            stream.fill_normal(&mut noise, 0.0, *std as f32);
            old.iter().zip(noise).map(|(old, noise)| old + noise).collect()
        }
    })
}
