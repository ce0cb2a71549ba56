//! Giving the teacher's logits.

use super::{DURING, ON, Recall, TEACHER, term};
use crate::components::objectives::Likeness;
use crate::components::{Default, Family, Member, Param, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Recall,
    name: "mse",
    params: &[
        Param::new("weight", Type::Real, "what the term is multiplied by; CLS-ER has 0.1")
            .or(Default::Real(1.0))
            .at_least(0.0),
        ON,
        TEACHER,
        DURING,
    ],
    doc: "weight times the squared difference of logits, mean over images and classes",
    source: "Arani, Sarfraz and Zonooz 2022 (CLS-ER), arXiv 2201.12604, eq. 5",
    example: "memory ema; recall mse(weight: 0.1, on: clean)",
};

pub(super) fn build(spec: &Spec) -> Recall {
    term(spec, Likeness::Squares)
}
