//! Low-rank updates of weights.

use super::gemm::{Matrix, product_into};

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
    pub fn merged(&self, w: &[f32]) -> Vec<f32> {
        let mut sum = w.to_vec();
        if self.rank > 0 && !w.is_empty() {
            let (outputs, features) = (self.b.len() / self.rank, self.a.len() / self.rank);
            let b = scaled(self.b, self.scale);
            let b = Matrix::new(&b, outputs, self.rank, self.rank);
            product_into(&mut sum, features, b, Matrix::new(self.a, self.rank, features, features), true);
        }
        sum
    }
}

/// Every number times `scale`.
pub fn scaled(numbers: &[f32], scale: f64) -> Vec<f32> {
    numbers.iter().map(|&number| number * scale as f32).collect()
}
