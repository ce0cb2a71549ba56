//! Adversarial training: the images are attacked first, and only what the attack made is trained on.

use super::cross_entropy::LABEL_SMOOTHING;
use crate::components::{Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "adversarial",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "makes the images that are trained on"),
        LABEL_SMOOTHING,
    ],
    doc: "mean cross-entropy on the images as an attack on the present weights makes them",
    source: "Madry et al. 2018, arXiv 1706.06083, eq. 2.1",
    example: "objective adversarial(pgd(eps: 8/255, step: 2/255, iters: 10))",
};
