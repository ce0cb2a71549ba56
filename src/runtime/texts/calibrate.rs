//! How fast this machine computes a language model: a model of one of its blocks is timed, since the whole may not fit into
//! memory, nor its weights be there.

use super::super::calibrate::fastest;
use super::super::error::Failure;
use crate::components::objectives::{Read, cross_entropy, read_once};
use crate::components::{catalogue, objectives};
use crate::language::program::Program;
use crate::nn::architecture::{Architecture, Init, Input, Layer, Linear, Tokens};
use crate::nn::network::{Asked, Network, Noise, Trainable};
use crate::nn::sequences::{Seen, Sequences};
use crate::plan::Profile;
use crate::plan::cost::PassCost;
use candle_core::Device;

/// Tokens of a conversation, conversations of a batch, and the vocabulary of the model that is timed.
const TOKENS: usize = 128;
const BATCH: usize = 8;
const VOCABULARY: usize = 512;

/// The speeds of a program's language model; `None` of a network for images.
///
/// # Errors
/// If memory cannot be had.
pub fn calibrate(program: &Program, device: &Device) -> Result<Option<Profile>, Failure> {
    let Some(architecture) = one_block(&program.model.architecture) else { return Ok(None) };
    let network = Network::new(architecture, program.seed, device)?.with_precision(program.precision);
    let (architecture, count) = (network.architecture(), TOKENS * BATCH);
    let cost = PassCost::of_texts(architecture, TOKENS as u64);
    let parts = architecture.parts();
    // With adapters they alone are trained.
    let adapted = parts.iter().any(|part| part.is_adapter());
    let trainable: Vec<bool> = parts.iter().map(|part| part.is_adapter() == adapted).collect();
    let token = |i: usize| (i * 7919 % VOCABULARY) as u32;
    let sequences = Sequences {
        count: BATCH,
        length: TOKENS,
        ids: (0..count).map(token).collect(),
        real: vec![true; count],
        targets: (0..count).map(|i| token(i + 1)).collect(),
        pictures: Vec::new(),
        seen: Seen::Nothing,
    };
    let spec = catalogue::with_defaults(&cross_entropy::MEMBER);
    let objective = spec.as_ref().map(objectives::build).ok_or_else(|| Failure::new("there is no objective"))?;
    let read = Read { sequences: &sequences, noise: Noise::Off, recompute: false };
    let training =
        fastest(|| Ok(read_once(objective.as_ref(), &network, read, &[], Trainable::Only(&trainable)).map(drop)?))?;
    let forward = fastest(|| {
        let tape = network.tape();
        Ok(network.read(&tape, &sequences, Asked::Learned, Trainable::None, Noise::Off).map(drop)?)
    })?;
    let evaluation = BATCH as f64 * cost.forward() / forward;
    Ok(Some(Profile {
        training: BATCH as f64 * cost.training(&parts, &trainable) / training,
        attacks: evaluation,
        evaluation,
    }))
}

/// The first block of a decoder between an embedding and a classifier of few tokens.
fn one_block(architecture: &Architecture) -> Option<Architecture> {
    let Input::Text { .. } = architecture.input else { return None };
    let [Layer::Tokens(tokens), block @ Layer::Stage(_), .., norm @ Layer::RowNorm(_), _] =
        architecture.layers.as_slice()
    else {
        return None;
    };
    let tokens = Tokens { rows: VOCABULARY, vision: None, ..tokens.as_ref().clone() };
    let head = Linear {
        name: "lm_head".into(),
        input: tokens.width,
        output: VOCABULARY,
        bias: None,
        init: Init::Default,
        adapters: vec![],
    };
    let layers = vec![Layer::Tokens(Box::new(tokens)), block.clone(), norm.clone(), Layer::Linear(head)];
    Some(Architecture { input: Input::Text { picture: None }, classes: VOCABULARY, layers })
}
