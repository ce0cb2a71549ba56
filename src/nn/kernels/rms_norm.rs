//! Normalization of rows by their root mean square.

use super::buffer::unfilled;
use super::simd::{Isa, Simd, dispatch, vectors};
use rayon::prelude::*;

/// Rows of one task. The gradient of the weight is summed within a task first, so this number decides its bits.
const ROWS: usize = 32;

/// 1 / sqrt(mean of x² + epsilon) of each row of `d` numbers; the mean is summed in f32 over sixteen lanes, within
/// (D/16 + 6) 2^-24 of f64.
pub fn inverse_rms(isa: Isa, x: &[f32], d: usize, epsilon: f64) -> Vec<f32> {
    assert!(d > 0 && x.len().is_multiple_of(d), "rows of {d} numbers in {}", x.len());
    let mut inverse = vec![0.0; x.len() / d];
    inverse.par_chunks_mut(ROWS).zip(x.par_chunks(ROWS * d)).for_each(|(inverse, x)| {
        // SAFETY: `x` holds a row of d numbers for each number of `inverse`.
        unsafe { squares(isa, x, d, epsilon, inverse) };
    });
    inverse
}

/// y = x w / rms(x) for rows of `w.len()` numbers, given `inverse` = 1 / rms of each. With [`inverse_rms`] within 1e-6
/// of f64, relative to the largest |y|.
pub fn scale(isa: Isa, x: &[f32], inverse: &[f32], w: &[f32]) -> Vec<f32> {
    let d = w.len();
    assert_eq!(x.len(), inverse.len() * d, "numbers of {} rows of {d}", inverse.len());
    // SAFETY: every row is written below.
    let mut y = unsafe { unfilled(x.len()) };
    let rows = y.par_chunks_mut(ROWS * d).zip(x.par_chunks(ROWS * d)).zip(inverse.par_chunks(ROWS));
    // SAFETY: the three hold the same rows, as long as `w`.
    rows.for_each(|((y, x), inverse)| unsafe { scale_rows(isa, x, inverse, w, y) });
    y
}

/// The gradients of x and w, from x, `inverse` and the gradient `dy` of [`scale`]'s result:
/// dx = r w dy - x r³ mean(w dy x) with r = 1 / rms, and dw = the sum over rows of dy x r. `dw` is empty if it is not
/// `wanted`. Within 2 (D/16 + 8) 2^-24 of f64, relative to the largest |dx| of a row.
pub fn backward(isa: Isa, x: &[f32], inverse: &[f32], w: &[f32], dy: &[f32], wanted: bool) -> (Vec<f32>, Vec<f32>) {
    let d = w.len();
    assert!(x.len() == inverse.len() * d && dy.len() == x.len(), "numbers of {} rows of {d}", inverse.len());
    // SAFETY: every row is written below.
    let mut dx = unsafe { unfilled(x.len()) };
    let rows = dx.par_chunks_mut(ROWS * d).zip(x.par_chunks(ROWS * d)).zip(dy.par_chunks(ROWS * d));
    let parts: Vec<Vec<f32>> = rows
        .zip(inverse.par_chunks(ROWS))
        .map(|(((dx, x), dy), inverse)| {
            let mut dw = vec![0.0; if wanted { d } else { 0 }];
            // SAFETY: all hold the same rows, as long as `w`; `dw` is as long as `w` or empty.
            unsafe { backward_rows(isa, x, inverse, w, dy, dx, &mut dw) };
            dw
        })
        .collect();
    let mut dw = vec![0.0; if wanted { d } else { 0 }];
    for part in &parts {
        dw.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    (dx, dw)
}

dispatch! { unsafe fn squares(x: &[f32], d: usize, epsilon: f64, inverse: &mut [f32]) => squares_of }
dispatch! { unsafe fn scale_rows(x: &[f32], inverse: &[f32], w: &[f32], y: &mut [f32]) => scale_rows_of }
dispatch! {
    unsafe fn backward_rows(x: &[f32], inverse: &[f32], w: &[f32], dy: &[f32], dx: &mut [f32], dw: &mut [f32]) => backward_rows_of
}

/// Up to sixteen numbers of a slice.
///
/// # Safety
/// `start + count` is at most the length of `data`. The processor has `S`.
#[inline(always)]
unsafe fn at<S: Simd>(data: &[f32], start: usize, count: usize) -> S::V {
    // SAFETY: the caller's promise.
    unsafe { S::load_first(data.as_ptr().add(start), count) }
}

/// # Safety
/// `x` holds a row of d numbers for each number of `inverse`. The processor has `S`.
#[inline(always)]
unsafe fn squares_of<S: Simd>(x: &[f32], d: usize, epsilon: f64, inverse: &mut [f32]) {
    for (row, inverse) in x.chunks_exact(d).zip(inverse) {
        // SAFETY: reads inside the row; the caller's promise.
        unsafe {
            let mut sum = S::zero();
            vectors!(d, |start, count| {
                let x = at::<S>(row, start, count);
                sum = S::fma(x, x, sum);
            });
            *inverse = (1.0 / (f64::from(S::sum(sum)) / d as f64 + epsilon).sqrt()) as f32;
        }
    }
}

/// # Safety
/// `x` and `y` hold a row as long as `w` for each number of `inverse`. The processor has `S`.
#[inline(always)]
unsafe fn scale_rows_of<S: Simd>(x: &[f32], inverse: &[f32], w: &[f32], y: &mut [f32]) {
    let d = w.len();
    for ((x, y), &inverse) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)).zip(inverse) {
        // SAFETY: reads and writes inside the rows; the caller's promise.
        unsafe {
            let inverse = S::splat(inverse);
            vectors!(d, |start, count| {
                let scaled = S::mul(at::<S>(x, start, count), inverse);
                let w = at::<S>(w, start, count);
                S::store_first(y.as_mut_ptr().add(start), count, S::mul(scaled, w));
            });
        }
    }
}

/// # Safety
/// `x`, `dy` and `dx` hold a row as long as `w` for each number of `inverse`; `dw` is as long as `w` or empty. The
/// processor has `S`.
#[inline(always)]
unsafe fn backward_rows_of<S: Simd>(x: &[f32], inverse: &[f32], w: &[f32], dy: &[f32], dx: &mut [f32], dw: &mut [f32]) {
    let d = w.len();
    let rows = x.chunks_exact(d).zip(dy.chunks_exact(d)).zip(dx.chunks_exact_mut(d));
    for (((x, dy), dx), &inverse) in rows.zip(inverse) {
        // SAFETY: reads and writes inside the rows and `dw`; the caller's promise.
        unsafe {
            let r = S::splat(inverse);
            let mut sum = S::zero();
            vectors!(d, |start, count| {
                let (x, dy) = (at::<S>(x, start, count), at::<S>(dy, start, count));
                sum = S::fma(S::mul(at::<S>(w, start, count), dy), x, sum);
            });
            let mean = f64::from(S::sum(sum)) / d as f64;
            let tilt = S::splat((mean * f64::from(inverse).powi(3)) as f32);
            vectors!(d, |start, count| {
                let (x, dy) = (at::<S>(x, start, count), at::<S>(dy, start, count));
                let scaled = S::mul(S::mul(at::<S>(w, start, count), dy), r);
                S::store_first(dx.as_mut_ptr().add(start), count, S::fnma(x, tilt, scaled));
            });
            if !dw.is_empty() {
                vectors!(d, |start, count| {
                    let normal = S::mul(at::<S>(x, start, count), r);
                    let sum = S::fma(at::<S>(dy, start, count), normal, at::<S>(dw, start, count));
                    S::store_first(dw.as_mut_ptr().add(start), count, sum);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{error, pattern};

    fn numbers(len: usize, seed: u64) -> Vec<f32> {
        pattern(len, seed).into_iter().map(|x| (3.0 * x) as f32).collect()
    }

    #[test]
    fn rows_are_near_f64() {
        for (rows, d) in [(1, 1), (3, 8), (33, 24), (70, 65), (2, 4096)] {
            let (x, w, dy) = (numbers(rows * d, 1), numbers(d, 2), numbers(rows * d, 3));
            let (mut y, mut dx, mut dw) = (Vec::new(), Vec::new(), vec![0.0; d]);
            let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
            let w64 = wide(&w);
            for (x, dy) in x.chunks(d).map(wide).zip(dy.chunks(d).map(wide)) {
                let r = 1.0 / (x.iter().map(|x| x * x).sum::<f64>() / d as f64 + 1e-5).sqrt();
                let mean = (0..d).map(|i| w64[i] * dy[i] * x[i]).sum::<f64>() / d as f64;
                y.extend((0..d).map(|i| x[i] * r * w64[i]));
                dx.extend((0..d).map(|i| r * w64[i] * dy[i] - x[i] * r.powi(3) * mean));
                (0..d).for_each(|i| dw[i] += dy[i] * x[i] * r);
            }
            for isa in Isa::available() {
                let inverse = inverse_rms(isa, &x, d, 1e-5);
                let (found_dx, found_dw) = backward(isa, &x, &inverse, &w, &dy, true);
                let found = [error(&scale(isa, &x, &inverse, &w), &y), error(&found_dx, &dx), error(&found_dw, &dw)];
                // With one number a row the two terms of dx nearly cancel.
                let bounds = [1e-6, if d == 1 { 1.0 } else { 2e-6 }, 1e-6];
                assert!(found.iter().zip(bounds).all(|(&e, bound)| e < bound), "{isa}, {rows} x {d}: {found:?}");
                assert_eq!(backward(isa, &x, &inverse, &w, &dy, false), (found_dx, Vec::new()));
            }
        }
    }
}
