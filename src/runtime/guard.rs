//! What must be true of gradients and weights, and what is said where it isn't.

use super::Run;
use super::error::Failure;
use crate::diagnostic::Code;
use crate::nn::network::Network;
use candle_core::Tensor;

/// Every weight that is to be trained has a finite gradient of its own shape. Looked at once for each training
/// statement: a layer that the loss doesn't reach would otherwise stay as it is without anybody noticing.
pub fn gradients_arrive(network: &Network, gradients: &[Option<Tensor>], trainable: &[bool]) -> Result<(), Failure> {
    for (index, parameter) in network.parameters().iter().enumerate() {
        if !trainable.get(index).copied().unwrap_or(false) {
            continue;
        }
        let name = &parameter.part.name;
        let missing =
            |message: String, help: String| Failure { code: Code::MISSING_GRADIENT, message, help: Some(help) };
        let Some(gradient) = gradients.get(index).and_then(Option::as_ref) else {
            let help = format!("freeze it with `freeze params({name:?})` if that is meant");
            return Err(missing(format!("{name} is to be trained, but the loss doesn't depend on it"), help));
        };
        if gradient.dims() != parameter.tensor.dims() {
            let (found, wanted) = (gradient.dims(), parameter.tensor.dims());
            let help = "this is a mistake in the model's layers, not in the program".to_string();
            return Err(missing(format!("the gradient of {name} has shape {found:?}, the weight {wanted:?}"), help));
        }
        if !is_finite(gradient)? {
            let help = "look for numbers that are not finite in the weights that were loaded".to_string();
            return Err(missing(format!("the gradient of {name} is not finite at the first step"), help));
        }
    }
    Ok(())
}

/// The name of a weight that holds a number which isn't finite.
pub fn broken_weight(network: &Network) -> Result<Option<&str>, Failure> {
    for parameter in network.parameters() {
        if parameter.numbers()?.iter().any(|x| !x.is_finite()) {
            return Ok(Some(&parameter.part.name));
        }
    }
    Ok(None)
}

fn is_finite(tensor: &Tensor) -> Result<bool, Failure> {
    Ok(tensor.flatten_all()?.to_vec1::<f32>()?.iter().all(|x| x.is_finite()))
}

/// FS0602: where the numbers left the finite, on which examples (their ids, if they are known), and what there is to go
/// back to.
pub fn not_finite(run: &Run, what: &str, examples: &[u64]) -> Failure {
    let journal = &run.state.journal;
    let mut message = format!("{what} after {} steps of this statement, {} of the run", journal.done(), journal.clock);
    if !examples.is_empty() {
        let few: Vec<String> = examples.iter().take(FEW).map(u64::to_string).collect();
        let more = if examples.len() > FEW { format!(" … ({} in all)", examples.len()) } else { String::new() };
        message.push_str(&format!(", on the examples {}{more}", few.join(", ")));
    }
    let mut help = "lower the learning rate, or give the optimizer `clip: 1`".to_string();
    if let Some(folder) = &run.saved {
        help.push_str(&format!("; the last checkpoint is {folder}"));
    }
    Failure { code: Code::NOT_FINITE, message, help: Some(help) }
}

/// Examples of a batch that a message names.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::testing;
    use candle_core::{DType, Device};

    fn gradients(network: &Network) -> Vec<Option<Tensor>> {
        let zeros = |p: &crate::nn::network::Parameter| p.tensor.zeros_like().ok();
        network.parameters().iter().map(zeros).collect()
    }

    #[test]
    fn a_gradient_that_is_missing_misshapen_or_not_finite_is_named() {
        let network = testing::convnet("none");
        let name = &network.parameters()[2].part.name;
        let all = vec![true; network.parameters().len()];
        assert_eq!(gradients_arrive(&network, &gradients(&network), &all), Ok(()));
        let shape = network.parameters()[2].part.shape.clone();
        let infinite = Tensor::full(f32::INFINITY, shape, &Device::Cpu).unwrap();
        let other = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
        for (bad, said) in [(None, "doesn't depend"), (Some(other), "has shape [3]"), (Some(infinite), "not finite")] {
            let mut gradients = gradients(&network);
            gradients[2] = bad;
            let failure = gradients_arrive(&network, &gradients, &all).unwrap_err();
            assert_eq!(failure.code, Code::MISSING_GRADIENT);
            assert!(failure.message.contains(name) && failure.message.contains(said), "{failure:?}");
            let mut frozen = all.clone();
            frozen[2] = false;
            assert_eq!(gradients_arrive(&network, &gradients, &frozen), Ok(()), "frozen weights need none");
        }
    }
}
