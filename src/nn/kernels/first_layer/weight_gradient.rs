use super::frame::{Frame, fill};
use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::simd::{Isa, LANES, Simd, dispatch};
use crate::nn::kernels::source::{Activation, Source};
use rayon::prelude::*;

/// Slices of the batch with sums of their own: many enough for many threads, few enough that the sums stay small.
const SLICES: usize = 8;

/// `dw(k, c, r, s) = Σ over n, i, j of dy(n, k, i, j) x(n, c, i + r - 1, j + s - 1)`, (K, C, 3, 3).
///
/// Each of the sixteen lanes sums its pixels of the rows over the samples of a slice; then lanes, then slices are
/// added in order.
pub fn weight_gradient(isa: Isa, shape: &ConvShape, x: Source, dy: &[f32]) -> Vec<f32> {
    let (image, outputs, weights) = (shape.c * shape.h * shape.w, shape.k * shape.positions(), shape.k * shape.patch());
    assert!(super::applies(shape) && x.data.len() == shape.n * image && dy.len() == shape.n * outputs);
    let slices = shape.n.min(SLICES);
    // SAFETY: the first sample of each slice writes all of its sums.
    let mut sums = unsafe { unfilled(slices * weights * LANES) };
    let frame = Frame::new(shape);
    sums.par_chunks_mut(weights * LANES).enumerate().for_each(|(slice, sums)| {
        with_scratch(frame.len, |scratch| {
            let samples = slice * shape.n / slices..(slice + 1) * shape.n / slices;
            for (index, n) in samples.enumerate() {
                let (x_of_sample, dy) = (&x.data[n * image..][..image], &dy[n * outputs..][..outputs]);
                let activation = x.activation.as_ref();
                // SAFETY: a sample, its frame, its outputs and the sums have the lengths that the shape says.
                unsafe { run_sample(isa, shape, x_of_sample, activation, dy, scratch, sums, index > 0) };
            }
        });
    });
    let of_slice = |slice: usize, weight: usize| {
        let lanes = &sums[(slice * weights + weight) * LANES..][..LANES];
        // SAFETY: sixteen numbers.
        f64::from(unsafe { run_lanes(isa, lanes.as_ptr()) })
    };
    (0..weights).map(|weight| (0..slices).map(|slice| of_slice(slice, weight)).sum::<f64>() as f32).collect()
}

dispatch! {
    /// # Safety
    /// All are as long as one sample of the shape needs.
    unsafe fn run_sample(
        shape: &ConvShape, x: &[f32], activation: Option<&Activation>, dy: &[f32], scratch: &mut [f32],
        sums: &mut [f32], onto: bool,
    ) => sample
}

dispatch! {
    unsafe fn run_lanes(lanes: *const f32) -> f32 => sum_of_lanes
}

#[inline(always)]
unsafe fn sum_of_lanes<S: Simd>(lanes: *const f32) -> f32 {
    // SAFETY: the caller's promise.
    unsafe { S::sum(S::load(lanes)) }
}

#[inline(always)]
unsafe fn sample<S: Simd>(
    shape: &ConvShape,
    x: &[f32],
    activation: Option<&Activation>,
    dy: &[f32],
    scratch: &mut [f32],
    sums: &mut [f32],
    onto: bool,
) {
    let frame = Frame::new(shape);
    // SAFETY: the lengths are those of the shape, and a scratch of `frame.len`.
    unsafe { fill::<S>(shape, frame, x.as_ptr(), activation, scratch.as_mut_ptr()) };
    let group = if S::WIDTH == 2 { 8 } else { 2 };
    let mut k = 0;
    while k < shape.k {
        let (dy, sums) = (&dy[k * shape.positions()..], &mut sums[k * shape.patch() * LANES..]);
        let job = Job { shape, frame, x: scratch.as_ptr(), dy: dy.as_ptr(), sums: sums.as_mut_ptr(), onto };
        let n = if shape.k - k >= group { group } else { 1 };
        for row in 0..shape.c * 3 {
            // SAFETY: as above, for channels `k..k + n`.
            unsafe {
                match n {
                    8 => block::<S, 8>(&job, row),
                    2 => block::<S, 2>(&job, row),
                    _ => block::<S, 1>(&job, row),
                }
            }
        }
        k += n;
    }
}

/// One sample and a few output channels.
struct Job<'a> {
    shape: &'a ConvShape,
    frame: Frame,
    x: *const f32,
    dy: *const f32,
    sums: *mut f32,
    onto: bool,
}

/// The three weights in row `row` (of C 3) of K output channels; their sums stay in registers.
#[inline(always)]
unsafe fn block<S: Simd, const K: usize>(job: &Job, row: usize) {
    let (shape, frame) = (job.shape, job.frame);
    // SAFETY: rows of the frame hold whole vectors behind each pixel; no number behind a row of dy is read.
    unsafe {
        let mut sums = [[S::zero(); 3]; K];
        let place = |k: usize, s: usize| job.sums.add((k * shape.patch() + row * 3 + s) * LANES);
        if job.onto {
            for (k, sums) in sums.iter_mut().enumerate() {
                for (s, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(place(k, s));
                }
            }
        }
        for y in 0..shape.h {
            let x = job.x.add(row / 3 * frame.plane + (y + row % 3) * frame.row);
            for column in (0..shape.w).step_by(LANES) {
                let x = x.add(column);
                let pixels = [S::load(x), S::load(x.add(1)), S::load(x.add(2))];
                let n = shape.w - column;
                for (k, sums) in sums.iter_mut().enumerate() {
                    let dy = job.dy.add(k * shape.positions() + y * shape.w + column);
                    let dy = if n < LANES { S::load_first(dy, n) } else { S::load(dy) };
                    for (sum, &pixels) in sums.iter_mut().zip(&pixels) {
                        *sum = S::fma(dy, pixels, *sum);
                    }
                }
            }
        }
        for (k, sums) in sums.iter().enumerate() {
            for (s, &sum) in sums.iter().enumerate() {
                S::store(place(k, s), sum);
            }
        }
    }
}
