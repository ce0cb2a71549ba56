//! Convolutions of 3x3 kernels with stride 1 by Winograd's minimal filtering: see [`tile`] for the transforms.
//!
//! A tile of the input is transformed to POSITIONS vectors of channels. For each position all tiles are multiplied by
//! the transformed weights (a matrix product over input channels), and the products are transformed back to a tile of
//! the output. Transforms write what the products read, so nothing is packed in between. A product has a fixed order
//! of its terms, which depends neither on the block nor on the thread.
//!
//! Largest errors against a convolution in f64, relative to the largest output, for 64 to 512 channels: about 1e-6 with
//! [`F2`] and 4e-6 with [`F4`]. Rounding depends on the place in the tile, so equal patches do not give equal bits; a
//! number that is not finite spoils its whole tile.

mod forward;
mod gradient;
mod grid;
mod leaf;
#[cfg(test)]
mod tests;
mod tile;
pub(super) mod weight;

pub(super) use grid::panels_apart;
pub(super) use leaf::vectors;
pub use tile::{F2, F4, Kernels, Line, Tile};

use super::conv::{ConvShape, Epilogue};
use super::simd::Isa;
use super::source::Source;
use weight::Weight;

/// Whether these functions apply: 3x3, stride 1, padding at most 2.
pub fn applies(shape: &ConvShape) -> bool {
    shape.r == 3 && shape.s == 3 && shape.stride == 1 && shape.padding <= 2
}

/// `y(n, k, i, j) = bias(k) + Σ over c, r, s of x(n, c, i + r - padding, j + s - padding) w(k, c, r, s) +
/// add(n, k, i, j)`, (N, K, OH, OW).
pub fn forward<T: Tile>(isa: Isa, shape: &ConvShape, x: Source, w: &[f32], epilogue: Epilogue) -> Vec<f32> {
    check(shape, Some(x.data), w, None);
    epilogue.check(shape);
    let weight = Weight { data: w, k: shape.k, c: shape.c, turned: false };
    forward::convolve::<T>(isa, shape, x, weight, epilogue)
}

/// `dx(n, c, i, j) = Σ over k, r, s of dy(n, k, i - r + padding, j - s + padding) w(k, c, r, s)`, (N, C, H, W): the
/// convolution of `dy` with the turned weight.
pub fn input_gradient<T: Tile>(isa: Isa, shape: &ConvShape, w: &[f32], dy: &[f32]) -> Vec<f32> {
    check(shape, None, w, Some(dy));
    let weight = Weight { data: w, k: shape.k, c: shape.c, turned: true };
    let (c, h, w, k, oh, ow) = (shape.k, shape.oh, shape.ow, shape.c, shape.h, shape.w);
    let turned = ConvShape { c, h, w, k, oh, ow, padding: 2 - shape.padding, ..*shape };
    forward::convolve::<T>(isa, &turned, Source::plain(dy), weight, Epilogue::default())
}

/// `dw(k, c, r, s) = Σ over n, i, j of dy(n, k, i, j) x(n, c, i + r - padding, j + s - padding)`, (K, C, 3, 3).
pub fn weight_gradient<T: Tile>(isa: Isa, shape: &ConvShape, x: Source, dy: &[f32]) -> Vec<f32> {
    check(shape, Some(x.data), &[], Some(dy));
    gradient::weight_gradient::<T>(isa, shape, x, dy)
}

/// Panics where the lengths do not fit the shape.
fn check(shape: &ConvShape, x: Option<&[f32]>, w: &[f32], dy: Option<&[f32]>) {
    assert!(applies(shape), "{shape:?} is no 3x3 convolution of stride 1");
    assert_eq!((shape.oh, shape.ow), (shape.h + 2 * shape.padding - 2, shape.w + 2 * shape.padding - 2));
    assert!(x.is_none_or(|x| x.len() == shape.n * shape.c * shape.h * shape.w), "input of {shape:?}");
    assert!(w.is_empty() || w.len() == shape.k * shape.patch(), "weight of {shape:?}");
    assert!(dy.is_none_or(|dy| dy.len() == shape.n * shape.k * shape.positions()), "gradient of {shape:?}");
}
