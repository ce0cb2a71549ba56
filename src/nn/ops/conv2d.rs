//! Two-dimensional convolution (cross-correlation, as the field calls it).

use super::composed;
use crate::nn::kernels::conv::{self, ConvShape, Epilogue};
use crate::nn::kernels::{Precision, buffer, is_fast, source::Source};
use crate::nn::tape::{Tape, Value};
use crate::nn::value::source;
use candle_core::{Result, Tensor, bail};

/// y(n, k, i, j) = b(k) + sum over c, r, s of x(n, c, i stride + r - padding, j stride + s - padding) w(k, c, r, s).
///
/// Shapes: x (N, C, H, W), w (K, C, R, S), b (K), result (N, K, OH, OW) with
/// OH = (H + 2 padding - R) / stride + 1 rounded down. Outside the image x is zero. On a tape of [`Precision::Exact`]
/// equal patches give bitwise equal outputs; on one of [`Precision::Fast`] that depends on the method, which the shape
/// decides ([`Method`](conv::Method)). No gradient is formed for an input that is not tracked.
///
/// # Errors
/// If the shapes do not fit together.
pub fn conv2d(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>, stride: usize, padding: usize) -> Result<Value> {
    Operands { x, w, b, add: None }.convolve(tape, stride, padding)
}

/// `conv2d(x, w, b) + add`, formed as the output is written. Shapes as in [`conv2d`], `add` as the result.
///
/// # Errors
/// If the shapes do not fit together.
pub fn conv2d_add(
    tape: &Tape,
    x: &Value,
    w: &Value,
    b: Option<&Value>,
    add: &Value,
    stride: usize,
    padding: usize,
) -> Result<Value> {
    Operands { x, w, b, add: Some(add) }.convolve(tape, stride, padding)
}

struct Operands<'a> {
    x: &'a Value,
    w: &'a Value,
    b: Option<&'a Value>,
    add: Option<&'a Value>,
}

impl Operands<'_> {
    fn check(&self, stride: usize, padding: usize) -> Result<ConvShape> {
        let shape = ConvShape::new(self.x.shape().dims4()?, self.w.shape().dims4()?, stride, padding)?;
        if let Some(b) = self.b
            && b.shape().dims() != [shape.k]
        {
            bail!("convolution: bias {:?} for {} output channels", b.shape().dims(), shape.k);
        }
        if let Some(add) = self.add
            && add.shape().dims() != output(&shape)
        {
            bail!("addition of shapes {:?} and {:?}: they must be equal", output(&shape), add.shape().dims());
        }
        Ok(shape)
    }

    fn convolve(self, tape: &Tape, stride: usize, padding: usize) -> Result<Value> {
        let shape = self.check(stride, padding)?;
        let Operands { x, w, b, add } = self;
        let inputs: Vec<&Value> = [x, w].into_iter().chain(b).chain(add).collect();
        let (raw, lines) = x.raw();
        if !(is_fast(raw) && inputs[1..].iter().all(|input| is_fast(input.tensor()))) {
            let y = composed(tape, &inputs[..2 + b.iter().len()], &shape)?;
            return add.map_or(Ok(y.clone()), |add| super::add(tape, &y, add));
        }
        let (xt, lines, wt) = (raw.contiguous()?, lines.cloned(), w.tensor().contiguous()?);
        let precision = tape.precision();
        let y = forward(&shape, precision, source(&buffer::view(&xt)?, lines.as_ref()), &wt, b, add)?;
        let (has_bias, has_addend) = (b.is_some(), add.is_some());
        // The gradient of each needs the other; what is not needed is not kept.
        let (kept_x, kept_w) = (w.is_tracked().then_some(xt), x.is_tracked().then_some(wt));
        Ok(tape.record_fresh(&inputs, y, move |gradient, needs| {
            let gradient = gradient.contiguous()?;
            let dy = buffer::view(&gradient)?;
            let dx = |w: Tensor| {
                let dx = conv::input_gradient(&shape, precision, &buffer::view(&w)?, &dy);
                buffer::tensor(dx, (shape.n, shape.c, shape.h, shape.w))
            };
            let dw = |x: Tensor| {
                let dw = conv::weight_gradient(&shape, precision, source(&buffer::view(&x)?, lines.as_ref()), &dy);
                buffer::tensor(dw, (shape.k, shape.c, shape.r, shape.s))
            };
            let mut gradients = vec![kept_w.map(dx).transpose()?, kept_x.map(dw).transpose()?];
            if has_bias {
                gradients.push(needs.compute(2, || buffer::tensor(conv::bias_gradient(&shape, &dy), shape.k))?);
            }
            if has_addend {
                gradients.push(needs.compute(2 + usize::from(has_bias), || Ok(gradient.clone()))?);
            }
            Ok(gradients)
        }))
    }
}

fn output(shape: &ConvShape) -> [usize; 4] {
    [shape.n, shape.k, shape.oh, shape.ow]
}

fn forward(
    shape: &ConvShape,
    precision: Precision,
    x: Source,
    w: &Tensor,
    b: Option<&Value>,
    add: Option<&Value>,
) -> Result<Tensor> {
    let [b, add] = [b, add].map(|value| value.map(|value| value.tensor().contiguous()).transpose());
    let (b, add) = (b?, add?);
    let (b, add) = (b.as_ref().map(buffer::view).transpose()?, add.as_ref().map(buffer::view).transpose()?);
    let epilogue = Epilogue { bias: b.as_deref(), add: add.as_deref() };
    buffer::tensor(conv::forward(shape, precision, x, &buffer::view(w)?, epilogue), &output(shape))
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
