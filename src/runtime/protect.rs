//! What earlier tasks need of the adapters of later ones, and its terms of the loss: RegLoRA's key elements, O-LoRA's
//! directions, EWC's importances.

use super::error::{Failure, Halt};
use super::event::Kind;
use super::{Run, scope, texts};
use crate::components::adapters::NAME;
use crate::components::objectives::Pass;
use crate::components::regularizers::fisher::Importance;
use crate::components::regularizers::key_elements::{Duplicates, KeyElements};
use crate::components::regularizers::{Penalty, orthogonal};
use crate::language::program::{self, Method};
use crate::nn::network::Network;
use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What tasks so far need, and the weights of the terms.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    pub elements: KeyElements,
    /// rows of the first factors of earlier adapters, (k, F) of each layer
    pub directions: BTreeMap<String, Tensor>,
    pub importance: Importance,
    pub weights: Weights,
}

/// What the terms are multiplied by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    pub elements: f64,
    pub overlap: f64,
    /// of the norms of the new factors, beside the overlap
    pub size: f64,
    pub importance: f64,
    /// Σ F θ², which no tensor holds
    pub constant: f64,
}

/// What begins the names of their tensors in a checkpoint: of elements, of directions and of importances.
pub const SAVED: [&str; 3] = ["protected/", "directions/", "importance/"];

/// `protect adapters`
pub fn protect(run: &mut Run, op: &program::Protect) -> std::result::Result<(), Halt> {
    if !matches!(op.by, Method::Fisher { .. }) && changed_nothing(&run.state.network)? {
        let message =
            "the adapters have changed nothing yet, so there is nothing to protect: `protect` stands before `merge`";
        run.emit(Kind::Warning { message: message.into() })?;
    }
    match &op.by {
        Method::KeyElements { share, unique } => {
            let duplicates = if *unique { Duplicates::Unique } else { Duplicates::Keep };
            let state = &mut run.state;
            state.protected.elements.add(&state.network, NAME, *share, duplicates)?;
            state.protected.weights.elements = op.weight;
        }
        Method::Orthogonal { size } => {
            for (layer, rows) in orthogonal::directions(&run.state.network, NAME)? {
                let all = match run.state.protected.directions.remove(&layer) {
                    Some(before) => Tensor::cat(&[&before, &rows], 0)?,
                    None => rows,
                };
                run.state.protected.directions.insert(layer, all);
            }
            run.state.protected.weights.overlap = op.weight;
            run.state.protected.weights.size = *size;
        }
        Method::Fisher { examples, settings } => {
            let settings = scope::settings(run, settings)?;
            let data = run.dataset(&settings.data)?;
            let squares = texts::squares(run, &data, &settings, *examples)?;
            let state = &mut run.state;
            state.protected.importance.add(&state.network, &squares)?;
            state.protected.weights.importance = op.weight;
        }
    }
    Ok(())
}

/// Whether all adapters are as they began: their second factors are 0.
fn changed_nothing(network: &Network) -> Result<bool> {
    for parameter in network.parameters().iter().filter(|p| p.part.name.contains(".lora_B.")) {
        if parameter.numbers()?.iter().any(|x| *x != 0.0) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Protected {
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty() && self.directions.is_empty() && self.importance.is_empty()
    }

    /// Adds the terms to what a step found: once, whatever chunks its batch came in.
    pub fn join(&self, network: &Network, step: &mut Pass) -> Result<()> {
        let Weights { elements, overlap, size, importance, .. } = self.weights;
        if !self.elements.is_empty() && elements > 0.0 {
            add(step, self.elements.penalty(network, NAME, elements)?)?;
        }
        if !self.directions.is_empty() && (overlap > 0.0 || size > 0.0) {
            add(step, orthogonal::penalty(network, &self.directions, NAME, overlap, size)?)?;
        }
        if !self.importance.is_empty() && importance > 0.0 {
            add(step, self.importance.penalty(network, importance)?)?;
        }
        Ok(())
    }

    /// As tensors of a checkpoint.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for (layer, places) in self.elements.places() {
            tensors.insert(format!("{}{layer}", SAVED[0]), Tensor::new(places.as_slice(), &Device::Cpu)?);
        }
        for (layer, rows) in &self.directions {
            tensors.insert(format!("{}{layer}", SAVED[1]), rows.clone());
        }
        for (weight, sums) in self.importance.weights() {
            for (n, sum) in sums.iter().enumerate() {
                tensors.insert(format!("{}{weight}/{n}", SAVED[2]), sum.clone());
            }
        }
        Ok(tensors)
    }

    /// The weights of the terms, once there are some.
    pub fn weights(&self) -> Option<Weights> {
        let constant = self.importance.constant();
        (!self.is_empty()).then_some(Weights { constant, ..self.weights })
    }

    /// From those of a checkpoint.
    ///
    /// # Errors
    /// If one of a pair lacks.
    pub fn of(tensors: &BTreeMap<String, Tensor>, weights: Option<Weights>) -> std::result::Result<Protected, Failure> {
        let weights = weights.unwrap_or_default();
        let (mut places, mut directions, mut sums) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in tensors {
            if let Some(layer) = name.strip_prefix(SAVED[0]) {
                places.insert(layer.to_string(), tensor.to_dtype(DType::U32)?.to_vec1()?);
            } else if let Some(layer) = name.strip_prefix(SAVED[1]) {
                directions.insert(layer.to_string(), tensor.clone());
            } else if let Some(weight) = name.strip_prefix(SAVED[2]).and_then(|rest| rest.strip_suffix("/0")) {
                let second = tensors.get(&format!("{}{weight}/1", SAVED[2]));
                let second = second.ok_or_else(|| Failure::new(format!("the checkpoint lacks {name}'s other half")))?;
                sums.insert(weight.to_string(), [tensor.clone(), second.clone()]);
            }
        }
        let importance = Importance::of(sums, weights.constant);
        Ok(Protected { elements: KeyElements::of(places), directions, importance, weights })
    }
}

fn add(step: &mut Pass, penalty: Penalty) -> Result<()> {
    step.loss += penalty.value;
    for (place, gradient) in penalty.gradients {
        // What isn't trained stays so.
        if let Some(sum) = &mut step.gradients[place] {
            *sum = (&*sum + gradient)?;
        }
    }
    Ok(())
}
