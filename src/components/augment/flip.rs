//! Random mirror images.

use super::Augment;
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::rng::Stream;

pub static MEMBER: Member = Member {
    family: Family::Augment,
    name: "flip",
    params: &[Param::new("probability", Type::Share, "how many of the images are mirrored").or(Default::Real(0.5))],
    doc: "mirror left and right",
    source: "torchvision RandomHorizontalFlip",
    example: "augment crop, flip",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Augment> {
    Box::new(Flip { probability: spec.real("probability") })
}

struct Flip {
    probability: f64,
}

impl Augment for Flip {
    fn apply(&self, image: &mut [f32], [_, _, w]: [usize; 3], stream: &mut Stream) {
        // In 0..1, so that a probability of 1 mirrors always and 0 never.
        if stream.uniform_f64() < self.probability {
            image.chunks_mut(w.max(1)).for_each(<[f32]>::reverse);
        }
    }
}
