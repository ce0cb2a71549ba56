//! `llama("path")`: a decoder that was trained elsewhere.

use super::{Problem, ProblemKind, described, template_param};
use crate::components::data::Places;
use crate::components::{Family, Member, Param, Spec, Type};
use crate::nn::architecture::Architecture;

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "llama",
    params: &[
        Param::new(
            "path",
            Type::Text,
            "folder as Hugging Face keeps it (config.json, safetensors, tokenizer), or .gguf file",
        ),
        template_param("chatml"),
    ],
    doc: "a decoder of LLaMA's family with its weights: SmolLM2, TinyLlama, Vicuna and their like",
    source: "Touvron et al. 2023; transformers LlamaForCausalLM",
    example: "model llama(\"models/SmolLM2-135M\")",
};

pub(super) fn architecture(spec: &Spec, places: &Places) -> Result<Architecture, Problem> {
    let architecture = described(spec, places)?;
    match architecture.vision() {
        None => Ok(architecture),
        Some(_) => {
            let message = format!("`{}` is a model with a vision tower", spec.text("path"));
            Err(Problem::new(ProblemKind::DoesNotFit, message).help("write `llava(…)`").of("path"))
        }
    }
}
