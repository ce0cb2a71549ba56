//! Rows of two matrices in a given order.

use super::composed;
use crate::nn::kernels::{all_fast, buffer, embedding as kernel};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y(n) = [a; b](order(n)): rows of a, or from its number of rows on, rows of b. Shapes: a (M, D), b (K, D), N numbers below
/// M + K, result (N, D). How the features of pictures come between the embeddings of tokens.
///
/// The gradient of a row is the sum over its uses, in the order of `order`.
///
/// # Errors
/// If the shapes do not fit or a number is too large.
pub fn join_rows(tape: &Tape, a: &Value, b: &Value, order: &[u32]) -> Result<Value> {
    let ((first, d), (second, columns)) = (a.tensor().dims2()?, b.tensor().dims2()?);
    if d != columns {
        bail!("join_rows: rows of {d} numbers beside rows of {columns}");
    }
    if let Some(row) = order.iter().find(|&&row| row as usize >= first + second) {
        bail!("join_rows: row {row} of {first} + {second}");
    }
    if !all_fast(&[a.tensor(), b.tensor()]) {
        let order = Tensor::new(order, a.tensor().device())?;
        return composed::record(tape, &[a, b], |t| Tensor::cat(&[&t[0], &t[1]], 0)?.index_select(&order, 0));
    }
    let both = {
        let (a, b) = (a.tensor().contiguous()?, b.tensor().contiguous()?);
        [buffer::view(&a)?.as_ref(), buffer::view(&b)?.as_ref()].concat()
    };
    let y = buffer::tensor(kernel::gather(both.as_slice().into(), d, order), (order.len(), d))?;
    let order = order.to_vec();
    Ok(tape.record_fresh(&[a, b], y, move |gradient, needs| {
        let gradient = gradient.contiguous()?;
        let mut of_a = kernel::scatter_add(&buffer::view(&gradient)?, d, &order, first + second);
        let of_b = of_a.split_off(first * d);
        Ok(vec![
            needs.compute(0, || buffer::tensor(of_a, (first, d)))?,
            needs.compute(1, || buffer::tensor(of_b, (second, d)))?,
        ])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, max_error, test_tensor};
    use candle_core::DType;

    const ORDER: [u32; 6] = [4, 0, 2, 2, 3, 0];

    #[test]
    fn rows_of_both_in_order_with_gradients_summed() {
        let inputs = [test_tensor(&[3, 4], 1), test_tensor(&[2, 4], 2)];
        check_gradient(|tape, v| join_rows(tape, &v[0], &v[1], &ORDER), &inputs, 1e-2).unwrap();
        let run = |dtype: DType| {
            let tape = Tape::new();
            let [a, b] = inputs.each_ref().map(|x| tape.leaf(&x.to_dtype(dtype).unwrap()));
            let y = join_rows(&tape, &a, &b, &ORDER).unwrap();
            let dy = test_tensor(&[6, 4], 3).to_dtype(dtype).unwrap();
            let gradients = tape.backward_from(&y, dy).unwrap();
            [y.tensor().clone(), gradients.get(&a).unwrap().clone(), gradients.get(&b).unwrap().clone()]
        };
        for (fast, composed) in run(DType::F32).iter().zip(run(DType::F64)) {
            assert!(max_error(fast, &composed) < 1e-6);
        }
    }

    #[test]
    fn rows_that_are_not_there_are_refused() {
        let [a, b] = [test_tensor(&[3, 4], 1), test_tensor(&[2, 4], 2)].map(Value::constant);
        let error = join_rows(&Tape::new(), &a, &b, &[5]).unwrap_err().to_string();
        assert!(error.contains("row 5 of 3 + 2"), "{error}");
    }
}
