//! Two-dimensional convolution: forward, gradient of the input, gradient of the weight, gradient of the bias.
//!
//! The place where the method is chosen by shape, see [`Method::choose`].

#[cfg(test)]
pub(super) mod tests;

use super::norm::Sizes;
use super::source::Source;
use super::winograd::{self, F2, F4};
use super::{Precision, buffer::unfilled, elementwise, first_layer, im2col, simd::Isa, stride2};
use candle_core::{Result, bail};
use rayon::prelude::*;

/// The sizes of a convolution of (N, C, H, W) with (K, C, R, S), same stride and zero padding on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Samples.
    pub n: usize,
    /// Input channels.
    pub c: usize,
    /// Input height and width.
    pub h: usize,
    pub w: usize,
    /// Output channels.
    pub k: usize,
    /// Kernel height and width.
    pub r: usize,
    pub s: usize,
    /// Pixels from one patch to the next.
    pub stride: usize,
    /// Zeros on each side of the image.
    pub padding: usize,
    /// Output height and width: `(h + 2 padding - r) / stride + 1`, rounded down.
    pub oh: usize,
    pub ow: usize,
}

impl ConvShape {
    /// The sizes for an input and a weight.
    ///
    /// # Errors
    /// If the channels differ, a size or the stride is zero, or the kernel exceeds the padded input.
    pub fn new(
        (n, c, h, w): (usize, usize, usize, usize),
        (k, weight_c, r, s): (usize, usize, usize, usize),
        stride: usize,
        padding: usize,
    ) -> Result<ConvShape> {
        if c != weight_c {
            bail!("convolution: the input has {c} channels, the weight {k}x{weight_c}x{r}x{s} expects {weight_c}");
        }
        if stride == 0 || [n, c, h, w, k, r, s].contains(&0) {
            bail!("convolution: sizes and stride must be positive, got {n}x{c}x{h}x{w} * {k}x{c}x{r}x{s} / {stride}");
        }
        if r > h + 2 * padding || s > w + 2 * padding {
            bail!("convolution: kernel {r}x{s} is larger than the input {h}x{w} with padding {padding}");
        }
        let (oh, ow) = ((h + 2 * padding - r) / stride + 1, (w + 2 * padding - s) / stride + 1);
        Ok(ConvShape { n, c, h, w, k, r, s, stride, padding, oh, ow })
    }

    /// Elements of a patch, C R S.
    pub fn patch(&self) -> usize {
        self.c * self.r * self.s
    }

    /// Output positions of a channel.
    pub fn positions(&self) -> usize {
        self.oh * self.ow
    }

    /// Samples, channels and positions of the input.
    pub fn input(&self) -> Sizes {
        Sizes { n: self.n, c: self.c, m: self.h * self.w }
    }

    /// Whether input and column matrix are the same thing.
    pub fn is_pointwise(&self) -> bool {
        self.r == 1 && self.s == 1 && self.stride == 1 && self.padding == 0
    }
}

/// What is added to the output of a convolution on its way to memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// One number for each output channel.
    pub bias: Option<&'a [f32]>,
    /// A number for each output, (N, K, OH, OW).
    pub add: Option<&'a [f32]>,
}

impl Epilogue<'_> {
    /// Panics where the lengths do not fit the shape.
    pub fn check(&self, shape: &ConvShape) {
        assert!(self.bias.is_none_or(|bias| bias.len() == shape.k), "bias of {shape:?}");
        assert!(self.add.is_none_or(|add| add.len() == shape.n * shape.k * shape.positions()), "addend of {shape:?}");
    }
}

/// A way to compute a convolution. Every method can do what it [applies](Method::applies) to.
///
/// Errors are those of all three passes against f64, as max|err|/max|ref|, at most: as tests assert them for up to 65
/// channels ([`Method::Winograd4`]: 400). What was measured with more stands in the modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Winograd's F(4x4, 3x3); error 5e-6
    Winograd4,
    /// Winograd's F(2x2, 3x3); error 1.5e-6
    Winograd2,
    /// Winograd's F(4, 2) on the phases of stride 2; error 1.5e-6
    Phases,
    /// few input channels, sixteen pixels in a vector; error 1e-6, equal patches give equal bits
    FirstLayer,
    /// patches as columns of a matrix, for every shape; error 1e-6, equal patches give equal bits
    Im2col,
}

impl Method {
    /// Every method, for tests.
    pub const ALL: [Method; 5] =
        [Method::Winograd4, Method::Winograd2, Method::Phases, Method::FirstLayer, Method::Im2col];

    /// The fastest method for a shape; with [`Precision::Exact`], among those that give equal patches equal bits.
    ///
    /// Measured on two cores with AVX-512, batch 64, ms forward (the gradients are alike):
    ///
    /// | channels, pixels | F(4x4) | F(2x2) | im2col |
    /// |---|---|---|---|
    /// | 64 to 64, 28x28 | 5.7 | 9.3 | 20 |
    /// | 64 to 64, 14x14 | 1.8 | 2.2 | 5.9 |
    /// | 64 to 64, 7x7 | 0.5 | 0.7 | 2.1 |
    /// | 64 to 64, 3x3 | 0.2 | 0.2 | 1.0 |
    /// | 16 to 16, 14x14 | 0.2 | 0.2 | 0.6 |
    /// | 8 to 8, 28x28 | 0.5 | 0.6 | 0.6 |
    /// | 4 to 4, 28x28 | 0.4 | 0.5 | 0.2 |
    pub fn choose(shape: &ConvShape, precision: Precision) -> Method {
        let fast = precision == Precision::Fast;
        if first_layer::applies(shape) {
            Method::FirstLayer
        } else if fast && winograd::applies(shape) && shape.c * shape.k >= 64 {
            Method::Winograd4
        } else if fast && stride2::applies(shape) && stride2::pays(shape) {
            Method::Phases
        } else {
            Method::Im2col
        }
    }

    /// Whether the method can do this shape.
    pub fn applies(self, shape: &ConvShape) -> bool {
        match self {
            Method::Winograd4 | Method::Winograd2 => winograd::applies(shape),
            Method::Phases => stride2::applies(shape),
            Method::FirstLayer => first_layer::applies(shape),
            Method::Im2col => true,
        }
    }
}

/// `y(n, k, i, j) = bias(k) + Σ over c, r, s of x(n, c, i stride + r - padding, j stride + s - padding) w(k, c, r, s) +
/// add(n, k, i, j)`, (N, K, OH, OW); x is zero outside the image.
pub fn forward(shape: &ConvShape, precision: Precision, x: Source, w: &[f32], epilogue: Epilogue) -> Vec<f32> {
    forward_by(Method::choose(shape, precision), Isa::in_use(), shape, x, w, epilogue)
}

/// [`forward`] by a method that applies.
pub fn forward_by(method: Method, isa: Isa, shape: &ConvShape, x: Source, w: &[f32], epilogue: Epilogue) -> Vec<f32> {
    check(shape, Some(x.data), Some(w), None);
    epilogue.check(shape);
    match method {
        Method::Winograd4 => winograd::forward::<F4>(isa, shape, x, w, epilogue),
        Method::Winograd2 => winograd::forward::<F2>(isa, shape, x, w, epilogue),
        Method::Phases => stride2::forward(isa, shape, x, w, epilogue),
        Method::FirstLayer => first_layer::forward(isa, shape, x, w, epilogue),
        Method::Im2col => {
            let mut y = im2col::forward(shape, x, w, epilogue.bias);
            if let Some(add) = epilogue.add {
                elementwise::add_assign(&mut y, add);
            }
            y
        }
    }
}

/// The gradient of the input as the kernel reads it (after its activation), (N, C, H, W), from that of the output: the
/// sum over k, r, s of `dy(n, k, i, j) w(k, c, r, s)` for the outputs that read the number.
pub fn input_gradient(shape: &ConvShape, precision: Precision, w: &[f32], dy: &[f32]) -> Vec<f32> {
    input_gradient_by(Method::choose(shape, precision), Isa::in_use(), shape, w, dy)
}

/// [`input_gradient`] by a method that applies.
pub fn input_gradient_by(method: Method, isa: Isa, shape: &ConvShape, w: &[f32], dy: &[f32]) -> Vec<f32> {
    check(shape, None, Some(w), Some(dy));
    match method {
        Method::Winograd4 => winograd::input_gradient::<F4>(isa, shape, w, dy),
        Method::Winograd2 => winograd::input_gradient::<F2>(isa, shape, w, dy),
        Method::Phases => stride2::input_gradient(isa, shape, w, dy),
        Method::FirstLayer => first_layer::input_gradient(isa, shape, w, dy),
        Method::Im2col => im2col::input_gradient(shape, w, dy),
    }
}

/// The gradient of the weight, (K, C, R, S), from that of the output:
/// `dw(k, c, r, s) = Σ over n, i, j of dy(n, k, i, j) x(n, c, i stride + r - padding, j stride + s - padding)`.
pub fn weight_gradient(shape: &ConvShape, precision: Precision, x: Source, dy: &[f32]) -> Vec<f32> {
    weight_gradient_by(Method::choose(shape, precision), Isa::in_use(), shape, x, dy)
}

/// [`weight_gradient`] by a method that applies.
pub fn weight_gradient_by(method: Method, isa: Isa, shape: &ConvShape, x: Source, dy: &[f32]) -> Vec<f32> {
    check(shape, Some(x.data), None, Some(dy));
    match method {
        Method::Winograd4 => winograd::weight_gradient::<F4>(isa, shape, x, dy),
        Method::Winograd2 => winograd::weight_gradient::<F2>(isa, shape, x, dy),
        Method::Phases => stride2::weight_gradient(isa, shape, x, dy),
        Method::FirstLayer => first_layer::weight_gradient(isa, shape, x, dy),
        Method::Im2col => im2col::weight_gradient(shape, x, dy),
    }
}

/// Panics where the sizes are none that [`ConvShape::new`] makes, or the lengths do not fit them.
fn check(shape: &ConvShape, x: Option<&[f32]>, w: Option<&[f32]>, dy: Option<&[f32]>) {
    let ConvShape { n, c, h, w: width, k, r, s, stride, padding, .. } = *shape;
    let made = ConvShape::new((n, c, h, width), (k, c, r, s), stride, padding);
    assert!(made.is_ok_and(|made| made == *shape), "sizes of {shape:?}");
    assert!(x.is_none_or(|x| x.len() == n * c * h * width), "input of {shape:?}");
    assert!(w.is_none_or(|w| w.len() == k * shape.patch()), "weight of {shape:?}");
    assert!(dy.is_none_or(|dy| dy.len() == n * k * shape.positions()), "gradient of {shape:?}");
}

/// The gradient of the bias: the sum of `dy` over samples and positions, (K).
pub fn bias_gradient(shape: &ConvShape, dy: &[f32]) -> Vec<f32> {
    let (k, positions) = (shape.k, shape.positions());
    // SAFETY: the loop writes every element.
    let mut db = unsafe { unfilled(k) };
    db.par_iter_mut().enumerate().for_each(|(channel, db)| {
        let planes = (0..shape.n).map(|n| &dy[(n * k + channel) * positions..][..positions]);
        *db = planes.map(elementwise::sum).sum::<f64>() as f32;
    });
    db
}
