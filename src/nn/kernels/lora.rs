//! Low-rank updates of weights.

use super::buffer::unfilled;
use super::gemm::{Matrix, multiply};
use super::narrow::Numbers;
use super::simd::Isa;
use rayon::prelude::*;

/// Rows of a weight that one task copies and adds to: they stay in the second cache meanwhile.
const ROWS: usize = 64;

/// The update scale · b a of a weight (O, F): a (r, F), b (O, r).
#[derive(Clone, Copy)]
pub struct Update<'a> {
    pub a: &'a [f32],
    pub b: &'a [f32],
    pub rank: usize,
    pub scale: f64,
}

impl Update<'_> {
    /// w + scale · b a. For more than a few inputs one product with this sum costs less than the product with `w` and
    /// two thin ones beside it, and rounds no worse.
    pub fn merged(&self, w: Numbers) -> Vec<f32> {
        let (rank, isa) = (self.rank, Isa::in_use());
        if rank == 0 || w.is_empty() {
            return w.to_singles();
        }
        let features = self.a.len() / rank;
        assert_eq!(w.len() * rank, features * self.b.len(), "the sizes of a weight and its update");
        let (a, b) = (Matrix::new(self.a, rank, features, features), scaled(self.b, self.scale));
        // SAFETY: every task copies all of its rows, which together are all rows.
        let mut sum = unsafe { unfilled(w.len()) };
        let rows = sum.par_chunks_mut(ROWS * features).enumerate();
        rows.zip(b.par_chunks(ROWS * rank)).for_each(|((i, sum), b)| {
            w.part(i * ROWS * features..i * ROWS * features + sum.len()).read_into(isa, sum);
            multiply(sum, features, Matrix::new(b, b.len() / rank, rank, rank), a, true);
        });
        sum
    }
}

/// Every number times `scale`.
pub fn scaled(numbers: &[f32], scale: f64) -> Vec<f32> {
    numbers.iter().map(|&number| number * scale as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{error, singles};

    #[test]
    fn the_sum_is_near_f64_for_any_number_of_rows() {
        for (outputs, features, rank) in [(1, 1, 1), (64, 17, 3), (130, 65, 16), (5, 300, 0)] {
            let (w, a, b) = (singles(outputs * features, 1), singles(rank * features, 2), singles(outputs * rank, 3));
            let expected: Vec<f64> = (0..outputs * features)
                .map(|i| {
                    let (row, column) = (i / features, i % features);
                    let product = |k: usize| f64::from(b[row * rank + k]) * f64::from(a[k * features + column]);
                    f64::from(w[i]) + 0.5 * (0..rank).map(product).sum::<f64>()
                })
                .collect();
            let found = Update { a: &a, b: &b, rank, scale: 0.5 }.merged(w.as_slice().into());
            let off = error(&found, &expected);
            assert!(off < 1e-6, "{outputs} x {features}, rank {rank}: {off:e}");
        }
    }
}
