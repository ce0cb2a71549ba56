//! `tiny_llava`: LLaVA in small, to be trained from nothing on two cores.

use super::{Problem, ProblemKind, template_param};
use crate::components::data::texts::quiz::{QuizTask, Size, build};
use crate::components::styles::Prompts;
use crate::components::{Default, Family, Member, Param, Spec, Type, towers};
use crate::nn::architecture::{Activation, Architecture, Rotary, Scaling};
use crate::nn::pretrained::{Decoder, Llava, Projector};
use crate::text::bpe;
use crate::text::item::Style;
use crate::text::tokenizer::Tokenizer;

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "tiny_llava",
    params: &[
        Param::new("width", Type::Int, "numbers of a token's vector").or(Default::Int(64)).within(8.0, 1024.0),
        Param::new("layers", Type::Int, "blocks of the decoder").or(Default::Int(2)).named().within(1.0, 64.0),
        Param::new("heads", Type::Int, "of attention, in the decoder and in the tower")
            .or(Default::Int(4))
            .named()
            .within(1.0, 64.0),
        Param::new("vision_layers", Type::Int, "blocks of the vision tower")
            .or(Default::Int(1))
            .named()
            .within(1.0, 64.0),
        Param::new("patch", Type::Int, "pixels on a side of what the tower takes for one vector")
            .or(Default::Int(8))
            .named()
            .within(1.0, 32.0),
        Param::new("vocabulary", Type::Int, "tokens, of a byte-level vocabulary trained on the texts of `quiz`")
            .or(Default::Int(512))
            .named()
            .within(bpe::LEAST as f64, 4096.0),
        Param::new("positions", Type::Int, "the longest conversation in tokens, its picture counted")
            .or(Default::Int(256))
            .named()
            .within(32.0, 65_536.0),
        template_param("plain"),
    ],
    doc: "LLaVA in small: a vision tower for pictures of 32x32, a projector of two layers, a decoder with LLaMA's blocks",
    source: "Liu et al. 2024, arXiv 2310.03744, in small",
    example: "model tiny_llava(width: 64, layers: 2)",
};

/// Pixels on a side of the pictures of `quiz`.
const SIDE: usize = 32;

pub(super) fn architecture(spec: &Spec) -> Result<Architecture, Problem> {
    let number = |name: &str| spec.usize(name);
    let (width, heads, patch) = (number("width"), number("heads"), number("patch"));
    let wrong = |message: String, argument| Err(Problem::new(ProblemKind::DoesNotFit, message).of(argument));
    if !width.is_multiple_of(2 * heads) {
        return wrong(format!("a width of {width} is no even number for each of {heads} heads"), "width");
    }
    if !SIDE.is_multiple_of(patch) {
        return wrong(format!("{SIDE} pixels are not divided by a patch of {patch}"), "patch");
    }
    let decoder = Decoder {
        vocabulary: number("vocabulary"),
        width,
        inner: 3 * width,
        layers: number("layers"),
        heads,
        kv_heads: heads,
        head: width / heads,
        epsilon: 1e-6,
        rotary: Rotary { theta: 10_000.0, positions: number("positions"), scaling: Scaling::None },
        biased: false,
        tied: false,
        spread: 0.02,
    };
    let tower = towers::small(width, number("vision_layers"), heads, SIDE, patch);
    let taken = tower.layers;
    let projector = Projector { biased: true, activation: Activation::Exact };
    Ok(Llava { decoder, tower, projector, taken, keep_class: false, placeholder: 0 }.architecture())
}

/// A vocabulary of the texts that `quiz` trains on in its default size, and of the sentences about answers' forms.
pub(super) fn tokenizer(spec: &Spec) -> Result<Tokenizer, Problem> {
    let prompts = Prompts::default();
    let mut texts: Vec<String> = Style::ALL.into_iter().map(|style| prompts.of(style).to_string()).collect();
    for task in QuizTask::ALL {
        let items = build(task, Size { test: 0, ..Size::default() }, 0, &prompts)?.train;
        texts.extend(items.into_iter().flat_map(|item| item.turns).flat_map(|turn| [turn.question, turn.answer]));
    }
    let trained = bpe::trained(texts.iter().map(String::as_str), spec.usize("vocabulary"));
    trained.map_err(|e| Problem::new(ProblemKind::DoesNotFit, e.to_string()).of("vocabulary"))
}
