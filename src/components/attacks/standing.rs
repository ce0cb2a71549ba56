//! The images that an attack has not fooled yet: later tries go without the others.

use crate::components::metrics::correct;
use crate::components::objectives::Batch;
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

/// A batch under attack.
pub(super) struct Standing<'a> {
    batch: &'a Batch,
    /// what its images have become
    images: Vec<Vec<f32>>,
    /// the places of those that stand
    left: Vec<usize>,
}

impl<'a> Standing<'a> {
    /// The images that the network gets right as they are; the others need no attack.
    pub(super) fn of(network: &Network, mode: Mode, batch: &'a Batch) -> Result<Standing<'a>> {
        let right = correct(&network.logits(&batch.pixels, mode)?, &batch.labels)?;
        let left = (0..right.len()).filter(|&i| right[i]).collect();
        Ok(Standing { batch, images: batch.pixels.flatten_from(1)?.to_vec2()?, left })
    }

    /// Those that stand, as they were; `None` if there is none.
    pub(super) fn left(&self) -> Result<Option<Batch>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        self.batch.pick(&self.left).map(Some)
    }

    /// What became of each that stood; `None` where it stands still.
    pub(super) fn fooled(&mut self, by: Vec<Option<Vec<f32>>>) {
        let left = std::mem::take(&mut self.left);
        for (place, image) in left.into_iter().zip(by) {
            match image {
                Some(image) => self.images[place] = image,
                None => self.left.push(place),
            }
        }
    }

    /// All images: fooled ones as the attack made them, the others as they were.
    pub(super) fn images(self) -> Result<Tensor> {
        let pixels = &self.batch.pixels;
        Tensor::from_vec(self.images.concat(), pixels.dims(), pixels.device())
    }
}
