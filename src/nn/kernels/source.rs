//! An input that a kernel normalizes and rectifies as it reads it, so that the result never lies in memory.

use super::buffer::unfilled;
use super::elementwise::PIECE;
use super::norm::Sizes;
use super::simd::{Isa, LANES, Simd, dispatch};
use rayon::prelude::*;
use std::borrow::Cow;

/// x → max(0, (x − mean(c)) slope(c) + shift(c)), without the maximum if not `relu`. One number of each per channel.
#[derive(Clone, Copy, Debug)]
pub struct Activation<'a> {
    pub mean: &'a [f32],
    pub slope: &'a [f32],
    pub shift: &'a [f32],
    pub relu: bool,
}

/// The numbers of an [`Activation`].
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    pub mean: Vec<f32>,
    pub slope: Vec<f32>,
    pub shift: Vec<f32>,
    pub relu: bool,
}

impl Lines {
    /// The same, borrowed.
    pub fn activation(&self) -> Activation<'_> {
        Activation { mean: &self.mean, slope: &self.slope, shift: &self.shift, relu: self.relu }
    }
}

/// Numbers (N, C, ...) and what becomes of them when they are read. Zero padding is added afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub data: &'a [f32],
    pub activation: Option<Activation<'a>>,
}

impl<'a> Source<'a> {
    /// Numbers that are taken as they are.
    pub fn plain(data: &'a [f32]) -> Source<'a> {
        Source { data, activation: None }
    }

    /// The numbers as the kernel sees them; for kernels that don't apply activations themselves.
    pub fn materialize(&self, sizes: Sizes) -> Cow<'a, [f32]> {
        match self.activation {
            None => Cow::Borrowed(self.data),
            Some(activation) => Cow::Owned(activation.apply(sizes, self.data)),
        }
    }
}

/// The line of one channel.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub mean: f32,
    pub slope: f32,
    pub shift: f32,
}

impl<'a> Activation<'a> {
    /// The line of a channel.
    pub(super) fn line(&self, channel: usize) -> Line {
        Line { mean: self.mean[channel], slope: self.slope[channel], shift: self.shift[channel] }
    }

    /// The numbers (N, C, M) as a kernel sees them.
    pub fn apply(&self, sizes: Sizes, x: &[f32]) -> Vec<f32> {
        self.apply_on(Isa::in_use(), sizes, x)
    }

    /// Some numbers of one channel as a kernel sees them, in place; the bits are those of [`Activation::apply`].
    pub(super) fn apply_to(&self, channel: usize, numbers: &mut [f32]) {
        let Line { mean, slope, shift } = self.line(channel);
        for x in numbers {
            let y = (*x - mean) * slope + shift;
            *x = if self.relu && y <= 0.0 { 0.0 } else { y };
        }
    }

    fn apply_on(&self, isa: Isa, sizes: Sizes, x: &[f32]) -> Vec<f32> {
        assert_eq!(x.len(), sizes.n * sizes.c * sizes.m);
        // SAFETY: each plane is written below.
        let mut y = unsafe { unfilled(x.len()) };
        let planes = (PIECE / sizes.m.max(1)).max(1);
        let pieces = y.par_chunks_mut(planes * sizes.m).zip(x.par_chunks(planes * sizes.m)).enumerate();
        pieces.for_each(|(index, (y, x))| {
            let mut channel = index * planes % sizes.c;
            for (y, x) in y.chunks_mut(sizes.m).zip(x.chunks(sizes.m)) {
                // SAFETY: both slices have the same length.
                unsafe { apply_to_plane(isa, self.line(channel), self.relu, x, y) };
                channel = if channel + 1 == sizes.c { 0 } else { channel + 1 };
            }
        });
        y
    }
}

dispatch! {
    /// # Safety
    /// `x` and `y` have the same length.
    unsafe fn apply_to_plane(line: Line, relu: bool, x: &[f32], y: &mut [f32]) => plane
}

/// The line at x, from x − mean. Not fused, so that it has the same bits in every kernel and on every instruction set.
#[inline(always)]
pub(super) unsafe fn on_line<S: Simd>(apart: S::V, slope: S::V, shift: S::V) -> S::V {
    // SAFETY: registers only; the caller has `S`.
    unsafe { S::add(S::mul(apart, slope), shift) }
}

#[inline(always)]
unsafe fn plane<S: Simd>(line: Line, relu: bool, x: &[f32], y: &mut [f32]) {
    // SAFETY: whole vectors and the rest stay within slices of the same length; the processor has `S`.
    unsafe {
        let (mean, slope, shift) = (S::splat(line.mean), S::splat(line.slope), S::splat(line.shift));
        let at = |x: S::V| {
            let y = on_line::<S>(S::sub(x, mean), slope, shift);
            if relu { S::relu(y) } else { y }
        };
        let whole = x.len() / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            S::store(y.as_mut_ptr().add(i), at(S::load(x.as_ptr().add(i))));
        }
        let rest = x.len() - whole;
        if rest > 0 {
            let (x, y) = (x.as_ptr().add(whole), y.as_mut_ptr().add(whole));
            S::store_first(y, rest, at(S::load_first(x, rest)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applying_is_the_line_and_the_maximum_on_every_instruction_set() {
        for (n, c, m) in [(1, 1, 1), (2, 3, 7), (3, 17, 16), (2, 65, 31 * 33), (1, 2, 20_000)] {
            let number = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 250.0 - 2.0;
            let x: Vec<f32> = (0..n * c * m).map(number).collect();
            let [mean, slope, shift] = [1, 2, 3].map(|k| (0..c).map(|i| number(i * 7 + k)).collect::<Vec<f32>>());
            for relu in [false, true] {
                let activation = Activation { mean: &mean, slope: &slope, shift: &shift, relu };
                for isa in Isa::available() {
                    let found = activation.apply_on(isa, Sizes { n, c, m }, &x);
                    for (i, (found, x)) in found.iter().zip(&x).enumerate() {
                        let channel = i / m % c;
                        let line = (x - mean[channel]) * slope[channel] + shift[channel];
                        let expected = if relu { line.max(0.0) } else { line };
                        assert!((found - expected).abs() < 2e-6, "{isa}: {found} for {expected}");
                    }
                }
            }
        }
    }
}
