//! What makes a robust accuracy doubtful, as far as a program can see it.

use super::logits::{self, correct};
use super::{Flag, Part, wilson};
use crate::components::attacks::{self, Attack};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Spec, Value as Argument};
use crate::nn::architecture::Layer;
use crate::nn::network::{Mode, Network, Trainable};
use crate::nn::ops::{Reduction, cross_entropy};
use candle_core::{Result, Tensor};

/// More than one image in so many first broken by queries alone says that the attacks with gradients missed something:
/// `check_square_sr` of pyautoattack 0.2.0.
const BLACK_BOX: usize = 500;

/// Of `n` images, Square leaves fewer standing than any other attack of the same budget. Those that follow it are tried
/// on what it left, so it has to be the last one; in `version: plus` it isn't.
pub(super) fn black_box(parts: &[Part], n: usize) -> Option<Flag> {
    let budget = |part: &Part| part.name.rsplit_once(' ').map_or(String::new(), |(eps, _)| eps.to_string());
    let alike = |a: &Part, b: Option<&Part>| b.is_some_and(|b| budget(a) == budget(b));
    let broke = |i: usize| {
        let square = parts[i].name.ends_with("square") && alike(&parts[i], parts.get(i.wrapping_sub(1)));
        (square && !alike(&parts[i], parts.get(i + 1))).then_some(parts[i].broke?)
    };
    let broke = (0..parts.len()).filter_map(broke).find(|broke| broke.saturating_mul(BLACK_BOX) > n)?;
    let seen = format!("square broke {broke} images that withstood all attacks with gradients");
    let help = "gradients are of little use to attack this network: take more steps and restarts, or another loss";
    Some(Flag { code: "square-beats-white-box".into(), seen, help: help.into() })
}

/// What a robust accuracy is checked with: some of the images that it was measured on.
pub struct Checked<'a> {
    pub network: &'a Network,
    /// its weights may come from elsewhere, not from training on these pixels
    pub loaded: bool,
    /// any of them
    pub images: &'a Batch,
    /// that are classified correctly as they are
    pub right: &'a Batch,
    /// of those, some that the attack broke
    pub broken: &'a Batch,
    pub attack: &'a Spec,
    /// how many images the accuracy is of, and how many of them withstood
    pub of: (usize, usize),
    pub draws: Draws,
}

/// How many images a check of one pass takes, and one that attacks, of `n`: the latter attack with three times the
/// passes of the evaluation on one image in a hundred.
pub fn sizes(n: usize) -> (usize, usize) {
    ((n / 10).clamp(10, 250).min(n), (n / 100).clamp(4, 50).min(n))
}

/// All that makes the accuracy doubtful, but for what its parts say.
///
/// # Errors
/// What the network's operations return.
pub fn check(checked: &Checked) -> Result<Vec<Flag>> {
    let Checked { network, images, .. } = checked;
    let logits = network.logits(&images.pixels, Mode::Eval)?;
    let again = network.logits(&images.pixels, Mode::Eval)?;
    let found = [
        random(&logits, &again)?,
        probabilities(&logits)?,
        zero_gradients(network, images)?,
        if checked.loaded { normalized_outside(network, images, &logits)? } else { None },
        at_chance(&logits, images)?,
        budget_of_zero(checked)?,
        more_steps(checked)?,
        small_sample(checked.of),
    ];
    Ok(found.into_iter().flatten().collect())
}

fn flag(code: &str, seen: String, help: &str) -> Option<Flag> {
    Some(Flag { code: code.into(), seen, help: help.into() })
}

/// Two passes over the same images differ.
fn random(first: &Tensor, second: &Tensor) -> Result<Option<Flag>> {
    let bits = |logits: &Tensor| -> Result<Vec<u32>> {
        Ok(logits.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
    };
    if bits(first)? == bits(second)? {
        return Ok(None);
    }
    let seen = "two passes over the same images gave other outputs".into();
    Ok(flag(
        "random-outputs",
        seen,
        "a network that draws is to be attacked in expectation: `autoattack(version: rand)`",
    ))
}

/// Rows that lie in 0..=1 and sum to 1: `check_range_output` of pyautoattack 0.2.0.
fn probabilities(logits: &Tensor) -> Result<Option<Flag>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    let sums_to_one = |row: &Vec<f32>| {
        let sum: f64 = row.iter().map(|x| f64::from(*x)).sum();
        row.iter().all(|x| (0.0..=1.0).contains(x)) && (sum - 1.0).abs() < 1e-5
    };
    if rows.is_empty() || !rows.iter().all(sums_to_one) {
        return Ok(None);
    }
    let seen = "the outputs of each image lie in 0 to 1 and sum to 1, as probabilities do".into();
    Ok(flag("probabilities", seen, "attacks need logits: leave the softmax out of the network"))
}

/// Images with nowhere to go: more than this share is told of.
const FLAT: f64 = 0.01;

/// The gradient of the cross-entropy with respect to all pixels of an image is exactly zero.
fn zero_gradients(network: &Network, images: &Batch) -> Result<Option<Flag>> {
    let tape = network.tape();
    let pixels = tape.leaf(&images.pixels);
    let forward = network.forward(&tape, &pixels, Mode::Eval, Trainable::None)?;
    let loss = cross_entropy(&tape, &forward.logits, &images.labels, 0.0, Reduction::Sum)?;
    let gradient = match tape.backward(&loss)?.take(&pixels) {
        Some(gradient) => gradient,
        None => images.pixels.zeros_like()?,
    };
    let rows: Vec<Vec<f32>> = gradient.flatten_from(1)?.to_vec2()?;
    let flat = rows.iter().filter(|row| row.iter().all(|g| *g == 0.0)).count();
    if (flat as f64) <= FLAT * rows.len() as f64 {
        return Ok(None);
    }
    let seen = format!("the loss has no gradient at {flat} of {} images", rows.len());
    let help = "gradients are masked, by a saturated softmax for instance: attack with `loss: dlr` or `margin`, and with `square`";
    Ok(flag("zero-gradients", seen, help))
}

/// Fewer images than this say nothing of an accuracy.
const ENOUGH: usize = 20;

/// So much more accuracy on normalized pixels, by intervals that don't overlap, says that they are what the network was
/// trained on.
const NORMALIZED: f64 = 0.1;

/// A network without a normalization of its own that does better on pixels normalized by their mean and spread.
fn normalized_outside(network: &Network, images: &Batch, logits: &Tensor) -> Result<Option<Flag>> {
    let normalizes = matches!(network.architecture().layers.first(), Some(Layer::Normalize { .. }));
    if normalizes || images.labels.len() < ENOUGH {
        return Ok(None);
    }
    let channels = images.pixels.dim(1)?;
    let by_channel = images.pixels.transpose(0, 1)?.flatten_from(1)?;
    let mean = by_channel.mean_keepdim(1)?;
    let spread = by_channel.broadcast_sub(&mean)?.sqr()?.mean_keepdim(1)?.sqrt()?;
    let shape = (1, channels, 1, 1);
    let spread = (spread.reshape(shape)? + 1e-8)?;
    let normalized = images.pixels.broadcast_sub(&mean.reshape(shape)?)?.broadcast_div(&spread)?.contiguous()?;
    let n = images.labels.len() as f64;
    let hits = |logits: &Tensor| -> Result<f64> {
        Ok(correct(logits, &images.labels)?.iter().filter(|right| **right).count() as f64)
    };
    let (right, right_normalized) = (hits(logits)?, hits(&network.logits(&normalized, Mode::Eval)?)?);
    let (as_is, other) = (right / n, right_normalized / n);
    if other - as_is <= NORMALIZED || wilson(right_normalized, n)[0] <= wilson(right, n)[1] {
        return Ok(None);
    }
    let seen = format!(
        "{:.1}% of {} images are right as they are, {:.1}% normalized by their mean and spread",
        as_is * 100.0,
        images.labels.len(),
        other * 100.0
    );
    let help =
        "the weights expect normalized pixels: give the model `normalize:`, so that attacks still see pixels in 0..=1";
    Ok(flag("normalized-outside", seen, help))
}

/// The network does hardly better than a guess, on enough images to say so.
fn at_chance(logits: &Tensor, images: &Batch) -> Result<Option<Flag>> {
    let (n, classes) = logits.dims2()?;
    let right = logits::correct(logits, &images.labels)?.into_iter().filter(|right| *right).count();
    if n < ENOUGH || right as f64 / n as f64 > 1.25 / classes as f64 {
        return Ok(None);
    }
    let seen = format!("{right} of {n} images are right as they are, among {classes} classes");
    Ok(flag(
        "at-chance",
        seen,
        "what withstands attacks says nothing here: look at the weights, the order of classes, the pixels' range",
    ))
}

/// With a budget of 0 nothing changes, so nothing may break.
fn budget_of_zero(checked: &Checked) -> Result<Option<Flag>> {
    let built = attacks::build(checked.attack);
    // Of an ensemble the first: all of them share how images are handed to the network.
    let first = built.parts().first().map_or_else(|| built.with_eps(0.0), |(_, attack)| attack.with_eps(0.0));
    still_right(checked, first.as_ref())
}

fn still_right(checked: &Checked, attack: &dyn Attack) -> Result<Option<Flag>> {
    let n = checked.right.labels.len();
    let broken = n - standing(checked, attack, checked.right)?;
    if broken == 0 {
        return Ok(None);
    }
    let seen = format!("with a budget of 0, {broken} of {n} images break that are right as they are");
    Ok(flag(
        "budget-zero-breaks",
        seen,
        "the attack sees another network than the accuracy is of, or leaves its budget",
    ))
}

/// Images that the attack broke, attacked with twice the steps: more than one in ten withstands that.
fn more_steps(checked: &Checked) -> Result<Option<Flag>> {
    let mut longer = checked.attack.clone();
    let Some((place, _)) = longer.member.param("iters") else { return Ok(None) };
    let Argument::Int(iters) = longer.args[place] else { return Ok(None) };
    longer.args[place] = Argument::Int(iters.saturating_mul(2));
    weaker(checked, attacks::build(&longer).as_ref(), iters)
}

fn weaker(checked: &Checked, longer: &dyn Attack, iters: i64) -> Result<Option<Flag>> {
    let n = checked.broken.labels.len();
    let standing = standing(checked, longer, checked.broken)?;
    if standing < 2 || standing * 10 <= n {
        return Ok(None);
    }
    let seen = format!("{standing} of {n} images that {iters} steps break withstand {} steps", iters.saturating_mul(2));
    Ok(flag("more-steps-weaker", seen, "the attack does not converge: change its step, or take several restarts"))
}

/// How many of these images the network still gets right under an attack.
fn standing(checked: &Checked, attack: &dyn Attack, images: &Batch) -> Result<usize> {
    if images.labels.is_empty() {
        return Ok(0);
    }
    let adversarial = attack.perturb(checked.network, Mode::Eval, images, &checked.draws)?;
    let right = correct(&checked.network.logits(&adversarial, Mode::Eval)?, &images.labels)?;
    Ok(right.into_iter().filter(|right| *right).count())
}

/// A wider interval leaves most comparisons open.
const WIDE: f64 = 0.1;

fn small_sample((n, withstood): (usize, usize)) -> Option<Flag> {
    let [low, high] = wilson(withstood as f64, n as f64);
    let seen = format!("{n} images: the share lies between {:.1}% and {:.1}%", low * 100.0, high * 100.0);
    (high - low > WIDE).then(|| flag("small-sample", seen, "measure on more images before you compare")).flatten()
}

#[cfg(test)]
mod tests;
