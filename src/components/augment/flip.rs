//! Random mirror images.

use crate::components::{Default, Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Augment,
    name: "flip",
    params: &[Param::new("probability", Type::Share, "how many of the images are mirrored").or(Default::Real(0.5))],
    doc: "mirror left and right",
    source: "torchvision RandomHorizontalFlip",
    example: "augment crop, flip",
};
