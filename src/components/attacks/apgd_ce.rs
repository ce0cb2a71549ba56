//! Auto-PGD on cross-entropy.

use super::Attack;
use super::apgd::{Apgd, EOT, EPS, ITERS, MULTI_EPS, NORM, RESTARTS};
use super::loss::Loss;
use crate::components::{Family, Member, Spec};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "apgd_ce",
    params: &[EPS, ITERS, NORM, RESTARTS, EOT, MULTI_EPS],
    doc: "Auto-PGD on cross-entropy; finds its step sizes itself",
    source: "Croce & Hein 2020, arXiv 2003.01690, algorithm 1; l1: 2021, arXiv 2103.01208; arithmetic of pyautoattack 0.2.0",
    example: "evaluate robust(apgd_ce(eps: 8/255)) on test",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Apgd::of(spec, Loss::Ce))
}
