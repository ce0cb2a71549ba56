//! Plain training on the images as they are.

use super::{Batch, Draws, Objective, Pass, pass};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::{Network, Trainable};
use candle_core::Result;

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
    fn pass(&self, network: &Network, batch: &Batch, trainable: Trainable, _draws: &Draws) -> Result<Pass> {
        let pass = pass::supervised(network, &batch.pixels, &batch.labels, self.label_smoothing, trainable)?;
        Ok(Pass { passes: self.passes_per_step(), ..pass })
    }

    fn passes_per_step(&self) -> u64 {
        1
    }

    fn attack(&self) -> Option<&Spec> {
        None
    }
}
