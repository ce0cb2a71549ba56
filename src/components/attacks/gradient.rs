//! What attacks ask of a network: the gradient of the loss with respect to the pixels, and the loss itself.

use crate::nn::network::{Forward, Mode, Network, Trainable};
use crate::nn::ops::{Reduction, cross_entropy};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor};

/// d(sum of cross-entropies)/d(pixels), (N, C, H, W). No weight is a leaf, so only gradients on the way to the pixels
/// are formed.
///
/// The sum, where torchattacks takes the mean: an image's gradient then doesn't depend on how many others are in the
/// batch. A positive factor changes neither signs nor directions, but for f32's smallest numbers.
pub(super) fn of_pixels(network: &Network, mode: Mode, pixels: &Tensor, labels: &[u32]) -> Result<Tensor> {
    let tape = network.tape();
    let x = tape.leaf(pixels);
    let forward = forward(&tape, &x, network, mode)?;
    let loss = cross_entropy(&tape, &forward.logits, labels, 0.0, Reduction::Sum)?;
    match tape.backward(&loss)?.take(&x) {
        Some(gradient) => gradient.contiguous(),
        None => pixels.zeros_like(),
    }
}

/// The logits (N, K) of the images, row by row, and d(Σ slope · logits)/d(pixels): `slope`, of the logits' shape, is made
/// from them, say as the gradient of a loss. So an attack gets the losses and where they rise in one pass.
pub(super) fn along(
    network: &Network,
    mode: Mode,
    pixels: &Tensor,
    slope: impl FnOnce(&[f32], usize) -> Vec<f32>,
) -> Result<(Vec<f32>, Tensor)> {
    let tape = network.tape();
    let x = tape.leaf(pixels);
    let logits = forward(&tape, &x, network, mode)?.logits;
    let (n, classes) = logits.tensor().dims2()?;
    let rows: Vec<f32> = logits.tensor().flatten_all()?.to_vec1()?;
    let slope = Tensor::from_vec(slope(&rows, classes), (n, classes), pixels.device())?;
    match tape.backward_from(&logits, slope)?.take(&x) {
        Some(gradient) => Ok((rows, gradient.contiguous()?)),
        None => Ok((rows, pixels.zeros_like()?)),
    }
}

/// The pass that attacks walk back through.
pub(super) fn forward(tape: &Tape, pixels: &Value, network: &Network, mode: Mode) -> Result<Forward> {
    network.forward(tape, pixels, mode, Trainable::None)
}

/// Cross-entropy of each image, and whether it is classified as labelled.
pub(super) fn losses(network: &Network, mode: Mode, pixels: &Tensor, labels: &[u32]) -> Result<Vec<(f32, bool)>> {
    let logits = network.logits(pixels, mode)?;
    let correct = crate::components::metrics::correct(&logits, labels)?;
    let losses = cross_entropy(&Tape::new(), &Value::constant(logits), labels, 0.0, Reduction::None)?;
    Ok(losses.tensor().to_vec1::<f32>()?.into_iter().zip(correct).collect())
}
