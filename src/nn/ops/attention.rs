//! Self-attention with grouped key heads.

use super::composed;
use super::rope::{Angles, check, composed_rope};
use crate::nn::kernels::attention::{Inputs, Setting, Shape, backward, forward};
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{all_fast, buffer, is_fast};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};
use std::sync::Arc;

pub use crate::nn::kernels::attention::Shape as AttentionShape;

/// softmax(q kᵀ / sqrt(d)) v over the keys not later than the query, or if not `causal` over all; query head h looks at key head h Hkv / H.
///
/// Shapes: q (B, T, H, d), k and v (B, T, Hkv, d) with Hkv dividing H, result as q. `mask`, (B, T) in order, says which
/// positions are real: others are never attended to, and a query that sees no key gets zeros. Keeps q, k, v and one
/// number per query; no matrix of T by T.
///
/// # Errors
/// If the shapes do not fit.
pub fn attention(tape: &Tape, q: &Value, k: &Value, v: &Value, mask: Option<&[bool]>, causal: bool) -> Result<Value> {
    let (batch, length, heads, d) = q.tensor().dims4()?;
    let (_, _, kv_heads, _) = k.tensor().dims4()?;
    let shape = Shape { batch, length, heads, kv_heads, d };
    let kv = [batch, length, kv_heads, d];
    if k.tensor().dims() != kv || v.tensor().dims() != kv {
        let [q, k, v] = [q, k, v].map(|value| value.tensor().dims());
        bail!("attention: queries {q:?}, keys {k:?}, values {v:?} do not fit");
    }
    check_shape(shape, mask)?;
    if !all_fast(&[q.tensor(), k.tensor(), v.tensor()]) {
        return composed::record(tape, &[q, k, v], |t| composed_attention(&t[0], &t[1], &t[2], mask, causal));
    }
    let parts = [q.tensor().contiguous()?, k.tensor().contiguous()?, v.tensor().contiguous()?];
    let (y, logs) = {
        let [q, k, v] = [buffer::view(&parts[0])?, buffer::view(&parts[1])?, buffer::view(&parts[2])?];
        forward(Isa::in_use(), Setting { shape, angles: None, mask, causal }, Inputs::Apart { q: &q, k: &k, v: &v })
    };
    let y = buffer::tensor(y, q.tensor().shape())?;
    let mask = mask.map(<[bool]>::to_vec);
    Ok(tape.record_fresh(&[q, k, v], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let gradients = {
            let [q, k, v] = [buffer::view(&parts[0])?, buffer::view(&parts[1])?, buffer::view(&parts[2])?];
            let setting = Setting { shape, angles: None, mask: mask.as_deref(), causal };
            let inputs = Inputs::Apart { q: &q, k: &k, v: &v };
            backward(Isa::in_use(), setting, inputs, &logs, &buffer::view(&gradient)?)
        };
        let gradients = gradients.into_iter().zip(&parts).enumerate();
        gradients.map(|(i, (gradient, part))| needs.compute(i, || buffer::tensor(gradient, part.shape()))).collect()
    }))
}

/// Causal [`attention`] on the output of one product: rows of queries, keys and values beside each other, of which queries and
/// keys are turned first (see [`rope`](super::rope())) by the angles from `offset` on. Nothing is copied in between.
///
/// Shapes: qkv (B T, (H + 2 Hkv) d), result (B T, H d).
///
/// # Errors
/// If the shapes do not fit.
pub fn rotary_attention(
    tape: &Tape,
    qkv: &Value,
    shape: Shape,
    angles: &Arc<Angles>,
    offset: usize,
    mask: Option<&[bool]>,
) -> Result<Value> {
    let Shape { batch, length, heads, kv_heads, d } = shape;
    let rows = batch * length;
    if qkv.tensor().dims() != [rows, (heads + 2 * kv_heads) * d] {
        bail!("attention: {shape:?} does not fit an input of {:?}", qkv.tensor().dims());
    }
    check_shape(shape, mask)?;
    check(angles, d, offset + length)?;
    if !is_fast(qkv.tensor()) {
        return composed::record(tape, &[qkv], |t| {
            let all = t[0].reshape((batch, length, heads + 2 * kv_heads, d))?;
            let q = composed_rope(&all.narrow(2, 0, heads)?, angles, offset)?;
            let k = composed_rope(&all.narrow(2, heads, kv_heads)?, angles, offset)?;
            let v = all.narrow(2, heads + kv_heads, kv_heads)?;
            composed_attention(&q, &k, &v, mask, true)?.reshape((rows, heads * d))
        });
    }
    let tensor = qkv.tensor().contiguous()?;
    let (isa, angles, mask) = (Isa::in_use(), angles.clone(), mask.map(<[bool]>::to_vec));
    let setting = Setting { shape, angles: Some((&angles, offset)), mask: mask.as_deref(), causal: true };
    let (y, logs) = forward(isa, setting, Inputs::Beside(&buffer::view(&tensor)?));
    let y = buffer::tensor(y, (rows, heads * d))?;
    Ok(tape.record_fresh(&[qkv], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let setting = Setting { shape, angles: Some((&angles, offset)), mask: mask.as_deref(), causal: true };
        let gradients =
            backward(isa, setting, Inputs::Beside(&buffer::view(&tensor)?), &logs, &buffer::view(&gradient)?);
        gradients.into_iter().map(|gradient| buffer::tensor(gradient, tensor.shape()).map(Some)).collect()
    }))
}

fn check_shape(shape: Shape, mask: Option<&[bool]>) -> Result<()> {
    let Shape { batch, length, heads, kv_heads, d } = shape;
    if batch * length * kv_heads * d == 0 || heads == 0 || !heads.is_multiple_of(kv_heads) {
        bail!("attention: {shape:?} is empty, or its heads are no multiple of the key heads");
    }
    match mask {
        Some(mask) if mask.len() != batch * length => {
            bail!("attention: a mask of {} positions for {batch} x {length}", mask.len())
        }
        _ => Ok(()),
    }
}

/// By differentiable candle operations; shapes as in [`attention`].
fn composed_attention(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&[bool]>, causal: bool) -> Result<Tensor> {
    let ((batch, length, heads, d), (_, _, kv_heads, _)) = (q.dims4()?, k.dims4()?);
    let repeated = |t: &Tensor| -> Result<Tensor> {
        let t = t.transpose(1, 2)?.unsqueeze(2)?;
        t.broadcast_as((batch, kv_heads, heads / kv_heads, length, d))?.reshape((batch, heads, length, d))
    };
    let (k, v, q) = (repeated(k)?, repeated(v)?, q.transpose(1, 2)?.contiguous()?);
    let real = |b: usize, key: usize| mask.is_none_or(|mask| mask[b * length + key]);
    let seen: Vec<f32> = (0..batch * length * length)
        .map(|i| (i / length / length, i / length % length, i % length))
        .map(|(b, query, key)| if (!causal || key <= query) && real(b, key) { 1.0 } else { 0.0 })
        .collect();
    let seen = Tensor::from_vec(seen, (batch, 1, length, length), &candle_core::Device::Cpu)?
        .to_device(q.device())?
        .to_dtype(q.dtype())?;
    let logits = (q.matmul(&k.t()?.contiguous()?)? * (1.0 / (d as f64).sqrt()))?;
    let logits = logits.broadcast_add(&((&seen - 1.0)? * 1e30)?)?;
    // The maximum only shifts: it is a constant for the gradient. A query without keys divides zeros by one.
    let weights = logits.broadcast_sub(&logits.detach().max_keepdim(3)?)?.exp()?.broadcast_mul(&seen)?;
    let none = seen.sum_keepdim(3)?.eq(0.0)?.to_dtype(q.dtype())?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(3)?.broadcast_add(&none)?)?;
    weights.matmul(&v)?.transpose(1, 2)?.contiguous()
}
