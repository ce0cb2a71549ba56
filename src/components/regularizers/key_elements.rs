//! RegLoRA (SEFE, Chen et al. 2025, arXiv 2505.02486, section on RegLoRA): the elements that a task's update changed most are
//! to stay as they are while later tasks are learned.
//!
//! With P = b a of a layer's adapter, without its scale: after a task, the ⌊share·O·F⌋ largest |P| of each layer become its key
//! elements. While later tasks are learned the loss has strength · mean over layers of the mean |P| at these elements, P being
//! the update that is learned now. That is what the published code computes (jinpeng0528/SEFE, 2f61efe): L1 though it is called
//! a squared term elsewhere, per layer and then over layers, and an element that k tasks chose counts k times.

use super::{Factors, Penalty, factors};
use crate::nn::kernels::gemm::{Matrix, product};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What becomes of an element that several tasks choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// it counts for each, as published
    Keep,
    /// it counts once, as a mask would have it
    Unique,
}

/// Key elements by layer: places row·F + column, ascending, one for each task that chose them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyElements(BTreeMap<String, Vec<u32>>);

impl KeyElements {
    /// Those of so many places, as they were written.
    pub fn of(places: BTreeMap<String, Vec<u32>>) -> KeyElements {
        KeyElements(places)
    }

    /// Places by layer.
    pub fn places(&self) -> &BTreeMap<String, Vec<u32>> {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of the task just learned by the adapters of that name; of equal ones the first are taken.
    ///
    /// # Errors
    /// If they are mixtures.
    pub fn add(&mut self, network: &Network, adapter: &str, share: f64, duplicates: Duplicates) -> Result<()> {
        for factors in factors(network, adapter)? {
            let new = largest(&factors, share);
            let places = self.0.entry(factors.layer).or_default();
            places.extend(new);
            places.sort_unstable();
            if duplicates == Duplicates::Unique {
                places.dedup();
            }
        }
        Ok(())
    }

    /// strength · mean over layers of the mean |b a| at their key elements. Of layers without any the mean is 0. Only these
    /// elements of the product are formed; sign(0) is 0.
    ///
    /// # Errors
    /// If the adapters are mixtures.
    pub fn penalty(&self, network: &Network, adapter: &str, strength: f64) -> Result<Penalty> {
        let layers = factors(network, adapter)?;
        let count = layers.len().max(1);
        let of_layer = |factors: &Factors| {
            let places = self.0.get(&factors.layer).filter(|places| !places.is_empty())?;
            Some(at(factors, places, strength / count as f64 / places.len() as f64))
        };
        let found: Vec<Option<Found>> = layers.par_iter().map(of_layer).collect();
        let mut penalty = Penalty::default();
        for (factors, found) in layers.iter().zip(found) {
            let Some(Found { value, da, db }) = found else { continue };
            penalty.value += value;
            for (place, gradient) in factors.places.into_iter().zip([da, db]) {
                let tensor = &network.parameters()[place].tensor;
                penalty.gradients.push((place, Tensor::from_vec(gradient, tensor.shape(), tensor.device())?));
            }
        }
        Ok(penalty)
    }
}

/// Places of the largest elements of b a by amount, ascending.
fn largest(factors: &Factors, share: f64) -> Vec<u32> {
    let Factors { a, b, rank, inputs, outputs, .. } = factors;
    let p = product(Matrix::new(b, *outputs, *rank, *rank), Matrix::new(a, *rank, *inputs, *inputs));
    let count = ((share * p.len() as f64).floor() as usize).min(p.len());
    if count == 0 {
        return Vec::new();
    }
    let mut places: Vec<u32> = (0..p.len() as u32).collect();
    let larger = |x: &u32, y: &u32| {
        let size = |place: &u32| p[*place as usize].abs();
        size(y).total_cmp(&size(x)).then(x.cmp(y))
    };
    places.select_nth_unstable_by(count - 1, larger);
    places.truncate(count);
    places.sort_unstable();
    places
}

/// The term of one layer, and its derivatives with respect to a and b.
struct Found {
    value: f64,
    da: Vec<f32>,
    db: Vec<f32>,
}

/// weight · Σ |P| at these places: dP = weight · sign(P) there, da = bᵀ dP,
/// db = dP aᵀ.
fn at(factors: &Factors, places: &[u32], weight: f64) -> Found {
    let Factors { a, b, rank, inputs, outputs, .. } = factors;
    // Columns of a side by side, so that both vectors of a product lie in one piece.
    let mut at = vec![0f32; a.len()];
    for (k, row) in a.chunks_exact(*inputs).enumerate() {
        row.iter().enumerate().for_each(|(column, x)| at[column * rank + k] = *x);
    }
    let (mut dat, mut db) = (vec![0f32; a.len()], vec![0f32; outputs * rank]);
    let (mut sum, step) = (0f64, weight as f32);
    for place in places {
        let (row, column) = (*place as usize / inputs, *place as usize % inputs);
        let (of_b, of_a) = (&b[row * rank..][..*rank], &at[column * rank..][..*rank]);
        let p: f32 = of_b.iter().zip(of_a).map(|(b, a)| b * a).sum();
        sum += f64::from(p.abs());
        let slope = if p > 0.0 {
            step
        } else if p < 0.0 {
            -step
        } else {
            continue;
        };
        db[row * rank..][..*rank].iter_mut().zip(of_a).for_each(|(d, a)| *d += slope * a);
        dat[column * rank..][..*rank].iter_mut().zip(of_b).for_each(|(d, b)| *d += slope * b);
    }
    let mut da = vec![0f32; a.len()];
    for (k, row) in da.chunks_exact_mut(*inputs).enumerate() {
        row.iter_mut().enumerate().for_each(|(column, x)| *x = dat[column * rank + k]);
    }
    Found { value: weight * sum, da, db }
}
