//! One pass of a language model over conversations, forward and back.

use super::{Lesson, Logits, Objective, On, Pass};
use crate::components::metrics::correct;
use crate::nn::network::{Asked, Network, Noise, Trainable};
use crate::nn::sequences::Sequences;
use candle_core::Result;

/// What a pass reads.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    pub sequences: &'a Sequences,
    /// whether adapters leave out a share of what they see
    pub noise: Noise<'a>,
    /// whether what is inside of blocks is computed anew on the way back
    pub recompute: bool,
}

/// The loss over all tokens that are learned, each a row of logits with its token as the label, and its gradients. The
/// examples of the pass are those tokens, so that chunks of a batch add up to the mean over all of its tokens.
///
/// # Errors
/// What the network's operations return, and an objective that reads attacked images.
pub fn read_once(
    objective: &dyn Objective,
    network: &Network,
    read: Read,
    lessons: &[Lesson],
    trainable: Trainable,
) -> Result<Pass> {
    let Read { sequences, noise, recompute } = read;
    let tape = network.tape().recomputing(recompute);
    let forward = network.read(&tape, sequences, Asked::Learned, trainable, noise)?;
    let labels: Vec<u32> = sequences.learned().into_iter().map(|at| sequences.targets[at as usize]).collect();
    let mut logits = Logits::default();
    logits.put(On::Clean, forward.logits.tensor().clone());
    let loss = objective.loss(&logits, &labels)?;
    let loss = lessons.iter().try_fold(loss, |sum, lesson| sum.plus(lesson.loss(&logits)?))?;
    let mut gradients = vec![None; network.parameters().len()];
    if let Some(gradient) = loss.gradient(On::Clean).filter(|_| forward.logits.is_tracked()) {
        let mut found = tape.backward_from(&forward.logits, gradient.clone())?;
        for (index, (gradient, leaf)) in gradients.iter_mut().zip(&forward.leaves).enumerate() {
            let Some(leaf) = leaf else { continue };
            *gradient = found.take(leaf);
            let part = &network.parameters()[index].part;
            // What pictures go through has no part in conversations without one.
            if gradient.is_none() && sequences.pictures.is_empty() && part.is_for_pictures() {
                *gradient = Some(leaf.tensor().zeros_like()?);
            }
        }
    }
    let right = correct(forward.logits.tensor(), &labels)?.into_iter().filter(|&right| right).count();
    Ok(Pass {
        loss: loss.value,
        gradients,
        statistics: Vec::new(),
        correct: right,
        examples: labels.len(),
        passes: 1,
        carried: None,
    })
}
