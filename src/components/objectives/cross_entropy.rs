//! Plain training on the images as they are.

use crate::components::{Default, Family, Member, Param, Type};

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
