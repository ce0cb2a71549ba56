//! Differentiable operations on [`Value`](super::tape::Value)s, one per file.
//!
//! Each runs on the kernels of this crate for f32 on the CPU, and in its `composed` form, built from candle's own
//! operations, on other devices and types. The composed form is correct rather than fast; tests compare the two.

mod add;
mod affine_const;
mod attention;
mod avg_pool2d;
mod batch_norm;
mod batch_norm_pool;
mod composed;
mod conv2d;
mod cross_entropy;
#[cfg(test)]
mod decoder_tests;
mod embedding;
mod flatten;
#[cfg(test)]
mod fused_tests;
mod gelu;
mod global_avg_pool;
#[cfg(test)]
mod golden_tests;
mod group_norm;
mod join_rows;
mod layer_norm;
mod linear;
mod lora_linear;
mod max_pool2d;
mod multiply;
mod projection;
mod reduce;
mod relu;
mod reshape;
mod rms_norm;
mod rope;
mod softmax;
mod swiglu;
mod thin_linear;

pub use add::add;
pub use affine_const::affine_const;
pub use attention::{AttentionShape, attention, rotary_attention};
pub use avg_pool2d::avg_pool2d;
pub use batch_norm::{BatchNormStats, MOMENTUM as BATCH_NORM_MOMENTUM, RunningStats, batch_norm, batch_norm_relu};
pub use batch_norm_pool::batch_norm_relu_pool;
pub use conv2d::{conv2d, conv2d_add};
pub use cross_entropy::{IGNORED, Reduction, cross_entropy};
pub use embedding::embedding;
pub use flatten::flatten;
pub use gelu::{Gelu, gelu};
pub use global_avg_pool::global_avg_pool;
pub use group_norm::{group_norm, instance_norm};
pub use join_rows::join_rows;
pub use layer_norm::layer_norm;
pub use linear::{linear, linear_relu};
pub use lora_linear::{Lora, lora_linear};
pub use max_pool2d::max_pool2d;
pub use multiply::{multiply, multiply_const};
pub use projection::{Input, Weight, projection};
pub use reduce::{mean, sum};
pub use relu::relu;
pub use reshape::{reshape, transpose};
pub use rms_norm::rms_norm;
pub use rope::{Angles, rope};
pub use softmax::{log_softmax, softmax};
pub use swiglu::swiglu;
pub use thin_linear::thin_linear;

/// Added to variances before the root is taken, in every normalization: PyTorch's default.
pub const NORM_EPSILON: f64 = 1e-5;
