//! A sample with a border of zeros.

use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::simd::{LANES, Simd};
use crate::nn::kernels::source::{Activation, on_line};

/// Where the numbers of a sample with one zero around each plane lie: pixel (c, y, x) at
/// `(c (h + 2) + y + 1) row + x + 1`. Rows are long enough to read whole vectors anywhere.
#[derive(Clone, Copy)]
pub struct Frame {
    /// Numbers from one row to the next.
    pub row: usize,
    /// Numbers from one channel to the next.
    pub plane: usize,
    /// Numbers in all.
    pub len: usize,
}

impl Frame {
    /// The frame of a sample of this shape's input.
    pub fn new(shape: &ConvShape) -> Frame {
        let row = shape.w.next_multiple_of(LANES) + 2;
        let plane = (shape.h + 2) * row;
        Frame { row, plane, len: shape.c * plane }
    }
}

/// Writes a sample into its frame, with the activation on the way.
///
/// # Safety
/// `x` is good for reading `c h w` numbers, `to` for writing `frame.len`. The processor has `S`.
#[inline(always)]
pub unsafe fn fill<S: Simd>(
    shape: &ConvShape,
    frame: Frame,
    x: *const f32,
    activation: Option<&Activation>,
    to: *mut f32,
) {
    for channel in 0..shape.c {
        let line = activation.map(|a| (a.mean[channel], a.slope[channel], a.shift[channel], a.relu));
        // SAFETY: each row of the frame holds `w` numbers with one before and at least one behind them; the first
        // and the last row of a plane are border.
        unsafe {
            let plane = to.add(channel * frame.plane);
            plane.write_bytes(0, frame.row);
            plane.add((shape.h + 1) * frame.row).write_bytes(0, frame.row);
            for y in 0..shape.h {
                let from = x.add((channel * shape.h + y) * shape.w);
                let row = plane.add((y + 1) * frame.row);
                *row = 0.0;
                for first in (0..shape.w).step_by(LANES) {
                    let n = (shape.w - first).min(LANES);
                    let mut numbers = S::load_first(from.add(first), n);
                    if let Some((mean, slope, shift, relu)) = line {
                        let apart = S::sub(numbers, S::splat(mean));
                        numbers = on_line::<S>(apart, S::splat(slope), S::splat(shift));
                        if relu {
                            numbers = S::relu(numbers);
                        }
                    }
                    S::store_first(row.add(1 + first), n, numbers);
                }
                row.add(1 + shape.w).write_bytes(0, frame.row - 1 - shape.w);
            }
        }
    }
}
