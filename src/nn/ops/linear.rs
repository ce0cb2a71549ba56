//! The fully connected layer, alone and with a ReLU behind it.

use super::composed;
use crate::nn::in_place;
use crate::nn::kernels::gemm::{Epilogue, Matrix, product, product_with};
use crate::nn::kernels::{all_fast, buffer, elementwise};
use crate::nn::tape::{Needs, Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y = x wᵀ + b. Shapes: x (N, F), w (O, F), b (O), result (N, O).
///
/// # Errors
/// If the shapes do not fit together.
pub fn linear(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>) -> Result<Value> {
    layer(tape, x, w, b, false)
}

/// max(y, 0) with y as in [`linear`], the derivative at 0 being 0: one operation.
///
/// # Errors
/// As `linear`.
pub fn linear_relu(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>) -> Result<Value> {
    layer(tape, x, w, b, true)
}

fn layer(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>, relu: bool) -> Result<Value> {
    let ((n, features), (outputs, weight_features)) = (x.shape().dims2()?, w.tensor().dims2()?);
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
        let y = composed(tape, &inputs)?;
        return if relu { super::relu(tape, &y) } else { Ok(y) };
    }
    let (xt, wt) = (x.tensor().contiguous()?, w.tensor().contiguous()?);
    let bias = b.map(|b| b.tensor().contiguous()).transpose()?;
    let bias = bias.as_ref().map(buffer::view).transpose()?;
    let y = product_with(
        Matrix::new(&buffer::view(&xt)?, n, features, features),
        Matrix::new(&buffer::view(&wt)?, outputs, features, features).t(),
        Epilogue { bias: bias.as_deref(), relu },
    );
    let y = buffer::tensor(y, (n, outputs))?;
    let (kept_x, kept_w) = (w.is_tracked().then_some(xt), x.is_tracked().then_some(wt));
    let (kept_y, has_bias) = (relu.then(|| y.clone()), b.is_some());
    Ok(tape.record_fresh(&inputs, y, move |gradient, needs| {
        let want_db = has_bias && needs.input(2);
        let (gradient, db) = match kept_y {
            Some(y) => before_relu(&y, gradient, needs, want_db)?,
            None => (gradient.contiguous()?, None),
        };
        let dy = buffer::view(&gradient)?;
        let dy: &[f32] = &dy;
        let g = Matrix::new(dy, n, outputs, outputs);
        let (x, w) = (kept_x.as_ref().map(buffer::view).transpose()?, kept_w.as_ref().map(buffer::view).transpose()?);
        let (x, w) = (x.as_deref(), w.as_deref());
        // Side by side: of small layers neither product keeps all threads busy.
        let (dx, (dw, db)) = rayon::join(
            || w.map(|w| product(g, Matrix::new(w, outputs, features, features))),
            || {
                let dw = x.map(|x| product(g.t(), Matrix::new(x, n, features, features)));
                (dw, db.or_else(|| want_db.then(|| elementwise::column_sums(dy, outputs))))
            },
        );
        let mut gradients = vec![
            dx.map(|dx| buffer::tensor(dx, (n, features))).transpose()?,
            dw.map(|dw| buffer::tensor(dw, (outputs, features))).transpose()?,
        ];
        if has_bias {
            gradients.push(db.map(|db| buffer::tensor(db, outputs)).transpose()?);
        }
        Ok(gradients)
    }))
}

/// The gradient before the ReLU whose output is `y`, in the memory of the one behind it if nobody else holds that; and
/// the sums of its columns, if they are wanted.
fn before_relu(y: &Tensor, gradient: &Tensor, needs: &Needs, sums: bool) -> Result<(Tensor, Option<Vec<f32>>)> {
    let columns = y.dim(1)?;
    let gradient = if needs.owns_gradient() && gradient.is_contiguous() {
        gradient.clone()
    } else {
        gradient.force_contiguous()?
    };
    let y = buffer::view(y)?;
    let sums = in_place::write(&gradient, |dy| Ok(elementwise::relu_gradient(&y, dy, columns, sums)))?;
    Ok((gradient, sums))
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
