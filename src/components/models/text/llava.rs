//! `llava("path")`: a decoder that sees, trained elsewhere.

use super::{Problem, ProblemKind, described, template_param};
use crate::components::data::Places;
use crate::components::{Family, Member, Param, Spec, Type};
use crate::nn::architecture::Architecture;

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "llava",
    params: &[
        Param::new(
            "path",
            Type::Text,
            "folder as Hugging Face or LLaVA's authors keep it: config.json, weights, tokenizer",
        ),
        template_param("vicuna_v1"),
    ],
    doc: "LLaVA-1.5 with its weights: CLIP's tower, a projector of two layers, a decoder of LLaMA's family",
    source: "Liu et al. 2024, arXiv 2310.03744; transformers LlavaForConditionalGeneration",
    example: "model llava(\"models/llava-1.5-7b-hf\")",
};

pub(super) fn architecture(spec: &Spec, places: &Places) -> Result<Architecture, Problem> {
    let architecture = described(spec, places)?;
    match architecture.vision() {
        Some(_) => Ok(architecture),
        None => {
            let message = format!("`{}` is a model without a vision tower", spec.text("path"));
            Err(Problem::new(ProblemKind::DoesNotFit, message).help("write `llama(…)`").of("path"))
        }
    }
}
