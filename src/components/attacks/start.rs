//! Random starts of iterated attacks, each image's own: keyed by its id, not by its place in the batch.

use super::project::norm;
use crate::components::objectives::{Batch, Draws};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// The ball that a start is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Norm {
    Linf,
    L2,
}

/// A random point of the ball of radius `eps` around each image, clamped to 0..=1.
///
/// linf: each pixel moves by U(−eps, eps). l2: the direction of a normal draw, the length U(0, eps), so that half of
/// the starts lie within eps/2 (both as torchattacks). Image i draws from stream (seed, "attack", [id, clock, restart]).
pub(super) fn random(norm: Norm, eps: f64, batch: &Batch, draws: &Draws, restart: u64) -> Result<Tensor> {
    let dims = batch.pixels.dims().to_vec();
    let image = dims.iter().skip(1).product::<usize>().max(1);
    let mut pixels: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
    pixels.par_chunks_mut(image).zip(&batch.ids).for_each(|(pixels, &id)| {
        let mut stream = draws.stream("attack", &[id, draws.clock, restart]);
        match norm {
            Norm::Linf => {
                let eps = eps as f32;
                pixels.iter_mut().for_each(|x| *x = (*x + stream.uniform(-eps, eps)).clamp(0.0, 1.0));
            }
            Norm::L2 => {
                let direction: Vec<f32> = pixels.iter().map(|_| stream.normal()).collect();
                // A draw of zeros alone has no direction; the start is then the image.
                let length = self::norm(&direction).max(f32::MIN_POSITIVE);
                let scale = stream.uniform(0.0, 1.0) / length * eps as f32;
                pixels.iter_mut().zip(direction).for_each(|(x, d)| *x = (*x + d * scale).clamp(0.0, 1.0));
            }
        }
    });
    Tensor::from_vec(pixels, dims, batch.pixels.device())
}
