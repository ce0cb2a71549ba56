//! Random crops.

use crate::components::{Default, Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Augment,
    name: "crop",
    params: &[Param::new("padding", Type::Int, "black pixels put around the image before the crop")
        .or(Default::Int(4))
        .within(1.0, 1024.0)],
    doc: "pad with zeros, then cut out an image of the old size at a random place",
    source: "torchvision RandomCrop(size, padding)",
    example: "augment crop(padding: 4)",
};
