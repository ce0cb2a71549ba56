//! A tower that CLIP's authors, or others as they did, have trained.

use super::Tower;
use crate::components::data::Places;
use crate::components::models::text::unreadable;
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type};
use crate::nn::pretrained;

pub static MEMBER: Member = Member {
    family: Family::Tower,
    name: "clip",
    params: &[
        Param::new("path", Type::Text, "folder as Hugging Face keeps it: config.json, safetensors"),
        Param::new("layer", Type::Int, "whose output is taken; below 0 from the end, -1 is the last one's")
            .or(Default::Int(-2))
            .named(),
    ],
    doc: "CLIP's vision tower with its weights, of a folder of the whole or of the tower alone",
    source: "Radford et al. 2021, arXiv 2103.00020; the layer: Liu et al. 2024, arXiv 2310.03744",
    example: "model vlm(\"models/vicuna-7b-v1.5\", vision: clip(\"models/clip-vit-large-patch14-336\"))",
};

pub(super) fn build(spec: &Spec, places: &Places) -> Result<Tower, Problem> {
    let path = places.resolve(spec.text("path")).map_err(|e| e.of("path"))?;
    let tower = pretrained::tower(&path).map_err(|e| unreadable(&e, &path, spec.text("path")).of("path"))?;
    let (layer, layers) = (spec.int("layer"), tower.layers as i64);
    let taken = if layer < 0 { layers + 1 + layer } else { layer };
    if !(0..=layers).contains(&taken) {
        let message = format!("there is no layer {layer}; the tower has {layers}");
        return Err(Problem::new(ProblemKind::DoesNotFit, message).of("layer"));
    }
    Ok(Tower { tower, taken: taken as usize, weights: Some(path) })
}
