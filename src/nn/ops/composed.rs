//! The slow path of every operation: candle's operations forward, candle's autograd for this one step backward.

use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, Var};

/// Records an operation given by differentiable candle operations.
///
/// `forward` gets the tensors of `inputs` in order. It must not use a candle operation whose gradient is wrong or
/// missing (`relu`, the 2-d pools, `max`, fused norms).
pub fn record(tape: &Tape, inputs: &[&Value], forward: impl FnOnce(&[Tensor]) -> Result<Tensor>) -> Result<Value> {
    let variables = inputs
        .iter()
        .map(|input| match input.is_tracked() {
            true => Var::from_tensor(input.tensor()).map(Var::into_inner),
            false => Ok(input.tensor().clone()),
        })
        .collect::<Result<Vec<Tensor>>>()?;
    let output = forward(&variables)?;
    Ok(tape.record(inputs, output.detach(), move |gradient, needs| {
        let mut gradients = (output * gradient)?.sum_all()?.backward()?;
        let of = |(index, variable): (usize, &Tensor)| {
            let found = gradients.remove(variable);
            if needs.input(index) {
                Some(found.map_or_else(|| variable.zeros_like(), Ok)).transpose()
            } else {
                Ok(None)
            }
        };
        variables.iter().enumerate().map(of).collect()
    }))
}
