//! What passes over conversations cost. Sizes of conversations are known in characters before the run, so tokens are
//! estimated: one for each four characters, as vocabularies for English have them, and what a picture takes.

use super::each_step;
use crate::components::data::Texts;
use crate::language::program::{Op, Program, Settings};
use crate::nn::architecture::{Architecture, Input, Layer, Part, PartKind, Region};

/// Characters that a token stands for, about.
const CHARACTERS: usize = 4;

/// Tokens that a template puts around a question and its answer, about.
const AROUND: usize = 8;

/// Tokens of a conversation, about: as many as `max_length` and the model allow at most.
pub fn tokens(architecture: &Architecture, texts: &Texts, max_length: Option<u64>) -> u64 {
    let picture = architecture.vision().filter(|_| texts.pictures).map_or(0, |vision| vision.tokens);
    let tokens = (texts.characters.div_ceil(CHARACTERS) + AROUND + picture) as u64;
    let most = architecture.positions().map_or(u64::MAX, |n| n as u64);
    tokens.min(most).min(max_length.unwrap_or(u64::MAX)).max(1)
}

/// The same of a program's conversations; `None` of one of images.
pub fn of_program(program: &Program) -> Option<u64> {
    let Input::Text { .. } = program.model.architecture.input else { return None };
    let mut first: Option<&Settings> = None;
    each_step(&program.body, &mut |step| {
        if let (None, Op::Train(train)) = (first, &step.op) {
            first = Some(&train.settings);
        }
    });
    let max_length = first.and_then(|settings| settings.texts.max_length);
    Some(match first.and_then(|settings| settings.facts.texts()) {
        Some(texts) => tokens(&program.model.architecture, texts, max_length),
        None => 1,
    })
}

/// Operations of one conversation's forward pass by weight-bearing layer: two for each weight that a token meets. Those of a
/// vision tower are met by each vector of a picture.
pub fn layers(architecture: &Architecture, tokens: u64) -> Vec<u64> {
    let parts = architecture.parts();
    let mut layers = vec![0u64; parts.iter().map(|part| part.layer + 1).max().unwrap_or(0)];
    let vectors = architecture.vision().map_or(0, |vision| vision.tokens as u64 + 1);
    for part in parts.iter().filter(|part| is_product(architecture, part)) {
        let met = if seen_with(part) { vectors } else { tokens };
        let work = (2 * part.count() as u64).saturating_mul(met);
        layers[part.layer] = layers[part.layer].saturating_add(work);
    }
    layers
}

/// Whether a token is multiplied with all of it: weights of linear layers, and an embedding that is the classifier too.
fn is_product(architecture: &Architecture, part: &Part) -> bool {
    match part.kind {
        PartKind::LinearWeight | PartKind::Adapter | PartKind::ConvWeight => true,
        PartKind::Embedding => architecture.head().is_some_and(|head| part.name == format!("{head}.weight")),
        _ => false,
    }
}

/// Whether it is what the model sees with: the tower, whose vectors are kept where it stands still.
pub fn seen_with(part: &Part) -> bool {
    part.is_of_tower()
}

/// The same where what is inside of blocks is computed anew: what goes into each block, all of one block, and the logits.
pub fn kept_of_blocks(architecture: &Architecture, tokens: u64) -> u64 {
    let width = |layer: &Layer| match layer {
        Layer::Stage(inner) => inner.iter().find_map(|layer| match layer {
            Layer::Attention(attention) => Some(attention.norm.width as u64),
            _ => None,
        }),
        _ => None,
    };
    let (mut inputs, mut largest) = (0u64, 0u64);
    for layer in &architecture.layers {
        let Some(width) = width(layer) else { continue };
        inputs += width;
        let alone = Architecture { input: architecture.input, classes: 0, layers: vec![layer.clone()] };
        largest = largest.max(kept(&alone, 1));
    }
    tokens.saturating_mul(inputs + largest + 3 * architecture.classes as u64)
}

/// Numbers that a training pass keeps of one conversation: the outputs of all linear layers with what activations and norms
/// put between them (about as much again), and the logits with their gradient.
pub fn kept(architecture: &Architecture, tokens: u64) -> u64 {
    let linears = architecture.linears();
    let behind = linears.iter().filter(|linear| Region::of(&linear.name) != Some(Region::Tower));
    let outputs: u64 = behind.map(|linear| linear.output as u64).sum();
    let head = architecture.classes as u64;
    tokens.saturating_mul(2 * outputs.saturating_sub(head) + 3 * head)
}
