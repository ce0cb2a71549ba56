//! What earlier tasks need of the adapters of later ones: RegLoRA's key elements, and their term of the loss.

use super::Run;
use super::error::Halt;
use crate::components::adapters::NAME;
use crate::components::objectives::Pass;
use crate::components::regularizers::key_elements::{Duplicates, KeyElements};
use crate::language::program;
use crate::nn::network::Network;
use candle_core::{DType, Device, Result, Tensor};
use std::collections::BTreeMap;

/// The elements that tasks so far chose, and the weight of their term.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protected {
    pub elements: KeyElements,
    pub weight: f64,
}

/// What begins the names of their tensors in a checkpoint.
pub const SAVED: &str = "protected/";

/// `protect adapters`
pub fn protect(run: &mut Run, op: &program::Protect) -> std::result::Result<(), Halt> {
    let duplicates = if op.unique { Duplicates::Unique } else { Duplicates::Keep };
    let state = &mut run.state;
    state.protected.elements.add(&state.network, NAME, op.share, duplicates)?;
    state.protected.weight = op.weight;
    Ok(())
}

impl Protected {
    /// Adds the term to what a step found: once, whatever chunks its batch came in.
    pub fn join(&self, network: &Network, step: &mut Pass) -> Result<()> {
        if self.elements.is_empty() || self.weight == 0.0 {
            return Ok(());
        }
        let penalty = self.elements.penalty(network, NAME, self.weight)?;
        step.loss += penalty.value;
        for (place, gradient) in penalty.gradients {
            // What isn't trained stays so.
            if let Some(sum) = &mut step.gradients[place] {
                *sum = (&*sum + gradient)?;
            }
        }
        Ok(())
    }

    /// As tensors of a checkpoint.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let tensor = |(layer, places): (&String, &Vec<u32>)| {
            Ok((format!("{SAVED}{layer}"), Tensor::new(places.as_slice(), &Device::Cpu)?))
        };
        self.elements.places().iter().map(tensor).collect()
    }

    /// From those of a checkpoint.
    pub fn of(tensors: &BTreeMap<String, Tensor>, weight: f64) -> Result<Protected> {
        let mut places = BTreeMap::new();
        for (name, tensor) in tensors {
            if let Some(layer) = name.strip_prefix(SAVED) {
                places.insert(layer.to_string(), tensor.to_dtype(DType::U32)?.to_vec1()?);
            }
        }
        Ok(Protected { elements: KeyElements::of(places), weight })
    }
}
