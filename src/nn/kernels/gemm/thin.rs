//! Products of few rows with a weight: each number of the weight is read once, where it lies.

use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::narrow::Numbers;
use crate::nn::kernels::simd::{Isa, LANES, Simd, dispatch};
use rayon::prelude::*;

/// Outputs of one task.
const OUTPUTS: usize = 64;

/// x wᵀ for x (N, F) and w (O, F): (N, O). Its bits depend neither on the number of threads nor on N, but are others than
/// those of [`product`](super::product): for the few rows of a text that is being written. Error against f64, as
/// max|err|/max|ref|: 1e-6 at most for sums of up to 1,000 products.
pub fn thin(isa: Isa, x: &[f32], w: Numbers, features: usize) -> Vec<f32> {
    assert!(features > 0 && x.len().is_multiple_of(features) && w.len().is_multiple_of(features), "rows of {features}");
    let (rows, outputs) = (x.len() / features, w.len() / features);
    // SAFETY: every number is written below.
    let mut columns = unsafe { unfilled(rows * outputs) };
    if columns.is_empty() {
        return columns;
    }
    columns.par_chunks_mut(OUTPUTS * rows).enumerate().for_each(|(task, out)| {
        let first = task * OUTPUTS * features;
        match w.part(first..first + out.len() / rows * features) {
            // SAFETY: both hold as many outputs, each a row of `features` in w and `rows` numbers in `out`.
            Numbers::Single(w) => unsafe { products(isa, x, w, out, features) },
            // A row at a time, which the nearest cache holds until it is multiplied.
            narrow => with_scratch(features, |w| {
                for (i, out) in out.chunks_exact_mut(rows).enumerate() {
                    narrow.part(i * features..(i + 1) * features).read_into(isa, w);
                    // SAFETY: one row of `features` and `rows` numbers for it.
                    unsafe { products(isa, x, w, out, features) };
                }
            }),
        }
    });
    if rows == 1 {
        return columns;
    }
    // Output after output so far.
    (0..rows * outputs).map(|i| columns[i % outputs * rows + i / outputs]).collect()
}

dispatch! {
    unsafe fn products(x: &[f32], w: &[f32], out: &mut [f32], features: usize) => products_of
}

/// # Safety
/// `x` and `w` hold rows of `features` numbers, `out` the number of rows of both multiplied. The processor has `S`.
#[inline(always)]
unsafe fn products_of<S: Simd>(x: &[f32], w: &[f32], out: &mut [f32], features: usize) {
    let rows = x.len() / features;
    for (w, out) in w.chunks_exact(features).zip(out.chunks_exact_mut(rows)) {
        for (x, out) in x.chunks_exact(features).zip(out) {
            // SAFETY: both slices have `features` numbers.
            *out = unsafe { dot::<S>(x, w) };
        }
    }
}

/// In four sums of vectors, so that one addition need not wait for the last.
///
/// # Safety
/// Both slices have equally many numbers. The processor has `S`.
#[inline(always)]
unsafe fn dot<S: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let (n, step) = (a.len(), 4 * LANES);
    // SAFETY: reads within both slices; the caller's promise.
    unsafe {
        let mut sums = [S::zero(); 4];
        let mut at = 0;
        while at + step <= n {
            for (i, sum) in sums.iter_mut().enumerate() {
                let place = at + i * LANES;
                *sum = S::fma(S::load(a.as_ptr().add(place)), S::load(b.as_ptr().add(place)), *sum);
            }
            at += step;
        }
        while at < n {
            let count = LANES.min(n - at);
            let (x, y) = (S::load_first(a.as_ptr().add(at), count), S::load_first(b.as_ptr().add(at), count));
            sums[0] = S::fma(x, y, sums[0]);
            at += count;
        }
        S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{error, singles};
    use half::bf16;

    #[test]
    fn few_rows_agree_with_f64_on_every_instruction_set() {
        for (rows, features, outputs) in
            [(1, 1, 1), (1, 7, 3), (2, 64, 65), (3, 100, 130), (1, 576, 200), (4, 1000, 70)]
        {
            let (x, w) = (singles(rows * features, 1), singles(outputs * features, 2));
            let expected: Vec<f64> = (0..rows * outputs)
                .map(|i| {
                    let (x, w) = (&x[i / outputs * features..][..features], &w[i % outputs * features..][..features]);
                    x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
                })
                .collect();
            for isa in Isa::available() {
                let found = thin(isa, &x, w.as_slice().into(), features);
                let off = error(&found, &expected);
                assert!(off < 1e-6, "{isa}, {rows} x {features} x {outputs}: {off:e}");
                // A row has the same bits whoever stands beside it.
                let alone = thin(isa, &x[..features], w.as_slice().into(), features);
                assert_eq!(&found[..outputs], alone);
                // Numbers of two bytes give the bits of the f32 that they are.
                let brain: Vec<bf16> = w.iter().map(|w| bf16::from_f32(*w)).collect();
                let single = Numbers::Brain(&brain).to_singles();
                let (found, same) = (Numbers::Brain(&brain), single.as_slice().into());
                assert_eq!(thin(isa, &x, found, features), thin(isa, &x, same, features));
            }
        }
    }
}
