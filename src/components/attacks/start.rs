//! Random starts of iterated attacks, each image's own: keyed by its id, not by its place in the batch.

use super::project::norm;
use crate::components::objectives::{Batch, Draws};
use crate::nn::rng::Stream;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// A point of the cube around each image, each pixel moved by U(−eps, eps), clamped to 0..=1 (as torchattacks).
pub(super) fn linf(eps: f64, batch: &Batch, draws: &Draws, restart: u64) -> Result<Tensor> {
    let eps = eps as f32;
    random(batch, draws, "attack", restart, |pixels, stream| {
        pixels.iter_mut().for_each(|x| *x = (*x + stream.uniform(-eps, eps)).clamp(0.0, 1.0));
    })
}

/// A point of the ball around each image, clamped to 0..=1: the direction of a normal draw, the length U(0, eps), so
/// that half of the starts lie within eps/2 (as torchattacks).
pub(super) fn l2(eps: f64, batch: &Batch, draws: &Draws, restart: u64) -> Result<Tensor> {
    random(batch, draws, "attack", restart, |pixels, stream| {
        let direction: Vec<f32> = pixels.iter().map(|_| stream.normal()).collect();
        // A draw of zeros alone has no direction; the start is then the image.
        let length = norm(&direction).max(f32::MIN_POSITIVE);
        let scale = stream.uniform(0.0, 1.0) / length * eps as f32;
        pixels.iter_mut().zip(direction).for_each(|(x, d)| *x = (*x + d * scale).clamp(0.0, 1.0));
    })
}

/// A copy of the images that `start` has moved, each with the stream (seed, `purpose`, [id, clock, restart]).
pub(super) fn random(
    batch: &Batch,
    draws: &Draws,
    purpose: &str,
    restart: u64,
    start: impl Fn(&mut [f32], &mut Stream) + Sync,
) -> Result<Tensor> {
    let dims = batch.pixels.dims().to_vec();
    let image = dims.iter().skip(1).product::<usize>().max(1);
    let mut pixels: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
    pixels.par_chunks_mut(image).zip(&batch.ids).for_each(|(pixels, &id)| {
        start(pixels, &mut draws.stream(purpose, &[id, draws.clock, restart]));
    });
    Tensor::from_vec(pixels, dims, batch.pixels.device())
}
