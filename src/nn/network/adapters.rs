//! Adapters beside linear layers: their part of a forward pass, and how they come, go, and become one with the weights.

use super::{Network, Parameter};
use crate::nn::architecture::{Adapter, Architecture, Linear, Part};
use crate::nn::in_place;
use crate::nn::init;
use crate::nn::kernels::gemm::{Matrix, product_into};
use crate::nn::ops::{self, Lora};
use crate::nn::rng::Stream;
use crate::nn::rounding::Rounding;
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Whether a pass leaves out a share of what adapters see.
#[derive(Clone, Copy, Debug)]
pub enum Noise<'a> {
    /// nothing is left out: evaluation, generation
    Off,
    /// by the run's seed, its clock and the ids of the sequences, (B)
    Drawn { seed: u64, clock: u64, examples: &'a [u64] },
    /// the same of some positions (B·T) of sequences of T
    Picked { seed: u64, clock: u64, examples: &'a [u64], at: &'a [u32], length: usize },
}

impl<'a> Noise<'a> {
    /// For a layer that sees these positions of sequences of `length` alone.
    pub(super) fn picked(self, at: &'a [u32], length: usize) -> Noise<'a> {
        match self {
            Noise::Drawn { seed, clock, examples } => Noise::Picked { seed, clock, examples, at, length },
            other => other,
        }
    }
}

/// Whether what a layer gives is one product, with its weight or with w + scale · b a.
pub(super) fn becomes_one(linear: &Linear, noise: Noise) -> bool {
    match linear.adapters.as_slice() {
        [] => true,
        [adapter] => adapter.experts == 1 && (adapter.dropout == 0.0 || matches!(noise, Noise::Off)),
        _ => false,
    }
}

/// How layers find their tensors.
pub(super) trait Weights {
    fn weight(&self, name: &str) -> Result<&Value>;
}

/// The one adapter of a layer that becomes one product with it; `None` if it has none.
pub(super) fn lora<'w>(weights: &'w impl Weights, linear: &Linear) -> Result<Option<Lora<'w>>> {
    let Some(adapter) = linear.adapters.first() else { return Ok(None) };
    let a = weights.weight(&adapter.tensor(&linear.name, "lora_A"))?;
    let b = weights.weight(&adapter.tensor(&linear.name, "lora_B"))?;
    Ok(Some(Lora { a, b, scale: adapter.scale }))
}

/// What a linear layer gives with all of its adapters. `x` (N, F).
pub(super) fn linear(tape: &Tape, weights: &impl Weights, linear: &Linear, x: &Value, noise: Noise) -> Result<Value> {
    let bias = linear.bias.map(|_| weights.weight(&format!("{}.bias", linear.name))).transpose()?;
    let w = weights.weight(&format!("{}.weight", linear.name))?;
    if let (true, None, Some(lora)) = (becomes_one(linear, noise), bias, lora(weights, linear)?) {
        return ops::lora_linear(tape, x, w, lora);
    }
    let mut y = ops::linear(tape, x, w, bias)?;
    for adapter in &linear.adapters {
        y = ops::add(tape, &y, &beside(tape, weights, linear, adapter, x, noise)?)?;
    }
    Ok(y)
}

/// The same of a few rows that nothing is recorded of, without forming the sum of weight and update.
pub(super) fn thin(weights: &impl Weights, linear: &Linear, x: &Tensor) -> Result<Value> {
    let of = |name: String| Ok::<_, candle_core::Error>(weights.weight(&name)?.tensor());
    let mut y = ops::thin_linear(x, of(format!("{}.weight", linear.name))?)?;
    for adapter in &linear.adapters {
        let hidden = ops::thin_linear(x, of(adapter.tensor(&linear.name, "lora_A"))?)?;
        let update = ops::thin_linear(&hidden, of(adapter.tensor(&linear.name, "lora_B"))?)?;
        y = (y + (update * adapter.scale)?)?;
    }
    Ok(Value::constant(y))
}

/// What one adapter adds.
fn beside(
    tape: &Tape,
    weights: &impl Weights,
    linear: &Linear,
    adapter: &Adapter,
    x: &Value,
    noise: Noise,
) -> Result<Value> {
    let of = |which: &str| weights.weight(&adapter.tensor(&linear.name, which));
    let (n, features) = x.shape().dims2()?;
    let seen = ops::multiply_const(tape, x, factors(linear, adapter, n, features, noise)?)?;
    let mut hidden = ops::linear(tape, &seen, of("lora_A")?, None)?;
    if adapter.experts > 1 {
        let shares = ops::softmax(tape, &ops::linear(tape, x, of("lora_router")?, None)?)?;
        // Each expert's share for each of its ranks.
        let (experts, each) = (adapter.experts, adapter.rank / adapter.experts);
        let spread: Vec<f32> =
            (0..adapter.rank * experts).map(|i| if i % experts == i / experts / each { 1.0 } else { 0.0 }).collect();
        let spread = Tensor::from_vec(spread, (adapter.rank, experts), x.tensor().device())?;
        let shares = ops::linear(tape, &shares, &Value::constant(spread.to_dtype(x.tensor().dtype())?), None)?;
        hidden = ops::multiply(tape, &hidden, &shares)?;
    }
    ops::linear(tape, &hidden, of("lora_B")?, None)
}

/// What each input of an adapter is multiplied by: its scale, and where a pass leaves a share p of them out, 0 or
/// scale / (1 − p). A place's number depends on its sequence's id, its position and the layer alone.
fn factors(linear: &Linear, adapter: &Adapter, n: usize, features: usize, noise: Noise) -> Result<Vec<f32>> {
    let scale = adapter.scale as f32;
    let (seed, clock, examples) = match noise {
        Noise::Drawn { seed, clock, examples } | Noise::Picked { seed, clock, examples, .. }
            if adapter.dropout > 0.0 =>
        {
            (seed, clock, examples)
        }
        _ => return Ok(vec![scale; n * features]),
    };
    // Of each row its sequence and its position.
    let places: Vec<(usize, usize)> = match noise {
        Noise::Picked { at, length, .. } => {
            at.iter().map(|at| (*at as usize / length, *at as usize % length)).collect()
        }
        _ if examples.is_empty() || !n.is_multiple_of(examples.len()) => {
            bail!("{n} vectors of {} sequences", examples.len());
        }
        _ => (0..n).map(|row| (row / (n / examples.len()), row % (n / examples.len()))).collect(),
    };
    if places.len() != n || places.iter().any(|(sequence, _)| *sequence >= examples.len()) {
        bail!("{n} vectors at {} places of {} sequences", places.len(), examples.len());
    }
    let kept = (f64::from(scale) / (1.0 - adapter.dropout)) as f32;
    let below = (adapter.dropout * 2f64.powi(32)) as u64;
    let purpose = format!("dropout/{}/{}", linear.name, adapter.name);
    let keys = examples.iter().map(|example| Stream::new(seed, &purpose, &[*example, clock]).next_u64());
    let keys: Vec<u64> = keys.collect();
    let mut all = vec![0.0; n * features];
    all.par_chunks_mut(features).zip(places).for_each(|(row, (sequence, position))| {
        let first = keys[sequence].wrapping_add((position * features) as u64);
        for (factor, i) in row.iter_mut().zip(0u64..) {
            *factor = if mixed(first.wrapping_add(i)) >> 32 < below { 0.0 } else { kept };
        }
    });
    Ok(all)
}

/// SplitMix64's output for a counter (Steele, Lea and Flood 2014).
fn mixed(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Network {
    /// A network of another architecture that keeps all tensors of the same name and shape, each with its numbers; others
    /// start as those of a new network do.
    ///
    /// # Errors
    /// If the architecture doesn't fit together or memory cannot be had.
    pub fn rebuilt(self, architecture: Architecture, seed: u64) -> Result<Network> {
        self.within("", architecture, seed)
    }

    /// The same of a network that becomes a part of a larger one, where its tensors' names stand behind `prefix`.
    ///
    /// # Errors
    /// As [`Network::rebuilt`].
    pub fn within(self, prefix: &str, architecture: Architecture, seed: u64) -> Result<Network> {
        if let Err(why) = architecture.check() {
            bail!("{why}");
        }
        let device = self.device().clone();
        let named = |parameter: Parameter| (format!("{prefix}{}", parameter.part.name), parameter);
        let mut known: BTreeMap<String, Parameter> = self.parameters.into_iter().map(named).collect();
        let mut parameters = Vec::new();
        for part in architecture.parts() {
            let tensor = match known.remove(&part.name).filter(|known| known.part.shape == part.shape) {
                Some(known) => known.tensor,
                None => init::tensor(&part, seed, &device)?,
            };
            parameters.push(Parameter { part, tensor });
        }
        Ok(Network { architecture, parameters, norms: self.norms, precision: self.precision })
    }

    /// The network with the adapters of that name as part of its weights, and without them.
    ///
    /// # Errors
    /// As [`Network::fold`].
    pub fn merge(mut self, name: &str) -> Result<Network> {
        self.fold(name, Rounding::Float32)?;
        let architecture = self.architecture.clone().without_adapter(name);
        self.rebuilt(architecture, 0)
    }

    /// Draws the adapters of that name anew, each tensor from its stream: they change nothing then.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn restart(&mut self, name: &str, stream: impl Fn(&Part) -> Stream) -> Result<()> {
        let of_name = format!(".{name}.weight");
        for parameter in self.parameters.iter().filter(|p| p.part.is_adapter() && p.part.name.ends_with(&of_name)) {
            let new = init::draw(&parameter.part, parameter.part.count(), &mut stream(&parameter.part));
            in_place::write(&parameter.tensor, |numbers| {
                numbers.copy_from_slice(&new);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Adds to the weights what the adapters of that name add to their layers, and rounds the sums. The adapters stay as they
    /// are.
    ///
    /// # Errors
    /// If one of them is a mixture, whose part depends on its input, or a sum is beyond what numbers are rounded to.
    pub fn fold(&mut self, name: &str, rounding: Rounding) -> Result<()> {
        let linears: Vec<Linear> = self.architecture.linears().into_iter().cloned().collect();
        for linear in linears {
            let Some(adapter) = linear.adapters.iter().find(|adapter| adapter.name == name) else { continue };
            if adapter.experts > 1 {
                bail!(
                    "{}: a mixture of adapters depends on its input and cannot become one with the weight",
                    linear.name
                );
            }
            let find = |which: &str| -> Result<Vec<f32>> {
                let name = adapter.tensor(&linear.name, which);
                let Some(index) = self.index_of(&name) else { bail!("there is no tensor {name}") };
                self.parameters[index].numbers()
            };
            let (a, b) = (find("lora_A")?, find("lora_B")?);
            let b: Vec<f32> = b.iter().map(|b| b * adapter.scale as f32).collect();
            let Some(index) = self.index_of(&format!("{}.weight", linear.name)) else {
                bail!("there is no weight of {}", linear.name)
            };
            self.write(index, |w| {
                let (a, b) = (
                    Matrix::new(&a, adapter.rank, linear.input, linear.input),
                    Matrix::new(&b, linear.output, adapter.rank, adapter.rank),
                );
                product_into(w, linear.input, b, a, true);
                Ok(())
            })?;
            if rounding.is_narrow() {
                self.round(index, rounding)?;
            }
        }
        Ok(())
    }
}
