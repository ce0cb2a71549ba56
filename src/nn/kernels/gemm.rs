//! Matrix products in f32 on the `gemm` crate, with bits that do not depend on the number of threads.

use super::buffer::unfilled;
use rayon::prelude::*;

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

/// `out = a b`, or `out += a b` if `accumulate`; `out` is row-major, rows `stride` apart. On the calling thread.
pub fn multiply(out: &mut [f32], stride: usize, a: Matrix, b: Matrix, accumulate: bool) {
    let (rows, columns) = (a.rows, b.columns);
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert!(stride >= columns && (rows == 0 || out.len() >= (rows - 1) * stride + columns), "output of a product");
    // SAFETY: `out` is borrowed mutably and large enough by the assertion above.
    unsafe { block(out.as_mut_ptr(), stride, a, b, 0..rows, 0..columns, accumulate) }
}

/// `a b` as a new row-major buffer, in parallel over blocks of the output.
pub fn product(a: Matrix, b: Matrix) -> Vec<f32> {
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    let (rows, columns) = (a.rows, b.columns);
    // SAFETY: the blocks below cover the output, and each block writes all of its elements.
    let mut out = unsafe { unfilled(rows * columns) };
    let (row_blocks, column_blocks) = (rows.div_ceil(64), columns.div_ceil(256));
    let target = Target(out.as_mut_ptr());
    (0..row_blocks * column_blocks).into_par_iter().for_each(|task| {
        let (i, j) = (task / column_blocks, task % column_blocks);
        let (row, column) = (share(rows, row_blocks, i), share(columns, column_blocks, j));
        let start = target.get().wrapping_add(row.start * columns + column.start);
        // SAFETY: blocks of different tasks are disjoint and inside the buffer.
        unsafe { block(start, columns, a, b, row, column, false) }
    });
    out
}

/// The `index`-th of `parts` nearly equal ranges that cover `0..len`.
fn share(len: usize, parts: usize, index: usize) -> std::ops::Range<usize> {
    len * index / parts..len * (index + 1) / parts
}

struct Target(*mut f32);

// SAFETY: only used to write disjoint blocks, see `product`.
unsafe impl Sync for Target {}

impl Target {
    fn get(&self) -> *mut f32 {
        self.0
    }
}

/// One block of `a b`: the given rows of `a` times the given columns of `b`, written from `out` on.
///
/// The inner dimension is cut here, because `gemm` cuts it differently for small and for large outputs, and equal
/// rows of `a` should give equal bits in either.
///
/// # Safety
/// `out` must be valid for writes (and reads if `accumulate`) of all rows of the block at distance `stride`, and
/// nobody else may use them meanwhile.
unsafe fn block(
    out: *mut f32,
    stride: usize,
    a: Matrix,
    b: Matrix,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    accumulate: bool,
) {
    const DEPTH: usize = 512;
    let parts = a.columns.div_ceil(DEPTH).max(1);
    for part in 0..parts {
        let depth = share(a.columns, parts, part);
        // SAFETY: `a` and `b` hold every element addressed (checked when they were made), `out` by the caller.
        unsafe {
            gemm::gemm(
                rows.len(),
                columns.len(),
                depth.len(),
                out,
                1,
                stride as isize,
                accumulate || part > 0,
                a.pointer(rows.start, depth.start),
                a.column_stride as isize,
                a.row_stride as isize,
                b.pointer(depth.start, columns.start),
                b.column_stride as isize,
                b.row_stride as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}
