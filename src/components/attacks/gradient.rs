//! What attacks ask of a network: losses, and their gradients with respect to the pixels.

use super::loss::Loss;
use crate::components::metrics;
use crate::nn::network::{Forward, Mode, Network, Trainable};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// What a pass found of each image.
pub(super) struct Seen {
    pub losses: Vec<f32>,
    /// whether it is classified as labelled
    pub right: Vec<bool>,
    /// d(sum of the losses)/d(pixels), (N, C, H, W)
    pub gradient: Tensor,
}

/// The losses of the images with their labels and, for targeted losses, targets; and where they rise.
///
/// The gradient is that of the sum, where torchattacks takes the mean: an image's gradient then doesn't depend on how
/// many others are in the batch. A positive factor changes neither signs nor directions, but for f32's smallest numbers.
///
/// # Errors
/// A network with fewer classes than the loss needs, labels or targets that it doesn't have, and what its operations
/// return.
pub(super) fn see(
    network: &Network,
    mode: Mode,
    pixels: &Tensor,
    labels: &[u32],
    targets: Option<&[u32]>,
    loss: Loss,
) -> Result<Seen> {
    let (mut losses, mut right) = (Vec::new(), Vec::new());
    let (_, gradient) = along(network, mode, pixels, |logits| {
        right = metrics::correct(logits, labels)?;
        let (found, slopes) = at(logits, labels, targets, loss)?;
        losses = found;
        Ok(slopes)
    })?;
    Ok(Seen { losses, right, gradient })
}

/// The loss of each image, and whether it is classified as labelled.
///
/// # Errors
/// As [`see`].
pub(super) fn losses(
    network: &Network,
    mode: Mode,
    pixels: &Tensor,
    labels: &[u32],
    loss: Loss,
) -> Result<Vec<(f32, bool)>> {
    let logits = network.logits(pixels, mode)?;
    let right = metrics::correct(&logits, labels)?;
    Ok(at(&logits, labels, None, loss)?.0.into_iter().zip(right).collect())
}

#[cfg(test)]
thread_local! {
    /// The passes there and back on this thread.
    pub(super) static PASSES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The logits (N, K), row by row, and d(Σ slope · logits)/d(pixels), (N, C, H, W), contiguous. `slope` makes numbers of the
/// logits' shape from them: the gradient of a loss, say. No weight is a leaf, so only gradients on the way to the pixels
/// are formed.
///
/// # Errors
/// What `slope` and the network's operations return.
pub(super) fn along(
    network: &Network,
    mode: Mode,
    pixels: &Tensor,
    slope: impl FnOnce(&Tensor) -> Result<Vec<f32>>,
) -> Result<(Vec<f32>, Tensor)> {
    #[cfg(test)]
    PASSES.set(PASSES.get() + 1);
    let tape = network.tape();
    let x = tape.leaf(pixels);
    let logits = forward(&tape, &x, network, mode)?.logits;
    let slope = Tensor::from_vec(slope(logits.tensor())?, logits.tensor().dims2()?, pixels.device())?;
    let rows = logits.tensor().flatten_all()?.to_vec1()?;
    match tape.backward_from(&logits, slope)?.take(&x) {
        Some(gradient) => Ok((rows, gradient.contiguous()?)),
        None => Ok((rows, pixels.zeros_like()?)),
    }
}

/// The pass that attacks walk back through.
pub(super) fn forward(tape: &Tape, pixels: &Value, network: &Network, mode: Mode) -> Result<Forward> {
    network.forward(tape, pixels, mode, Trainable::None)
}

/// The losses of logits (N, K), and their gradients.
fn at(logits: &Tensor, labels: &[u32], targets: Option<&[u32]>, loss: Loss) -> Result<(Vec<f32>, Vec<f32>)> {
    let (n, classes) = logits.dims2()?;
    let targets = targets.unwrap_or(labels);
    if classes < loss.least_classes() {
        bail!("{loss:?} needs {} classes, the network has {classes}", loss.least_classes());
    }
    if labels.len() != n || targets.len() != n {
        bail!("{} labels and {} targets for {n} images", labels.len(), targets.len());
    }
    if let Some(class) = labels.iter().chain(targets).find(|&&class| class as usize >= classes) {
        bail!("class {class} of a network with {classes} classes");
    }
    let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
    let mut slopes = vec![0.0; logits.len()];
    let rows = logits.chunks(classes).zip(slopes.chunks_mut(classes)).zip(labels.iter().zip(targets));
    let losses = rows.map(|((z, slope), (&y, &t))| loss.at(z, y as usize, t as usize, slope)).collect();
    Ok((losses, slopes))
}
