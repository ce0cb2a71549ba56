//! What candle lacks for training: plain-data architectures, differentiable layers, random streams.

pub mod architecture;
pub mod shapes;
