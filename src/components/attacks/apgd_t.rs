//! Auto-PGD on the targeted difference of logits ratio.

use super::Attack;
use super::apgd::{Apgd, EOT, EPS, ITERS, MULTI_EPS, NORM, RESTARTS};
use super::loss::Loss;
use crate::components::{Default, Family, Member, Param, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "apgd_t",
    params: &[
        EPS,
        ITERS,
        NORM,
        RESTARTS,
        EOT,
        MULTI_EPS,
        Param::new("targets", Type::Int, "classes aimed at, the likeliest ones first; at most all others")
            .or(Default::Int(9))
            .named()
            .within(1.0, 1e6),
    ],
    doc: "Auto-PGD that drives each image to other classes, one after the other, by the targeted DLR loss",
    source: "Croce & Hein 2020, arXiv 2003.01690, eq. 5; arithmetic of pyautoattack 0.2.0",
    example: "evaluate robust(apgd_t(eps: 8/255)) on test",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Apgd::of(spec, Loss::DlrTargeted).aiming_at(spec.usize("targets")))
}
