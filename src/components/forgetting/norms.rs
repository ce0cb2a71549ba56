//! Norms at their start, as `forget … reset_norms:` leaves them.

use super::{Forgotten, Selected, replace};
use crate::nn::architecture::PartKind;
use crate::nn::network::Network;
use candle_core::Result;
use std::collections::BTreeSet;

/// What becomes of the norms of the layers in which something is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norms {
    Keep,
    /// scale 1, shift 0, running mean 0 and variance 1: as at the start of a run
    Initial,
    /// scale 1, shift 0, running mean **and variance** 0: what `reset_bn` of the published code does
    /// (ahmdtaha/knowledge_evolution, hlml/fortuitous_forgetting)
    AsPublished,
}

impl Norms {
    /// As it is written.
    pub const WORDS: &[&str] = &["none", "initial", "as_published"];

    /// What that word means, one of [`Norms::WORDS`].
    pub fn of(word: &str) -> Option<Norms> {
        match word {
            "none" => Some(Norms::Keep),
            "initial" => Some(Norms::Initial),
            "as_published" => Some(Norms::AsPublished),
            _ => None,
        }
    }
}

/// Resets all norms that belong to a layer of the selection; what changed of weights, and the layers' running statistics.
///
/// # Errors
/// If memory cannot be had.
pub fn reset_norms(network: &mut Network, selection: &[Selected], norms: Norms) -> Result<Vec<Forgotten>> {
    let variance = match norms {
        Norms::Keep => return Ok(Vec::new()),
        Norms::Initial => 1.0,
        Norms::AsPublished => 0.0,
    };
    let layers: BTreeSet<usize> = selection.iter().map(|s| network.parameters()[s.part].part.layer).collect();
    let mut changes = Vec::new();
    for part in 0..network.parameters().len() {
        let what = &network.parameters()[part].part;
        let start = match what.kind {
            PartKind::NormWeight => 1.0,
            PartKind::NormBias => 0.0,
            _ => continue,
        };
        if layers.contains(&what.layer) {
            let places: Vec<usize> = (0..what.count()).collect();
            let new = vec![start; places.len()];
            changes.push(replace(network, &Selected { part, rows: None }, places, &new)?);
        }
    }
    network.start_statistics(|layer| layers.contains(&layer), variance)?;
    Ok(changes)
}
