//! The product of rows of pixels with a panel: the loop that nearly all time is spent in.

use super::PANEL;
use crate::nn::kernels::simd::{LANES, Simd};

/// A part of the sum of a product: `len` steps from number `at` on. The panel goes on by one row at each step, through
/// all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub at: usize,
    pub len: usize,
}

/// `out(r, j) = Σ over runs and steps i of x(run.at + r ROW + i STEP) panel(i, j)` for `rows` rows and the first
/// `vectors` (1 or 2) vectors of [`PANEL`] columns; the sum is added to what is there if `onto`.
///
/// Rows of `out` lie `out_row` numbers apart. With ROW = 16, STEP = 1 rows are pixels and the sum goes over channels;
/// with ROW = 1, STEP = 16 rows are channels and the sum goes over pixels, as for the gradient of a weight. Strides of
/// 32 pass over every second pixel. Each number is one chain of fused multiplications and additions in the order of
/// the steps, whatever the block it lies in.
///
/// # Safety
/// `x` and `panel` are good for reading, `out` for reading and writing at the places named above. The processor
/// has `S`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn product<S: Simd, const ROW: usize, const STEP: usize>(
    rows: usize,
    vectors: usize,
    runs: &[Run],
    x: *const f32,
    panel: *const f32,
    out: *mut f32,
    out_row: usize,
    onto: bool,
) {
    let blocks = rows.div_ceil(S::ROWS);
    let mut first = 0;
    for block in 0..blocks {
        let n = (rows + block) / blocks;
        let mut vector = 0;
        while vector < vectors {
            // SAFETY: `first + n <= rows` and `vector < vectors`.
            unsafe {
                let x = x.add(first * ROW);
                let (panel, out) = (panel.add(vector * LANES), out.add(first * out_row + vector * LANES));
                if S::WIDTH == 2 && vectors - vector == 2 {
                    of_rows::<S, 2, ROW, STEP>(n, runs, x, panel, out, out_row, onto);
                    vector += 2;
                } else {
                    of_rows::<S, 1, ROW, STEP>(n, runs, x, panel, out, out_row, onto);
                    vector += 1;
                }
            }
        }
        first += n;
    }
}

/// [`block`] with its number of rows, 1 to `S::ROWS`, made a constant.
#[inline(always)]
unsafe fn of_rows<S: Simd, const WIDTH: usize, const ROW: usize, const STEP: usize>(
    rows: usize,
    runs: &[Run],
    x: *const f32,
    panel: *const f32,
    out: *mut f32,
    out_row: usize,
    onto: bool,
) {
    macro_rules! choose {
        ($($n:literal)+) => {
            match rows {
                // SAFETY: the caller's promises.
                $($n if $n <= S::ROWS => unsafe { block::<S, $n, WIDTH, ROW, STEP>(runs, x, panel, out, out_row, onto) },)+
                _ => unreachable!("a block of {rows} rows"),
            }
        };
    }
    choose!(1 2 3 4 5 6 7 8 9 10 11 12)
}

/// One block whose sums stay in registers.
#[inline(always)]
unsafe fn block<S: Simd, const ROWS: usize, const WIDTH: usize, const ROW: usize, const STEP: usize>(
    runs: &[Run],
    x: *const f32,
    mut panel: *const f32,
    out: *mut f32,
    out_row: usize,
    onto: bool,
) {
    // SAFETY: the caller's promises.
    unsafe {
        let mut sums = [[S::zero(); WIDTH]; ROWS];
        for run in runs {
            let mut x = x.add(run.at);
            for _ in 0..run.len {
                let mut weights = [S::zero(); WIDTH];
                for (j, weights) in weights.iter_mut().enumerate() {
                    *weights = S::load(panel.add(j * LANES));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = S::splat(*x.add(r * ROW));
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        *sum = S::fma(x, weights, *sum);
                    }
                }
                x = x.add(STEP);
                panel = panel.add(PANEL);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let out = out.add(r * out_row + j * LANES);
                // Added at the end, so that chains stay short however many parts there are.
                S::store(out, if onto { S::add(S::load(out), sum) } else { sum });
            }
        }
    }
}
