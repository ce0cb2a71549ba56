//! Normalization of each channel over a batch, with or without ReLU: its statistics, and the way back.
//!
//! The way forward is a line per channel, an [`Activation`](super::source::Activation), which the next kernel applies
//! as it reads. Data are (N, C, M) with M positions per channel. A task is a few neighbouring channels of all samples,
//! few enough that what its first loop read is still in the core's own cache for the second. Sums run over sixteen
//! lanes in f32 for at most 4096 elements (of a plane at least), and in f64 from there on.

use super::buffer::Shared;
use super::norm::{Moments, Sizes, at_least_zero};
use super::simd::{Isa, LANES, Simd, dispatch};
use super::source::{Activation, Line, on_line};
use rayon::prelude::*;

/// Numbers of a channel that are summed in f32.
const RUN: usize = 4096;
/// Numbers whose two passes find them in the cache: 256 KiB.
const CACHED: usize = 64 * 1024;
/// Most channels of a task.
pub(super) const MOST: usize = 32;

/// Neighbouring channels of some samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub samples: usize,
    pub channels: usize,
    /// numbers of a plane
    pub m: usize,
    /// numbers from one sample to the next
    pub stride: usize,
}

impl Block {
    /// Numbers from its first one to the end of its last plane.
    pub fn len(&self) -> usize {
        (self.samples - 1) * self.stride + self.channels * self.m
    }

    /// Samples after which lanes are emptied into f64.
    pub fn run(&self) -> usize {
        (RUN / self.m.max(1)).max(1)
    }
}

/// Calls `work` with the first channel and the number of channels of each task, in parallel; results by channel.
pub(super) fn for_channels<T: Send>(sizes: Sizes, work: impl Fn(usize, usize) -> Vec<T> + Sync) -> Vec<T> {
    // Runs of 4 KiB at least, but tasks enough for eight threads.
    let channels = (1024 / sizes.m.max(1)).clamp(1, MOST).min(sizes.c.div_ceil(8)).max(1);
    let tasks = (0..sizes.c).into_par_iter().step_by(channels);
    let parts: Vec<Vec<T>> = tasks.map(|first| work(first, channels.min(sizes.c - first))).collect();
    parts.into_iter().flatten().collect()
}

/// Mean and biased variance of each channel over the batch: mean, then squares around it, for blocks of samples, which
/// are merged in f64 (Chan, Golub and LeVeque 1979). Both within 1e-6 of f64: the mean relative to itself or 1, the
/// variance to itself.
pub fn moments(sizes: Sizes, x: &[f32]) -> Vec<Moments> {
    moments_on(Isa::in_use(), sizes, x)
}

fn moments_on(isa: Isa, sizes: Sizes, x: &[f32]) -> Vec<Moments> {
    assert_eq!(x.len(), sizes.n * sizes.c * sizes.m);
    for_channels(sizes, |first, channels| {
        let samples = (CACHED / (channels * sizes.m).max(1)).max(1);
        let mut merged = vec![(0.0, 0.0); channels];
        for start in (0..sizes.n).step_by(samples) {
            let samples = samples.min(sizes.n - start);
            let block = Block { samples, channels, m: sizes.m, stride: sizes.c * sizes.m };
            let x = &x[(start * sizes.c + first) * sizes.m..];
            let (before, count) = ((start * sizes.m) as f64, (samples * sizes.m) as f64);
            let (mut totals, mut squares) = ([[0.0]; MOST], [[0.0]; MOST]);
            // SAFETY: the block lies in `x`: its last plane ends where the last channel of its last sample does.
            unsafe { sum_planes(isa, block, x.as_ptr(), &[0.0; MOST], &mut totals) };
            let centers = totals.map(|[total]| (total / count) as f32);
            // SAFETY: as above.
            unsafe { square_planes(isa, block, x.as_ptr(), &centers, &mut squares) };
            for (channel, (mean, sum_of_squares)) in merged.iter_mut().enumerate() {
                let own = totals[channel][0] / count;
                // The rounding of the center is taken out again, so the squares are those around the exact mean.
                let around = squares[channel][0] - count * (own - f64::from(centers[channel])).powi(2);
                let apart = own - *mean;
                *mean += apart * count / (before + count);
                *sum_of_squares += around + apart * apart * before * count / (before + count);
            }
        }
        let count = (sizes.n * sizes.m) as f64;
        merged.iter().map(|&(mean, squares)| Moments { mean, variance: at_least_zero(squares / count) }).collect()
    })
}

/// Sums over a channel: of the gradient `dy` where the activation passed it, and of that times x − mean.
pub fn gradient_sums(sizes: Sizes, x: &[f32], lines: Activation, dy: &[f32]) -> Vec<(f64, f64)> {
    assert!(x.len() == sizes.n * sizes.c * sizes.m && dy.len() == x.len());
    let isa = Isa::in_use();
    for_channels(sizes, |first, channels| {
        let block = Block { samples: sizes.n, channels, m: sizes.m, stride: sizes.c * sizes.m };
        let at = first * sizes.m;
        // SAFETY: the block lies in both slices, which have the same length.
        unsafe { sums_of_task(isa, block, x[at..].as_ptr(), dy[at..].as_ptr(), lines, first) }
    })
}

/// The gradients that arrive at a normalization.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// of its output; `None` where the buffer for the gradient of x holds it
    pub dy: Option<&'a [f32]>,
    /// of x, from elsewhere: added
    pub others: Option<&'a [f32]>,
}

/// What becomes of the statistics when x changes.
#[derive(Clone, Copy, Debug)]
pub enum Statistics<'a> {
    /// they are constants
    Constant,
    /// they are those of x: 1 / sqrt(variance + epsilon) of each channel
    OfBatch(&'a [f32]),
}

/// The gradient of x into `dx`, and [`gradient_sums`] (empty where the statistics are constants).
///
/// With g = `dy` where the activation passed it, x̂ = (x − mean) inv_std, and means over the batch:
/// dx = slope (g − mean of g − x̂ · mean of (g x̂)), or dx = slope g where the statistics are constants, which needs no
/// `x` if there is no ReLU. Within 2e-6 of f64, relative to the largest term of the channel.
pub fn backward(
    sizes: Sizes,
    x: Option<&[f32]>,
    lines: Activation,
    statistics: Statistics,
    incoming: Incoming,
    dx: &mut [f32],
) -> Vec<(f64, f64)> {
    backward_on(Isa::in_use(), sizes, x, lines, statistics, incoming, dx)
}

fn backward_on(
    isa: Isa,
    sizes: Sizes,
    x: Option<&[f32]>,
    lines: Activation,
    statistics: Statistics,
    incoming: Incoming,
    dx: &mut [f32],
) -> Vec<(f64, f64)> {
    let len = sizes.n * sizes.c * sizes.m;
    let fits = |part: Option<&[f32]>| part.is_none_or(|part| part.len() == len);
    assert!(fits(x) && fits(incoming.dy) && fits(incoming.others) && dx.len() == len);
    let batch = matches!(statistics, Statistics::OfBatch(_));
    assert!(x.is_some() || !lines.relu && !batch, "x is needed for its statistics and for the sign before a ReLU");
    let out = Shared::new(dx);
    let count = (sizes.n * sizes.m) as f64;
    for_channels(sizes, |first, channels| {
        let block = Block { samples: sizes.n, channels, m: sizes.m, stride: sizes.c * sizes.m };
        let at = first * sizes.m;
        // SAFETY: the block lies in all slices, which have the same length. The planes of the block are written by
        // this task alone, after they were read.
        unsafe {
            let dx = out.at(at, block.len());
            let dy = incoming.dy.map_or(dx.cast_const(), |dy| dy.as_ptr().add(at));
            // Where x isn't needed, any numbers do.
            let x = x.map_or(dy, |x| x.as_ptr().add(at));
            let others = incoming.others.map(|others| others.as_ptr().add(at));
            let mut tilts = [Tilt { constant: 0.0, by_x: 0.0 }; MOST];
            let sums = match statistics {
                Statistics::Constant => Vec::new(),
                Statistics::OfBatch(inv_std) => {
                    let sums = sums_of_task(isa, block, x, dy, lines, first);
                    for (i, (tilt, &sums)) in tilts.iter_mut().zip(&sums).enumerate() {
                        *tilt = Tilt::new(sums, inv_std[first + i], lines.slope[first + i], count);
                    }
                    sums
                }
            };
            planes_back(isa, Back { block, x, dy, others, dx, batch }, lines, first, &tilts);
            sums
        }
    })
}

/// What the gradient through the statistics adds to dx: constant + by_x (x − mean).
#[derive(Clone, Copy)]
pub(super) struct Tilt {
    pub constant: f32,
    pub by_x: f32,
}

impl Tilt {
    /// From the sums of g and of g (x − mean) of a channel with `count` numbers.
    pub fn new(sums: (f64, f64), inv_std: f32, slope: f32, count: f64) -> Tilt {
        let (slope, inv_std) = (f64::from(slope), f64::from(inv_std));
        Tilt { constant: (-slope * sums.0 / count) as f32, by_x: (-slope * sums.1 * inv_std * inv_std / count) as f32 }
    }
}

unsafe fn sums_of_task(
    isa: Isa,
    block: Block,
    x: *const f32,
    dy: *const f32,
    lines: Activation,
    first: usize,
) -> Vec<(f64, f64)> {
    let mut totals = [[0.0; 2]; MOST];
    // SAFETY: the caller's promise.
    unsafe { sum_gradients(isa, block, x, dy, lines, first, &mut totals) };
    totals[..block.channels].iter().map(|&[dy, dy_x]| (dy, dy_x)).collect()
}

dispatch! {
    /// Adds Σ (x − center) of each channel to `totals`.
    ///
    /// # Safety
    /// The block lies behind `x`; it has at most [`MOST`] channels.
    unsafe fn sum_planes(block: Block, x: *const f32, centers: &[f32; MOST], totals: &mut [[f64; 1]; MOST]) => sums[false]
}

dispatch! {
    /// Adds Σ (x − center)² of each channel to `totals`.
    ///
    /// # Safety
    /// As [`sum_planes`].
    unsafe fn square_planes(block: Block, x: *const f32, centers: &[f32; MOST], totals: &mut [[f64; 1]; MOST]) => sums[true]
}

dispatch! {
    /// Adds Σ g and Σ g (x − mean) of each channel to `totals`.
    ///
    /// # Safety
    /// The block lies behind `x` and `dy`; it has at most [`MOST`] channels, from `first` on.
    unsafe fn sum_gradients(
        block: Block, x: *const f32, dy: *const f32, lines: Activation, first: usize, totals: &mut [[f64; 2]; MOST],
    ) => gradients
}

dispatch! {
    /// Writes dx of each plane.
    ///
    /// # Safety
    /// The block lies behind all pointers, and nobody else uses its numbers behind `dx`; it has at most [`MOST`]
    /// channels, from `first` on.
    unsafe fn planes_back(back: Back, lines: Activation, first: usize, tilts: &[Tilt; MOST]) => back_by_case
}

/// Sums of lanes, one vector for each channel of a task.
pub(super) struct Lanes<S: Simd, const K: usize>([[S::V; K]; MOST]);

impl<S: Simd, const K: usize> Lanes<S, K> {
    /// Nothing summed yet.
    ///
    /// # Safety
    /// The processor has `S`, here and in [`Lanes::flush`].
    #[inline(always)]
    pub unsafe fn zero() -> Self {
        // SAFETY: the caller has `S`.
        Lanes([[unsafe { S::zero() }; K]; MOST])
    }

    /// The sums of a channel.
    #[inline(always)]
    pub fn of(&mut self, channel: usize) -> &mut [S::V; K] {
        &mut self.0[channel]
    }

    /// Adds the lanes of a channel to its totals, in pairs, and empties them.
    #[inline(always)]
    pub unsafe fn flush(&mut self, channel: usize, totals: &mut [f64; K]) {
        for (lanes, total) in self.0[channel].iter_mut().zip(totals) {
            let mut numbers = [0f32; LANES];
            // SAFETY: sixteen numbers.
            unsafe {
                S::store(numbers.as_mut_ptr(), *lanes);
                *lanes = S::zero();
            }
            let mut sums = numbers.map(f64::from);
            for half in [8, 4, 2, 1] {
                for i in 0..half {
                    sums[i] += sums[i + half];
                }
            }
            *total += sums[0];
        }
    }
}

#[inline(always)]
unsafe fn sums<S: Simd, const SQUARE: bool>(
    block: Block,
    x: *const f32,
    centers: &[f32; MOST],
    totals: &mut [[f64; 1]; MOST],
) {
    // SAFETY: the caller's promise: planes are read within the block.
    unsafe {
        let mut lanes = Lanes::<S, 1>::zero();
        for sample in 0..block.samples {
            for (channel, &number) in centers.iter().enumerate().take(block.channels) {
                let x = x.add(sample * block.stride + channel * block.m);
                let center = S::splat(number);
                let term = |sum: S::V, x: S::V, center: S::V| {
                    let apart = S::sub(x, center);
                    if SQUARE { S::fma(apart, apart, sum) } else { S::add(sum, apart) }
                };
                let [mut sum] = *lanes.of(channel);
                let mut i = 0;
                if block.m >= 8 * LANES {
                    // Four sums side by side: one alone would wait for itself.
                    let mut four = [sum, S::zero(), S::zero(), S::zero()];
                    while i + 4 * LANES <= block.m {
                        for (k, sum) in four.iter_mut().enumerate() {
                            *sum = term(*sum, S::load(x.add(i + k * LANES)), center);
                        }
                        i += 4 * LANES;
                    }
                    sum = S::add(S::add(four[0], four[1]), S::add(four[2], four[3]));
                }
                while i + LANES <= block.m {
                    sum = term(sum, S::load(x.add(i)), center);
                    i += LANES;
                }
                if i < block.m {
                    let rest = block.m - i;
                    let center = S::load_first([number; LANES].as_ptr(), rest);
                    sum = term(sum, S::load_first(x.add(i), rest), center);
                }
                *lanes.of(channel) = [sum];
            }
            if (sample + 1).is_multiple_of(block.run()) || sample + 1 == block.samples {
                for (channel, totals) in totals.iter_mut().enumerate().take(block.channels) {
                    lanes.flush(channel, totals);
                }
            }
        }
    }
}

/// `dy` where the activation at x passed it.
#[inline(always)]
unsafe fn passed<S: Simd>(apart: S::V, slope: S::V, shift: S::V, relu: bool, dy: S::V) -> S::V {
    // SAFETY: registers only; the caller has `S`.
    unsafe { if relu { S::where_above(on_line::<S>(apart, slope, shift), S::zero(), dy) } else { dy } }
}

#[inline(always)]
unsafe fn gradients<S: Simd>(
    block: Block,
    x: *const f32,
    dy: *const f32,
    lines: Activation,
    first: usize,
    totals: &mut [[f64; 2]; MOST],
) {
    // SAFETY: the caller's promise: planes are read within the block.
    unsafe {
        let mut lanes = Lanes::<S, 2>::zero();
        for sample in 0..block.samples {
            for channel in 0..block.channels {
                let at = sample * block.stride + channel * block.m;
                let (x, dy) = (x.add(at), dy.add(at));
                let Line { mean, slope, shift } = lines.line(first + channel);
                let (mean, slope, shift) = (S::splat(mean), S::splat(slope), S::splat(shift));
                let term = |sums: [S::V; 2], x: S::V, dy: S::V| {
                    let apart = S::sub(x, mean);
                    let g = passed::<S>(apart, slope, shift, lines.relu, dy);
                    [S::add(sums[0], g), S::fma(g, apart, sums[1])]
                };
                let mut sums = *lanes.of(channel);
                let mut i = 0;
                if block.m >= 4 * LANES {
                    let mut beside = [S::zero(); 2];
                    while i + 2 * LANES <= block.m {
                        sums = term(sums, S::load(x.add(i)), S::load(dy.add(i)));
                        beside = term(beside, S::load(x.add(i + LANES)), S::load(dy.add(i + LANES)));
                        i += 2 * LANES;
                    }
                    sums = [S::add(sums[0], beside[0]), S::add(sums[1], beside[1])];
                }
                while i + LANES <= block.m {
                    sums = term(sums, S::load(x.add(i)), S::load(dy.add(i)));
                    i += LANES;
                }
                if i < block.m {
                    // Where dy is 0, so are both terms.
                    let rest = block.m - i;
                    sums = term(sums, S::load_first(x.add(i), rest), S::load_first(dy.add(i), rest));
                }
                *lanes.of(channel) = sums;
            }
            if (sample + 1).is_multiple_of(block.run()) || sample + 1 == block.samples {
                for (channel, totals) in totals.iter_mut().enumerate().take(block.channels) {
                    lanes.flush(channel, totals);
                }
            }
        }
    }
}

/// Where dx is read from and goes to.
#[derive(Clone, Copy)]
struct Back {
    block: Block,
    x: *const f32,
    dy: *const f32,
    others: Option<*const f32>,
    dx: *mut f32,
    /// whether there is a tilt
    batch: bool,
}

#[inline(always)]
unsafe fn back_by_case<S: Simd>(back: Back, lines: Activation, first: usize, tilts: &[Tilt; MOST]) {
    // SAFETY: the caller's promise.
    unsafe {
        match (lines.relu, back.batch) {
            (true, true) => back_planes::<S, true, true>(back, lines, first, tilts),
            (true, false) => back_planes::<S, true, false>(back, lines, first, tilts),
            (false, true) => back_planes::<S, false, true>(back, lines, first, tilts),
            (false, false) => back_planes::<S, false, false>(back, lines, first, tilts),
        }
    }
}

#[inline(always)]
unsafe fn back_planes<S: Simd, const RELU: bool, const BATCH: bool>(
    back: Back,
    lines: Activation,
    first: usize,
    tilts: &[Tilt; MOST],
) {
    let block = back.block;
    // SAFETY: the caller's promise: planes are read and written within the block, each number read before it is
    // written.
    unsafe {
        for sample in 0..block.samples {
            for (channel, tilt) in tilts.iter().enumerate().take(block.channels) {
                let at = sample * block.stride + channel * block.m;
                let (x, dy, dx) = (back.x.add(at), back.dy.add(at), back.dx.add(at));
                let Line { mean, slope, shift } = lines.line(first + channel);
                let (mean, slope, shift) = (S::splat(mean), S::splat(slope), S::splat(shift));
                let (constant, by_x) = (S::splat(tilt.constant), S::splat(tilt.by_x));
                let of = |x: S::V, dy: S::V| {
                    let apart = S::sub(x, mean);
                    let g = passed::<S>(apart, slope, shift, RELU, dy);
                    if BATCH { S::fma(slope, g, S::fma(apart, by_x, constant)) } else { S::mul(slope, g) }
                };
                let whole = block.m / LANES * LANES;
                let rest = block.m - whole;
                match back.others {
                    None => {
                        for i in (0..whole).step_by(LANES) {
                            S::store(dx.add(i), of(S::load(x.add(i)), S::load(dy.add(i))));
                        }
                        if rest > 0 {
                            let sum = of(S::load_first(x.add(whole), rest), S::load_first(dy.add(whole), rest));
                            S::store_first(dx.add(whole), rest, sum);
                        }
                    }
                    Some(others) => {
                        let others = others.add(at);
                        for i in (0..whole).step_by(LANES) {
                            let own = of(S::load(x.add(i)), S::load(dy.add(i)));
                            S::store(dx.add(i), S::add(own, S::load(others.add(i))));
                        }
                        if rest > 0 {
                            let own = of(S::load_first(x.add(whole), rest), S::load_first(dy.add(whole), rest));
                            S::store_first(dx.add(whole), rest, S::add(own, S::load_first(others.add(whole), rest)));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
