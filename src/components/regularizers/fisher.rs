//! EWC (Kirkpatrick et al. 2017, arXiv 1612.00796, eq. 3): weights that earlier tasks rest on stay near what they were then.
//!
//! After a task t each trained weight θ has its importance F_t, the mean over examples of the squared gradient of the
//! example's loss, and its value θ_t. While later tasks are learned the loss has weight/2 · Σ over tasks and weights of
//! F_t (θ − θ_t)². The sum over tasks is a parabola in θ, so its three coefficients are kept and no more.

use super::Penalty;
use crate::nn::kernels::elementwise::map2;
use crate::nn::network::Network;
use candle_core::{DType, Result, Tensor, bail};
use std::collections::BTreeMap;

/// What earlier tasks rest on.
#[derive(Clone, Debug, Default)]
pub struct Importance {
    /// by the weight's name: Σ F_t and Σ F_t θ_t, of the weight's shape
    weights: BTreeMap<String, [Tensor; 2]>,
    /// Σ F_t θ_t² over all weights
    constant: f64,
}

impl Importance {
    /// As it was written.
    pub fn of(weights: BTreeMap<String, [Tensor; 2]>, constant: f64) -> Importance {
        Importance { weights, constant }
    }

    pub fn weights(&self) -> &BTreeMap<String, [Tensor; 2]> {
        &self.weights
    }

    pub fn constant(&self) -> f64 {
        self.constant
    }

    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Adds a task: `squares`, by parameter index, the mean squared gradients at the weights that the network has now.
    ///
    /// # Errors
    /// If shapes don't fit.
    pub fn add(&mut self, network: &Network, squares: &[Option<Tensor>]) -> Result<()> {
        for (parameter, f) in network.parameters().iter().zip(squares) {
            let Some(f) = f else { continue };
            let here = parameter.tensor.to_dtype(DType::F32)?;
            let at = (f * &here)?;
            self.constant += sum(&(&at * &here)?)?;
            let new = match self.weights.remove(&parameter.part.name) {
                Some([total, sums]) => [(total + f)?, (sums + at)?],
                None => [f.clone(), at],
            };
            self.weights.insert(parameter.part.name.clone(), new);
        }
        Ok(())
    }

    /// weight/2 · Σ F_t (θ − θ_t)², and its derivatives.
    ///
    /// # Errors
    /// If the network lacks one of the weights.
    pub fn penalty(&self, network: &Network, weight: f64) -> Result<Penalty> {
        let mut penalty = Penalty { value: weight / 2.0 * self.constant, ..Penalty::default() };
        for (name, [total, sums]) in &self.weights {
            let Some(place) = network.index_of(name) else { bail!("there is no weight {name}") };
            let parameter = &network.parameters()[place];
            let (theta, numbers) = (&parameter.tensor, parameter.numbers()?);
            let (f, g) = (values(total)?, values(sums)?);
            let parts = f.iter().zip(&g).zip(&numbers);
            penalty.value += weight / 2.0
                * parts
                    .map(|((f, g), x)| f64::from(*x) * (f64::from(*f) * f64::from(*x) - 2.0 * f64::from(*g)))
                    .sum::<f64>();
            let pull = map2(&f, &numbers, |f, x| f * x);
            let gradient = map2(&pull, &g, |pull, g| weight as f32 * (pull - g));
            penalty.gradients.push((place, Tensor::from_vec(gradient, theta.shape(), theta.device())?));
        }
        // What rounding leaves below 0 where nothing has moved.
        penalty.value = penalty.value.max(0.0);
        Ok(penalty)
    }
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

fn sum(tensor: &Tensor) -> Result<f64> {
    Ok(values(tensor)?.iter().map(|x| f64::from(*x)).sum())
}
