//! Transforms of weights to positions and of their gradients back.

use super::grid::panels_apart;
use super::leaf::vectors;
use super::tile::{Kernels, Lattice, weight_gradient_tile, weight_tile};
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::{LANES, Simd, dispatch};

/// Taps of a 3x3 kernel.
const TAPS: usize = 9;

/// Sixteen by sixteen kernels, as vectors.
const KERNELS: usize = LANES * TAPS * LANES;

/// Nine vectors, one for each tap.
const KERNEL: Lattice = Lattice { down: 3 * LANES, across: LANES };

/// The weight (K, C, 3, 3) of a convolution, read as it is or, for the gradient of the input, with output and input
/// channels exchanged and every kernel turned by 180 degrees.
#[derive(Clone, Copy)]
pub struct Weight<'a> {
    pub data: &'a [f32],
    pub k: usize,
    pub c: usize,
    pub turned: bool,
}

impl Weight<'_> {
    /// Channels that a convolution with this weight makes and reads.
    pub fn channels(&self) -> (usize, usize) {
        if self.turned { (self.c, self.k) } else { (self.k, self.c) }
    }

    /// The kernels of up to sixteen outputs `k` by up to sixteen inputs `c`: to (c, tap, k). Zero beyond the weight.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    unsafe fn kernels<S: Simd>(&self, k: usize, c: usize, to: &mut [f32; KERNELS]) {
        let count = (self.c - c).min(LANES) * TAPS;
        for part in 0..TAPS {
            let n = count.saturating_sub(part * LANES).min(LANES);
            // SAFETY: reads stay in a slice of `count` numbers; sixteen vectors at `part` of `TAPS` fit into `to`.
            unsafe {
                let mut lines = [S::zero(); LANES];
                for (i, line) in lines.iter_mut().enumerate().take(self.k - k) {
                    let kernels = &self.data[((k + i) * self.c + c) * TAPS..][..count];
                    if n > 0 {
                        *line = S::load_first(kernels.as_ptr().add(part * LANES), n);
                    }
                }
                S::transpose(&mut lines);
                for (i, line) in lines.into_iter().enumerate() {
                    S::store(to.as_mut_ptr().add((part * LANES + i) * LANES), line);
                }
            }
        }
    }

    /// The kernels of up to sixteen outputs by up to sixteen inputs of the convolution with this weight: to (input,
    /// tap, output).
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    unsafe fn turned_kernels<S: Simd>(&self, output: usize, input: usize, to: &mut [f32; KERNELS]) {
        // SAFETY: the caller's promise.
        unsafe {
            if !self.turned {
                return self.kernels::<S>(output, input, to);
            }
            let mut straight = [0f32; KERNELS];
            self.kernels::<S>(input, output, &mut straight);
            for tap in 0..TAPS {
                let at = |i: usize, tap: usize| (i * TAPS + tap) * LANES;
                let mut lines = [S::zero(); LANES];
                for (i, line) in lines.iter_mut().enumerate() {
                    *line = S::load(straight.as_ptr().add(at(i, tap)));
                }
                S::transpose(&mut lines);
                for (i, line) in lines.into_iter().enumerate() {
                    S::store(to.as_mut_ptr().add(at(i, TAPS - 1 - tap)), line);
                }
            }
        }
    }
}

/// Numbers of a transformed panel of weights with `inputs` input channels, [`transform_weight`].
pub fn transformed_len<T: Kernels>(inputs: usize) -> usize {
    T::POSITIONS * panels_apart(inputs)
}

dispatch! {
    /// The weights of up to [`PANEL`] output channels from `output` on, transformed: (position, input, [`PANEL`]) with
    /// positions [`panels_apart`].
    pub unsafe fn transform_weight<T: Kernels>(weight: &Weight, output: usize, to: &mut [f32]) => transform
}

#[inline(always)]
unsafe fn transform<S: Simd, T: Kernels>(weight: &Weight, output: usize, to: &mut [f32]) {
    let (outputs, inputs) = weight.channels();
    let to = &mut to[..transformed_len::<T>(inputs)];
    let mut kernels = [0f32; KERNELS];
    for input in (0..inputs).step_by(LANES) {
        for half in 0..vectors(outputs, output) {
            // SAFETY: kernels and transformed ones lie in the arrays: `input + i < inputs`.
            unsafe {
                weight.turned_kernels::<S>(output + half * LANES, input, &mut kernels);
                for i in 0..(inputs - input).min(LANES) {
                    let from = kernels.as_ptr().add(i * TAPS * LANES);
                    let to = to.as_mut_ptr().add((input + i) * PANEL + half * LANES);
                    weight_tile::<S, T>(from, to, KERNEL, panels_apart(inputs));
                }
            }
        }
    }
}

/// Numbers of the transformed gradient of up to sixteen by [`PANEL`] kernels.
pub fn transformed_gradient_len<T: Kernels>() -> usize {
    T::POSITIONS * panels_apart(LANES)
}

dispatch! {
    /// The gradient of a weight: transformed ones (position, 16 inputs, [`PANEL`]), positions [`panels_apart`], to those
    /// of up to sixteen inputs from `c` on and up to [`PANEL`] outputs, (outputs, C, 3, 3). `dw` begins with the first
    /// output.
    pub unsafe fn transform_weight_gradient<T: Kernels>(from: &[f32], channels: usize, c: usize, dw: &mut [f32]) => weight_gradient
}

#[inline(always)]
unsafe fn weight_gradient<S: Simd, T: Kernels>(from: &[f32], channels: usize, c: usize, dw: &mut [f32]) {
    let from = &from[..transformed_gradient_len::<T>()];
    let count = (channels - c).min(LANES) * TAPS;
    let outputs = dw.len() / (channels * TAPS);
    let mut kernels = [0f32; KERNELS];
    for half in 0..vectors(outputs, 0) {
        // SAFETY: vectors of `from` and `kernels` lie inside; `count` numbers of each output are written in parts.
        unsafe {
            for i in 0..LANES {
                let from = from.as_ptr().add(i * PANEL + half * LANES);
                let to = kernels.as_mut_ptr().add(i * TAPS * LANES);
                weight_gradient_tile::<S, T>(from, to, KERNEL, panels_apart(LANES));
            }
            for part in 0..count.div_ceil(LANES) {
                let mut lines = [S::zero(); LANES];
                for (i, line) in lines.iter_mut().enumerate() {
                    *line = S::load(kernels.as_ptr().add((part * LANES + i) * LANES));
                }
                S::transpose(&mut lines);
                for (i, line) in lines.into_iter().enumerate().take(outputs - half * LANES) {
                    let dw = &mut dw[((half * LANES + i) * channels + c) * TAPS..][..count];
                    let n = (count - part * LANES).min(LANES);
                    S::store_first(dw.as_mut_ptr().add(part * LANES), n, line);
                }
            }
        }
    }
}
