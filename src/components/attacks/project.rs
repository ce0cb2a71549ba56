//! One step of an iterated attack and the projection back into its ball: one pass over the pixels, in place.
//!
//! The order of the roundings is torchattacks' (PGD, PGDL2, FGSM), so that equal gradients give equal images; only the
//! two norms of l2 are summed in f64 here. Steps in the composed form of candle operations serve other devices and are
//! the kernels' test oracle.

use crate::nn::kernels::elementwise::PIECE;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{all_fast, buffer};
use candle_core::{CpuStorage, D, InplaceOp3, Layout, Result, Tensor, bail};
use rayon::prelude::*;

/// Keeps a gradient of zeros from being divided by: torchattacks' `eps_for_division`.
const SMALLEST_NORM: f32 = 1e-10;

/// How an image moves along a gradient. Lengths are in units of pixels in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Move {
    /// x ← clamp(x + step·sign(g), 0, 1): FGSM, from the image itself
    Sign { step: f64 },
    /// x ← clamp(x₀ + clamp(x + step·sign(g) − x₀, ±eps), 0, 1); sign(0) = 0
    Linf { step: f64, eps: f64 },
    /// x ← clamp(x₀ + δ·min(eps/‖δ‖, 1), 0, 1) with δ = x + step·g/(‖g‖ + 1e-10) − x₀, norms by image
    L2 { step: f64, eps: f64 },
}

/// A contiguous copy that shares its memory with nobody, to be moved in place.
pub(super) fn own_copy(pixels: &Tensor) -> Result<Tensor> {
    pixels.contiguous()?.copy()
}

/// The length of a written step after a change of the budget; without a budget before, which moves nothing, it stays.
pub(super) fn scaled(step: f64, from: f64, to: f64) -> f64 {
    if from > 0.0 { step / from * to } else { step }
}

/// `adversarial` after one step along `gradient`, back in the ball around `pixels`; all (N, C, H, W).
///
/// `adversarial` comes from [`own_copy`] or an earlier step: it is overwritten where that is possible.
pub(super) fn step(by: Move, adversarial: Tensor, gradient: &Tensor, pixels: &Tensor) -> Result<Tensor> {
    if !all_fast(&[&adversarial, gradient, pixels]) {
        return composed(by, &adversarial, gradient, pixels);
    }
    let image = adversarial.dims().iter().skip(1).product();
    adversarial.inplace_op3(&gradient.contiguous()?, &pixels.contiguous()?, &Step { by, image })?;
    Ok(adversarial)
}

/// [`step`] in candle's operations.
fn composed(by: Move, adversarial: &Tensor, gradient: &Tensor, pixels: &Tensor) -> Result<Tensor> {
    let delta = match by {
        Move::Sign { step } => ((adversarial + (gradient.sign()? * step)?)? - pixels)?,
        Move::Linf { step, eps } => ((adversarial + (gradient.sign()? * step)?)? - pixels)?.clamp(-eps, eps)?,
        Move::L2 { step, eps } => {
            let direction = gradient.broadcast_div(&(norms(gradient)? + f64::from(SMALLEST_NORM))?)?;
            let delta = ((adversarial + (direction * step)?)? - pixels)?;
            // Where δ = 0 any factor will do; without the floor it would be 0/0 for eps = 0.
            let factor = (norms(&delta)?.maximum(1e-30)?.recip()? * eps)?.minimum(1.0)?;
            delta.broadcast_mul(&factor)?
        }
    };
    (pixels + delta)?.clamp(0.0, 1.0)
}

/// The l2 norm of each image, (N, 1, 1, 1).
fn norms(x: &Tensor) -> Result<Tensor> {
    let n = x.dim(0)?;
    x.sqr()?.reshape((n, ()))?.sum(D::Minus1)?.sqrt()?.reshape((n, 1, 1, 1))
}

struct Step {
    by: Move,
    /// numbers in one image
    image: usize,
}

impl InplaceOp3 for Step {
    fn name(&self) -> &'static str {
        "attack-step"
    }

    fn cpu_fwd(
        &self,
        adversarial: &mut CpuStorage,
        adversarial_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
        pixels: &CpuStorage,
        pixels_layout: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(x), CpuStorage::F32(g), CpuStorage::F32(x0)) = (adversarial, gradient, pixels) else {
            bail!("attacks move f32 pixels");
        };
        let offsets = |layout: &Layout| layout.contiguous_offsets().map(|(start, end)| start..end);
        let (Some(at), Some(g_at), Some(x0_at)) =
            (offsets(adversarial_layout), offsets(gradient_layout), offsets(pixels_layout))
        else {
            bail!("attacks move contiguous pixels");
        };
        let (x, g, x0) = (&mut x[at], &g[g_at], &x0[x0_at]);
        if x.len() != g.len() || x.len() != x0.len() {
            bail!("attack step: {} pixels, {} gradients, {} originals", x.len(), g.len(), x0.len());
        }
        match self.by {
            Move::Sign { step } => each(x, g, x0, |x, g, _| (x + step as f32 * sign(g)).clamp(0.0, 1.0)),
            Move::Linf { step, eps } => {
                let (step, eps) = (step as f32, eps as f32);
                each(x, g, x0, |x, g, x0| (x0 + (x + step * sign(g) - x0).clamp(-eps, eps)).clamp(0.0, 1.0));
            }
            Move::L2 { step, eps } => {
                let images = x.par_chunks_mut(self.image.max(1)).zip(g.par_chunks(self.image.max(1)));
                let images = images.zip(x0.par_chunks(self.image.max(1)));
                let isa = Isa::in_use();
                images.for_each(|((x, g), x0)| isa.run(|| l2_image(x, g, x0, step as f32, eps as f32)));
            }
        }
        Ok(())
    }
}

/// `x ← f(x, g, x₀)` for each pixel.
fn each(x: &mut [f32], g: &[f32], x0: &[f32], f: impl Fn(f32, f32, f32) -> f32 + Sync) {
    let isa = Isa::in_use();
    let pieces = x.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE)).zip(x0.par_chunks(PIECE));
    pieces.for_each(|((x, g), x0)| {
        isa.run(|| {
            for ((x, &g), &x0) in x.iter_mut().zip(g).zip(x0) {
                *x = f(*x, g, x0);
            }
        });
    });
}

/// −1, 0 or 1; 0 for 0, −0 and NaN, as `torch.sign`.
pub(super) fn sign(g: f32) -> f32 {
    f32::from(u8::from(g > 0.0)) - f32::from(u8::from(g < 0.0))
}

#[inline(always)]
fn l2_image(x: &mut [f32], g: &[f32], x0: &[f32], step: f32, eps: f32) {
    let norm = norm(g) + SMALLEST_NORM;
    buffer::with_scratch(x.len(), |delta| {
        for (((delta, &x), &g), &x0) in delta.iter_mut().zip(x.iter()).zip(g).zip(x0) {
            *delta = x + step * (g / norm) - x0;
        }
        let length = self::norm(delta);
        let factor = if length > 0.0 { (eps / length).min(1.0) } else { 1.0 };
        for ((x, &delta), &x0) in x.iter_mut().zip(delta.iter()).zip(x0) {
            *x = (x0 + delta * factor).clamp(0.0, 1.0);
        }
    });
}

/// The l2 norm, summed in f64: sixteen running sums, those in order.
#[inline(always)]
pub(super) fn norm(x: &[f32]) -> f32 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let (groups, rest) = x.as_chunks::<16>();
    let mut lanes = [0f64; 16];
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane += square(x);
        }
    }
    lanes.into_iter().chain(rest.iter().map(|&x| square(x))).sum::<f64>().sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{bits, max_error, same_bits_for_any_threads, test_tensor};

    const MOVES: [Move; 3] =
        [Move::Sign { step: 0.1 }, Move::Linf { step: 0.05, eps: 0.1 }, Move::L2 { step: 0.4, eps: 0.5 }];

    /// Images in 0..=1 with both ends among them, a point near each, and gradients with zeros.
    fn setting(n: usize) -> (Tensor, Tensor, Tensor) {
        let dims = [n, 3, 9, 7];
        let pixels = ((test_tensor(&dims, 1) * 0.7).unwrap() + 0.5).unwrap().clamp(0f32, 1f32).unwrap();
        let moved = (&pixels + (test_tensor(&dims, 2) * 0.08).unwrap()).unwrap().clamp(0f32, 1f32).unwrap();
        let gradient = test_tensor(&dims, 3).relu().unwrap();
        let gradient = (gradient - test_tensor(&dims, 4).relu().unwrap()).unwrap();
        (pixels, moved, gradient)
    }

    #[test]
    fn kernels_agree_with_candles_operations() {
        let (pixels, moved, gradient) = setting(5);
        for by in MOVES {
            let expected = composed(by, &moved, &gradient, &pixels).unwrap();
            let found = step(by, own_copy(&moved).unwrap(), &gradient, &pixels).unwrap();
            let error = max_error(&found, &expected);
            assert!(error < 1e-6, "{by:?}: {error}");
        }
    }

    #[test]
    fn a_step_stays_in_ball_and_range_and_leaves_its_inputs_alone() {
        let (pixels, moved, gradient) = setting(4);
        let before = bits(&moved);
        let linf = step(MOVES[1], own_copy(&moved).unwrap(), &gradient, &pixels).unwrap();
        let l2 = step(MOVES[2], own_copy(&moved).unwrap(), &gradient, &pixels).unwrap();
        assert_eq!(before, bits(&moved));
        for moved in [&linf, &l2] {
            let all = moved.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(all.iter().all(|x| (0.0..=1.0).contains(x)));
        }
        let far = (&linf - &pixels).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(far <= 0.1 + 1e-7 && far > 0.09, "{far}");
        let lengths = norms(&(&l2 - &pixels).unwrap()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(lengths.iter().all(|&length| length <= 0.5 + 1e-6), "{lengths:?}");
    }

    #[test]
    fn no_gradient_no_move() {
        let pixels = test_tensor(&[2, 1, 3, 3], 5).abs().unwrap();
        let zeros = pixels.zeros_like().unwrap();
        for by in [Move::Linf { step: 0.1, eps: 0.0 }, Move::L2 { step: 0.1, eps: 0.0 }].into_iter().chain(MOVES) {
            for gradient in [&zeros, &zeros.neg().unwrap()] {
                let moved = step(by, own_copy(&pixels).unwrap(), gradient, &pixels).unwrap();
                assert_eq!(bits(&pixels), bits(&moved), "{by:?}");
            }
        }
        assert_eq!((sign(f32::NAN), sign(-0.0), sign(-1e-40), sign(3.0)), (0.0, 0.0, -1.0, 1.0));
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let (pixels, moved, gradient) = setting(300);
        same_bits_for_any_threads(|| {
            MOVES.map(|by| step(by, own_copy(&moved).unwrap(), &gradient, &pixels).unwrap()).to_vec()
        });
    }
}
