//! The fast gradient sign method.

use crate::components::{Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "fgsm",
    params: &[Param::new("eps", Type::Real, "largest change of a pixel; pixels are in 0..=1").within(0.0, 1.0)],
    doc: "one step of eps along the sign of the loss gradient (linf)",
    source: "Goodfellow et al. 2015, arXiv 1412.6572; arithmetic of torchattacks 3.5.1 FGSM",
    example: "objective adversarial(fgsm(eps: 8/255))",
};
