//! Update rules: what a gradient does to the weights. The arithmetic is PyTorch's, in f32, one pass over memory.

mod adam;
mod sgd;
mod state;

pub use state::{OptimizerState, TensorState};

use crate::components::{Default, Member, Param, Problem, Spec, Type};
use crate::nn::in_place;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{buffer, elementwise};
use crate::nn::network::{Network, Parameter, Trainable};
use candle_core::{Tensor, bail};
use rayon::prelude::*;

/// An update rule with its settings. What it remembers between steps is in an [`OptimizerState`] beside it.
pub trait Optimizer: std::fmt::Debug + Send + Sync {
    /// One step: changes the trainable weights that have a gradient, in place. `gradients` are by parameter index.
    ///
    /// # Errors
    /// If a gradient or a remembered tensor has not its weight's shape.
    fn step_at(
        &self,
        network: &mut Network,
        gradients: &[Option<Tensor>],
        trainable: Trainable,
        rates: Rates,
        state: &mut OptimizerState,
    ) -> candle_core::Result<()>;

    /// The same with one learning rate for all weights: the optimizer's own times `lr_factor`.
    ///
    /// # Errors
    /// As [`step_at`](Self::step_at).
    fn step(
        &self,
        network: &mut Network,
        gradients: &[Option<Tensor>],
        trainable: Trainable,
        lr_factor: f64,
        state: &mut OptimizerState,
    ) -> candle_core::Result<()> {
        self.step_at(network, gradients, trainable, Rates { factor: lr_factor, own: &[] }, state)
    }

    /// The learning rate before any schedule.
    fn lr(&self) -> f64;

    /// Names of the tensors that it remembers for each weight: `momentum`. What a checkpoint holds.
    fn remembers(&self) -> &'static [&'static str];
}

/// Learning rates of a step.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    /// what a schedule multiplies all of them by
    pub factor: f64,
    /// base rates of weights that have one of their own, by parameter index; others have the optimizer's
    pub own: &'a [Option<f64>],
}

impl Rates<'_> {
    fn of(self, parameter: usize, lr: f64) -> f64 {
        self.own.get(parameter).copied().flatten().unwrap_or(lr) * self.factor
    }
}

type Build = fn(&Spec) -> Result<Box<dyn Optimizer>, Problem>;

/// All optimizers with their builders.
pub static OPTIMIZERS: &[(&Member, Build)] =
    &[(&sgd::MEMBER, sgd::build), (&adam::ADAM, adam::build), (&adam::ADAMW, adam::build)];

/// The optimizer that `spec` describes.
pub fn build(spec: &Spec) -> Result<Box<dyn Optimizer>, Problem> {
    let (_, build) = OPTIMIZERS
        .iter()
        .find(|(member, _)| member.name == spec.name())
        .unwrap_or_else(|| unreachable!("{} is no optimizer", spec.name()));
    build(spec)
}

const LR: Param = Param::new("lr", Type::Real, "base learning rate; the schedule multiplies it").at_least(0.0);

const WEIGHT_DECAY: Param = Param::new("weight_decay", Type::Real, "pull of the weights towards 0")
    .or(Default::Real(0.0))
    .at_least(0.0)
    .named();

const CLIP: Param =
    Param::new("clip", Type::Real, "largest norm of all gradients together; longer ones are scaled down to it")
        .or(Default::Absent)
        .above(0.0)
        .named();

/// A weight to change, with its gradient.
struct Target<'a> {
    index: usize,
    parameter: &'a Parameter,
    gradient: Tensor,
}

/// The trainable weights that have a gradient, in order.
fn targets<'a>(
    network: &'a Network,
    gradients: &[Option<Tensor>],
    trainable: Trainable,
) -> candle_core::Result<Vec<Target<'a>>> {
    let parameters = network.parameters();
    if gradients.len() != parameters.len() {
        bail!("{} gradients for {} parameters", gradients.len(), parameters.len());
    }
    let mut targets = Vec::with_capacity(parameters.len());
    for (index, (parameter, gradient)) in parameters.iter().zip(gradients).enumerate() {
        let Some(gradient) = gradient.as_ref().filter(|_| trainable.wants(index)) else { continue };
        if gradient.dims() != parameter.tensor.dims() {
            let (name, wanted) = (&parameter.part.name, parameter.tensor.dims());
            bail!("the gradient of {name} has shape {:?}, the weight {wanted:?}", gradient.dims());
        }
        targets.push(Target { index, parameter, gradient: in_place::apart(gradient, &parameter.tensor)? });
    }
    Ok(targets)
}

/// What gradients are multiplied by so that their norm together is at most `clip`: min(1, clip / (norm + 1e-6)),
/// PyTorch's `clip_grad_norm_`. Summed in an order that shapes alone decide.
fn clip_factor(targets: &[Target], clip: Option<f64>) -> candle_core::Result<f32> {
    let Some(clip) = clip else { return Ok(1.0) };
    let isa = Isa::in_use();
    let squares = targets.par_iter().map(|target| {
        let gradient = buffer::view(&target.gradient)?;
        let pieces = gradient.par_chunks(elementwise::PIECE);
        let pieces: Vec<f64> = pieces.map(|piece| isa.run(|| elementwise::fold(piece, |g| g * g))).collect();
        Ok(pieces.iter().sum())
    });
    let squares: f64 = squares.collect::<candle_core::Result<Vec<f64>>>()?.iter().sum();
    let factor = clip / (squares.sqrt() + 1e-6);
    // Not min(): NaN must stay NaN, so that a broken gradient is seen.
    Ok(if factor >= 1.0 { 1.0 } else { factor as f32 })
}

#[cfg(test)]
mod tests;
