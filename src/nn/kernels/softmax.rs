//! Softmax over the rows of a matrix, its logarithm and its cross-entropy with one class of each row.
//!
//! Exponentials are vectors in f32, of the distance to the row's maximum. Their sums are formed in f32 over runs of at
//! most 4096 numbers in sixteen lanes, and in f64 from there. Logarithms of sums are f64.

use super::buffer::{unfilled, with_scratch};
use super::elementwise::{PIECE, fold, fold2};
use super::simd::math::exp;
use super::simd::{Isa, LANES, Simd, dispatch};
use rayon::prelude::*;

/// The target of a row that counts for nothing.
pub const IGNORED: u32 = u32::MAX;

/// e^x(k) / Σ e^x(j) for each row of `classes` numbers. Within 3e-6 of f64, relative to each number.
pub fn softmax(x: &[f32], classes: usize) -> Vec<f32> {
    // SAFETY: rows of equal lengths.
    map_rows(x, classes, |isa, x, y| unsafe { softmax_rows(isa, x, y, classes) })
}

/// x(k) − log Σ e^x(j) for each row of `classes` numbers. Within 1e-6 of f64, relative to each number.
pub fn log_softmax(x: &[f32], classes: usize) -> Vec<f32> {
    // SAFETY: rows of equal lengths.
    map_rows(x, classes, |isa, x, y| unsafe { log_softmax_rows(isa, x, y, classes) })
}

/// The gradient of [`softmax`] from its result: y (dy − Σ y dy).
pub fn softmax_gradient(y: &[f32], dy: &[f32], classes: usize) -> Vec<f32> {
    map_rows2(y, dy, classes, |isa, y, dy, dx| {
        isa.run(|| {
            for ((y, dy), dx) in rows(y, dy, dx, classes) {
                let dot = fold2(y, dy, |y, dy| y * dy) as f32;
                for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = y * (dy - dot);
                }
            }
        });
    })
}

/// The gradient of [`log_softmax`] from its result: dy − e^y Σ dy.
pub fn log_softmax_gradient(y: &[f32], dy: &[f32], classes: usize) -> Vec<f32> {
    // SAFETY: rows of equal lengths.
    map_rows2(y, dy, classes, |isa, y, dy, dx| unsafe { log_softmax_gradient_rows(isa, y, dy, dx, classes) })
}

/// loss(n) = −Σ t(n, k) log softmax(x(n))(k) in f64, with t = (1 − s) onehot(target) + s / classes; and its gradient
/// softmax(x(n)) − t(n), if `gradient` is set, else an empty vector. Every target is below `classes` or [`IGNORED`]: such
/// a row has loss and gradient 0.
///
/// The gradient at the target is formed from the other classes alone, so it stays exact where the target's own share
/// is nearly 1. Relative to each number, losses are within 1e-6 of f64 and gradients within 3e-6 (of the share, where
/// smoothing makes the difference smaller).
pub fn cross_entropy(x: &[f32], classes: usize, targets: &[u32], s: f64, gradient: bool) -> (Vec<f64>, Vec<f32>) {
    assert!(classes > 0 && x.len() == targets.len() * classes, "{} targets for {} numbers", targets.len(), x.len());
    let known = |&target: &u32| (target as usize) < classes || target == IGNORED;
    assert!(targets.iter().all(known), "a target is no class");
    let isa = Isa::in_use();
    let block = block_rows(classes);
    let mut losses = vec![0.0; targets.len()];
    // SAFETY: every row is written by the kernel.
    let mut dx = unsafe { unfilled(if gradient { x.len() } else { 0 }) };
    let inputs = x.par_chunks(block * classes).zip(targets.par_chunks(block)).zip(losses.par_chunks_mut(block));
    if gradient {
        inputs.zip(dx.par_chunks_mut(block * classes)).for_each(|(((x, targets), losses), dx)| {
            // SAFETY: as many rows in each; the targets are classes or ignored.
            unsafe { cross_entropy_rows(isa, x, targets, s, losses, dx, classes) }
        });
    } else {
        inputs.for_each(|((x, targets), losses)| {
            with_scratch(x.len(), |dx| {
                // SAFETY: as above.
                unsafe { cross_entropy_rows(isa, x, targets, s, losses, dx, classes) }
            });
        });
    }
    (losses, dx)
}

/// Rows that are worth a task.
fn block_rows(classes: usize) -> usize {
    (PIECE / classes.max(1)).max(1)
}

/// `fill(isa, rows of x, rows of the result)` for blocks of rows, in parallel; `fill` writes every element.
fn map_rows(x: &[f32], classes: usize, fill: impl Fn(Isa, &[f32], &mut [f32]) + Sync) -> Vec<f32> {
    map_rows2(x, x, classes, |isa, x, _, y| fill(isa, x, y))
}

/// [`map_rows`] of two inputs.
fn map_rows2(a: &[f32], b: &[f32], classes: usize, fill: impl Fn(Isa, &[f32], &[f32], &mut [f32]) + Sync) -> Vec<f32> {
    assert!(a.len() == b.len() && classes > 0 && a.len().is_multiple_of(classes), "rows of {classes}: {}", a.len());
    let (isa, block) = (Isa::in_use(), block_rows(classes) * classes);
    // SAFETY: `fill` writes every element of every block, and the blocks cover the result.
    let mut out = unsafe { unfilled(a.len()) };
    let blocks = out.par_chunks_mut(block).zip(a.par_chunks(block)).zip(b.par_chunks(block));
    blocks.for_each(|((out, a), b)| fill(isa, a, b, out));
    out
}

/// The rows of three blocks side by side.
#[inline(always)]
fn rows<'a>(
    a: &'a [f32],
    b: &'a [f32],
    out: &'a mut [f32],
    classes: usize,
) -> impl Iterator<Item = ((&'a [f32], &'a [f32]), &'a mut [f32])> {
    a.chunks_exact(classes).zip(b.chunks_exact(classes)).zip(out.chunks_exact_mut(classes))
}

dispatch! { unsafe fn softmax_rows(x: &[f32], y: &mut [f32], classes: usize) => softmax_block }
dispatch! { unsafe fn log_softmax_rows(x: &[f32], y: &mut [f32], classes: usize) => log_softmax_block }
dispatch! {
    unsafe fn log_softmax_gradient_rows(y: &[f32], dy: &[f32], dx: &mut [f32], classes: usize) => log_softmax_gradient_block
}
dispatch! {
    unsafe fn cross_entropy_rows(
        x: &[f32],
        targets: &[u32],
        s: f64,
        losses: &mut [f64],
        dx: &mut [f32],
        classes: usize,
    ) => cross_entropy_block
}

/// `y = e^(x − shift)`; both have the same length.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn exponentials<S: Simd>(x: &[f32], shift: f32, y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    let mut at = 0;
    while at < x.len() {
        let n = (x.len() - at).min(LANES);
        // SAFETY: `n` numbers from `at` on are in both.
        unsafe {
            let e = exp::<S>(S::sub(S::load_first(x.as_ptr().add(at), n), S::splat(shift)));
            S::store_first(y.as_mut_ptr().add(at), n, e);
        }
        at += n;
    }
}

/// The largest number of a row, from which the others' distances are taken; 0 where that is not finite. NaN is passed
/// over.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn largest<S: Simd>(x: &[f32]) -> f32 {
    let (groups, rest) = x.as_chunks::<LANES>();
    // SAFETY: groups have sixteen numbers. The order of the arguments passes over NaN.
    let largest = unsafe {
        let mut largest = S::splat(f32::NEG_INFINITY);
        for group in groups {
            largest = S::max(S::load(group.as_ptr()), largest);
        }
        S::largest(largest)
    };
    let largest = rest.iter().copied().fold(largest, f32::max);
    if largest.is_finite() { largest } else { 0.0 }
}

/// # Safety
/// The processor has `S`; `x` and `y` have equal lengths.
#[inline(always)]
unsafe fn softmax_block<S: Simd>(x: &[f32], y: &mut [f32], classes: usize) {
    for (x, y) in x.chunks_exact(classes).zip(y.chunks_exact_mut(classes)) {
        // SAFETY: the caller's promise.
        unsafe { exponentials::<S>(x, largest::<S>(x), y) };
        let scale = (1.0 / fold(y, |y| y)) as f32;
        y.iter_mut().for_each(|y| *y *= scale);
    }
}

/// # Safety
/// As [`softmax_block`].
#[inline(always)]
unsafe fn log_softmax_block<S: Simd>(x: &[f32], y: &mut [f32], classes: usize) {
    for (x, y) in x.chunks_exact(classes).zip(y.chunks_exact_mut(classes)) {
        // SAFETY: the caller's promise.
        let max = unsafe { largest::<S>(x) };
        // SAFETY: the caller's promise.
        unsafe { exponentials::<S>(x, max, y) };
        let log = fold(y, |y| y).ln() as f32;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - max) - log);
    }
}

/// # Safety
/// As [`softmax_block`], for three blocks.
#[inline(always)]
unsafe fn log_softmax_gradient_block<S: Simd>(y: &[f32], dy: &[f32], dx: &mut [f32], classes: usize) {
    for ((y, dy), dx) in rows(y, dy, dx, classes) {
        // SAFETY: the caller's promise.
        unsafe { exponentials::<S>(y, 0.0, dx) };
        let sum = fold(dy, |dy| dy) as f32;
        dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = dy - *dx * sum);
    }
}

/// # Safety
/// The processor has `S`; as many rows of `x` and `dx` as targets and losses; targets are classes or [`IGNORED`].
#[inline(always)]
unsafe fn cross_entropy_block<S: Simd>(
    x: &[f32],
    targets: &[u32],
    s: f64,
    losses: &mut [f64],
    dx: &mut [f32],
    classes: usize,
) {
    let everywhere = s / classes as f64;
    let samples = x.chunks_exact(classes).zip(dx.chunks_exact_mut(classes)).zip(targets).zip(losses);
    for (((x, dx), &target), loss) in samples {
        if target == IGNORED {
            dx.fill(0.0);
            *loss = 0.0;
            continue;
        }
        let target = target as usize;
        // SAFETY: the caller's promise.
        let max = unsafe { largest::<S>(x) };
        // SAFETY: the caller's promise.
        unsafe { exponentials::<S>(x, max, dx) };
        let own = f64::from(std::mem::take(&mut dx[target]));
        let others = fold(dx, |e| e);
        let sum = others + own;
        let normalizer = f64::from(max) + sum.ln();
        *loss = (1.0 - s) * (normalizer - f64::from(x[target]));
        let scale = (1.0 / sum) as f32;
        if s == 0.0 {
            dx.iter_mut().for_each(|dx| *dx *= scale);
        } else {
            *loss += everywhere * x.iter().map(|&x| normalizer - f64::from(x)).sum::<f64>();
            dx.iter_mut().for_each(|dx| *dx = *dx * scale - everywhere as f32);
        }
        dx[target] = (s - everywhere - others / sum) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::pattern;

    const SHAPES: [(usize, usize); 7] = [(1, 1), (3, 2), (128, 10), (5, 16), (7, 33), (4, 1000), (2, 9000)];

    fn numbers(len: usize, seed: u64) -> Vec<f32> {
        pattern(len, seed).into_iter().map(|x| (12.0 * x) as f32).collect()
    }

    fn shares(x: &[f32]) -> (Vec<f64>, f64) {
        let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let e: Vec<f64> = x.iter().map(|&x| (f64::from(x) - f64::from(max)).exp()).collect();
        let sum: f64 = e.iter().sum();
        (e.iter().map(|e| e / sum).collect(), f64::from(max) + sum.ln())
    }

    /// Each result near f64's, relative to itself.
    fn near(found: &[f32], expected: impl Iterator<Item = f64>, bound: f64, what: &str) {
        for (i, (&found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(found) - expected).abs() / expected.abs().max(1e-30);
            assert!(error < bound, "{what}, number {i}: {found} instead of {expected}, {error:e}");
        }
    }

    #[test]
    fn rows_are_near_f64() {
        for (n, classes) in SHAPES {
            let x = numbers(n * classes, 1);
            let what = format!("{n} x {classes}");
            for isa in Isa::available() {
                let mut y = vec![f32::NAN; x.len()];
                // SAFETY: rows of equal lengths.
                unsafe { softmax_rows(isa, &x, &mut y, classes) };
                near(&y, x.chunks(classes).flat_map(|x| shares(x).0), 3e-6, &format!("softmax {what} {isa}"));
                // SAFETY: as above.
                unsafe { log_softmax_rows(isa, &x, &mut y, classes) };
                let logarithms = x.chunks(classes).flat_map(|x| {
                    let normalizer = shares(x).1;
                    x.iter().map(move |&x| f64::from(x) - normalizer)
                });
                near(&y, logarithms, if classes == 1 { 1.0 } else { 1e-6 }, &format!("log softmax {what} {isa}"));
            }
        }
    }

    #[test]
    fn cross_entropy_is_near_f64_also_where_the_target_has_nearly_all() {
        for (n, classes) in SHAPES {
            let targets: Vec<u32> = (0..n).map(|i| (i * 7 % classes) as u32).collect();
            for (s, lead) in [(0.0, 0.0), (0.1, 0.0), (0.0, 25.0)] {
                let mut x = numbers(n * classes, 2);
                x.chunks_mut(classes).zip(&targets).for_each(|(x, &target)| x[target as usize] += lead);
                for isa in Isa::available() {
                    let (mut losses, mut dx) = (vec![0.0; n], vec![f32::NAN; x.len()]);
                    // SAFETY: as many rows in each, targets below `classes`.
                    unsafe { cross_entropy_rows(isa, &x, &targets, s, &mut losses, &mut dx, classes) };
                    for (sample, x) in x.chunks(classes).enumerate() {
                        let (shares, normalizer) = shares(x);
                        let target = targets[sample] as usize;
                        let others: f64 = shares.iter().enumerate().filter(|(k, _)| *k != target).map(|(_, p)| p).sum();
                        let everywhere = s / classes as f64;
                        let mean: f64 = x.iter().map(|&x| normalizer - f64::from(x)).sum::<f64>() * everywhere;
                        let loss = (1.0 - s) * (normalizer - f64::from(x[target])) + mean;
                        let what = format!("{n} x {classes}, {s}, {lead}, {isa}");
                        assert!((losses[sample] - loss).abs() < 1e-6 * loss.abs() + 1e-12, "{what}: {losses:?} {loss}");
                        for (k, share) in shares.iter().enumerate() {
                            let found = f64::from(dx[sample * classes + k]);
                            let expected = if k == target { s - everywhere - others } else { share - everywhere };
                            let error = (found - expected).abs() / share.max(expected.abs()).max(1e-30);
                            assert!(error < 3e-6, "{what}: {found} instead of {expected}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn infinite_and_missing_numbers() {
        let x = [f32::NEG_INFINITY, 0.0, 1.0, f32::NAN, 0.0, 1.0];
        let (losses, dx) = cross_entropy(&x, 3, &[2, 2], 0.0, true);
        assert!((losses[0] - (1.0 + (-1f64).exp()).ln()).abs() < 1e-7 && dx[0] == 0.0, "{losses:?} {dx:?}");
        assert!(losses[1].is_nan() && dx[5].is_nan());
        assert_eq!(cross_entropy(&x, 3, &[0, 2], 0.0, false).0[0], f64::INFINITY);
        assert!(softmax(&[f32::INFINITY, 0.0], 2)[0].is_nan());
    }
}
