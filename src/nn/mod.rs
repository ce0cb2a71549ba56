//! What candle lacks for training: plain-data architectures, fast kernels, differentiable layers, random streams.

pub mod architecture;
#[cfg(test)]
pub(crate) mod check;
pub mod in_place;
pub mod init;
pub mod kernels;
pub mod network;
pub mod ops;
pub mod precision;
pub mod pretrained;
pub mod rng;
pub mod rounding;
pub mod sequences;
pub mod shapes;
pub mod tape;
pub mod value;
pub mod weights;
