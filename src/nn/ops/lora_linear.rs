//! A linear layer with a low-rank update.

use super::projection::{Input, Weight, projection};
use crate::nn::tape::{Tape, Value};
use candle_core::Result;

/// The update scale · b a of a weight (O, F). Shapes as in PEFT: a (r, F), b (O, r); PEFT's scale is alpha / r.
#[derive(Clone, Copy)]
pub struct Lora<'a> {
    pub a: &'a Value,
    pub b: &'a Value,
    pub scale: f64,
}

/// y = x wᵀ + scale (x aᵀ) bᵀ (Hu et al. 2021). Shapes: x (N, F), w (O, F), a (r, F), b (O, r), result (N, O).
///
/// With w a constant, backward forms no gradient of it and keeps x and x aᵀ alone. Computed as x (w + scale b a)ᵀ, so
/// small numbers of rows pay for the sum.
///
/// # Errors
/// If the shapes do not fit together.
pub fn lora_linear(tape: &Tape, x: &Value, w: &Value, lora: Lora) -> Result<Value> {
    projection(tape, Input::Plain(x), &[Weight { w, lora: Some(lora) }], None)
}
