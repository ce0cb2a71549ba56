//! Matrix products in f32, with bits that depend neither on the number of threads nor on where a row or column lies.
//! Error against f64, as max|err|/max|ref|: 1e-6 at most for sums of up to 520 products.
//!
//! The output is cut into blocks that are multiplied in parallel. Within a block the inner dimension is cut into parts
//! of at most [`DEPTH`] steps; for each part and each panel of columns (the width of a register block) the panel of `b`
//! is packed, unless it can be read where it lies and is read seldom, and multiplied with all rows of the block.

mod thin;
mod tile;

pub use thin::thin;

use super::buffer::{Shared, unfilled, with_scratch};
use super::simd::{Isa, LANES, Simd, dispatch};
use rayon::prelude::*;
use std::ops::Range;
use tile::{Finish, Operand, Place, pack, tile};

/// A matrix lying in a slice; element (i, j) is `data[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix whose rows lie `stride` apart (`stride >= columns`).
    pub fn new(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Matrix<'a> {
        assert!(stride >= columns, "rows of {columns} numbers {stride} apart");
        assert!(rows == 0 || data.len() >= (rows - 1) * stride + columns, "{rows} x {columns} in {}", data.len());
        Matrix { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The transposed matrix, without a copy.
    pub fn t(self) -> Matrix<'a> {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn pointer(&self, row: usize, column: usize) -> *const f32 {
        // Stays inside the slice for every element (and one past the end for an empty block).
        self.data.as_ptr().wrapping_add(row * self.row_stride + column * self.column_stride)
    }
}

/// What is done to the numbers of a product once they are summed, in this order.
#[derive(Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// To each column its number is added.
    pub bias: Option<&'a [f32]>,
    /// Negative numbers become 0; NaN stays.
    pub relu: bool,
}

/// `out = a b`, or `out += a b` if `accumulate`; `out` is row-major, rows `stride` apart. On the calling thread.
pub fn multiply(out: &mut [f32], stride: usize, a: Matrix, b: Matrix, accumulate: bool) {
    multiply_on(Isa::in_use(), out, stride, a, b, accumulate);
}

/// [`multiply`] on this instruction set.
pub(super) fn multiply_on(isa: Isa, out: &mut [f32], stride: usize, a: Matrix, b: Matrix, accumulate: bool) {
    let (rows, columns) = (a.rows, b.columns);
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert!(stride >= columns && (rows == 0 || out.len() >= (rows - 1) * stride + columns), "output of a product");
    let job = Job { a, b, accumulate, epilogue: Epilogue::default() };
    // SAFETY: `out` is borrowed mutably and large enough by the assertion above.
    unsafe { job.block(isa, out.as_mut_ptr(), stride, 0..rows, 0..columns) }
}

/// `a b` as a new row-major buffer, in parallel over blocks of the output.
pub fn product(a: Matrix, b: Matrix) -> Vec<f32> {
    product_with(a, b, Epilogue::default())
}

/// [`product`] with an [`Epilogue`], whose bias has a number for each column.
pub fn product_with(a: Matrix, b: Matrix, epilogue: Epilogue) -> Vec<f32> {
    product_on(Isa::in_use(), a, b, epilogue)
}

fn product_on(isa: Isa, a: Matrix, b: Matrix, epilogue: Epilogue) -> Vec<f32> {
    let (rows, columns) = (a.rows, b.columns);
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == columns), "a bias for each of {columns} columns");
    // SAFETY: `in_parallel` writes every element, since it does not accumulate.
    let mut out = unsafe { unfilled(rows * columns) };
    in_parallel(isa, &mut out, columns, Job { a, b, accumulate: false, epilogue });
    out
}

/// `out = a b`, or `out += a b` if `accumulate`, in parallel over blocks; `out` is row-major, rows `stride` apart, as
/// for columns of a wider matrix.
pub fn product_into(out: &mut [f32], stride: usize, a: Matrix, b: Matrix, accumulate: bool) {
    in_parallel(Isa::in_use(), out, stride, Job { a, b, accumulate, epilogue: Epilogue::default() });
}

/// `[a b1 | a b2 | ...]`, added to `onto` if given, as a row-major buffer.
pub fn beside(a: Matrix, b: &[Matrix], onto: Option<Vec<f32>>) -> Vec<f32> {
    let columns = b.iter().map(|b| b.columns).sum();
    let accumulate = onto.is_some();
    // SAFETY: the products below write every column of every row.
    let mut out = onto.unwrap_or_else(|| unsafe { unfilled(a.rows * columns) });
    assert_eq!(out.len(), a.rows * columns, "what products are added to");
    let mut first = 0;
    for &b in b {
        in_parallel(Isa::in_use(), &mut out[first..], columns, Job { a, b, accumulate, epilogue: Epilogue::default() });
        first += b.columns;
    }
    out
}

fn in_parallel(isa: Isa, out: &mut [f32], stride: usize, job: Job) {
    let (rows, columns, depth) = (job.a.rows, job.b.columns, job.a.columns);
    assert_eq!(depth, job.b.rows, "inner sizes of a matrix product");
    assert!(stride >= columns && (rows == 0 || out.len() >= (rows - 1) * stride + columns), "output of a product");
    let (row_blocks, column_blocks) = blocks(rows, columns, depth);
    let target = Shared::new(out);
    let task = |task: usize| {
        let (i, j) = (task / column_blocks, task % column_blocks);
        let (row, column) = (share(rows, 1, row_blocks, i), share(columns, PANEL, column_blocks, j));
        let start = target.at(row.start * stride + column.start, 0);
        // SAFETY: blocks of different tasks are disjoint and inside the buffer, by the assertion above.
        unsafe { job.block(isa, start, stride, row, column) }
    };
    match row_blocks * column_blocks {
        1 => task(0),
        tasks => (0..tasks).into_par_iter().for_each(task),
    }
}

/// Columns of a panel, at most.
const PANEL: usize = 2 * LANES;

/// Steps of the inner dimension whose sums stay in registers, at most: a panel of `b` of this depth stays in a cache
/// close to the core.
const DEPTH: usize = 256;

/// Register blocks of rows below each other for which a panel is read where it lies. More gain by a copy: what lies far
/// apart in memory falls on few lines of the first cache, and a panel that doesn't stay there is read from the second again
/// for each of them.
const FEW_BLOCKS: usize = 3;

/// Rows of a block, at most: a part of `a` of this many rows stays in the second cache.
const ROWS: usize = 256;

/// Into how many blocks of rows and of columns an output is cut, by the shape alone: few, if they would be small.
fn blocks(rows: usize, columns: usize, depth: usize) -> (usize, usize) {
    /// Multiplications that are worth a task of their own: some microseconds.
    const WORTH: usize = 1 << 18;
    /// Rows of a block, at least: packing a panel for fewer would show.
    const FEWEST: usize = 32;
    let worth = (rows * columns * depth / WORTH).max(1);
    let cached = rows.div_ceil(ROWS).clamp(1, worth);
    let column_blocks = (worth / cached).clamp(1, columns.div_ceil(2 * PANEL).max(1));
    // Narrow outputs are cut into more blocks of rows.
    let row_blocks = worth.min(4).div_ceil(column_blocks).min(rows / FEWEST).max(cached);
    (row_blocks, column_blocks)
}

/// The `index`-th of `parts` nearly equal ranges that cover `0..len`, cut at multiples of `unit`.
fn share(len: usize, unit: usize, parts: usize, index: usize) -> Range<usize> {
    let units = len.div_ceil(unit);
    let cut = |index: usize| (units * index / parts * unit).min(len);
    cut(index)..cut(index + 1)
}

/// A product to be formed, whole or in blocks.
#[derive(Clone, Copy)]
struct Job<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    accumulate: bool,
    epilogue: Epilogue<'a>,
}

impl Job<'_> {
    /// The given rows of `a` times the given columns of `b`, written from `out` on.
    ///
    /// # Safety
    /// `out` must be valid for reads and writes of all rows of the block at distance `stride`, and nobody else may use
    /// them meanwhile.
    unsafe fn block(&self, isa: Isa, out: *mut f32, stride: usize, rows: Range<usize>, columns: Range<usize>) {
        let parts = self.a.columns.div_ceil(DEPTH).max(1);
        let deepest = self.a.columns.div_ceil(parts);
        with_scratch(deepest * PANEL, |panel| {
            for part in 0..parts {
                let depth = share(self.a.columns, 1, parts, part);
                for column in columns.clone().step_by(PANEL) {
                    let count = PANEL.min(columns.end - column);
                    let bias = match self.epilogue.bias {
                        Some(bias) if part + 1 == parts => bias[column..].as_ptr(),
                        _ => std::ptr::null(),
                    };
                    let finish = Finish {
                        onto: self.accumulate || part > 0,
                        bias,
                        relu: self.epilogue.relu && part + 1 == parts,
                    };
                    let a = Operand {
                        start: self.a.pointer(rows.start, depth.start),
                        next: self.a.row_stride,
                        step: self.a.column_stride,
                    };
                    let b = Operand {
                        start: self.b.pointer(depth.start, column),
                        next: self.b.column_stride,
                        step: self.b.row_stride,
                    };
                    let start = out.wrapping_add(column - columns.start);
                    let place = Place { start, stride, columns: count };
                    // SAFETY: `a` and `b` hold every element addressed (checked when they were made), `out` by the
                    // caller; the scratch has room for the panel.
                    unsafe { panel_product(isa, rows.len(), depth.len(), a, b, panel, place, finish) }
                }
            }
        });
    }
}

dispatch! {
    /// One panel of columns of a block: packs `b` into `panel` where it has to, and multiplies all rows.
    ///
    /// # Safety
    /// As for [`tile`] with any number of rows and up to [`PANEL`] columns; `panel` has room for `depth` steps of them.
    unsafe fn panel_product(
        rows: usize,
        depth: usize,
        a: Operand,
        b: Operand,
        panel: &mut [f32],
        out: Place,
        finish: Finish,
    ) => multiply_panel
}

#[inline(always)]
unsafe fn multiply_panel<S: Simd>(
    rows: usize,
    depth: usize,
    a: Operand,
    b: Operand,
    panel: &mut [f32],
    out: Place,
    finish: Finish,
) {
    let mut column = 0;
    while column < out.columns {
        let columns = (out.columns - column).min(S::WIDTH * LANES);
        let width = columns.next_multiple_of(LANES);
        let b = Operand { start: b.start.wrapping_add(column * b.next), ..b };
        // SAFETY: the caller's promises; rows and columns of the register blocks are within those of the panel.
        unsafe {
            let b = if b.next == 1 && width == columns && rows <= FEW_BLOCKS * S::ROWS {
                b
            } else {
                pack::<S>(columns, depth, b, panel.as_mut_ptr(), width);
                Operand { start: panel.as_ptr(), next: 1, step: width }
            };
            let bias = if finish.bias.is_null() { finish.bias } else { finish.bias.add(column) };
            let blocks = rows.div_ceil(S::ROWS);
            let mut first = 0;
            for block in 0..blocks {
                let n = (rows + block) / blocks;
                let a = Operand { start: a.start.wrapping_add(first * a.next), ..a };
                let start = out.start.add(first * out.stride + column);
                tile::<S>(n, depth, a, b, Place { start, columns, ..out }, Finish { bias, ..finish });
                first += n;
            }
        }
        column += columns;
    }
}

#[cfg(test)]
mod tests;
