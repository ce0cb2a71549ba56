//! Normalization by mean and variance: over groups of channels, over rows. Over the batch: [`channel_norm`](super::channel_norm).
//!
//! Data are (N, C, M) with M positions per channel. Sums run in a fixed order (see `elementwise::fold`) and are held
//! in f64; `inv_std` is 1 / sqrt(variance + epsilon) with the biased variance. Results and gradients are within 1e-5 of
//! PyTorch's, relative to the largest.

use super::buffer::unfilled;
use super::elementwise::{fold, fold2, sum};
use rayon::prelude::*;

/// Mean and biased variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    pub mean: f64,
    pub variance: f64,
}

/// Takes out what rounding made negative; NaN stays.
pub fn at_least_zero(variance: f64) -> f64 {
    variance.clamp(0.0, f64::INFINITY)
}

impl Moments {
    /// Of all numbers in several slices with `count` elements in all; two passes.
    fn of<'a>(slices: impl Iterator<Item = &'a [f32]> + Clone, count: usize) -> Moments {
        let mean = slices.clone().map(sum).sum::<f64>() / count as f64;
        let center = mean as f32;
        // The rounding of `center` is taken out again, so the variance is that around the exact mean.
        let squares = slices.map(|slice| fold(slice, |x| (x - center) * (x - center))).sum::<f64>() / count as f64;
        let variance = at_least_zero(squares - (mean - f64::from(center)).powi(2));
        Moments { mean, variance }
    }

    /// Mean and 1 / sqrt(variance + epsilon), as used on the data.
    pub fn to_scale(self, epsilon: f64) -> (f32, f32) {
        (self.mean as f32, (1.0 / (self.variance + epsilon).sqrt()) as f32)
    }
}

/// The sizes of a batch: samples, channels, positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub n: usize,
    pub c: usize,
    pub m: usize,
}

/// dx = slope (dy - mean of dy - x̂ mean of (dy x̂)), as a function of x and dy.
struct Line {
    mean: f32,
    slope: f32,
    shift: f32,
    tilt: f32,
}

impl Line {
    fn new((sum_dy, sum_dy_normal): (f64, f64), (mean, inv_std): (f32, f32), w: f32, count: usize) -> Line {
        Line {
            mean,
            slope: w * inv_std,
            shift: (sum_dy / count as f64) as f32,
            tilt: (sum_dy_normal / count as f64 * f64::from(inv_std)) as f32,
        }
    }

    fn at(&self, x: f32, dy: f32) -> f32 {
        self.slope * (dy - self.shift - (x - self.mean) * self.tilt)
    }
}

fn planes_per_task(m: usize) -> usize {
    (super::elementwise::PIECE / m.max(1)).max(1)
}

/// Group normalization, y = (x - mean) inv_std w(c) + b(c): mean and variance over each sample's group of c / groups
/// channels; weight and bias per channel. Returns the output and, per sample and group, mean and `inv_std`.
pub fn group_forward(
    sizes: Sizes,
    groups: usize,
    x: &[f32],
    w: &[f32],
    b: &[f32],
    epsilon: f64,
) -> (Vec<f32>, Vec<(f32, f32)>) {
    let per_group = sizes.c / groups;
    let block = per_group * sizes.m;
    // SAFETY: every block is written below.
    let mut y = unsafe { unfilled(x.len()) };
    let scales = y
        .par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .enumerate()
        .with_min_len(planes_per_task(block))
        .map(|(index, (y, x))| {
            let (mean, inv_std) = Moments::of(std::iter::once(x), block).to_scale(epsilon);
            let first = index % groups * per_group;
            for (i, (y, x)) in y.chunks_mut(sizes.m).zip(x.chunks(sizes.m)).enumerate() {
                let (slope, b) = (inv_std * w[first + i], b[first + i]);
                for (y, x) in y.iter_mut().zip(x) {
                    *y = (x - mean) * slope + b;
                }
            }
            (mean, inv_std)
        })
        .collect();
    (y, scales)
}

/// Backward of [`group_forward`]: the gradient of x, inv_std (w dy - mean of w dy - x̂ · mean of (w dy x̂)) with means
/// over the group, and per channel those of bias and weight, the sums of dy and of dy x̂.
pub fn group_backward(
    sizes: Sizes,
    groups: usize,
    x: &[f32],
    scales: &[(f32, f32)],
    w: &[f32],
    dy: &[f32],
) -> (Vec<f32>, Vec<(f64, f64)>) {
    let per_group = sizes.c / groups;
    let block = per_group * sizes.m;
    // SAFETY: every block is written below.
    let mut dx = unsafe { unfilled(x.len()) };
    let plane_sums: Vec<Vec<(f64, f64)>> = dx
        .par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .zip(dy.par_chunks(block))
        .enumerate()
        .with_min_len(planes_per_task(block))
        .map(|(index, ((dx, x), dy))| {
            let w = &w[index % groups * per_group..][..per_group];
            group_block_backward(sizes.m, x, scales[index], w, dy, dx)
        })
        .collect();
    let channel = |channel: usize| {
        let planes = (0..sizes.n).map(|n| plane_sums[n * groups + channel / per_group][channel % per_group]);
        planes.fold((0.0, 0.0), |total, plane| (total.0 + plane.0, total.1 + plane.1))
    };
    (dx, (0..sizes.c).map(channel).collect())
}

/// One sample's group; returns the sums of dy and dy x̂ for each of its channels.
fn group_block_backward(
    m: usize,
    x: &[f32],
    scale: (f32, f32),
    w: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) -> Vec<(f64, f64)> {
    let (mean, inv_std) = scale;
    let of_plane = |(x, dy): (&[f32], &[f32])| (sum(dy), fold2(x, dy, |x, dy| (x - mean) * dy) * f64::from(inv_std));
    let sums: Vec<(f64, f64)> = x.chunks(m).zip(dy.chunks(m)).map(of_plane).collect();
    let weighted = sums
        .iter()
        .zip(w)
        .fold((0.0, 0.0), |total, (plane, &w)| (total.0 + f64::from(w) * plane.0, total.1 + f64::from(w) * plane.1));
    let line = Line::new(weighted, scale, 1.0, x.len());
    for (((dx, x), dy), &w) in dx.chunks_mut(m).zip(x.chunks(m)).zip(dy.chunks(m)).zip(w) {
        for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
            *dx = line.at(x, w * dy);
        }
    }
    sums
}

/// Layer normalization of rows of length `w.len()`, y = (x - mean) inv_std w + b: the output and, per row, mean and
/// `inv_std`.
pub fn row_forward(x: &[f32], w: &[f32], b: &[f32], epsilon: f64) -> (Vec<f32>, Vec<(f32, f32)>) {
    let d = w.len();
    // SAFETY: every row is written below.
    let mut y = unsafe { unfilled(x.len()) };
    let rows = y.par_chunks_mut(d).zip(x.par_chunks(d)).with_min_len(planes_per_task(d));
    let scales = rows
        .map(|(y, x)| {
            let (mean, inv_std) = Moments::of(std::iter::once(x), d).to_scale(epsilon);
            for (((y, x), w), b) in y.iter_mut().zip(x).zip(w).zip(b) {
                *y = (x - mean) * inv_std * w + b;
            }
            (mean, inv_std)
        })
        .collect();
    (y, scales)
}

/// Backward of [`row_forward`]: the gradients of x, weight and bias, as in [`group_backward`] with a row as the group.
pub fn row_backward(x: &[f32], scales: &[(f32, f32)], w: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let d = w.len();
    // SAFETY: every row is written below.
    let mut dx = unsafe { unfilled(x.len()) };
    let rows = dx.par_chunks_mut(d).zip(x.par_chunks(d)).zip(dy.par_chunks(d)).zip(scales);
    rows.with_min_len(planes_per_task(d)).for_each(|(((dx, x), dy), &(mean, inv_std))| {
        let weighted = fold2(dy, w, |dy, w| dy * w);
        // x̂ is not kept: dx serves as the place for dy w.
        dx.iter_mut().zip(dy).zip(w).for_each(|((dx, dy), w)| *dx = dy * w);
        let tilted = fold2(x, dx, |x, dyw| (x - mean) * dyw) * f64::from(inv_std);
        let line = Line::new((weighted, tilted), (mean, inv_std), 1.0, d);
        dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = line.at(x, *dx));
    });
    let normal: Vec<f32> = {
        // SAFETY: every row is written below.
        let mut out = unsafe { unfilled(x.len()) };
        let rows = out.par_chunks_mut(d).zip(x.par_chunks(d)).zip(dy.par_chunks(d)).zip(scales);
        rows.with_min_len(planes_per_task(d)).for_each(|(((out, x), dy), &(mean, inv_std))| {
            out.iter_mut().zip(x).zip(dy).for_each(|((out, x), dy)| *out = (x - mean) * inv_std * dy);
        });
        out
    };
    let dw = super::elementwise::column_sums(&normal, d);
    (dx, dw, super::elementwise::column_sums(dy, d))
}
