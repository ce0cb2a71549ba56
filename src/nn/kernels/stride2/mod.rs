//! 3x3 convolutions at stride 2 with padding 1, as Winograd's minimal filtering on each of their phases.
//!
//! On one axis `y(i) = x(2i - 1) w(0) + x(2i) w(1) + x(2i + 1) w(2)`: the odd inputs meet two taps, the even ones one.
//! The two taps are F(4,2), five products for four outputs instead of eight (Winograd, "Arithmetic complexity of
//! computations", 1980); the one tap is four products for four. On both axes there are 81 products for a tile of 4x4
//! outputs, where the direct sum has 144. The gradient of the input is the same with the roles exchanged: its odd rows
//! and columns are sums of two products, `dx(2i + 1) = dy(i) w(2) + dy(i + 1) w(0)`, its even ones of one. The gradient
//! of the weight is the adjoint of the forward pass.
//!
//! Error against f64, as max|err|/max|ref|: 2e-6 at most in all three.

mod layout;
mod leaf;
mod line;
mod tile;
mod weight_gradient;

pub use weight_gradient::weight_gradient;

use super::buffer::{unfilled, with_scratch};
use super::conv::ConvShape;
use super::panel::PANEL;
use super::simd::{Isa, LANES, Simd};
use super::source::Source;
use super::winograd::weight::{Weight, transform_weight, transformed_len};
use super::winograd::{Kernels, Line};
use layout::SIDE;
use leaf::{Down, Job, Up, Way};
use line::POINTS;
use rayon::prelude::*;

/// The six weights of an axis: those at the points, and the middle tap as it is.
#[derive(Clone, Copy, Debug)]
pub struct Phases;

impl Kernels for Phases {
    const SIDE: usize = SIDE;

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

/// Tiles that one task works on: as many as keep their transforms in a core's own cache, with all input channels.
fn tiles_of_task(_inputs: usize) -> usize {
    static T: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *T.get_or_init(|| std::env::var("TT").map(|t| t.parse().unwrap()).unwrap_or(16))
}

/// `y(n, k, i, j) = b(k) + Σ over c, r, s of x(n, c, 2i + r - 1, 2j + s - 1) w(k, c, r, s)`, (N, K, OH, OW).
pub fn forward(shape: &ConvShape, isa: Isa, x: Source, w: &[f32], b: Option<&[f32]>) -> Vec<f32> {
    assert!(applies(shape) && x.data.len() == shape.n * shape.c * shape.h * shape.w);
    assert!(w.len() == shape.k * shape.patch() && b.is_none_or(|b| b.len() == shape.k));
    let weight = Weight { data: w, k: shape.k, c: shape.c, turned: false };
    convolve::<Down>(shape, isa, x, weight, b)
}

/// `dx(n, c, i, j) = Σ over k, r, s of dy(n, k, (i - r + 1) / 2, (j - s + 1) / 2) w(k, c, r, s)` where these are whole,
/// (N, C, H, W).
pub fn input_gradient(shape: &ConvShape, isa: Isa, w: &[f32], dy: &[f32]) -> Vec<f32> {
    assert!(applies(shape) && dy.len() == shape.n * shape.k * shape.positions() && w.len() == shape.k * shape.patch());
    let weight = Weight { data: w, k: shape.k, c: shape.c, turned: true };
    convolve::<Up>(shape, isa, Source::plain(dy), weight, None)
}

fn convolve<W: Way>(shape: &ConvShape, isa: Isa, x: Source, weight: Weight, bias: Option<&[f32]>) -> Vec<f32> {
    let (input, output) = W::sides(shape);
    let weights = transformed(isa, weight);
    let job = Job::new(shape, input, output, tiles_of_task(input.channels), x.activation, &weights, bias);
    // SAFETY: each task writes all outputs of its samples.
    let mut y = unsafe { unfilled(shape.n * output.image()) };
    let tasks = y.par_chunks_mut(job.samples * output.image()).zip(x.data.par_chunks(job.samples * input.image()));
    tasks.with_max_len(1).for_each(|(y, x)| {
        with_scratch(job.scratch::<W>(), |scratch| {
            // SAFETY: the same number of samples in `x` and `y`, and scratch memory as long as asked for.
            unsafe { leaf::run::<W>(isa, &job, x, y, scratch) };
        });
    });
    y
}

/// The transformed weights of all panels.
fn transformed(isa: Isa, weight: Weight) -> Vec<f32> {
    let (outputs, inputs) = weight.channels();
    let len = transformed_len::<Phases>(inputs);
    // Zeros, not unfilled: a panel may have fewer channels.
    let mut panels = vec![0.0; outputs.div_ceil(PANEL) * len];
    panels.par_chunks_mut(len).enumerate().for_each(|(panel, to)| {
        // SAFETY: a panel of the weight; `to` has the length of one.
        unsafe { transform_weight::<Phases>(isa, &weight, panel * PANEL, to) };
    });
    panels
}

/// One side of a convolution: channels, height and width.
#[derive(Clone, Copy, Debug)]
struct Side {
    channels: usize,
    h: usize,
    w: usize,
}

impl Side {
    /// Numbers of a plane.
    fn plane(self) -> usize {
        self.h * self.w
    }

    /// Numbers of a sample.
    fn image(self) -> usize {
        self.channels * self.plane()
    }

    /// Blocks of sixteen channels.
    fn blocks(self) -> usize {
        self.channels.div_ceil(LANES)
    }
}
