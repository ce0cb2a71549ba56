//! Differentiable operations on [`Value`](super::tape::Value)s, one per file.
//!
//! Each runs on the kernels of this crate for f32 on the CPU, and in its `composed` form, built from candle's own
//! operations, on other devices and types. The composed form is correct rather than fast; tests compare the two.

mod composed;
mod conv2d;
mod cross_entropy;
mod linear;
mod relu;

pub use conv2d::conv2d;
pub use cross_entropy::{Reduction, cross_entropy};
pub use linear::linear;
pub use relu::relu;
