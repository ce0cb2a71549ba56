//! The gated unit of a decoder's middle layer.

use super::composed;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::swiglu::Gated;
use crate::nn::kernels::{all_fast, buffer};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y = silu(gate) up, elementwise, silu(x) = x / (1 + e^-x) (Shazeer 2020). All of one shape, (..., F).
///
/// # Errors
/// If the shapes differ or are those of scalars.
pub fn swiglu(tape: &Tape, gate: &Value, up: &Value) -> Result<Value> {
    let (g, u) = (gate.tensor(), up.tensor());
    let columns = g.dims().last().copied().unwrap_or(0);
    if g.shape() != u.shape() || columns == 0 {
        bail!("swiglu of shapes {:?} and {:?}: they must be equal and not empty", g.dims(), u.dims());
    }
    if !all_fast(&[g, u]) {
        return composed::record(tape, &[gate, up], |t| composed_swiglu(&t[0], &t[1]));
    }
    let (isa, g, u) = (Isa::in_use(), g.contiguous()?, u.contiguous()?);
    let y = Gated::apart(&buffer::view(&g)?, &buffer::view(&u)?, columns).forward(isa);
    let y = buffer::tensor(y, g.shape())?;
    Ok(tape.record_fresh(&[gate, up], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let mut dy = buffer::view(&gradient)?.to_vec();
        let (dgate, dup) = Gated::apart(&buffer::view(&g)?, &buffer::view(&u)?, columns).backward_apart(isa, &mut dy);
        Ok(vec![
            needs.compute(0, || buffer::tensor(dgate, g.shape()))?,
            needs.compute(1, || buffer::tensor(dup, g.shape()))?,
        ])
    }))
}

/// By differentiable candle operations.
pub(super) fn composed_swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    (gate / (gate.neg()?.exp()? + 1.0)?)? * up
}
