//! The register block of a matrix product: the loop that nearly all of its time is spent in.

use crate::nn::kernels::simd::{LANES, Simd};
use std::mem::MaybeUninit;

/// An operand on its way through the inner dimension: element i of step s is `start[i * next + s * step]`.
#[derive(Clone, Copy)]
pub struct Operand {
    pub start: *const f32,
    pub next: usize,
    pub step: usize,
}

/// Where sums go: rows `stride` apart, `columns` of them.
#[derive(Clone, Copy)]
pub struct Place {
    pub start: *mut f32,
    pub stride: usize,
    pub columns: usize,
}

/// What becomes of the sums of a block.
#[derive(Clone, Copy)]
pub struct Finish {
    /// They are added to what is there.
    pub onto: bool,
    /// A number for each column is added, unless null.
    pub bias: *const f32,
    /// Negative numbers become 0.
    pub relu: bool,
}

impl Finish {
    fn is_plain(&self) -> bool {
        !self.onto && self.bias.is_null() && !self.relu
    }
}

/// `rows` (1 to `S::ROWS`) rows of `a` times up to `S::WIDTH` vectors of columns of `b`.
///
/// Each number is one chain of multiplications and additions in the order of the steps, whatever the block it lies
/// in.
///
/// # Safety
/// `a` has `rows` rows of `depth` steps; `b` can be read for `depth` steps of as many whole vectors as `out` has columns
/// in (its `next` is 1); `out` can be read and written. The processor has `S`.
#[inline(always)]
pub unsafe fn tile<S: Simd>(rows: usize, depth: usize, a: Operand, b: Operand, out: Place, finish: Finish) {
    macro_rules! choose {
        ($width:literal: $($n:literal)+) => {
            match rows {
                // SAFETY: the caller's promises.
                $($n if $n <= S::ROWS => unsafe { block::<S, $n, $width>(depth, a, b, out, finish) },)+
                _ => unreachable!("a block of {rows} rows"),
            }
        };
    }
    if S::WIDTH == 2 && out.columns > LANES {
        choose!(2: 1 2 3 4 5 6 7 8 9 10 11 12)
    } else {
        choose!(1: 1 2 3 4 5 6 7 8 9 10 11 12)
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const ROWS: usize, const WIDTH: usize>(
    depth: usize,
    a: Operand,
    b: Operand,
    out: Place,
    finish: Finish,
) {
    // SAFETY: the caller's promises; a pointer to every third row and twice the distance reach all rows.
    unsafe {
        let mut sums = [[S::zero(); WIDTH]; ROWS];
        let mut thirds: [*const f32; 4] = std::array::from_fn(|i| a.start.wrapping_add(3 * i * a.next));
        let mut vectors = b.start;
        for _ in 0..depth {
            let columns: [S::V; WIDTH] = std::array::from_fn(|j| S::load(vectors.add(j * LANES)));
            for r in 0..ROWS {
                let x = S::splat(*thirds[r / 3].add(r % 3 * a.next));
                for j in 0..WIDTH {
                    sums[r][j] = S::fma(x, columns[j], sums[r][j]);
                }
            }
            for third in &mut thirds {
                *third = third.wrapping_add(a.step);
            }
            vectors = vectors.wrapping_add(b.step);
        }
        if out.columns == WIDTH * LANES && finish.is_plain() {
            for (r, sums) in sums.iter().enumerate() {
                for (j, &sum) in sums.iter().enumerate() {
                    S::store(out.start.add(r * out.stride + j * LANES), sum);
                }
            }
            return;
        }
        // By way of memory: a loop with more than a store in it would keep the sums there all the time.
        let mut memory = [[MaybeUninit::<[f32; LANES]>::uninit(); WIDTH]; ROWS];
        for (r, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                S::store(memory[r][j].as_mut_ptr().cast(), sum);
            }
        }
        for (r, sums) in memory.iter().enumerate() {
            let place = Place { start: out.start.add(r * out.stride), ..out };
            finish_row::<S>(sums.as_ptr().cast(), place, finish);
        }
    }
}

/// One row of sums on its way to its place.
#[inline(always)]
unsafe fn finish_row<S: Simd>(sums: *const f32, out: Place, finish: Finish) {
    let mut column = 0;
    while column < out.columns {
        let n = (out.columns - column).min(LANES);
        // SAFETY: the caller's promises; `n` columns from `column` on are there.
        unsafe {
            let (mut sum, to) = (S::load(sums.add(column)), out.start.add(column));
            if finish.onto {
                sum = S::add(S::load_first(to, n), sum);
            }
            if !finish.bias.is_null() {
                sum = S::add(sum, S::load_first(finish.bias.add(column), n));
            }
            if finish.relu {
                sum = S::relu(sum);
            }
            if n == LANES { S::store(to, sum) } else { S::store_first(to, n, sum) }
        }
        column += LANES;
    }
}

/// Writes `columns <= width` columns of `depth` steps of an operand behind each other, `width` (a multiple of
/// [`LANES`]) numbers for each step, the rest 0.
///
/// # Safety
/// `from` has that many columns and steps and one of its distances is 1; `to` has room. The processor has `S`.
#[inline(always)]
pub unsafe fn pack<S: Simd>(columns: usize, depth: usize, from: Operand, to: *mut f32, width: usize) {
    let mut first = 0;
    while first < width {
        let n = columns.saturating_sub(first).min(LANES);
        // SAFETY: columns `first..first + n` are there; `to` has room for `LANES` more.
        unsafe {
            let start = from.start.wrapping_add(first * from.next);
            let to = to.add(first);
            if from.next == 1 {
                for step in 0..depth {
                    let from = start.add(step * from.step);
                    S::store(to.add(step * width), if n == LANES { S::load(from) } else { S::load_first(from, n) });
                }
            } else {
                transpose::<S>(n, depth, Operand { start, ..from }, to, width);
            }
        }
        first += LANES;
    }
}

/// [`pack`] of up to [`LANES`] columns whose steps follow each other in memory.
///
/// # Safety
/// As for [`pack`].
#[inline(always)]
unsafe fn transpose<S: Simd>(columns: usize, depth: usize, from: Operand, to: *mut f32, width: usize) {
    let mut step = 0;
    while step < depth {
        let n = (depth - step).min(LANES);
        // SAFETY: `n` more steps are there, in `columns` columns.
        unsafe {
            let mut lines = [S::zero(); LANES];
            for (column, line) in lines.iter_mut().enumerate().take(columns) {
                let from = from.start.add(column * from.next + step);
                *line = if n == LANES { S::load(from) } else { S::load_first(from, n) };
            }
            S::transpose(&mut lines);
            for (i, line) in lines.iter().enumerate().take(n) {
                S::store(to.add((step + i) * width), *line);
            }
        }
        step += n;
    }
}
