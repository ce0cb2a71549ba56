//! 3x3 convolutions at stride 2 with padding 1, by Winograd's minimal filtering of each of their phases.
//!
//! On one axis `y(i) = x(2i - 1) w(0) + x(2i) w(1) + x(2i + 1) w(2)`: the odd inputs meet two taps, the even ones one.
//! The two taps are F(4,2), five products for four outputs instead of eight (Winograd, "Arithmetic complexity of
//! computations", 1980); the one tap is four products for four. On both axes there are 81 products for a tile of 4x4
//! outputs, where the direct sum has 144. The gradient of the input is the same with the roles exchanged: its odd rows
//! and columns are sums of two products, `dx(2i + 1) = dy(i) w(2) + dy(i + 1) w(0)`, its even ones of one. The gradient
//! of the weight is the adjoint of the forward pass.
//!
//! Error against f64, as max|err|/max|ref|, for 64 to 512 channels and 64 samples: forward 1.1e-6, gradient of the
//! input 2.4e-6, of the weight 0.6e-6. Rounding depends on the place in the tile, so equal patches do not give equal
//! bits; a number that is not finite spoils its whole tile.

mod convolve;
mod layout;
mod leaf;
mod line;
mod tile;
mod way;
mod weight_gradient;

use super::conv::{ConvShape, Epilogue};
use super::simd::{Isa, Simd};
use super::source::Source;
use super::winograd::weight::Weight;
use super::winograd::{Kernels, Line};
use convolve::convolve;
use layout::SIDE;
use line::POINTS;
use way::{Down, Grid, Up};

/// The six weights of an axis: those at the points, and the middle tap as it is.
#[derive(Clone, Copy, Debug)]
struct Phases;

impl Kernels for Phases {
    const IN: usize = SIDE;

    #[inline(always)]
    unsafe fn weight<S: Simd>(w: Line<S>) -> Line<S> {
        // SAFETY: registers only.
        let [a, b, c, d, e] = unsafe { line::weight::<S>([w[0], w[2]]) };
        [a, b, c, d, e, w[1]]
    }

    #[inline(always)]
    unsafe fn weight_adjoint<S: Simd>(u: Line<S>) -> Line<S> {
        // SAFETY: registers only.
        unsafe {
            let [first, last] = line::weight_adjoint::<S>([u[0], u[1], u[2], u[3], u[4]]);
            [first, u[POINTS], last, S::zero(), S::zero(), S::zero()]
        }
    }
}

/// Whether the functions of this module know a convolution.
pub fn applies(shape: &ConvShape) -> bool {
    (shape.r, shape.s, shape.stride, shape.padding) == (3, 3, 2, 1)
}

/// Whether this is faster than the direct sum as a matrix product: tiles cover the output so well that they need fewer
/// products (outputs of 2x2 or less they don't), and there are enough channels. Measured: 1.6 to 1.8 times as fast from
/// 64 channels and outputs of 4x4 on, 1.1 to 1.6 times with 8 to 16 channels, slower with 4.
pub fn pays(shape: &ConvShape) -> bool {
    let grid = Grid::new(shape);
    shape.c >= 8 && shape.k >= 8 && grid.down * grid.across * layout::NUMBERS <= 9 * shape.positions()
}

/// `y(n, k, i, j) = bias(k) + Σ over c, r, s of x(n, c, 2i + r - 1, 2j + s - 1) w(k, c, r, s) + add(n, k, i, j)`,
/// (N, K, OH, OW).
pub fn forward(isa: Isa, shape: &ConvShape, x: Source, w: &[f32], epilogue: Epilogue) -> Vec<f32> {
    check(shape, Some(x.data), Some(w), None);
    epilogue.check(shape);
    let weight = Weight { data: w, k: shape.k, c: shape.c, turned: false };
    convolve::<Down>(isa, shape, x, weight, epilogue)
}

/// `dx(n, c, i, j) = Σ over k, r, s of dy(n, k, (i - r + 1) / 2, (j - s + 1) / 2) w(k, c, r, s)` where these are whole,
/// (N, C, H, W).
pub fn input_gradient(isa: Isa, shape: &ConvShape, w: &[f32], dy: &[f32]) -> Vec<f32> {
    check(shape, None, Some(w), Some(dy));
    let weight = Weight { data: w, k: shape.k, c: shape.c, turned: true };
    convolve::<Up>(isa, shape, Source::plain(dy), weight, Epilogue::default())
}

/// `dw(k, c, r, s) = Σ over n, i, j of dy(n, k, i, j) x(n, c, 2i + r - 1, 2j + s - 1)`, (K, C, 3, 3).
pub fn weight_gradient(isa: Isa, shape: &ConvShape, x: Source, dy: &[f32]) -> Vec<f32> {
    check(shape, Some(x.data), None, Some(dy));
    weight_gradient::weight_gradient(isa, shape, x, dy)
}

/// Panics where the lengths do not fit the shape.
fn check(shape: &ConvShape, x: Option<&[f32]>, w: Option<&[f32]>, dy: Option<&[f32]>) {
    assert!(applies(shape), "{shape:?} is no 3x3 convolution of stride 2 with padding 1");
    assert_eq!((shape.oh, shape.ow), (shape.h.div_ceil(2), shape.w.div_ceil(2)));
    assert!(x.is_none_or(|x| x.len() == shape.n * shape.c * shape.h * shape.w), "input of {shape:?}");
    assert!(w.is_none_or(|w| w.len() == shape.k * shape.patch()), "weight of {shape:?}");
    assert!(dy.is_none_or(|dy| dy.len() == shape.n * shape.k * shape.positions()), "gradient of {shape:?}");
}
