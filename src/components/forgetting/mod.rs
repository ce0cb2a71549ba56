//! Forgetting: an exact share of chosen weights is replaced, and what was done is told in full.

mod choose;
mod count;
mod fill;
pub mod fills;
mod norms;
pub mod rankings;
mod zap;

pub use count::{Planned, Selected, Unit, planned, total};
pub use fill::counts_inputs;
pub use norms::{Norms, reset_norms};
pub use zap::{ResetScale, zap};

use crate::components::Spec;
use crate::nn::network::Network;
use crate::nn::rng::Stream;
use candle_core::{Result, Tensor, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What is to be forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub selection: &'a [Selected],
    /// in 0..=1, of the units of each selected tensor
    pub share: f64,
    /// the share is of the units of all selected tensors together; of whole layers it always is
    pub overall: bool,
    pub unit: Unit,
    pub by: Ranking<'a>,
    pub to: Fill<'a>,
    pub seed: u64,
    /// of its random streams: the ordinal of the event
    pub scope: &'a [u64],
}

/// Which units are forgotten first; equal ones in the order of their places. A channel's or layer's number is the mean
/// over its selected weights.
#[derive(Clone, Copy, Debug)]
pub enum Ranking<'a> {
    /// drawn without replacement from the stream (seed, "forget/NAME", scope), or (seed, "forget", scope) where
    /// the share is of several tensors together; of a `fixed` mask nothing is the scope
    Random { fixed: bool },
    /// all but the first channels of each tensor, as [`Unit::Block`] counts them
    Block,
    /// |w|, smallest first
    Smallest,
    /// |w|, largest first
    Largest,
    /// |g·w|, lowest or highest first; gradients by parameter index, summed over as many batches as
    /// [`saliency_batches`] says
    Saliency { gradients: &'a [Option<Tensor>], highest: bool },
}

/// What forgotten weights become. Random numbers come from the stream (seed, "fill/NAME", scope), in the order of the
/// weights' places.
#[derive(Clone, Copy, Debug)]
pub enum Fill<'a> {
    /// draws from the tensor's own initial distribution
    Init,
    Zero,
    /// their values in a network's `state_dict`
    Rewind(&'a BTreeMap<String, Tensor>),
    /// w + N(0, std²)
    Noise {
        std: f64,
    },
    /// factor·w + noise·(a draw from the tensor's own initial distribution)
    Shrink {
        factor: f64,
        noise: f64,
    },
    /// draws of variance 2 / ((1 + a²)·fan), whatever distribution the tensor started from
    Kaiming {
        shape: Shape,
        a: f64,
        fan: Fan,
    },
}

/// Of a distribution with mean 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Uniform,
    Normal,
}

/// What a Kaiming draw counts: inputs of one output, or K·R·S for a weight of shape (K, C, R, S).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    In,
    Out,
}

/// What happened to one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgotten {
    /// index of the parameter
    pub part: usize,
    pub name: String,
    pub shape: Vec<usize>,
    /// numbers that the selection held
    pub selected: usize,
    /// places of the replaced numbers in the tensor, row-major and sorted
    pub indices: Vec<usize>,
    /// l2 norm of the whole tensor
    pub norm_before: f64,
    pub norm_after: f64,
}

impl Forgotten {
    /// How many numbers were replaced.
    pub fn count(&self) -> usize {
        self.indices.len()
    }

    /// SHA-256, in hexadecimal, of the sorted indices as u64 little-endian.
    pub fn mask_hash(&self) -> String {
        let mut hash = Sha256::new();
        self.indices.iter().for_each(|&index| hash.update((index as u64).to_le_bytes()));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Training batches whose gradients a ranking wants; `None` where it needs none.
pub fn saliency_batches(by: &Spec) -> Option<usize> {
    (by.member == &rankings::SALIENCY).then(|| by.usize("batches"))
}

impl<'a> Ranking<'a> {
    /// The ranking that `spec` describes; `gradients` are those that [`saliency_batches`] asked for.
    pub fn build(spec: &Spec, gradients: &'a [Option<Tensor>]) -> Ranking<'a> {
        match spec.name() {
            "smallest" => Ranking::Smallest,
            "largest" => Ranking::Largest,
            "saliency" => Ranking::Saliency { gradients, highest: spec.word("order") == "highest" },
            "kels" => Ranking::Block,
            _ => Ranking::Random { fixed: spec.word("mask") == "fixed" },
        }
    }
}

/// Checkpoint that a fill reads: its `state_dict` goes to [`Fill::build`].
pub fn rewinds_to(to: &Spec) -> Option<&str> {
    (to.member == &fills::REWIND).then(|| to.text("name"))
}

impl<'a> Fill<'a> {
    /// The fill that `spec` describes; `checkpoint` is the one that [`rewinds_to`] asked for.
    pub fn build(spec: &Spec, checkpoint: &'a BTreeMap<String, Tensor>) -> Fill<'a> {
        match spec.name() {
            "zero" => Fill::Zero,
            "rewind" => Fill::Rewind(checkpoint),
            "noise" => Fill::Noise { std: spec.real("std") },
            "shrink" => Fill::Shrink { factor: spec.real("factor"), noise: spec.real("noise") },
            "kaiming_uniform" => Fill::kaiming(spec, Shape::Uniform),
            "kaiming_normal" => Fill::kaiming(spec, Shape::Normal),
            _ => Fill::Init,
        }
    }

    fn kaiming(spec: &Spec, shape: Shape) -> Fill<'a> {
        let fan = if spec.word("fan") == "out" { Fan::Out } else { Fan::In };
        Fill::Kaiming { shape, a: spec.real("a"), fan }
    }
}

/// Replaces the chosen weights; one entry for each selected tensor, in the selection's order.
///
/// Everything is drawn and checked before the first weight changes, so after an error the network is as it was.
///
/// # Errors
/// A share outside 0..=1, a selection that the network hasn't got, a missing gradient, a checkpoint of another shape.
pub fn forget(network: &mut Network, request: &Request) -> Result<Vec<Forgotten>> {
    if !(0.0..=1.0).contains(&request.share) {
        bail!("a share of {} cannot be forgotten: it lies outside 0 to 1", request.share);
    }
    check(network, request.selection)?;
    let chosen = choose::choose(network, request)?;
    let mut changes = Vec::new();
    for (selected, places) in request.selection.iter().zip(chosen) {
        let parameter = &network.parameters()[selected.part];
        let all = parameter.numbers()?;
        let old: Vec<f32> = places.iter().map(|&place| all[place]).collect();
        let stream = Stream::new(request.seed, &format!("fill/{}", parameter.part.name), request.scope);
        let new = fill::values(&parameter.part, &places, &old, &request.to, stream)?;
        changes.push((places, new));
    }
    let both = request.selection.iter().zip(changes);
    both.map(|(selected, (places, new))| replace(network, selected, places, &new)).collect()
}

fn check(network: &Network, selection: &[Selected]) -> Result<()> {
    for (i, selected) in selection.iter().enumerate() {
        let Some(parameter) = network.parameters().get(selected.part) else {
            bail!("parameter {} was selected, the network has {}", selected.part, network.parameters().len());
        };
        if !count::Slot::new(&parameter.part, selected).fits() {
            bail!("the selected rows of {} are not rows of {:?} in order", parameter.part.name, parameter.part.shape);
        }
        if selection[..i].iter().any(|other| other.part == selected.part) {
            bail!("{} was selected twice", parameter.part.name);
        }
    }
    Ok(())
}

/// Writes `new` at `places` of a selected tensor.
fn replace(network: &mut Network, selected: &Selected, places: Vec<usize>, new: &[f32]) -> Result<Forgotten> {
    let part = network.parameters()[selected.part].part.clone();
    let (norm_before, norm_after) = network.write(selected.part, |weights| {
        let before = norm(weights);
        places.iter().zip(new).for_each(|(&place, &new)| weights[place] = new);
        Ok((before, norm(weights)))
    })?;
    let selected_count = count::Slot::new(&part, selected).len();
    let (name, shape) = (part.name, part.shape);
    Ok(Forgotten {
        part: selected.part,
        name,
        shape,
        selected: selected_count,
        indices: places,
        norm_before,
        norm_after,
    })
}

fn norm(weights: &[f32]) -> f64 {
    weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod fill_tests;
#[cfg(test)]
mod tests;
