//! O-LoRA (Wang et al. 2023, arXiv 2310.14152, eq. 8): each task's adapter keeps to directions that those of earlier tasks
//! don't have.

use super::{Penalty, factors};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};
use std::collections::BTreeMap;

/// The rows of the first factors of the adapters of that name, (r, F) of each layer: what later ones keep away from.
///
/// # Errors
/// If they are mixtures.
pub fn directions(network: &Network, name: &str) -> Result<Vec<(String, Tensor)>> {
    let of = |factors: super::Factors| {
        let rows = Tensor::from_vec(factors.a, (factors.rank, factors.inputs), network.device())?;
        Ok((factors.layer, rows))
    };
    factors(network, name)?.into_iter().map(of).collect()
}

/// overlap · Σ over layers and earlier adapters of the sum of |a_old a_newᵀ| + size · Σ over layers of ‖a_new‖₂ + ‖b_new‖₂, as
/// the published code has it (cmnfriend/O-LoRA, 07117e1): amounts, not squares. `earlier` holds by layer the rows of all
/// earlier adapters, (k, F).
///
/// # Errors
/// If adapters are mixtures.
pub fn penalty(
    network: &Network,
    earlier: &BTreeMap<String, Tensor>,
    new: &str,
    overlap: f64,
    size: f64,
) -> Result<Penalty> {
    let mut penalty = Penalty::default();
    for own in factors(network, new)? {
        let mut da = vec![0f32; own.a.len()];
        let rows: Vec<f32> = match earlier.get(&own.layer) {
            Some(rows) => rows.flatten_all()?.to_vec1()?,
            None => Vec::new(),
        };
        for old_row in rows.chunks_exact(own.inputs) {
            for (row, d) in own.a.chunks_exact(own.inputs).zip(da.chunks_exact_mut(own.inputs)) {
                let dot: f64 = row.iter().zip(old_row).map(|(x, y)| f64::from(x * y)).sum();
                penalty.value += overlap * dot.abs();
                let slope = if dot == 0.0 { 0.0 } else { (overlap * dot.signum()) as f32 };
                d.iter_mut().zip(old_row).for_each(|(d, y)| *d += slope * y);
            }
        }
        let mut db = vec![0f32; own.b.len()];
        for (numbers, gradient) in [(&own.a, &mut da), (&own.b, &mut db)] {
            let norm = numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            penalty.value += size * norm;
            // At 0, where b starts, the norm has no slope; PyTorch's is 0.
            if norm > 0.0 {
                gradient.iter_mut().zip(numbers).for_each(|(d, x)| *d += (size * f64::from(*x) / norm) as f32);
            }
        }
        for (place, gradient) in own.places.into_iter().zip([da, db]) {
            let tensor = &network.parameters()[place].tensor;
            penalty.gradients.push((place, Tensor::from_vec(gradient, tensor.shape(), tensor.device())?));
        }
    }
    Ok(penalty)
}
