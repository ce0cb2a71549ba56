//! Maps over whole buffers, in parallel over pieces of a fixed size, and sums in a fixed order. The loops are plain
//! Rust, compiled for each instruction set: their bits are the same on all of them.

use super::simd::Isa;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Elements per parallel piece: 64 KiB of f32, so a piece with its operands stays in a core's own cache.
pub const PIECE: usize = 16 * 1024;

/// `f(a[i])` for every element.
pub fn map(a: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    collect(a.len(), |range, out| {
        for (out, &a) in out.iter_mut().zip(&a[range]) {
            out.write(f(a));
        }
    })
}

/// `f(a[i], b[i])` for every element; both have the same length.
pub fn map2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    collect(a.len(), |range, out| {
        for ((out, &a), &b) in out.iter_mut().zip(&a[range.clone()]).zip(&b[range]) {
            out.write(f(a, b));
        }
    })
}

/// Calls `fill` for each piece, in parallel if there are several; `fill` writes every element of its piece.
fn collect(len: usize, fill: impl Fn(std::ops::Range<usize>, &mut [MaybeUninit<f32>]) + Sync) -> Vec<f32> {
    let mut out: Vec<f32> = Vec::with_capacity(len);
    let (isa, space) = (Isa::in_use(), &mut out.spare_capacity_mut()[..len]);
    if len <= PIECE {
        isa.run(|| fill(0..len, space));
    } else {
        space.par_chunks_mut(PIECE).enumerate().for_each(|(i, piece)| {
            let start = i * PIECE;
            isa.run(|| fill(start..start + piece.len(), piece));
        });
    }
    // SAFETY: capacity is at least `len`, and both callers above write every element of every piece: they zip the
    // piece with input slices of exactly its length.
    unsafe { out.set_len(len) };
    out
}

/// `a[i] = f(a[i])` for every element.
pub fn update(a: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    let isa = Isa::in_use();
    a.par_chunks_mut(PIECE).for_each(|a| isa.run(|| a.iter_mut().for_each(|a| *a = f(*a))));
}

/// `sum[i] += new[i]`; both have the same length.
pub fn add_assign(sum: &mut [f32], new: &[f32]) {
    assert_eq!(sum.len(), new.len());
    let isa = Isa::in_use();
    sum.par_chunks_mut(PIECE).zip(new.par_chunks(PIECE)).for_each(|(sum, new)| {
        isa.run(|| {
            for (sum, new) in sum.iter_mut().zip(new) {
                *sum += new;
            }
        });
    });
}

/// The sum of a slice: sixteen running sums in f32 over at most 4096 elements, those added up in f64. So at most 256
/// additions in f32 stand behind a number: within 256 · 2^-24 of f64, relative to the sum of the sizes.
pub fn sum(values: &[f32]) -> f64 {
    fold(values, |value| value)
}

/// The sum of `f(value)`, in the order of [`sum`].
pub fn fold(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    for block in values.chunks(4096) {
        let (groups, rest) = block.as_chunks::<16>();
        let mut lanes = [0f32; 16];
        for group in groups {
            for (lane, &value) in lanes.iter_mut().zip(group) {
                *lane += f(value);
            }
        }
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        total += rest.iter().map(|&value| f64::from(f(value))).sum::<f64>();
    }
    total
}

/// The sum of `f(a[i], b[i])`, in the order of [`sum`]; both have the same length.
pub fn fold2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
    assert_eq!(a.len(), b.len());
    let mut total = 0.0;
    for (a, b) in a.chunks(4096).zip(b.chunks(4096)) {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        let mut lanes = [0f32; 16];
        for (a, b) in a.iter().zip(b) {
            for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += f(a, b);
            }
        }
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        total += a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(f(a, b))).sum::<f64>();
    }
    total
}

/// Rows of a matrix whose columns are summed in f32; the sums of blocks are added in f64.
const ROWS: usize = 64;

/// The sums of the columns of a row-major matrix with `columns` columns: blocks of [`ROWS`] rows in f32, those in order.
pub fn column_sums(matrix: &[f32], columns: usize) -> Vec<f32> {
    if columns == 0 || matrix.is_empty() {
        return vec![0.0; columns];
    }
    let isa = Isa::in_use();
    sum_blocks(matrix.par_chunks(ROWS * columns).map(|block| isa.run(|| sum_rows(block, columns))).collect(), columns)
}

/// The gradient before a ReLU from the one behind it: 0 where the output `y` is not positive, else (and where y is NaN)
/// `dy` as it is; in place. With it, where `sums` is set, the sums of its columns, as [`column_sums`] of the result.
pub fn relu_gradient(y: &[f32], dy: &mut [f32], columns: usize, sums: bool) -> Option<Vec<f32>> {
    assert_eq!(y.len(), dy.len());
    if y.is_empty() {
        return sums.then(|| vec![0.0; columns]);
    }
    let isa = Isa::in_use();
    let blocks = dy.par_chunks_mut(ROWS * columns).zip(y.par_chunks(ROWS * columns)).map(|(dy, y)| {
        isa.run(|| {
            mask(y, dy);
            if sums { sum_rows(dy, columns) } else { Vec::new() }
        })
    });
    let blocks: Vec<Vec<f32>> = blocks.collect();
    sums.then(|| sum_blocks(blocks, columns))
}

#[inline(always)]
fn mask(y: &[f32], dy: &mut [f32]) {
    for (dy, &y) in dy.iter_mut().zip(y) {
        *dy = if y <= 0.0 { 0.0 } else { *dy };
    }
}

#[inline(always)]
fn sum_rows(block: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0f32; columns];
    for row in block.chunks_exact(columns) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

fn sum_blocks(blocks: Vec<Vec<f32>>, columns: usize) -> Vec<f32> {
    (0..columns).map(|column| blocks.iter().map(|sums| f64::from(sums[column])).sum::<f64>() as f32).collect()
}

/// The sum of all elements: pieces in parallel, their sums in order.
pub fn total(values: &[f32]) -> f64 {
    let pieces: Vec<f64> = values.par_chunks(PIECE).map(sum).collect();
    pieces.iter().sum()
}
