//! The fully connected layer, alone and with a ReLU behind it.

use super::composed;
use crate::nn::in_place;
use crate::nn::kernels::gemm::{Epilogue, Matrix, product, product_with};
use crate::nn::kernels::{all_fast, buffer, elementwise, narrow};
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
    let others: Vec<_> = [x].into_iter().chain(b).map(Value::tensor).collect();
    if !all_fast(&others) || !narrow::is_readable(w.tensor()) {
        let y = composed(tape, &inputs)?;
        return if relu { super::relu(tape, &y) } else { Ok(y) };
    }
    let (xt, wt) = (x.tensor().contiguous()?, w.tensor().contiguous()?);
    let bias = b.map(|b| b.tensor().contiguous()).transpose()?;
    let bias = bias.as_ref().map(buffer::view).transpose()?;
    let y = product_with(
        Matrix::new(&buffer::view(&xt)?, n, features, features),
        Matrix::new(&narrow::wide(&wt)?, outputs, features, features).t(),
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
        let (x, w) = (kept_x.as_ref().map(buffer::view).transpose()?, kept_w.as_ref().map(narrow::wide).transpose()?);
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
        let y = t[0].matmul(&t[1].to_dtype(t[0].dtype())?.t()?)?;
        match t.get(2) {
            Some(b) => y.broadcast_add(b),
            None => Ok(y),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{bits, max_error, same_bits_for_any_threads, test_tensor};
    use crate::nn::ops;
    use candle_core::DType;

    /// (N, F, O), with products that are one block, several, and many.
    const SIZES: [(usize, usize, usize); 5] = [(1, 1, 1), (3, 17, 7), (31, 65, 10), (70, 33, 129), (130, 300, 90)];

    fn inputs(n: usize, features: usize, outputs: usize) -> [Tensor; 3] {
        [test_tensor(&[n, features], 1), test_tensor(&[outputs, features], 2), test_tensor(&[outputs], 3)]
    }

    /// The output of `f` and the gradients of its inputs.
    fn pass(
        f: impl Fn(&Tape, &Value, &Value, Option<&Value>) -> Result<Value>,
        [x, w, b]: &[Tensor; 3],
        bias: bool,
    ) -> Vec<Tensor> {
        let tape = Tape::new();
        let (x, w, b) = (tape.leaf(x), tape.leaf(w), tape.leaf(b));
        let y = f(&tape, &x, &w, bias.then_some(&b)).unwrap();
        // Twice: a gradient that is given from outside may not be written into, one that the tape made may.
        let y = ops::add(&tape, &y, &y).unwrap();
        let gradient = test_tensor(y.tensor().dims(), 4).to_dtype(y.tensor().dtype()).unwrap();
        let gradients = tape.backward_from(&y, gradient).unwrap();
        let all = [Some(y.tensor().clone()), gradients.get(&x).cloned(), gradients.get(&w).cloned()];
        all.into_iter().flatten().chain(gradients.get(&b).cloned()).collect()
    }

    fn two(tape: &Tape, x: &Value, w: &Value, b: Option<&Value>) -> Result<Value> {
        ops::relu(tape, &linear(tape, x, w, b)?)
    }

    #[test]
    fn with_relu_it_has_the_bits_of_two_operations() {
        for (n, features, outputs) in SIZES {
            let inputs = inputs(n, features, outputs);
            for bias in [true, false] {
                let (one, two) = (pass(linear_relu, &inputs, bias), pass(two, &inputs, bias));
                assert_eq!(one.len(), if bias { 4 } else { 3 });
                for (one, two) in one.iter().zip(&two) {
                    assert_eq!(bits(one), bits(two), "{n}x{features}x{outputs}, bias {bias}");
                }
            }
        }
    }

    #[test]
    fn it_is_near_the_composed_form_in_f64() {
        for (n, features, outputs) in SIZES {
            let inputs = inputs(n, features, outputs);
            let exact = inputs.clone().map(|input| input.to_dtype(DType::F64).unwrap());
            for (found, exact) in pass(linear_relu, &inputs, true).iter().zip(pass(linear_relu, &exact, true)) {
                let error = max_error(found, &exact);
                assert!(error < 2e-6, "{n}x{features}x{outputs}: {error}");
            }
        }
    }

    #[test]
    fn a_gradient_from_outside_is_not_written_into() {
        let [x, w, b] = inputs(5, 8, 6);
        let tape = Tape::new();
        let y = linear_relu(&tape, &tape.leaf(&x), &Value::constant(w), Some(&Value::constant(b))).unwrap();
        let gradient = test_tensor(&[5, 6], 4);
        let before = bits(&gradient);
        tape.backward_from(&y, gradient.clone()).unwrap();
        assert_eq!(bits(&gradient), before);
    }

    #[test]
    fn only_wanted_gradients_are_formed() {
        let [x, w, b] = inputs(5, 8, 6);
        let tape = Tape::new();
        let (leaf, w, b) = (tape.leaf(&x), Value::constant(w), Value::constant(b));
        let y = linear_relu(&tape, &leaf, &w, Some(&b)).unwrap();
        let gradients = tape.backward_from(&y, test_tensor(&[5, 6], 4)).unwrap();
        assert!(gradients.get(&leaf).is_some() && gradients.get(&w).is_none() && gradients.get(&b).is_none());
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let inputs = inputs(130, 300, 300);
        same_bits_for_any_threads(|| pass(linear_relu, &inputs, true));
    }
}
