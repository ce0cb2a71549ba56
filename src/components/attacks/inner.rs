//! How TRADES and MART craft their images: in eval mode, from a small normal draw around the image.

use super::gradient;
use super::loss::Loss;
use super::project::{self, Move};
use super::start;
use super::{build, pgd};
use crate::components::objectives::{Batch, Draws, log_softmax, rows};
use crate::components::{Spec, Value};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

/// Standard deviation of the start: TRADES' and MART's published code.
const START: f32 = 0.001;

/// What is driven up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// KL(softmax of the image as it is ‖ softmax of what is made of it)
    Divergence,
    /// cross-entropy with the true label
    CrossEntropy,
}

/// Whether the images are made by the steps here, not by the attack itself.
pub fn is_own(attack: &Spec) -> bool {
    let is = |name: &str, wanted: Value| attack.member.param(name).is_some_and(|(i, _)| attack.args[i] == wanted);
    let word = |word: &str| Value::Word(word.into());
    let norm = is("norm", word("linf")) || is("norm", word("l2"));
    attack.member == &pgd::MEMBER && norm && is("loss", word("ce")) && is("random_start", Value::Bool(true))
}

/// Images as they are made for a training objective on both kinds: the steps of a `pgd` with its norm, each from a
/// point around the image instead of one of the whole ball. With `random_start: false`, where a divergence would stand
/// still, and of other attacks and losses the images are those of the attack itself, in eval mode.
///
/// # Errors
/// What the network's operations return.
pub fn craft(spec: &Spec, inner: Inner, network: &Network, batch: &Batch, draws: &Draws) -> Result<Tensor> {
    if !is_own(spec) {
        return build(spec).perturb(network, Mode::Eval, batch, draws);
    }
    let (step, eps) = (pgd::step(spec), spec.real("eps"));
    let by = if spec.word("norm") == "linf" { Move::Linf { step, eps } } else { Move::L2 { step, eps } };
    let clean = match inner {
        Inner::Divergence => Some(network.logits(&batch.pixels, Mode::Eval)?),
        Inner::CrossEntropy => None,
    };
    let mut adversarial = start::random(batch, draws, "attack", 0, |pixels, stream| {
        pixels.iter_mut().for_each(|x| *x += START * stream.normal());
    })?;
    for _ in 0..spec.usize("iters") {
        let g = match &clean {
            Some(clean) => divergence(network, &adversarial, clean)?,
            None => gradient::see(network, Mode::Eval, &adversarial, &batch.labels, None, Loss::Ce)?.gradient,
        };
        adversarial = project::step(by, adversarial, &g, &batch.pixels)?;
    }
    Ok(adversarial)
}

/// d(sum over images of KL(softmax(clean) ‖ softmax(logits)))/d(pixels): with respect to the logits it is the
/// difference of the two softmaxes.
pub(in crate::components) fn divergence(network: &Network, pixels: &Tensor, clean: &Tensor) -> Result<Tensor> {
    let slopes = |logits: &Tensor| {
        let mut numbers = Vec::with_capacity(logits.elem_count());
        for (clean, now) in rows(clean)?.iter().zip(&rows(logits)?) {
            let (p, q) = (log_softmax(clean, 1.0), log_softmax(now, 1.0));
            numbers.extend(p.iter().zip(&q).map(|(p, q)| (q.exp() - p.exp()) as f32));
        }
        Ok(numbers)
    };
    Ok(gradient::along(network, Mode::Eval, pixels, slopes)?.1)
}
