use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::simd::{Isa, LANES, Simd, dispatch};
use rayon::prelude::*;

/// Output channels after which the sums go to memory and back, so that the rows read by one block of rows are still
/// in the nearest cache when the next one reads them.
const GROUP: usize = 16;

/// Rows of a block at most.
const MOST_ROWS: usize = 4;

/// `dx(n, c, i, j) = Σ over k, r, s of dy(n, k, i - r + 1, j - s + 1) w(k, c, r, s)`, (N, C, H, W).
///
/// The sums over k and r are formed for each s without moving any row sideways; the three are moved and added at the
/// end. So dy is read as it lies, without a border.
pub fn input_gradient(isa: Isa, shape: &ConvShape, w: &[f32], dy: &[f32]) -> Vec<f32> {
    let (image, outputs) = (shape.c * shape.h * shape.w, shape.k * shape.positions());
    assert!(super::applies(shape) && dy.len() == shape.n * outputs && w.len() == shape.k * shape.patch());
    let weights = by_row(shape, w);
    let sums = Sums::new(shape);
    // SAFETY: each task writes all inputs of its sample.
    let mut dx = unsafe { unfilled(shape.n * image) };
    dx.par_chunks_mut(image).zip(dy.par_chunks(outputs)).for_each(|(dx, dy)| {
        with_scratch(sums.len, |scratch| {
            // SAFETY: a sample, its outputs and the sums have the lengths that the shape says.
            unsafe { run_sample(isa, shape, &weights, dy, scratch, dx) };
        });
    });
    dx
}

/// The weight as (K, R, C, S), the order in which it is read.
fn by_row(shape: &ConvShape, w: &[f32]) -> Vec<f32> {
    let channels =
        |k: usize, r: usize| (0..shape.c).flat_map(move |c| (0..3).map(move |s| ((k * shape.c + c) * 3 + r) * 3 + s));
    (0..shape.k).flat_map(|k| (0..3).flat_map(move |r| channels(k, r))).map(|at| w[at]).collect()
}

/// Where the sums of a sample lie: for each c and s a plane of h rows, with sixteen zeros between rows, before the
/// first and behind the last.
#[derive(Clone, Copy)]
struct Sums {
    row: usize,
    plane: usize,
    len: usize,
}

impl Sums {
    fn new(shape: &ConvShape) -> Sums {
        let row = shape.w.next_multiple_of(LANES) + LANES;
        let plane = shape.h * row;
        Sums { row, plane, len: 3 * shape.c * plane + LANES }
    }
}

dispatch! {
    /// # Safety
    /// All are as long as one sample of the shape needs.
    unsafe fn run_sample(shape: &ConvShape, w: &[f32], dy: &[f32], sums: &mut [f32], dx: &mut [f32]) => sample
}

#[inline(always)]
unsafe fn sample<S: Simd>(shape: &ConvShape, w: &[f32], dy: &[f32], scratch: &mut [f32], dx: &mut [f32]) {
    let job = Job { shape, sums: Sums::new(shape), w: w.as_ptr(), dy: dy.as_ptr(), scratch: scratch.as_mut_ptr() };
    // SAFETY: the lengths are those of the shape, and a scratch of `sums.len`.
    unsafe {
        for between in 0..=3 * shape.c * shape.h {
            S::store(job.scratch.add(between * job.sums.row), S::zero());
        }
        for first in (0..shape.k).step_by(GROUP) {
            match (S::WIDTH, shape.c) {
                (2, 1) => group::<S, 1, 4>(&job, first),
                (2, 2) => group::<S, 2, 4>(&job, first),
                (2, 3) => group::<S, 3, 2>(&job, first),
                (2, _) => group::<S, 4, 2>(&job, first),
                (_, 1) => group::<S, 1, 2>(&job, first),
                (_, 2) => group::<S, 2, 1>(&job, first),
                (_, 3) => group::<S, 3, 1>(&job, first),
                _ => group::<S, 4, 1>(&job, first),
            }
        }
        join::<S>(&job, dx.as_mut_ptr());
    }
}

struct Job<'a> {
    shape: &'a ConvShape,
    sums: Sums,
    w: *const f32,
    dy: *const f32,
    scratch: *mut f32,
}

/// A group of output channels, added to the sums of C input channels; ROWS rows at a time.
#[inline(always)]
unsafe fn group<S: Simd, const C: usize, const ROWS: usize>(job: &Job, first: usize) {
    let shape = job.shape;
    let mut y = 0;
    while y < shape.h {
        let rows = if shape.h - y >= ROWS { ROWS } else { 1 };
        for column in (0..shape.w).step_by(LANES) {
            // SAFETY: `rows` rows from `y` on, and a vector that begins in them.
            unsafe {
                match (rows == ROWS, shape.w - column >= LANES) {
                    (true, true) => block::<S, C, ROWS, true>(job, first, y, column),
                    (true, false) => block::<S, C, ROWS, false>(job, first, y, column),
                    (false, true) => block::<S, C, 1, true>(job, first, y, column),
                    (false, false) => block::<S, C, 1, false>(job, first, y, column),
                }
            }
        }
        y += rows;
    }
}

/// A vector of pixels, or the first `n` of one.
#[inline(always)]
unsafe fn load<S: Simd, const WHOLE: bool>(from: *const f32, n: usize) -> S::V {
    // SAFETY: the caller's promise.
    unsafe { if WHOLE { S::load(from) } else { S::load_first(from, n) } }
}

/// One vector of ROWS rows; WHOLE says that all its pixels are inside the row.
#[inline(always)]
unsafe fn block<S: Simd, const C: usize, const ROWS: usize, const WHOLE: bool>(
    job: &Job,
    first: usize,
    y: usize,
    column: usize,
) {
    let (shape, layout) = (job.shape, job.sums);
    let zeros = [0f32; LANES];
    // SAFETY: rows outside the image are read from `zeros`; of those inside no number behind the row is read.
    unsafe {
        let place = |c: usize, s: usize, row: usize| {
            job.scratch.add((c * 3 + s) * layout.plane + (y + row) * layout.row + LANES + column)
        };
        let mut sums = [[[S::zero(); ROWS]; 3]; C];
        if first > 0 {
            for (c, sums) in sums.iter_mut().enumerate() {
                for (s, sums) in sums.iter_mut().enumerate() {
                    for (row, sum) in sums.iter_mut().enumerate() {
                        *sum = S::load(place(c, s, row));
                    }
                }
            }
        }
        let inside = |row: usize| (1..=shape.h).contains(&(y + row));
        // Rows y - 1 to y + ROWS of dy.
        let from = |k: usize, row: usize| match inside(row) {
            true => job.dy.add((k * shape.h + y + row - 1) * shape.w + column),
            false => zeros.as_ptr(),
        };
        for k in first..(first + GROUP).min(shape.k) {
            let mut rows = [S::zero(); MOST_ROWS + 2];
            for (row, line) in rows.iter_mut().enumerate().take(ROWS + 2) {
                *line = load::<S, WHOLE>(from(k, row), shape.w - column);
            }
            let mut w = job.w.add(k * 9 * C);
            for r in 0..3 {
                for sums in &mut sums {
                    for sums in sums {
                        let weight = S::splat(*w);
                        w = w.add(1);
                        for (row, sum) in sums.iter_mut().enumerate() {
                            *sum = S::fma(weight, rows[row + 2 - r], *sum);
                        }
                    }
                }
            }
        }
        for (c, sums) in sums.iter().enumerate() {
            for (s, sums) in sums.iter().enumerate() {
                for (row, &sum) in sums.iter().enumerate() {
                    S::store(place(c, s, row), sum);
                }
            }
        }
    }
}

/// `dx(c, y, x) = sum 0 at x + 1 + sum 1 at x + sum 2 at x - 1`.
#[inline(always)]
unsafe fn join<S: Simd>(job: &Job, dx: *mut f32) {
    let (shape, layout) = (job.shape, job.sums);
    for c in 0..shape.c {
        for y in 0..shape.h {
            for column in (0..shape.w).step_by(LANES) {
                // SAFETY: rows of the sums have zeros on both sides; the store ends with the row.
                unsafe {
                    let sum = job.scratch.add(3 * c * layout.plane + y * layout.row + LANES + column);
                    let (left, middle) = (S::load(sum.add(1)), S::load(sum.add(layout.plane)));
                    let right = S::load(sum.add(2 * layout.plane).sub(1));
                    let total = S::add(S::add(left, middle), right);
                    let to = dx.add((c * shape.h + y) * shape.w + column);
                    S::store_first(to, (shape.w - column).min(LANES), total);
                }
            }
        }
    }
}
