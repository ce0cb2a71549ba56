//! Convolution as matrix products: patches are written as columns, a few samples at a time, then multiplied.
//!
//! Error against f64, as max|err|/max|ref|: 1e-6 at most for patches of up to 585 numbers. Every output is one sum of
//! products in a fixed order ([`gemm`](super::gemm)), wherever it lies: equal patches give bitwise equal outputs.

use super::buffer::{unfilled, with_scratch};
use super::conv::ConvShape;
use super::gemm::{Matrix, multiply};
use super::simd::LANES;
use super::source::{Activation, Source};
use rayon::prelude::*;
use std::borrow::Cow;

/// Output positions per product: enough columns to keep the multiplication busy, few enough to stay in cache.
const COLUMNS: usize = 256;

/// How a batch is cut: groups of samples that share one column matrix.
#[derive(Clone, Copy)]
struct Groups {
    /// Samples per group; the last may have fewer.
    samples: usize,
}

impl Groups {
    fn new(shape: &ConvShape) -> Groups {
        let most = (COLUMNS / shape.positions()).clamp(1, shape.n);
        Groups { samples: shape.n.div_ceil(shape.n.div_ceil(most)) }
    }

    /// Numbers from one row of the column matrix to the next: whole vectors, which a product reads where they lie.
    fn stride(self, shape: &ConvShape, samples: usize) -> usize {
        (samples * shape.positions()).next_multiple_of(LANES)
    }
}

/// `y(n, k, i, j) = b(k) + Σ over c, r, s of x(n, c, i stride + r - padding, j stride + s - padding) w(k, c, r, s)`,
/// (N, K, OH, OW).
pub fn forward(shape: &ConvShape, x: Source, w: &[f32], b: Option<&[f32]>) -> Vec<f32> {
    let (x, activation) = readable(shape, &x);
    let activation = activation.as_ref();
    let (patch, positions, k) = (shape.patch(), shape.positions(), shape.k);
    let groups = Groups::new(shape);
    // SAFETY: every group writes all outputs of its samples.
    let mut y = unsafe { unfilled(shape.n * k * positions) };
    let weight = Matrix::new(w, k, patch, patch);
    y.par_chunks_mut(groups.samples * k * positions)
        .zip(x.par_chunks(groups.samples * shape.c * shape.h * shape.w))
        .for_each(|(y, x)| {
            let samples = y.len() / (k * positions);
            let stride = groups.stride(shape, samples);
            if samples == 1 && stride == positions {
                with_columns(shape, x, activation, stride, |columns| multiply(y, stride, weight, columns, false));
            } else {
                with_scratch(k * stride, |rows| {
                    with_columns(shape, x, activation, stride, |columns| {
                        multiply(rows, stride, weight, columns, false)
                    });
                    unpack(rows, stride, positions, y);
                });
            }
            if let Some(b) = b {
                for (plane, b) in y.chunks_mut(positions).zip(b.iter().cycle()) {
                    plane.iter_mut().for_each(|y| *y += b);
                }
            }
        });
    y
}

/// `dx(n, c, p, q) = Σ over k, r, s of dy(n, k, i, j) w(k, c, r, s)` for the outputs (i, j) with
/// `i stride + r - padding = p` and `j stride + s - padding = q`, (N, C, H, W).
pub fn input_gradient(shape: &ConvShape, w: &[f32], dy: &[f32]) -> Vec<f32> {
    let (patch, positions, k) = (shape.patch(), shape.positions(), shape.k);
    let groups = Groups::new(shape);
    let image = shape.c * shape.h * shape.w;
    // SAFETY: every group writes all inputs of its samples: the product does, or the fill below.
    let mut dx = unsafe { unfilled(shape.n * image) };
    let weight = Matrix::new(w, k, patch, patch).t();
    dx.par_chunks_mut(groups.samples * image).zip(dy.par_chunks(groups.samples * k * positions)).for_each(
        |(dx, dy)| {
            let stride = groups.stride(shape, dx.len() / image);
            with_packed(dy, k, positions, stride, |dy| {
                if shape.is_pointwise() && dx.len() == image && stride == positions {
                    return multiply(dx, stride, weight, dy, false);
                }
                with_scratch(patch * stride, |columns| {
                    multiply(columns, stride, weight, dy, false);
                    dx.fill(0.0);
                    for (sample, dx) in dx.chunks_mut(image).enumerate() {
                        scatter_columns(shape, &columns[sample * positions..], stride, dx);
                    }
                });
            });
        },
    );
    dx
}

/// `dw(k, c, r, s) = Σ over n, i, j of dy(n, k, i, j) x(n, c, i stride + r - padding, j stride + s - padding)`,
/// (K, C, R, S).
///
/// The batch is cut into a few slices that depend on the shape alone; their sums are added in order.
pub fn weight_gradient(shape: &ConvShape, x: Source, dy: &[f32]) -> Vec<f32> {
    let (x, activation) = readable(shape, &x);
    let activation = activation.as_ref();
    let (patch, positions, k) = (shape.patch(), shape.positions(), shape.k);
    let groups = Groups::new(shape);
    // More slices let more threads work; each costs memory of the size of the weight.
    let slices = if patch * k <= 1 << 18 { 8 } else { 4 };
    let slice = shape.n.div_ceil(groups.samples).div_ceil(slices) * groups.samples;
    let (image, outputs) = (shape.c * shape.h * shape.w, k * positions);
    let sums: Vec<Vec<f32>> = x
        .par_chunks(slice * image)
        .zip(dy.par_chunks(slice * outputs))
        .map(|(x, dy)| {
            // Transposed (patch x K): the long side first is cheaper to multiply.
            let mut sum = vec![0f32; patch * k];
            for (x, dy) in x.chunks(groups.samples * image).zip(dy.chunks(groups.samples * outputs)) {
                let stride = groups.stride(shape, x.len() / image);
                with_packed(dy, k, positions, stride, |dy| {
                    with_columns(shape, x, activation, stride, |columns| multiply(&mut sum, k, columns, dy.t(), true));
                });
            }
            sum
        })
        .collect();
    sum_transposed(&sums, patch, k)
}

/// The sum of matrices of `rows` x `columns`, transposed.
fn sum_transposed(sums: &[Vec<f32>], rows: usize, columns: usize) -> Vec<f32> {
    const BLOCK: usize = 16;
    // SAFETY: the loops write every element.
    let mut out = unsafe { unfilled(rows * columns) };
    out.par_chunks_mut(BLOCK * rows).enumerate().for_each(|(block, out)| {
        let first = block * BLOCK;
        let width = out.len() / rows;
        for row in 0..rows {
            let mut total = [0f32; BLOCK];
            for sum in sums {
                for (total, value) in total.iter_mut().zip(&sum[row * columns + first..][..width]) {
                    *total += value;
                }
            }
            for (column, total) in total[..width].iter().enumerate() {
                out[column * rows + row] = *total;
            }
        }
    });
    out
}

/// Numbers to make columns from, and the activation that is left to apply to them. Only 1x1 kernels without padding read
/// each number once (or, at a stride, not even that), so only for them it is applied to the columns.
fn readable<'a>(shape: &ConvShape, x: &Source<'a>) -> (Cow<'a, [f32]>, Option<Activation<'a>>) {
    if (shape.r, shape.s, shape.padding) == (1, 1, 0) {
        return (Cow::Borrowed(x.data), x.activation);
    }
    (x.materialize(shape.input()), None)
}

/// Calls `work` with the column matrix (patch x stride) of the samples in `x`; the padding is zero.
fn with_columns<R>(
    shape: &ConvShape,
    x: &[f32],
    activation: Option<&Activation>,
    stride: usize,
    work: impl FnOnce(Matrix) -> R,
) -> R {
    let (patch, positions, image) = (shape.patch(), shape.positions(), shape.c * shape.h * shape.w);
    if activation.is_none() && shape.is_pointwise() && x.len() == image && stride == positions {
        return work(Matrix::new(x, patch, stride, stride));
    }
    with_scratch(patch * stride, |columns| {
        let used = x.len() / image * positions;
        for (row, columns) in columns.chunks_mut(stride).enumerate() {
            for (x, columns) in x.chunks(image).zip(columns.chunks_mut(positions)) {
                gather_row(shape, row, x, columns);
                if let Some(activation) = activation {
                    activation.apply_to(row, columns);
                }
            }
            columns[used..].fill(0.0);
        }
        work(Matrix::new(columns, patch, stride, stride))
    })
}

/// Calls `work` with `dy` of several samples as one matrix (K x stride); the padding is zero.
fn with_packed<R>(dy: &[f32], k: usize, positions: usize, stride: usize, work: impl FnOnce(Matrix) -> R) -> R {
    if dy.len() == k * positions && stride == positions {
        return work(Matrix::new(dy, k, stride, stride));
    }
    with_scratch(k * stride, |rows| {
        let used = dy.len() / k;
        for (channel, row) in rows.chunks_mut(stride).enumerate() {
            for (sample, row) in row[..used].chunks_mut(positions).enumerate() {
                row.copy_from_slice(&dy[(sample * k + channel) * positions..][..positions]);
            }
            row[used..].fill(0.0);
        }
        work(Matrix::new(rows, k, stride, stride))
    })
}

/// The inverse of packing: rows (K x stride) to (samples, K, positions).
fn unpack(rows: &[f32], stride: usize, positions: usize, y: &mut [f32]) {
    let k = rows.len() / stride;
    for (sample, y) in y.chunks_mut(k * positions).enumerate() {
        for (plane, row) in y.chunks_mut(positions).zip(rows.chunks(stride)) {
            plane.copy_from_slice(&row[sample * positions..][..positions]);
        }
    }
}

/// Where a kernel offset falls inside the image along one axis: output positions `from..to`, the first of which
/// reads input position `start`.
struct Inside {
    from: usize,
    to: usize,
    start: usize,
}

impl Inside {
    fn new(offset: usize, padding: usize, stride: usize, input: usize, output: usize) -> Inside {
        let from = padding.saturating_sub(offset).div_ceil(stride).min(output);
        let to = if input + padding > offset { ((input + padding - offset - 1) / stride + 1).min(output) } else { 0 };
        let to = to.max(from);
        Inside { from, to, start: if to > from { from * stride + offset - padding } else { 0 } }
    }
}

/// Splits a row of the column matrix into channel and kernel offsets.
fn offsets(shape: &ConvShape, row: usize) -> (usize, usize, usize) {
    let (channel, rest) = (row / (shape.r * shape.s), row % (shape.r * shape.s));
    (channel, rest / shape.s, rest % shape.s)
}

/// One row of the column matrix for one sample: one channel, shifted by one kernel offset.
fn gather_row(shape: &ConvShape, row: usize, x: &[f32], out: &mut [f32]) {
    let (channel, r, s) = offsets(shape, row);
    let plane = &x[channel * shape.h * shape.w..][..shape.h * shape.w];
    let down = Inside::new(r, shape.padding, shape.stride, shape.h, shape.oh);
    let across = Inside::new(s, shape.padding, shape.stride, shape.w, shape.ow);
    out[..down.from * shape.ow].fill(0.0);
    out[down.to * shape.ow..].fill(0.0);
    let inner = out[down.from * shape.ow..down.to * shape.ow].chunks_mut(shape.ow);
    for (line, out) in inner.enumerate() {
        let from = &plane[(down.start + line * shape.stride) * shape.w..][..shape.w];
        out[..across.from].fill(0.0);
        out[across.to..].fill(0.0);
        let out = &mut out[across.from..across.to];
        if shape.stride == 1 {
            out.copy_from_slice(&from[across.start..][..out.len()]);
        } else {
            let from = from[across.start..].iter().step_by(shape.stride);
            out.iter_mut().zip(from).for_each(|(out, from)| *out = *from);
        }
    }
}

/// Adds the columns of one sample (rows `stride` apart) to the input gradient of that sample.
///
/// Kernel offsets in rising order, so two inputs with the same neighbourhood get the same bits.
fn scatter_columns(shape: &ConvShape, columns: &[f32], stride: usize, dx: &mut [f32]) {
    for row in 0..shape.patch() {
        let (channel, r, s) = offsets(shape, row);
        let plane = &mut dx[channel * shape.h * shape.w..][..shape.h * shape.w];
        let down = Inside::new(r, shape.padding, shape.stride, shape.h, shape.oh);
        let across = Inside::new(s, shape.padding, shape.stride, shape.w, shape.ow);
        for (line, position) in (down.from..down.to).enumerate() {
            let from = &columns[row * stride + position * shape.ow..][across.from..across.to];
            let to = &mut plane[(down.start + line * shape.stride) * shape.w..][..shape.w];
            if shape.stride == 1 {
                for (to, from) in to[across.start..].iter_mut().zip(from) {
                    *to += from;
                }
            } else {
                let to = to.get_mut(across.start..).unwrap_or_default().iter_mut().step_by(shape.stride);
                to.zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }
}
