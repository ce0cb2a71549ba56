//! CPU kernels in f32 over contiguous data: the arithmetic behind [`ops`](super::ops).
//!
//! The functions are safe and take plain slices. Matrix products are our own ([`gemm`]); the only threads are rayon's.
//! Unsafe code: vectors ([`simd`]) and the leaves written over them, buffers written by several threads
//! ([`buffer::Pieces`], [`buffer::Shared`]), buffers that start unfilled ([`buffer::unfilled`]) and scratch memory in
//! whole cache lines ([`buffer::with_scratch`]); each use says why it is sound.
//! Work is cut at fixed places that depend on shapes alone and partial sums are added in a fixed order, so results
//! have the same bits for any number of threads, on one instruction set.
//!
//! Errors that the descriptions name are against f64, on every instruction set, for the sizes of the tests or those
//! named beside them.

pub mod attention;
pub mod buffer;
pub mod channel_norm;
pub mod conv;
pub mod elementwise;
pub mod embedding;
mod first_layer;
pub mod gemm;
mod im2col;
pub mod lora;
pub mod max_pool;
pub mod narrow;
pub mod norm;
mod panel;
pub mod pool;
pub mod rms_norm;
pub mod rope;
pub(crate) mod simd;
pub mod softmax;
pub mod source;
mod stride2;
pub mod swiglu;
mod winograd;

pub use super::precision::Precision;
use candle_core::{DType, Tensor};
pub use simd::Isa;

/// Whether the kernels of this module handle a tensor: f32 on the CPU.
pub fn is_fast(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == DType::F32
}

/// [`is_fast`] for every one of several tensors.
pub fn all_fast(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|tensor| is_fast(tensor))
}
