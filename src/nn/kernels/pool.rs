//! Pooling of planes, floor mode, without padding: (N, C, H, W) to (N, C, OH, OW), y(i, j) from the window of x that
//! begins at (i stride, j stride). Maxima of 2 x 2 windows: [`max_pool`](super::max_pool).
//!
//! Maxima are exact. Means and all gradients are within 1e-5 of PyTorch's, relative to the largest.

use super::buffer::unfilled;
use super::elementwise::{PIECE, fold, sum};
use super::norm::Sizes;
use super::source::Source;
use candle_core::{Result, bail};
use rayon::prelude::*;

/// The sizes of pooling (N, C, H, W) in square windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    /// Side of the window and distance between windows.
    pub kernel: usize,
    pub stride: usize,
    /// Output height and width: `(h - kernel) / stride + 1`, rounded down.
    pub oh: usize,
    pub ow: usize,
}

impl PoolShape {
    /// The sizes for an input.
    ///
    /// # Errors
    /// If kernel, stride or a size is zero or the window exceeds the input.
    pub fn new((n, c, h, w): (usize, usize, usize, usize), kernel: usize, stride: usize) -> Result<PoolShape> {
        if [n, c, kernel, stride].contains(&0) {
            bail!("pooling: sizes must be positive, got {n}x{c}x{h}x{w}, kernel {kernel}, stride {stride}");
        }
        if kernel > h || kernel > w {
            bail!("pooling: window {kernel}x{kernel} is larger than the input {h}x{w}");
        }
        Ok(PoolShape { n, c, h, w, kernel, stride, oh: (h - kernel) / stride + 1, ow: (w - kernel) / stride + 1 })
    }

    fn planes(&self) -> usize {
        self.n * self.c
    }

    /// Calls `visit` with each output position of a plane and the plane index of its window's first element.
    fn windows(&self, mut visit: impl FnMut(usize, usize)) {
        for i in 0..self.oh {
            for j in 0..self.ow {
                visit(i * self.ow + j, i * self.stride * self.w + j * self.stride);
            }
        }
    }
}

/// Planes per parallel task, so that small planes are not scheduled one by one.
fn group(plane: usize) -> usize {
    (PIECE / plane.max(1)).max(1)
}

/// The maximum of each window, and where it lies in its plane: the first one of equals; NaN counts as the largest.
pub fn max_forward(shape: &PoolShape, x: &[f32]) -> (Vec<f32>, Vec<u32>) {
    let (plane, out) = (shape.h * shape.w, shape.oh * shape.ow);
    assert_eq!(x.len(), shape.planes() * plane, "input of {shape:?}");
    // SAFETY: `windows` visits every output position of every plane.
    let mut y = unsafe { unfilled(shape.planes() * out) };
    let mut places = vec![0u32; y.len()];
    y.par_chunks_mut(out).zip(places.par_chunks_mut(out)).zip(x.par_chunks(plane)).with_min_len(group(plane)).for_each(
        |((y, places), x)| {
            shape.windows(|position, first| (y[position], places[position]) = max_of_window(shape, x, first));
        },
    );
    (y, places)
}

fn max_of_window(shape: &PoolShape, x: &[f32], first: usize) -> (f32, u32) {
    let mut best = first;
    for i in 0..shape.kernel {
        let start = first + i * shape.w;
        for (j, value) in x[start..start + shape.kernel].iter().enumerate() {
            if *value > x[best] || value.is_nan() && !x[best].is_nan() {
                best = start + j;
            }
        }
    }
    (x[best], best as u32)
}

/// Sends each output's gradient to where its maximum lay.
pub fn max_backward(shape: &PoolShape, places: &[u32], dy: &[f32]) -> Vec<f32> {
    let (plane, out) = (shape.h * shape.w, shape.oh * shape.ow);
    assert!(dy.len() == shape.planes() * out && places.len() == dy.len(), "gradient of {shape:?}");
    // SAFETY: every plane is filled with zeros before anything is added.
    let mut dx = unsafe { unfilled(shape.planes() * plane) };
    dx.par_chunks_mut(plane).zip(places.par_chunks(out)).zip(dy.par_chunks(out)).with_min_len(group(plane)).for_each(
        |((dx, places), dy)| {
            dx.fill(0.0);
            for (&place, dy) in places.iter().zip(dy) {
                dx[place as usize] += dy;
            }
        },
    );
    dx
}

/// The mean of each window.
pub fn mean_forward(shape: &PoolShape, x: &[f32]) -> Vec<f32> {
    let (plane, out) = (shape.h * shape.w, shape.oh * shape.ow);
    let scale = 1.0 / (shape.kernel * shape.kernel) as f32;
    assert_eq!(x.len(), shape.planes() * plane, "input of {shape:?}");
    // SAFETY: `windows` visits every output position of every plane.
    let mut y = unsafe { unfilled(shape.planes() * out) };
    y.par_chunks_mut(out).zip(x.par_chunks(plane)).with_min_len(group(plane)).for_each(|(y, x)| {
        shape.windows(|position, first| {
            let rows = (0..shape.kernel).map(|i| &x[first + i * shape.w..][..shape.kernel]);
            y[position] = rows.map(|row| row.iter().sum::<f32>()).sum::<f32>() * scale;
        });
    });
    y
}

/// Spreads each output's gradient evenly over its window.
pub fn mean_backward(shape: &PoolShape, dy: &[f32]) -> Vec<f32> {
    let (plane, out) = (shape.h * shape.w, shape.oh * shape.ow);
    let scale = 1.0 / (shape.kernel * shape.kernel) as f32;
    assert_eq!(dy.len(), shape.planes() * out, "gradient of {shape:?}");
    // SAFETY: every plane is filled with zeros before anything is added.
    let mut dx = unsafe { unfilled(shape.planes() * plane) };
    dx.par_chunks_mut(plane).zip(dy.par_chunks(out)).with_min_len(group(plane)).for_each(|(dx, dy)| {
        dx.fill(0.0);
        shape.windows(|position, first| {
            for i in 0..shape.kernel {
                for dx in &mut dx[first + i * shape.w..][..shape.kernel] {
                    *dx += dy[position] * scale;
                }
            }
        });
    });
    dx
}

/// The mean of each plane of (N, C, M), as the activation leaves its numbers: (N, C).
pub fn means(sizes: Sizes, x: Source) -> Vec<f32> {
    let mean = |(plane, numbers): (usize, &[f32])| {
        let total = match x.activation {
            None => sum(numbers),
            Some(activation) => {
                let (line, relu) = (activation.line(plane % sizes.c), activation.relu);
                fold(numbers, |x| {
                    let y = (x - line.mean) * line.slope + line.shift;
                    if relu && y <= 0.0 { 0.0 } else { y }
                })
            }
        };
        (total / sizes.m as f64) as f32
    };
    x.data.par_chunks(sizes.m).enumerate().with_min_len(group(sizes.m)).map(mean).collect()
}

/// Backward of [`means`]: each gradient spread evenly over its plane of M numbers.
pub fn spread(m: usize, dy: &[f32]) -> Vec<f32> {
    // SAFETY: the loop fills every plane.
    let mut dx = unsafe { unfilled(dy.len() * m) };
    dx.par_chunks_mut(m).zip(dy).with_min_len(group(m)).for_each(|(dx, &dy)| dx.fill(dy / m as f32));
    dx
}
