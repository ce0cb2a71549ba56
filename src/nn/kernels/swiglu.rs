//! The gated unit silu(gate) up, whose two inputs lie in rows of one buffer or of two.

use super::buffer::unfilled;
use super::simd::{Isa, Simd, dispatch, math, vectors};
use rayon::prelude::*;

/// Rows of one task, so that a task has this many numbers at least.
fn rows_per_task(columns: usize) -> usize {
    (8 * 1024 / columns.max(1)).max(1)
}

/// Gate and up: row n of each is `columns` numbers, at `n * stride`.
#[derive(Clone, Copy)]
pub struct Gated<'a> {
    gate: &'a [f32],
    up: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> Gated<'a> {
    /// Two buffers of equal length, row after row of `columns` numbers.
    pub fn apart(gate: &'a [f32], up: &'a [f32], columns: usize) -> Gated<'a> {
        assert!(gate.len() == up.len() && columns > 0 && gate.len().is_multiple_of(columns), "gate and up");
        Gated { gate, up, rows: gate.len() / columns, columns, stride: columns }
    }

    /// One buffer whose rows are a row of the gate followed by one of up.
    pub fn beside(both: &'a [f32], columns: usize) -> Gated<'a> {
        assert!(columns > 0 && both.len().is_multiple_of(2 * columns), "gate and up of {columns} in {}", both.len());
        let up = both.get(columns..).unwrap_or_default();
        Gated { gate: both, up, rows: both.len() / (2 * columns), columns, stride: 2 * columns }
    }

    /// The pointers to row `row` of gate and up.
    fn row(&self, row: usize) -> (*const f32, *const f32) {
        assert!(row < self.rows);
        (self.gate[row * self.stride..].as_ptr(), self.up[row * self.stride..].as_ptr())
    }

    /// silu(gate) up with silu(x) = x / (1 + e^-x), row after row. Within 4e-7 of f64, relative to each number.
    pub fn forward(&self, isa: Isa) -> Vec<f32> {
        // SAFETY: every row is written below.
        let mut y = unsafe { unfilled(self.rows * self.columns) };
        let rows = rows_per_task(self.columns);
        y.par_chunks_mut(rows * self.columns).enumerate().for_each(|(task, y)| {
            for (i, y) in y.chunks_exact_mut(self.columns).enumerate() {
                let (gate, up) = self.row(task * rows + i);
                // SAFETY: `row` gives pointers to as many numbers as `y` has.
                unsafe { forward_row(isa, gate, up, y) };
            }
        });
        y
    }

    /// From the gradient `dy` of [`forward`](Gated::forward)'s result: the gradients of gate and up, laid as rows of
    /// gate followed by up; and in the place of `dy` the result of `forward` again. Within 4e-7 of f64, relative to the
    /// sizes of the terms.
    pub fn backward_beside(&self, isa: Isa, dy: &mut [f32]) -> Vec<f32> {
        assert_eq!(dy.len(), self.rows * self.columns, "the gradient of {} rows of {}", self.rows, self.columns);
        // SAFETY: every row is written below.
        let mut both = unsafe { unfilled(2 * dy.len()) };
        let rows = rows_per_task(self.columns);
        let tasks = dy.par_chunks_mut(rows * self.columns).zip(both.par_chunks_mut(2 * rows * self.columns));
        tasks.enumerate().for_each(|(task, (dy, both))| {
            let lines = dy.chunks_exact_mut(self.columns).zip(both.chunks_exact_mut(2 * self.columns));
            for (i, (dy, both)) in lines.enumerate() {
                let (dgate, dup) = both.split_at_mut(self.columns);
                let (gate, up) = self.row(task * rows + i);
                // SAFETY: `row` gives pointers to as many numbers as each slice has.
                unsafe { backward_row(isa, gate, up, dy, dgate, dup) };
            }
        });
        both
    }

    /// As [`backward_beside`](Gated::backward_beside), with the gradients of gate and up in two buffers.
    pub fn backward_apart(&self, isa: Isa, dy: &mut [f32]) -> (Vec<f32>, Vec<f32>) {
        assert_eq!(dy.len(), self.rows * self.columns, "the gradient of {} rows of {}", self.rows, self.columns);
        // SAFETY: every row of both is written below.
        let (mut dgate, mut dup) = unsafe { (unfilled(dy.len()), unfilled(dy.len())) };
        let rows = rows_per_task(self.columns);
        let len = rows * self.columns;
        let tasks = dy.par_chunks_mut(len).zip(dgate.par_chunks_mut(len)).zip(dup.par_chunks_mut(len));
        tasks.enumerate().for_each(|(task, ((dy, dgate), dup))| {
            let lines = dgate.chunks_exact_mut(self.columns).zip(dup.chunks_exact_mut(self.columns));
            for (i, (dy, (dgate, dup))) in dy.chunks_exact_mut(self.columns).zip(lines).enumerate() {
                let (gate, up) = self.row(task * rows + i);
                // SAFETY: `row` gives pointers to as many numbers as each slice has.
                unsafe { backward_row(isa, gate, up, dy, dgate, dup) };
            }
        });
        (dgate, dup)
    }
}

dispatch! { unsafe fn forward_row(gate: *const f32, up: *const f32, y: &mut [f32]) => forward_row_of }
dispatch! {
    unsafe fn backward_row(gate: *const f32, up: *const f32, dy: &mut [f32], dgate: &mut [f32], dup: &mut [f32]) => backward_row_of
}

/// s = 1 / (1 + e^-x) and 1 - s = e^-x s, each with its own relative precision. Below -80 both stay as they are there.
#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::V) -> (S::V, S::V) {
    // SAFETY: arithmetic on registers. The order of the arguments lets NaN pass.
    unsafe {
        let e = math::exp::<S>(S::min(S::splat(80.0), S::sub(S::zero(), x)));
        let s = S::div(S::splat(1.0), S::add(S::splat(1.0), e));
        (s, S::mul(e, s))
    }
}

/// # Safety
/// `gate` and `up` point to as many numbers as `y` has. The processor has `S`.
#[inline(always)]
unsafe fn forward_row_of<S: Simd>(gate: *const f32, up: *const f32, y: &mut [f32]) {
    vectors!(y.len(), |start, count| {
        // SAFETY: the caller's promises; `start + count` is at most the length.
        unsafe {
            let gate = S::load_first(gate.add(start), count);
            let silu = S::mul(gate, sigmoid::<S>(gate).0);
            S::store_first(y.as_mut_ptr().add(start), count, S::mul(silu, S::load_first(up.add(start), count)));
        }
    });
}

/// With s = sigmoid(gate): dgate = dy up s (1 + gate (1 - s)), dup = dy silu(gate), and dy becomes silu(gate) up.
///
/// # Safety
/// `gate` and `up` point to as many numbers as each slice has. The processor has `S`.
#[inline(always)]
unsafe fn backward_row_of<S: Simd>(
    gate: *const f32,
    up: *const f32,
    dy: &mut [f32],
    dgate: &mut [f32],
    dup: &mut [f32],
) {
    vectors!(dy.len(), |start, count| {
        // SAFETY: the caller's promises; `start + count` is at most the length.
        unsafe {
            let (g, u) = (S::load_first(gate.add(start), count), S::load_first(up.add(start), count));
            let d = S::load_first(dy.as_ptr().add(start), count);
            let (s, rest) = sigmoid::<S>(g);
            let silu = S::mul(g, s);
            // s (1 + g (1 - s)) = s + silu (1 - s)
            let slope = S::fma(silu, rest, s);
            S::store_first(dgate.as_mut_ptr().add(start), count, S::mul(S::mul(d, u), slope));
            S::store_first(dup.as_mut_ptr().add(start), count, S::mul(d, silu));
            S::store_first(dy.as_mut_ptr().add(start), count, S::mul(silu, u));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::pattern;

    #[test]
    fn numbers_are_near_f64() {
        for (rows, columns) in [(1, 1), (3, 8), (17, 65), (40, 300)] {
            let numbers = |seed, size: f64| -> Vec<f32> {
                pattern(rows * columns, seed).into_iter().map(|x| (x * size) as f32).collect()
            };
            let (gate, up, dy) = (numbers(1, 60.0), numbers(2, 2.0), numbers(3, 1.0));
            let row = |row: usize| {
                let range = row * columns..(row + 1) * columns;
                [&gate[range.clone()], &up[range]].concat()
            };
            let both: Vec<f32> = (0..rows).flat_map(row).collect();
            for isa in Isa::available() {
                let apart = Gated::apart(&gate, &up, columns);
                let (y, mut restored) = (apart.forward(isa), dy.clone());
                let (dgate, dup) = apart.backward_apart(isa, &mut restored);
                for i in 0..y.len() {
                    let [g, u, d] = [gate[i], up[i], dy[i]].map(f64::from);
                    let s = 1.0 / (1.0 + (-g).exp());
                    let near = |found: f32, expected: f64, size: f64| {
                        let error = (f64::from(found) - expected).abs();
                        assert!(error <= 4e-7 * size + 1e-37, "{isa}: {found} instead of {expected} at {g}");
                    };
                    near(y[i], g * s * u, (g * s * u).abs());
                    near(dup[i], d * g * s, (d * g * s).abs());
                    // The two terms cancel where silu is flat.
                    near(dgate[i], d * u * (s + g * s * (1.0 - s)), (d * u).abs() * (s + (g * s * (1.0 - s)).abs()));
                }
                assert_eq!(restored, y);
                let beside = Gated::beside(&both, columns);
                let mut restored = dy.clone();
                let gradient = beside.backward_beside(isa, &mut restored);
                assert_eq!((beside.forward(isa), restored), (y.clone(), y));
                let lines = dgate.chunks(columns).zip(dup.chunks(columns));
                assert_eq!(gradient, lines.flat_map(|(g, u)| [g, u].concat()).collect::<Vec<_>>());
            }
        }
    }
}
