//! One pass forward and back, and how the passes over the chunks of a batch become one.

use super::{Crafted, Lesson, Logits, Objective, On, Pass};
use crate::components::metrics::correct;
use crate::nn::kernels::{all_fast, buffer, elementwise};
use crate::nn::network::{Forward, Mode, Network, Trainable};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// The images of one kind on their way through the network.
struct Side {
    on: On,
    tape: Tape,
    x: Value,
    forward: Forward,
}

/// A pass in train mode over what the objective and the lessons read: the loss, its gradients and the statistics.
///
/// What the objective reads moves the running statistics, one kind of images after the other; what is read for a
/// lesson alone doesn't.
pub(super) fn once<O: Objective + ?Sized>(
    objective: &O,
    network: &Network,
    crafted: &Crafted,
    lessons: &[Lesson],
    trainable: Trainable,
) -> Result<Pass> {
    let own = objective.reads();
    let mut wanted = own.to_vec();
    wanted.extend(lessons.iter().flat_map(Lesson::reads));
    let (mut sides, mut statistics, mut logits): (Vec<Side>, _, _) = (Vec::new(), Vec::new(), Logits::default());
    for on in wanted {
        if sides.iter().any(|side| side.on == on) {
            continue;
        }
        let tape = network.tape();
        let pixels = crafted.pixels(on);
        let wanted = objective.carries() && on == On::Attacked;
        let x = if wanted { tape.leaf(pixels) } else { Value::constant(pixels.clone()) };
        let mut forward = network.forward_after(&tape, &x, Mode::Train, trainable, &statistics)?;
        let moved = std::mem::take(&mut forward.statistics);
        if own.contains(&on) {
            statistics = moved;
        }
        logits.put(on, forward.logits.tensor().clone());
        sides.push(Side { on, tape, x, forward });
    }
    let labels = &crafted.batch.labels;
    let loss = objective.loss(&logits, labels)?;
    let loss = lessons.iter().try_fold(loss, |sum, lesson| sum.plus(lesson.loss(&logits)?))?;
    let passes = objective.attack_passes() + sides.len() as u64;
    let mut carried = None;
    let mut gradients = vec![None; network.parameters().len()];
    for Side { on, tape, x, forward } in sides {
        // With every weight frozen there is nothing to walk back to.
        let Some(gradient) = loss.gradient(on).filter(|_| forward.logits.is_tracked()) else { continue };
        let mut found = tape.backward_from(&forward.logits, gradient.clone())?;
        if let Some(gradient) = found.take(&x) {
            carried = Some(objective.carry(crafted, &gradient)?);
        }
        for (sum, leaf) in gradients.iter_mut().zip(&forward.leaves) {
            let new = leaf.as_ref().and_then(|leaf| found.take(leaf));
            *sum = match (sum.take(), new) {
                (Some(sum), Some(new)) => Some(weighted_sum(1.0, &sum, 1.0, &new)?),
                (sum, new) => sum.or(new),
            };
        }
    }
    let answers = logits.of(*own.last().unwrap_or(&On::Clean))?;
    let correct = correct(answers, labels)?.into_iter().filter(|&right| right).count();
    Ok(Pass { loss: loss.value, gradients, statistics, correct, examples: labels.len(), passes, carried })
}

impl Pass {
    /// The pass over this chunk and `next` together: each weighs as many examples as it has, so that chunks of any sizes
    /// add up to the gradient of one large batch (where no norm ties the examples of a chunk together).
    ///
    /// The statistics are those of `next`: apply this chunk's before they are dropped.
    ///
    /// # Errors
    /// If the two passes didn't train the same parameters.
    pub fn join(self, next: Pass) -> Result<Pass> {
        let examples = self.examples + next.examples;
        let (a, b) = (self.examples as f64 / examples as f64, next.examples as f64 / examples as f64);
        let both = self.gradients.into_iter().zip(next.gradients);
        let gradients = both.map(|pair| match pair {
            (Some(first), Some(second)) => Ok(Some(weighted_sum(a, &first, b, &second)?)),
            (None, None) => Ok(None),
            _ => bail!("two chunks of one batch trained different parameters"),
        });
        Ok(Pass {
            loss: a * self.loss + b * next.loss,
            gradients: gradients.collect::<Result<_>>()?,
            statistics: next.statistics,
            correct: self.correct + next.correct,
            examples,
            passes: self.passes,
            carried: None,
        })
    }
}

/// a·x + b·y
fn weighted_sum(a: f64, x: &Tensor, b: f64, y: &Tensor) -> Result<Tensor> {
    if !all_fast(&[x, y]) {
        return (x * a)? + (y * b)?;
    }
    let (x, y) = (x.contiguous()?, y.contiguous()?);
    let (a, b) = (a as f32, b as f32);
    let sum = elementwise::map2(&buffer::view(&x)?, &buffer::view(&y)?, |x, y| a * x + b * y);
    buffer::tensor(sum, x.dims())
}
