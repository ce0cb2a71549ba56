//! Two-dimensional convolution (cross-correlation, as the field calls it).

use super::composed;
use crate::nn::kernels::{buffer, conv, conv::ConvShape, conv::Epilogue, is_fast};
use crate::nn::tape::{Tape, Value};
use crate::nn::value::source;
use candle_core::{Result, bail};

/// y(n, k, i, j) = b(k) + sum over c, r, s of x(n, c, i stride + r - padding, j stride + s - padding) w(k, c, r, s).
///
/// Shapes: x (N, C, H, W), w (K, C, R, S), b (K), result (N, K, OH, OW) with
/// OH = (H + 2 padding - R) / stride + 1 rounded down. Outside the image x is zero. With
/// [`Precision::Exact`](crate::nn::precision::Precision::Exact) equal patches give bitwise equal outputs. No gradient is
/// formed for an input that is not tracked.
///
/// # Errors
/// If the shapes do not fit together.
pub fn conv2d(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>, stride: usize, padding: usize) -> Result<Value> {
    let shape = ConvShape::new(x.shape().dims4()?, w.tensor().dims4()?, stride, padding)?;
    if let Some(b) = b
        && b.tensor().dims() != [shape.k]
    {
        bail!("convolution: bias {:?} for {} output channels", b.tensor().dims(), shape.k);
    }
    let inputs: Vec<&Value> = [x, w].into_iter().chain(b).collect();
    let (raw, lines) = x.raw();
    if !(is_fast(raw) && inputs[1..].iter().all(|input| is_fast(input.tensor()))) {
        return composed(tape, &inputs, &shape);
    }
    let (xt, lines, wt) = (raw.contiguous()?, lines.cloned(), w.tensor().contiguous()?);
    let bt = b.map(|b| b.tensor().contiguous()).transpose()?;
    let bias = bt.as_ref().map(buffer::view).transpose()?;
    let precision = tape.precision();
    let y = conv::forward(
        &shape,
        precision,
        source(&buffer::view(&xt)?, lines.as_ref()),
        &buffer::view(&wt)?,
        Epilogue { bias: bias.as_deref(), add: None },
    );
    let y = buffer::tensor(y, (shape.n, shape.k, shape.oh, shape.ow))?;
    let has_bias = b.is_some();
    // The gradient of each needs the other; what is not needed is not kept.
    let (kept_x, kept_w) = (w.is_tracked().then_some(xt), x.is_tracked().then_some(wt));
    Ok(tape.record_fresh(&inputs, y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let dy = buffer::view(&gradient)?;
        let dx = match kept_w {
            Some(w) => {
                let dx = conv::input_gradient(&shape, precision, &buffer::view(&w)?, &dy);
                Some(buffer::tensor(dx, (shape.n, shape.c, shape.h, shape.w))?)
            }
            None => None,
        };
        let dw = match kept_x {
            Some(x) => {
                let dw = conv::weight_gradient(&shape, precision, source(&buffer::view(&x)?, lines.as_ref()), &dy);
                Some(buffer::tensor(dw, (shape.k, shape.c, shape.r, shape.s))?)
            }
            None => None,
        };
        let mut gradients = vec![dx, dw];
        if has_bias {
            gradients.push(needs.compute(2, || buffer::tensor(conv::bias_gradient(&shape, &dy), shape.k))?);
        }
        Ok(gradients)
    }))
}

fn composed(tape: &Tape, inputs: &[&Value], shape: &ConvShape) -> Result<Value> {
    composed::record(tape, inputs, |t| {
        // Padded here, and cut to what the windows cover: candle's gradient fails where the uncovered rest differs
        // between height and width.
        let (p, stride) = (shape.padding, shape.stride);
        let x = t[0].pad_with_zeros(2, p, p)?.pad_with_zeros(3, p, p)?;
        let x = x.narrow(2, 0, (shape.oh - 1) * stride + shape.r)?.narrow(3, 0, (shape.ow - 1) * stride + shape.s)?;
        let y = x.contiguous()?.conv2d(&t[1], 0, stride, 1, 1)?;
        match t.get(2) {
            Some(b) => y.broadcast_add(&b.reshape((1, shape.k, 1, 1))?),
            None => Ok(y),
        }
    })
}
