//! Rotary positions: pairs of numbers turned by an angle that grows with the position.

use super::buffer::unfilled;
use super::simd::{Isa, Simd, dispatch, vectors};
use rayon::prelude::*;

/// Cosines and sines of the angles position · frequency, for positions from 0 on; f32 made in f64.
#[derive(Clone, Debug)]
pub struct Angles {
    /// `half` of each per position.
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

/// Which way pairs are turned: backward is forward by the opposite angle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Forward,
    Back,
}

impl Angles {
    /// Frequencies theta^(-2i/d) for i below d/2, as in the first publication (Su et al. 2021); `positions` of them.
    pub fn new(positions: usize, d: usize, theta: f64) -> Angles {
        let frequency = |i: usize| theta.powf(-((2 * i) as f64) / d as f64);
        Angles::with_frequencies(positions, &(0..d / 2).map(frequency).collect::<Vec<_>>())
    }

    /// Any frequencies: one for each pair.
    pub fn with_frequencies(positions: usize, frequencies: &[f64]) -> Angles {
        let angles = (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        let (cos, sin) = angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Angles { cos, sin, half: frequencies.len() }
    }

    /// How many positions there are.
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }

    /// The size of the heads that are turned: two numbers for each frequency.
    pub fn head(&self) -> usize {
        2 * self.half
    }

    /// Cosines and sines of one position.
    pub fn at(&self, position: usize) -> (&[f32], &[f32]) {
        let range = position * self.half..(position + 1) * self.half;
        (&self.cos[range.clone()], &self.sin[range])
    }

    /// Turns every head of x (rows, `heads`, d); row n is at position `offset + n % length`.
    /// y(i) = x(i) cos - x(i + d/2) sin and y(i + d/2) = x(i + d/2) cos + x(i) sin for i below d/2, which is Hugging
    /// Face's order of the pairs. Within 2^-22 of f64, relative to the length of the pair.
    pub fn turn(&self, isa: Isa, x: &[f32], heads: usize, length: usize, offset: usize, turn: Turn) -> Vec<f32> {
        let d = self.head();
        assert!(heads * d > 0 && x.len().is_multiple_of(heads * d), "{heads} heads of {d} in {}", x.len());
        assert!(offset + length <= self.positions(), "positions");
        // SAFETY: every head is written below.
        let mut y = unsafe { unfilled(x.len()) };
        let rows = y.par_chunks_mut(heads * d).zip(x.par_chunks(heads * d)).enumerate().with_min_len(16);
        rows.for_each(|(row, (y, x))| {
            let (cos, sin) = self.at(offset + row % length);
            // SAFETY: the rows hold heads of twice as many numbers as there are cosines.
            unsafe { turn_heads(isa, x, y, cos, sin, turn == Turn::Back) };
        });
        y
    }
}

dispatch! {
    unsafe fn turn_heads(x: &[f32], y: &mut [f32], cos: &[f32], sin: &[f32], back: bool) => turn_heads_of
}

/// # Safety
/// `x` and `y` hold the same number of heads of `2 * cos.len()`; there are as many sines. The processor has `S`.
#[inline(always)]
unsafe fn turn_heads_of<S: Simd>(x: &[f32], y: &mut [f32], cos: &[f32], sin: &[f32], back: bool) {
    let d = 2 * cos.len();
    for (x, y) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)) {
        // SAFETY: heads of d numbers; the caller's promise.
        unsafe { turn_head::<S>(x.as_ptr(), y.as_mut_ptr(), cos, sin, back, 1.0) };
    }
}

/// One head turned, times `factor`.
///
/// # Safety
/// `x` can be read and `y` written for `2 * cos.len()` numbers; there are as many sines. The processor has `S`.
#[inline(always)]
pub(super) unsafe fn turn_head<S: Simd>(x: *const f32, y: *mut f32, cos: &[f32], sin: &[f32], back: bool, factor: f32) {
    let half = cos.len();
    vectors!(half, |start, count| {
        // SAFETY: the caller's promises; `start + count` is at most `half`.
        unsafe {
            let factor = S::splat(factor);
            let cos = S::mul(S::load_first(cos.as_ptr().add(start), count), factor);
            let sin = S::mul(S::load_first(sin.as_ptr().add(start), count), factor);
            let sin = if back { S::sub(S::zero(), sin) } else { sin };
            let (a, b) = (S::load_first(x.add(start), count), S::load_first(x.add(half + start), count));
            S::store_first(y.add(start), count, S::fnma(b, sin, S::mul(a, cos)));
            S::store_first(y.add(half + start), count, S::fma(a, sin, S::mul(b, cos)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::singles;

    #[test]
    fn pairs_are_turned_by_the_angles_of_their_positions() {
        for (d, heads, length, offset) in [(2, 1, 1, 0), (8, 3, 5, 2), (24, 1, 33, 0), (66, 2, 17, 100)] {
            let (angles, theta) = (Angles::new(offset + length, d, 500_000.0), 500_000f64);
            let x = singles(2 * length * heads * d, 1);
            for isa in Isa::available() {
                let y = angles.turn(isa, &x, heads, length, offset, Turn::Forward);
                for (index, (x, y)) in x.chunks(d).zip(y.chunks(d)).enumerate() {
                    let position = (offset + index / heads % length) as f64;
                    for i in 0..d / 2 {
                        let (sin, cos) = (position * theta.powf(-2.0 * i as f64 / d as f64)).sin_cos();
                        let (a, b) = (f64::from(x[i]), f64::from(x[i + d / 2]));
                        let errors =
                            [f64::from(y[i]) - (a * cos - b * sin), f64::from(y[i + d / 2]) - (b * cos + a * sin)];
                        let bound = 2f64.powi(-22) * a.hypot(b);
                        assert!(errors.iter().all(|e| e.abs() <= bound), "{isa}, position {position}: {errors:?}");
                    }
                }
                let back = angles.turn(isa, &y, heads, length, offset, Turn::Back);
                assert!(x.iter().zip(&back).all(|(x, back)| (x - back).abs() < 1e-6), "{isa}: there and back");
            }
        }
    }
}
