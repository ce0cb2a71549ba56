//! Regularizers: what keeps new adapters from changing what earlier tasks need. Each is a term of the loss that depends on
//! weights alone, so it is formed once a step, whatever chunks its batch comes in.

pub mod fisher;
pub mod key_elements;
pub mod orthogonal;

use crate::nn::architecture::{Adapter, Linear};
use crate::nn::network::Network;
use candle_core::{Result, Tensor, bail};

/// A term of the loss, and its derivatives.
#[derive(Debug, Default)]
pub struct Penalty {
    pub value: f64,
    /// by parameter index, of the parameter's shape
    pub gradients: Vec<(usize, Tensor)>,
}

/// The adapter of a name beside one layer, with its factors' numbers.
struct Factors {
    layer: String,
    /// indices of a and b among the parameters
    places: [usize; 2],
    /// (r, F)
    a: Vec<f32>,
    /// (O, r)
    b: Vec<f32>,
    rank: usize,
    inputs: usize,
    outputs: usize,
}

/// The adapters of that name, layer after layer.
fn factors(network: &Network, name: &str) -> Result<Vec<Factors>> {
    let of_name = |linear: &'_ Linear| linear.adapters.iter().find(|adapter| adapter.name == name).cloned();
    let linears = network.architecture().linears();
    let adapted = linears.into_iter().filter_map(|linear| Some((linear, of_name(linear)?)));
    adapted.map(|(linear, adapter)| one(network, linear, &adapter)).collect()
}

fn one(network: &Network, linear: &Linear, adapter: &Adapter) -> Result<Factors> {
    if adapter.experts > 1 {
        bail!("{}: a mixture of adapters has no one product of factors", linear.name);
    }
    let find = |which: &str| {
        let name = adapter.tensor(&linear.name, which);
        network.index_of(&name).ok_or_else(|| candle_core::Error::Msg(format!("there is no tensor {name}")))
    };
    let places = [find("lora_A")?, find("lora_B")?];
    let numbers = |index: usize| network.parameters()[index].numbers();
    Ok(Factors {
        layer: linear.name.clone(),
        places,
        a: numbers(places[0])?,
        b: numbers(places[1])?,
        rank: adapter.rank,
        inputs: linear.input,
        outputs: linear.output,
    })
}

#[cfg(test)]
mod tests;
