//! A small tower that starts at random.

use super::Tower;
use crate::components::data::Places;
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type};
use crate::nn::architecture::Activation;
use crate::nn::pretrained::ClipTower;

pub static MEMBER: Member = Member {
    family: Family::Tower,
    name: "vit",
    params: &[
        Param::new("width", Type::Int, "numbers of a patch's vector").or(Default::Int(96)).within(8.0, 4096.0),
        Param::new("layers", Type::Int, "its blocks").or(Default::Int(2)).named().within(1.0, 64.0),
        Param::new("heads", Type::Int, "of attention").or(Default::Int(4)).named().within(1.0, 64.0),
        Param::new("patch", Type::Int, "pixels on a side of what is one vector")
            .or(Default::Int(8))
            .named()
            .within(1.0, 64.0),
        Param::new("size", Type::Int, "pixels on a side of a picture").or(Default::Int(32)).named().within(8.0, 1024.0),
    ],
    doc: "a vision transformer with CLIP's blocks, in the size you say, that starts at random; the tower of `tiny_llava`",
    source: "Dosovitskiy et al. 2021, arXiv 2010.11929; blocks as CLIP's: Radford et al. 2021",
    example: "model vlm(\"models/SmolLM2.gguf\", vision: vit(width: 96, layers: 2))",
};

pub(super) fn build(spec: &Spec, _: &Places) -> Result<Tower, Problem> {
    let number = |name: &str| spec.usize(name);
    let wrong = |message: String, argument| Err(Problem::new(ProblemKind::DoesNotFit, message).of(argument));
    let (width, heads, size, patch) = (number("width"), number("heads"), number("size"), number("patch"));
    if !width.is_multiple_of(heads) {
        return wrong(format!("a width of {width} is not divided by {heads} heads"), "width");
    }
    if !size.is_multiple_of(patch) {
        return wrong(format!("{size} pixels are not divided by a patch of {patch}"), "patch");
    }
    let tower = small(width, number("layers"), heads, size, patch);
    Ok(Tower { taken: tower.layers, tower, weights: None })
}

/// A tower in small, for pictures of three channels.
pub(in crate::components) fn small(width: usize, layers: usize, heads: usize, size: usize, patch: usize) -> ClipTower {
    ClipTower {
        width,
        inner: 4 * width,
        layers,
        heads,
        channels: 3,
        size,
        patch,
        activation: Activation::Quick,
        mean: vec![0.5; 3],
        std: vec![0.5; 3],
        spread: 0.02,
    }
}
