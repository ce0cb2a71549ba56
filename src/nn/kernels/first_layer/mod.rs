//! 3x3 convolutions of one to four input channels at stride 1 with padding 1: the first layer of a network of images.
//!
//! There are too few input channels to fill a vector, and sixteen pixels of a row fill one in each of the three
//! passes: nothing is transposed, NCHW is read and written as it lies. Every output of [`forward`] and
//! [`input_gradient`] is one sum of products in an order that doesn't depend on its place, so equal patches give
//! bitwise equal outputs. Error against f64, as max|err|/max|ref|: 0.5e-6 at most in all three.

mod forward;
mod frame;
mod input_gradient;
mod weight_gradient;

pub use forward::forward;
pub use input_gradient::input_gradient;
pub use weight_gradient::weight_gradient;

use super::conv::ConvShape;

/// The most input channels that [`applies`] admits.
const CHANNELS: usize = 4;

/// Whether the functions of this module know a convolution.
pub fn applies(shape: &ConvShape) -> bool {
    (shape.r, shape.s, shape.stride, shape.padding) == (3, 3, 1, 1) && shape.c <= CHANNELS
}
