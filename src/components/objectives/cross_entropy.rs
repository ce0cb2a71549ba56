//! Plain training on the images as they are.

use super::{Batch, Draws, Logits, Loss, Objective, On, loss};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};

/// `label_smoothing` of every objective with a cross-entropy in it.
pub(super) const LABEL_SMOOTHING: Param =
    Param::new("label_smoothing", Type::Real, "share of the target spread evenly over all classes")
        .or(Default::Real(0.0))
        .named()
        .within(0.0, 1.0);

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "cross_entropy",
    params: &[LABEL_SMOOTHING],
    doc: "mean cross-entropy on the images as they are",
    source: "PyTorch torch.nn.CrossEntropyLoss",
    example: "objective cross_entropy(label_smoothing: 0.1)",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Objective> {
    Box::new(CrossEntropy { label_smoothing: spec.real("label_smoothing") })
}

struct CrossEntropy {
    label_smoothing: f64,
}

impl Objective for CrossEntropy {
    fn craft(&self, _: &Network, _: &Batch, _: Option<&Tensor>, _: &Draws) -> Result<Option<Tensor>> {
        Ok(None)
    }

    fn reads(&self) -> &'static [On] {
        &[On::Clean]
    }

    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss> {
        let (value, gradient) = loss::cross_entropy(logits.of(On::Clean)?, labels, self.label_smoothing)?;
        Ok(Loss::new(On::Clean, value, gradient))
    }

    fn attack_passes(&self) -> u64 {
        0
    }

    fn attack(&self) -> Option<&Spec> {
        None
    }
}
