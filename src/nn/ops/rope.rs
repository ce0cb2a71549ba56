//! Rotary position embedding.

use super::composed;
use crate::nn::kernels::rope::Turn;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{buffer, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};
use std::sync::Arc;

pub use crate::nn::kernels::rope::Angles;

/// Turns the pairs (x(i), x(i + d/2)) of each head by the angle of its position, `offset` and up: Hugging Face's
/// convention ("rotate half"), y = x cos + rotate_half(x) sin.
///
/// Shapes: x (B, T, H, d), result the same. Backward turns by the opposite angle and keeps nothing of x.
///
/// # Errors
/// If x has another rank, or the angles are for heads of another size or for fewer than `offset + T` positions.
pub fn rope(tape: &Tape, x: &Value, angles: &Arc<Angles>, offset: usize) -> Result<Value> {
    let (_, length, heads, d) = x.tensor().dims4()?;
    check(angles, d, offset + length)?;
    if heads == 0 || length == 0 || d == 0 {
        bail!("rope: the input {:?} is empty", x.tensor().dims());
    }
    if !is_fast(x.tensor()) {
        return composed::record(tape, &[x], |t| composed_rope(&t[0], angles, offset));
    }
    let (isa, shape, angles) = (Isa::in_use(), x.tensor().shape().clone(), angles.clone());
    let turned = move |x: &Tensor, turn: Turn| -> Result<Tensor> {
        let x = x.contiguous()?;
        buffer::tensor(angles.turn(isa, &buffer::view(&x)?, heads, length, offset, turn), &shape)
    };
    let y = turned(x.tensor(), Turn::Forward)?;
    Ok(tape.record_fresh(&[x], y, move |gradient, _| Ok(vec![Some(turned(gradient, Turn::Back)?)])))
}

/// Angles for heads of `d` numbers and that many positions at least, or an error.
pub(super) fn check(angles: &Angles, d: usize, positions: usize) -> Result<()> {
    if angles.head() != d {
        bail!("rope: angles for heads of {} numbers, the heads have {d}", angles.head());
    }
    if angles.positions() < positions {
        bail!("rope: angles for {} positions, {positions} are needed", angles.positions());
    }
    Ok(())
}

/// By differentiable candle operations; x (B, T, H, d).
pub(super) fn composed_rope(x: &Tensor, angles: &Angles, offset: usize) -> Result<Tensor> {
    let (_, length, _, d) = x.dims4()?;
    let table = |numbers: Vec<f32>| -> Result<Tensor> {
        let table = Tensor::from_vec(numbers, (length, 1, d / 2), &candle_core::Device::Cpu)?;
        table.to_device(x.device())?.to_dtype(x.dtype())
    };
    let positions = offset..offset + length;
    let cos = table(positions.clone().flat_map(|position| angles.at(position).0.to_vec()).collect())?;
    let sin = table(positions.flat_map(|position| angles.at(position).1.to_vec()).collect())?;
    let (a, b) = (x.narrow(3, 0, d / 2)?, x.narrow(3, d / 2, d / 2)?);
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
    Tensor::cat(&[first, second], 3)
}
