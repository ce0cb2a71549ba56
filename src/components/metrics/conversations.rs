//! The loss of conversations.

use super::logits::losses;
use crate::nn::network::{Asked, Network, Noise, Trainable};
use crate::nn::sequences::{IGNORED, Sequences};
use candle_core::Result;

/// Of each conversation of a batch the mean cross-entropy of its learned tokens, in nats; 0 of one that has none.
///
/// # Errors
/// What the network's operations return.
pub fn conversation_losses(network: &Network, sequences: &Sequences) -> Result<Vec<f64>> {
    let tape = network.tape();
    let forward = network.read(&tape, sequences, Asked::Learned, Trainable::None, Noise::Off)?;
    let labels: Vec<u32> = sequences.learned().into_iter().map(|at| sequences.targets[at as usize]).collect();
    let mut each = losses(forward.logits.tensor(), &labels)?.into_iter();
    let rows = sequences.targets.chunks(sequences.length.max(1));
    Ok(rows
        .map(|targets| {
            let count = targets.iter().filter(|target| **target != IGNORED).count();
            each.by_ref().take(count).sum::<f64>() / count.max(1) as f64
        })
        .collect())
}
