//! The fully connected layer.

use super::composed;
use crate::nn::kernels::gemm::{Matrix, product};
use crate::nn::kernels::{all_fast, buffer, elementwise};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, bail};

/// y = x wᵀ + b. Shapes: x (N, F), w (O, F), b (O), result (N, O).
///
/// # Errors
/// If the shapes do not fit together.
pub fn linear(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>) -> Result<Value> {
    let ((n, features), (outputs, weight_features)) = (x.tensor().dims2()?, w.tensor().dims2()?);
    if features != weight_features {
        bail!(
            "linear: the input has {features} features, the weight {outputs}x{weight_features} expects another number"
        );
    }
    if let Some(b) = b
        && b.tensor().dims() != [outputs]
    {
        bail!("linear: bias {:?} for {outputs} outputs", b.tensor().dims());
    }
    let inputs: Vec<&Value> = [x, w].into_iter().chain(b).collect();
    let tensors: Vec<_> = inputs.iter().map(|input| input.tensor()).collect();
    if !all_fast(&tensors) {
        return composed(tape, &inputs);
    }
    let (xt, wt) = (x.tensor().contiguous()?, w.tensor().contiguous()?);
    let mut y = product(
        Matrix::new(&buffer::view(&xt)?, n, features, features),
        Matrix::new(&buffer::view(&wt)?, outputs, features, features).t(),
    );
    if let Some(b) = b {
        let b = b.tensor().contiguous()?;
        let b = buffer::view(&b)?;
        for row in y.chunks_mut(outputs.max(1)) {
            row.iter_mut().zip(b.iter()).for_each(|(y, b)| *y += b);
        }
    }
    let y = buffer::tensor(y, (n, outputs))?;
    let has_bias = b.is_some();
    let (kept_x, kept_w) = (w.is_tracked().then_some(xt), x.is_tracked().then_some(wt));
    Ok(tape.record_fresh(&inputs, y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let dy = buffer::view(&gradient)?;
        let g = Matrix::new(&dy, n, outputs, outputs);
        let dx = match kept_w {
            Some(w) => {
                let dx = product(g, Matrix::new(&buffer::view(&w)?, outputs, features, features));
                Some(buffer::tensor(dx, (n, features))?)
            }
            None => None,
        };
        let dw = match kept_x {
            Some(x) => {
                let dw = product(g.t(), Matrix::new(&buffer::view(&x)?, n, features, features));
                Some(buffer::tensor(dw, (outputs, features))?)
            }
            None => None,
        };
        let mut gradients = vec![dx, dw];
        if has_bias {
            gradients.push(needs.compute(2, || buffer::tensor(elementwise::column_sums(&dy, outputs), outputs))?);
        }
        Ok(gradients)
    }))
}

fn composed(tape: &Tape, inputs: &[&Value]) -> Result<Value> {
    composed::record(tape, inputs, |t| {
        let y = t[0].matmul(&t[1].t()?)?;
        match t.get(2) {
            Some(b) => y.broadcast_add(b),
            None => Ok(y),
        }
    })
}
