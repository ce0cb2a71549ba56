//! Random crops.

use super::Augment;
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::rng::Stream;

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

pub(super) fn build(spec: &Spec) -> Box<dyn Augment> {
    Box::new(Crop { padding: spec.usize("padding") })
}

struct Crop {
    padding: usize,
}

impl Augment for Crop {
    fn apply(&self, image: &mut [f32], [_, h, w]: [usize; 3], stream: &mut Stream) {
        // The window's corner in the padded image; a corner of `padding` is the image itself.
        let (top, left) = (stream.below(2 * self.padding + 1), stream.below(2 * self.padding + 1));
        let mut old = vec![0.0; h * w];
        for channel in image.chunks_mut((h * w).max(1)) {
            old.copy_from_slice(channel);
            channel.fill(0.0);
            let inside = |at: usize, size: usize| at.checked_sub(self.padding).filter(|&at| at < size);
            for (y, row) in channel.chunks_mut(w.max(1)).enumerate() {
                let Some(from) = inside(y + top, h) else { continue };
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = inside(x + left, w).map_or(0.0, |column| old[from * w + column]);
                }
            }
        }
    }
}
