//! Being of the teacher's opinion.

use super::{DURING, ON, Recall, TEACHER, term};
use crate::components::objectives::Likeness;
use crate::components::{Default, Family, Member, Param, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Recall,
    name: "kl",
    params: &[
        Param::new("weight", Type::Real, "what the term is multiplied by; FOMO's is not published, CURE has 1")
            .or(Default::Real(1.0))
            .at_least(0.0),
        ON,
        Param::new("temperature", Type::Real, "T: logits of both are divided by it, and the term multiplied by T²")
            .or(Default::Real(1.0))
            .named()
            .above(0.0),
        TEACHER,
        DURING,
    ],
    doc: "weight·T²·KL(softmax(φ/T) ‖ softmax(θ/T)), mean over the images",
    source: "FOMO, arXiv 2402.11733; form of Sarfraz et al. 2023 (CURE); temperature: Hinton et al. 2015, arXiv 1503.02531",
    example: "memory ema; recall kl(weight: 1.0, on: both)",
};

pub(super) fn build(spec: &Spec) -> Recall {
    term(spec, Likeness::Divergence { temperature: spec.real("temperature") })
}
