//! What optimizers remember between steps.

use super::Target;
use crate::nn::in_place;
use candle_core::{DType, Device, Result, Tensor, bail};
use std::collections::BTreeMap;

/// Memory of one optimizer, by the name of the weight. Weights that were never updated have none.
#[derive(Clone, Debug, Default)]
pub struct OptimizerState {
    tensors: BTreeMap<String, TensorState>,
}

/// Memory of one weight.
#[derive(Clone, Debug)]
pub struct TensorState {
    /// updates so far
    pub step: u64,
    /// in the order of [`Optimizer::remembers`](super::Optimizer::remembers), each of the weight's shape
    pub moments: Vec<Tensor>,
}

impl OptimizerState {
    /// The memories of the weights to be changed, each with this step counted.
    pub(super) fn next_step(&mut self, targets: &[Target], moments: usize) -> Result<Vec<&TensorState>> {
        for Target { parameter, .. } in targets {
            self.of(&parameter.part.name, parameter.tensor.dims(), moments)?.step += 1;
        }
        Ok(targets.iter().map(|Target { parameter, .. }| &self.tensors[&parameter.part.name]).collect())
    }

    /// The memory of one weight, zeros where there is none yet.
    fn of(&mut self, name: &str, shape: &[usize], moments: usize) -> Result<&mut TensorState> {
        if !self.tensors.contains_key(name) {
            let zeros = || Tensor::zeros(shape, DType::F32, &Device::Cpu);
            let moments = (0..moments).map(|_| zeros()).collect::<Result<_>>()?;
            self.tensors.insert(name.to_string(), TensorState { step: 0, moments });
        }
        match self.tensors.get_mut(name) {
            Some(state) if state.moments.len() == moments && state.moments.iter().all(|m| m.dims() == shape) => {
                Ok(state)
            }
            Some(state) => bail!("the optimizer remembers {name} as {:?}, but it is {shape:?}", state.shapes()),
            None => unreachable!("just put there"),
        }
    }

    /// Weights that it remembers something of, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TensorState)> {
        self.tensors.iter().map(|(name, state)| (name.as_str(), state))
    }

    /// Puts back what [`OptimizerState::iter`] gave. The tensors are copied: updates change them in place.
    ///
    /// # Errors
    /// If memory for the copies cannot be had or a tensor is not f32.
    pub fn restore(saved: impl IntoIterator<Item = (String, TensorState)>) -> Result<OptimizerState> {
        let mut tensors = BTreeMap::new();
        for (name, state) in saved {
            tensors.insert(name, state.copy()?);
        }
        Ok(OptimizerState { tensors })
    }

    /// Remembers nothing any more of the weights whose names are meant.
    pub fn drop_those(&mut self, meant: impl Fn(&str) -> bool) {
        self.tensors.retain(|name, _| !meant(name));
    }

    /// A copy that later updates don't change.
    pub fn copy(&self) -> Result<OptimizerState> {
        OptimizerState::restore(self.tensors.clone())
    }

    /// Zeroes the moments of these entries of one weight (flat indices): what `forget … moments: clear` does. The
    /// number of updates stays. Nothing happens to a weight that nothing is remembered of.
    ///
    /// # Errors
    /// If an index lies outside the weight.
    pub fn clear(&mut self, name: &str, indices: &[usize]) -> Result<()> {
        let Some(state) = self.tensors.get(name) else { return Ok(()) };
        for moment in &state.moments {
            in_place::write(moment, |numbers| {
                for index in indices {
                    match numbers.get_mut(*index) {
                        Some(number) => *number = 0.0,
                        None => bail!("{name} has no entry {index}, only {}", numbers.len()),
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Gives one weight's memory another number of rows (its first dimension): rows that stay keep theirs, new ones
    /// start at 0. Follows [`Network::resize_head`](crate::nn::network::Network::resize_head).
    ///
    /// # Errors
    /// If memory for the new tensors cannot be had.
    pub fn resize_rows(&mut self, name: &str, rows: usize) -> Result<()> {
        let Some(state) = self.tensors.get_mut(name) else { return Ok(()) };
        for moment in &mut state.moments {
            let mut shape = moment.dims().to_vec();
            let kept = shape[0].min(rows);
            let old = moment.narrow(0, 0, kept)?;
            shape[0] = rows - kept;
            *moment = Tensor::cat(&[&old, &Tensor::zeros(shape, DType::F32, moment.device())?], 0)?;
        }
        Ok(())
    }
}

impl TensorState {
    fn copy(&self) -> Result<TensorState> {
        let own = |moment: &Tensor| moment.to_dtype(DType::F32)?.contiguous()?.copy();
        Ok(TensorState { step: self.step, moments: self.moments.iter().map(own).collect::<Result<_>>()? })
    }

    fn shapes(&self) -> Vec<&[usize]> {
        self.moments.iter().map(Tensor::dims).collect()
    }
}
