//! Maxima of 2 x 2 windows of normalized numbers, as they follow a batch norm with ReLU, without any of the steps
//! between lying in memory: forward reads x and writes the maxima; the way back finds the places again from x.
//!
//! Plain numbers are the case of lines with slope 1. Where a window holds several equal maxima its gradient goes to
//! the first; where it holds NaN the maximum is NaN and the gradient goes to the last number. Rows and columns that
//! no whole window covers get what comes through the statistics alone.

use super::buffer::{Shared, unfilled};
use super::channel_norm::{Block, Lanes, MOST, Statistics, Tilt, for_channels};
use super::elementwise::PIECE;
use super::norm::Sizes;
use super::pool::PoolShape;
use super::simd::{Isa, LANES, Simd, dispatch};
use super::source::{Activation, Line, on_line};
use rayon::prelude::*;

/// Whether these windows are the ones of this module.
pub fn applies(shape: &PoolShape) -> bool {
    shape.kernel == 2 && shape.stride == 2
}

/// Panics where the windows don't fit into their planes.
fn check(shape: &PoolShape) {
    assert!(applies(shape) && (shape.oh, shape.ow) == (shape.h / 2, shape.w / 2), "windows of {shape:?}");
}

/// The maximum of each window of the activated numbers, (N, C, OH, OW), with the bits of the activation's result.
pub fn forward(shape: &PoolShape, x: &[f32], lines: Activation) -> Vec<f32> {
    forward_on(Isa::in_use(), shape, x, lines)
}

fn forward_on(isa: Isa, shape: &PoolShape, x: &[f32], lines: Activation) -> Vec<f32> {
    let (plane, out) = (shape.h * shape.w, shape.oh * shape.ow);
    check(shape);
    assert_eq!(x.len(), shape.n * shape.c * plane, "numbers of {shape:?}");
    // SAFETY: each plane is written below.
    let mut y = unsafe { unfilled(shape.n * shape.c * out) };
    let planes = (PIECE / plane).max(1);
    let pieces = y.par_chunks_mut(planes * out).zip(x.par_chunks(planes * plane)).enumerate();
    pieces.for_each(|(index, (y, x))| {
        for (i, (y, x)) in y.chunks_mut(out).zip(x.chunks(plane)).enumerate() {
            let channel = (index * planes + i) % shape.c;
            // SAFETY: a plane of numbers and one of maxima.
            unsafe { maxima(isa, *shape, lines.line(channel), lines.relu, x.as_ptr(), y.as_mut_ptr()) };
        }
    });
    y
}

/// For each channel the sums of the gradient where a window's maximum is and the activation passed it, and of that
/// times x − mean.
pub fn gradient_sums(shape: &PoolShape, x: &[f32], lines: Activation, dy: &[f32]) -> Vec<(f64, f64)> {
    backward_on(Isa::in_use(), shape, x, lines, None, dy, &mut [])
}

/// The gradient of x, and [`gradient_sums`] (empty where the statistics are constants), by the equations of
/// [`channel_norm::backward`](super::channel_norm::backward), with g = `dy` where the window's maximum is and the
/// activation passed it. Within 1e-6 of f64 for numbers of size 1.
pub fn backward(
    shape: &PoolShape,
    x: &[f32],
    lines: Activation,
    statistics: Statistics,
    dy: &[f32],
) -> (Vec<f32>, Vec<(f64, f64)>) {
    // SAFETY: each plane is written below.
    let mut dx = unsafe { unfilled(x.len()) };
    let sums = backward_on(Isa::in_use(), shape, x, lines, Some(statistics), dy, &mut dx);
    (dx, sums)
}

/// Sums alone without `statistics`; `dx` is then empty.
fn backward_on(
    isa: Isa,
    shape: &PoolShape,
    x: &[f32],
    lines: Activation,
    statistics: Option<Statistics>,
    dy: &[f32],
    dx: &mut [f32],
) -> Vec<(f64, f64)> {
    let sizes = Sizes { n: shape.n, c: shape.c, m: shape.h * shape.w };
    let out = shape.oh * shape.ow;
    check(shape);
    assert!(x.len() == sizes.n * sizes.c * sizes.m && dy.len() == sizes.n * sizes.c * out, "numbers of {shape:?}");
    assert_eq!(dx.len(), if statistics.is_some() { x.len() } else { 0 });
    let count = (sizes.n * sizes.m) as f64;
    let target = Shared::new(dx);
    for_channels(sizes, |first, channels| {
        let block = Block { samples: sizes.n, channels, m: sizes.m, stride: sizes.c * sizes.m };
        let (x, dy) = (x[first * sizes.m..].as_ptr(), dy[first * out..].as_ptr());
        let task = Task { shape: *shape, block, x, dy, first };
        let mut tilts = [Tilt { constant: 0.0, by_x: 0.0 }; MOST];
        let mut totals = [[0.0; 2]; MOST];
        let batch = matches!(statistics, Some(Statistics::OfBatch(_)));
        // SAFETY: the block lies in the slices, whose lengths fit the shape; its planes of dx belong to this task.
        unsafe {
            if batch || statistics.is_none() {
                sum_gradients(isa, task, lines, &mut totals);
            }
            if let Some(Statistics::OfBatch(inv_std)) = statistics {
                for (i, tilt) in tilts.iter_mut().enumerate().take(channels) {
                    let sums = (totals[i][0], totals[i][1]);
                    *tilt = Tilt::new(sums, inv_std[first + i], lines.slope[first + i], count);
                }
            }
            if statistics.is_some() {
                let tilts = batch.then_some(&tilts);
                planes_back(isa, task, lines, tilts, target.at(first * sizes.m, block.len()));
            }
        }
        let sums = if batch || statistics.is_none() { &totals[..channels] } else { &[] };
        sums.iter().map(|&[dy, dy_x]| (dy, dy_x)).collect()
    })
}

/// Neighbouring channels of all samples, from channel `first` on, where the pointers point.
#[derive(Clone, Copy)]
struct Task {
    shape: PoolShape,
    block: Block,
    x: *const f32,
    dy: *const f32,
    first: usize,
}

dispatch! {
    /// # Safety
    /// A plane of the shape's input behind `x`, one of its output behind `y`.
    unsafe fn maxima(shape: PoolShape, line: Line, relu: bool, x: *const f32, y: *mut f32) => plane_maxima
}

dispatch! {
    /// Adds Σ g and Σ g (x − mean) of each channel to `totals`.
    ///
    /// # Safety
    /// The task's planes lie behind its pointers; it has at most [`MOST`] channels.
    unsafe fn sum_gradients(task: Task, lines: Activation, totals: &mut [[f64; 2]; MOST]) => gradients
}

dispatch! {
    /// Writes dx of each plane; without tilts where the statistics are constants.
    ///
    /// # Safety
    /// As [`sum_gradients`]; behind `dx` as behind `x`, and nobody else uses the numbers of these planes.
    unsafe fn planes_back(task: Task, lines: Activation, tilts: Option<&[Tilt; MOST]>, dx: *mut f32) => back
}

// The functions from here on are no closures and use no `array::map`, since those are compiled without the instruction
// set wherever the compiler doesn't inline them.

/// x − mean of up to sixteen windows side by side: top left, top right, bottom left, bottom right.
#[inline(always)]
unsafe fn windows<S: Simd>(x: *const f32, w: usize, count: usize, mean: S::V) -> [S::V; 4] {
    // SAFETY: the caller's promise: `count` windows start at `x`, in rows of `w` numbers.
    unsafe {
        let (a, b) = pairs::<S>(x, count, mean);
        let (c, d) = pairs::<S>(x.add(w), count, mean);
        [a, b, c, d]
    }
}

/// x − mean at even and at odd places of `2 count` numbers.
#[inline(always)]
unsafe fn pairs<S: Simd>(x: *const f32, count: usize, mean: S::V) -> (S::V, S::V) {
    // SAFETY: the caller's promise.
    unsafe {
        let (a, b) = if count == LANES {
            (S::load(x), S::load(x.add(LANES)))
        } else {
            let (a, b) = halves(2 * count);
            (S::load_first(x, a), S::load_first(x.wrapping_add(LANES), b))
        };
        S::even_odd(S::sub(a, mean), S::sub(b, mean))
    }
}

/// How many of `n <= 32` numbers lie in the first and in the second of two vectors.
#[inline(always)]
fn halves(n: usize) -> (usize, usize) {
    (n.min(LANES), n.saturating_sub(LANES))
}

/// The line at the four numbers of each window.
#[inline(always)]
unsafe fn lined<S: Simd>(apart: [S::V; 4], slope: S::V, shift: S::V) -> [S::V; 4] {
    let [a, b, c, d] = apart;
    // SAFETY: registers only; the caller has `S`.
    unsafe {
        let (a, b) = (on_line::<S>(a, slope, shift), on_line::<S>(b, slope, shift));
        [a, b, on_line::<S>(c, slope, shift), on_line::<S>(d, slope, shift)]
    }
}

#[inline(always)]
unsafe fn largest<S: Simd>(p: [S::V; 4]) -> S::V {
    // SAFETY: registers only; the caller has `S`.
    unsafe { S::max_or_nan(S::max_or_nan(p[0], p[1]), S::max_or_nan(p[2], p[3])) }
}

#[inline(always)]
unsafe fn plane_maxima<S: Simd>(shape: PoolShape, line: Line, relu: bool, x: *const f32, y: *mut f32) {
    // SAFETY: the caller's promise: windows and maxima lie in their planes.
    unsafe {
        let (mean, slope, shift) = (S::splat(line.mean), S::splat(line.slope), S::splat(line.shift));
        for i in 0..shape.oh {
            for j in (0..shape.ow).step_by(LANES) {
                let count = LANES.min(shape.ow - j);
                let apart = windows::<S>(x.add(2 * i * shape.w + 2 * j), shape.w, count, mean);
                let best = largest::<S>(lined::<S>(apart, slope, shift));
                let best = if relu { S::relu(best) } else { best };
                S::store_first(y.add(i * shape.ow + j), count, best);
            }
        }
    }
}

/// The gradient of a window's maximum as that of its four numbers.
#[inline(always)]
unsafe fn shares<S: Simd>(apart: [S::V; 4], line: [S::V; 2], relu: bool, dy: S::V) -> (S::V, [S::V; 4]) {
    // SAFETY: registers only; the caller has `S`.
    unsafe {
        let p = lined::<S>(apart, line[0], line[1]);
        let best = largest::<S>(p);
        let g = if relu { S::where_above(best, S::zero(), dy) } else { dy };
        // What the best is above goes on to the next number.
        let first = S::where_above(best, p[0], g);
        let second = S::where_above(best, p[1], first);
        let third = S::where_above(best, p[2], second);
        (g, [S::sub(g, first), S::sub(first, second), S::sub(second, third), third])
    }
}

#[inline(always)]
unsafe fn gradients<S: Simd>(task: Task, lines: Activation, totals: &mut [[f64; 2]; MOST]) {
    let Task { shape, block, first, .. } = task;
    // SAFETY: the caller's promise: windows and gradients lie in their planes.
    unsafe {
        let mut lanes = Lanes::<S, 2>::zero();
        for sample in 0..block.samples {
            for channel in 0..block.channels {
                let x = task.x.add(sample * block.stride + channel * block.m);
                let dy = task.dy.add((sample * shape.c + channel) * shape.oh * shape.ow);
                let Line { mean, slope, shift } = lines.line(first + channel);
                let (mean, line) = (S::splat(mean), [S::splat(slope), S::splat(shift)]);
                let mut sums = *lanes.of(channel);
                for i in 0..shape.oh {
                    for j in (0..shape.ow).step_by(LANES) {
                        let count = LANES.min(shape.ow - j);
                        let apart = windows::<S>(x.add(2 * i * shape.w + 2 * j), shape.w, count, mean);
                        let dy = S::load_first(dy.add(i * shape.ow + j), count);
                        let (g, shares) = shares::<S>(apart, line, lines.relu, dy);
                        sums[0] = S::add(sums[0], g);
                        let pair = S::fma(shares[0], apart[0], S::mul(shares[1], apart[1]));
                        let pair = S::fma(shares[2], apart[2], S::fma(shares[3], apart[3], pair));
                        sums[1] = S::add(sums[1], pair);
                    }
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

#[inline(always)]
unsafe fn back<S: Simd>(task: Task, lines: Activation, tilts: Option<&[Tilt; MOST]>, dx: *mut f32) {
    let Task { shape, block, first, .. } = task;
    // SAFETY: the caller's promise: planes are read and written within the task's.
    unsafe {
        for sample in 0..block.samples {
            for channel in 0..block.channels {
                let at = sample * block.stride + channel * block.m;
                let (x, dx) = (task.x.add(at), dx.add(at));
                let dy = task.dy.add((sample * shape.c + channel) * shape.oh * shape.ow);
                let line = lines.line(first + channel);
                match tilts {
                    Some(tilts) => plane_back::<S, true>(shape, line, lines.relu, tilts[channel], [x, dy], dx),
                    None => {
                        let none = Tilt { constant: 0.0, by_x: 0.0 };
                        plane_back::<S, false>(shape, line, lines.relu, none, [x, dy], dx);
                    }
                }
            }
        }
    }
}

/// dx from the share of the gradient and, if TILTED, what comes through the statistics. A tilt of zeros would make NaN of
/// an infinite x.
#[inline(always)]
unsafe fn sloped<S: Simd, const TILTED: bool>(apart: S::V, share: S::V, slope: S::V, tilt: [S::V; 2]) -> S::V {
    // SAFETY: registers only; the caller has `S`.
    unsafe { if TILTED { S::fma(slope, share, S::fma(apart, tilt[1], tilt[0])) } else { S::mul(slope, share) } }
}

/// Stores `2 count` numbers.
#[inline(always)]
unsafe fn store_pairs<S: Simd>(dx: *mut f32, count: usize, (left, right): (S::V, S::V)) {
    let (a, b) = halves(2 * count);
    // SAFETY: the caller's promise: so many numbers lie behind `dx`.
    unsafe {
        S::store_first(dx, a, left);
        S::store_first(dx.wrapping_add(LANES), b, right);
    }
}

#[inline(always)]
unsafe fn plane_back<S: Simd, const TILTED: bool>(
    shape: PoolShape,
    line: Line,
    relu: bool,
    tilts: Tilt,
    [x, dy]: [*const f32; 2],
    dx: *mut f32,
) {
    let PoolShape { h, w, oh, ow, .. } = shape;
    // SAFETY: the caller's promise: planes behind all pointers.
    unsafe {
        let (mean, slope, shift) = (S::splat(line.mean), S::splat(line.slope), S::splat(line.shift));
        let tilt = [S::splat(tilts.constant), S::splat(tilts.by_x)];
        for i in 0..oh {
            for j in (0..ow).step_by(LANES) {
                let count = LANES.min(ow - j);
                let at = 2 * i * w + 2 * j;
                let apart = windows::<S>(x.add(at), w, count, mean);
                let dy = S::load_first(dy.add(i * ow + j), count);
                let (_, shares) = shares::<S>(apart, [slope, shift], relu, dy);
                let top = S::interleave(
                    sloped::<S, TILTED>(apart[0], shares[0], slope, tilt),
                    sloped::<S, TILTED>(apart[1], shares[1], slope, tilt),
                );
                let bottom = S::interleave(
                    sloped::<S, TILTED>(apart[2], shares[2], slope, tilt),
                    sloped::<S, TILTED>(apart[3], shares[3], slope, tilt),
                );
                store_pairs::<S>(dx.add(at), count, top);
                store_pairs::<S>(dx.add(at + w), count, bottom);
            }
        }
        let uncovered = |i: usize, j: usize| {
            let place = i * w + j;
            *dx.add(place) = if TILTED { tilts.constant + tilts.by_x * (*x.add(place) - line.mean) } else { 0.0 };
        };
        for i in 0..2 * oh {
            (2 * ow..w).for_each(|j| uncovered(i, j));
        }
        for i in 2 * oh..h {
            (0..w).for_each(|j| uncovered(i, j));
        }
    }
}

#[cfg(test)]
mod tests;
