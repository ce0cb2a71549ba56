//! What convolutions are built from: planes to pixels and back, and the product of a register block.
//!
//! Inside these kernels a vector is sixteen channels of one pixel (or tile), so all arithmetic on pixels is vertical
//! and works for every width. [`pack`] transposes planes (NCHW) to such pixels, [`unpack`] goes back, [`product`]
//! multiplies pixels by panels of weights, [`PANEL`] output channels wide.
//!
//! Everything here is a leaf: generic over [`Simd`](super::simd::Simd), inlined into a block of work that
//! `dispatch!` compiles. All are unsafe in the same way: pointers must be good for what is read and written, and the
//! processor must have the instruction set.

mod pixels;
mod product;
#[cfg(test)]
mod tests;

pub use pixels::{Lanewise, Pixels, Planes, pack, unpack};
pub use product::{Run, product};

/// Output channels of a panel of weights: two vectors.
pub const PANEL: usize = 2 * super::simd::LANES;
