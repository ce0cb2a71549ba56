//! `vlm("decoder", vision: …)`: a decoder that was trained elsewhere learns to see.

use super::{Named, Problem, ProblemKind, Start, decoder_of, template_param, unreadable};
use crate::components::data::Places;
use crate::components::{Family, Member, Param, Spec, Type, towers};
use crate::nn::architecture::{Activation, Architecture};
use crate::nn::pretrained::{self, Llava, Projector};

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "vlm",
    params: &[
        Param::new(
            "path",
            Type::Text,
            "the decoder: folder as Hugging Face keeps it (config.json, safetensors, tokenizer), or .gguf file",
        ),
        Param::new("vision", Type::Component(Family::Tower), "its vision tower").named(),
        template_param("chatml"),
    ],
    doc: "LLaVA from its parts: a decoder of LLaMA's family with its weights, a vision tower, between them a projector of two layers that starts at random",
    source: "Liu et al. 2024, arXiv 2310.03744",
    example: "model vlm(\"models/SmolLM2.gguf\", vision: vit(width: 96))",
};

pub(super) fn architecture(spec: &Spec, places: &Places) -> Result<Architecture, Problem> {
    let decoder = decoder_of(spec, places)?;
    let vision = towers::build(spec.component("vision"), places).map_err(|e| e.of("vision"))?;
    let projector = Projector { biased: true, activation: Activation::Exact };
    // No text holds a place of a picture, so any token may stand there.
    let placeholder = 0;
    let (vectors, positions) = ((vision.tower.size / vision.tower.patch).pow(2), decoder.rotary.positions);
    if vectors >= positions {
        let message = format!("a picture takes {vectors} places, and the decoder has {positions} for a conversation");
        let problem = Problem::new(ProblemKind::DoesNotFit, message);
        return Err(problem.help("take a tower with larger patches or smaller pictures").of("vision"));
    }
    let llava = Llava { decoder, tower: vision.tower, projector, taken: vision.taken, keep_class: false, placeholder };
    let architecture = llava.architecture();
    if let Some(folder) = &vision.weights {
        let shown = spec.component("vision").text("path");
        pretrained::tower_fits(&architecture, folder).map_err(|e| unreadable(&e, folder, shown).of("vision"))?;
    }
    Ok(architecture)
}

pub(super) fn start(spec: &Spec, places: &Places) -> Result<Start, Problem> {
    let vision = spec.component("vision");
    let tower = towers::build(vision, places).map_err(|e| e.of("vision"))?;
    let tower = tower.weights.map(|path| Named { path, shown: vision.text("path").into() });
    Ok(Start::Parts { decoder: Named::of(spec, places)?, tower })
}
