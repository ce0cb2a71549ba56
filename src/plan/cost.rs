//! What passes cost: floating-point operations, memory, bytes on disk, and seconds where a [`Profile`] is given.
//!
//! Two operations are counted for each multiply-add of convolutions and linear layers, nothing for norms,
//! activations and pools. With F the operations of a forward pass: the gradient of a layer's weights costs what its
//! forward pass costs and is formed where the weights are trained; the gradient of its input costs the same and is
//! formed down to the first layer that is trained, or down to the image in a pass of an attack, which forms no
//! gradient of weights. So full training takes about 3 F, an attack's pass 2 F, an evaluation F.

use super::passes::EVALUATION_BATCH;
use super::text_cost;
use crate::components::{Spec, Value};
use crate::language::program::{Batch, Program, Settings};
use crate::nn::architecture::{Architecture, Layer, Part, PartKind};
use crate::nn::shapes::Shape;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How fast a machine computes this program's network: operations in a second, as a short calibration found them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// passes that train: forward, backward and the optimizer's step
    pub training: f64,
    /// passes of attacks: forward and backward to the image
    pub attacks: f64,
    /// forward passes
    pub evaluation: f64,
}

/// A network's passes.
#[derive(Clone, Debug)]
pub struct PassCost {
    /// operations of one image's forward pass, by weight-bearing layer in forward order
    layers: Vec<u64>,
    /// numbers in the largest input and output of one layer, for one image
    widest: u64,
    /// numbers that a training pass keeps of one conversation; `None` of images
    kept: Option<u64>,
    /// layers that pictures among texts are seen with: what they make of a picture is kept where they stand still
    seen_with: Range<usize>,
    /// layers of the blocks that a training pass goes through twice, where something is trained before their end
    again: Vec<usize>,
}

impl PassCost {
    pub fn of(architecture: &Architecture) -> PassCost {
        let mut cost = PassCost { layers: Vec::new(), widest: 0, kept: None, seen_with: 0..0, again: Vec::new() };
        cost.follow(&architecture.layers, architecture.start());
        cost
    }

    /// Of a program's network and of examples such as it trains on.
    pub fn of_program(program: &Program) -> PassCost {
        let architecture = &program.model.architecture;
        match text_cost::of_program(program) {
            Some(tokens) if program.recompute => {
                PassCost::of_texts(architecture, tokens).recomputing(architecture, tokens)
            }
            Some(tokens) => PassCost::of_texts(architecture, tokens),
            None => PassCost::of(architecture),
        }
    }

    /// Of a language model, whose examples are conversations of so many tokens.
    pub fn of_texts(architecture: &Architecture, tokens: u64) -> PassCost {
        let parts = architecture.parts();
        let seen = parts.iter().filter(|part| text_cost::seen_with(part)).map(|part| part.layer);
        PassCost {
            layers: text_cost::layers(architecture, tokens),
            widest: tokens.saturating_mul(architecture.classes as u64),
            kept: Some(text_cost::kept(architecture, tokens)),
            seen_with: seen.clone().min().unwrap_or(0)..seen.max().map_or(0, |last| last + 1),
            again: Vec::new(),
        }
    }

    /// The same where a training pass keeps what goes into blocks alone.
    fn recomputing(self, architecture: &Architecture, tokens: u64) -> PassCost {
        let parts = architecture.parts();
        let head = architecture.layers().len().saturating_sub(1);
        let mut blocks: Vec<usize> = parts.iter().filter(|part| part.block.is_some()).map(|part| part.layer).collect();
        blocks.retain(|layer| !self.seen_with.contains(layer) && *layer != head);
        blocks.dedup();
        PassCost { kept: Some(text_cost::kept_of_blocks(architecture, tokens)), again: blocks, ..self }
    }

    /// Ends where a layer doesn't fit, which the checker has refused before.
    fn follow(&mut self, layers: &[Layer], mut shape: Shape) -> Option<Shape> {
        for layer in layers {
            shape = match layer {
                Layer::Stage(inner) => self.follow(inner, shape)?,
                Layer::Residual { pre, body, shortcut } => {
                    let inside = self.follow(pre, shape)?;
                    let output = self.follow(body, inside)?;
                    self.follow(shortcut, inside)?;
                    output
                }
                leaf => self.leaf(leaf, shape)?,
            };
        }
        Some(shape)
    }

    fn leaf(&mut self, layer: &Layer, input: Shape) -> Option<Shape> {
        let output = layer.output(input).ok()?;
        let per_output = match layer {
            Layer::Conv { input, kernel, .. } => Some((input * kernel * kernel) as u64),
            Layer::Linear(_) | Layer::TiedHead { .. } => Some(input.count()),
            _ => None,
        };
        if let Some(n) = per_output {
            self.layers.push(output.count().saturating_mul(2 * n));
        }
        self.widest = self.widest.max(input.count().saturating_add(output.count()));
        Some(output)
    }

    /// Operations of one image's forward pass.
    pub fn forward(&self) -> f64 {
        self.layers.iter().map(|n| *n as f64).sum()
    }

    /// Operations of one image's pass of an attack.
    pub fn attack(&self) -> f64 {
        2.0 * self.forward()
    }

    /// Operations of one image's training pass where these parts are trained.
    pub fn training(&self, parts: &[Part], trainable: &[bool]) -> f64 {
        let trained = || parts.iter().zip(trainable).filter(|(_, t)| **t).map(|(part, _)| part);
        let still = !trained().any(|part| self.seen_with.contains(&part.layer));
        let unseen: f64 = self.seen_with.clone().filter(|_| still).map(|layer| self.layer(layer)).sum();
        let weights: f64 = trained().filter(|p| is_weight(p.kind)).map(|p| self.layer(p.layer)).sum();
        let first = trained().map(|p| p.layer).min().unwrap_or(self.layers.len());
        let inputs: f64 = self.layers.iter().skip(first + 1).map(|n| *n as f64).sum();
        let again: f64 = self.again.iter().filter(|layer| **layer >= first).map(|layer| self.layer(*layer)).sum();
        self.forward() - unseen + weights + inputs + again
    }

    fn layer(&self, index: usize) -> f64 {
        self.layers.get(index).map_or(0.0, |n| *n as f64)
    }
}

fn is_weight(kind: PartKind) -> bool {
    matches!(kind, PartKind::ConvWeight | PartKind::LinearWeight)
}

/// Bytes of all weights and running statistics: two a number where files have no more and `changed` says that nothing
/// changes them, else four.
pub fn weight_bytes(program: &Program, changed: &[bool]) -> u64 {
    let parts = program.model.parts.iter().zip(program.model.narrow.iter().zip(changed));
    let narrow = |narrow: bool, changed: bool| narrow && !changed;
    let weights: u64 = parts.map(|(p, (n, c))| if narrow(*n, *c) { 2 } else { 4 } * p.count() as u64).sum();
    let buffers = program.model.architecture.buffers();
    let statistics: u64 = buffers.iter().map(|b| b.shape.iter().product::<usize>() as u64).sum();
    weights + 4 * statistics
}

/// Bytes of the trained weights: of their gradients, and of each tensor that an optimizer remembers for each.
pub fn trained_bytes(parts: &[Part], settings: &Settings) -> u64 {
    let trained = parts.iter().zip(settings.trainable.iter()).filter(|(_, t)| **t);
    trained.map(|(p, _)| 4 * p.count() as u64).sum()
}

/// Tensors that an optimizer remembers for each weight: a velocity, or two moments.
pub fn remembered(optimizer: &Spec) -> u64 {
    let momentum = || match optimizer.member.param("momentum").map(|(i, _)| &optimizer.args[i]) {
        Some(Value::Real(m)) => *m > 0.0,
        Some(Value::Int(m)) => *m > 0,
        waits_or_absent => waits_or_absent.is_some(),
    };
    if optimizer.member.param("betas").is_some() { 2 } else { momentum().into() }
}

/// Bytes of what a training pass keeps until it has walked back: all outputs of layers, and the gradient that is
/// under way.
pub fn training_pass_bytes(program: &Program, cost: &PassCost, settings: &Settings) -> u64 {
    let images = settings.train_count();
    let batch = match settings.batch {
        Batch::Size(n) => n.min(images),
        Batch::All => images,
    };
    pass_bytes(program, cost, batch)
}

/// The same for an attack in an evaluation; without an attack, only a layer's input and output live at a time.
pub fn evaluation_pass_bytes(program: &Program, cost: &PassCost, attacked: bool) -> u64 {
    match attacked {
        true => pass_bytes(program, cost, EVALUATION_BATCH),
        false => cost.widest.saturating_mul(4 * EVALUATION_BATCH),
    }
}

fn pass_bytes(program: &Program, cost: &PassCost, batch: u64) -> u64 {
    let kept = match cost.kept {
        Some(kept) => batch.saturating_mul(4 * kept),
        None => program.model.architecture.activation_bytes(usize::try_from(batch).unwrap_or(usize::MAX)),
    };
    kept.saturating_add(batch.saturating_mul(4 * cost.widest))
}

/// Bytes of what all blocks of two networks give for so many images, of one block's features together and centred, and
/// of the products of each two images: those of both networks, one block at a time.
pub fn features_bytes(program: &Program, images: u64) -> u64 {
    let mut shape = program.model.architecture.start();
    let (mut numbers, mut widest) = (0u64, 0u64);
    for layer in &program.model.architecture.layers {
        let Ok(output) = layer.output(shape) else { break };
        shape = output;
        if matches!(layer, Layer::Stage(_)) {
            numbers += shape.count();
            widest = widest.max(shape.count());
        }
    }
    let products = images.saturating_mul(images).saturating_mul(24);
    images.saturating_mul(8 * (numbers + widest)).saturating_add(products)
}

/// Bytes of a data set in memory: a byte for each pixel value, four for each label; of conversations their texts, in tokens
/// too, and what is kept of a picture of `quiz`'s size.
pub fn data_bytes(settings: &Settings) -> u64 {
    if let Some(texts) = settings.facts.texts() {
        let picture = if texts.pictures { 3 * 32 * 32 } else { 0 };
        let each = (6 * texts.characters + picture + 512) as u64;
        return settings.facts.counts.iter().map(|n| *n as u64).sum::<u64>().saturating_mul(each);
    }
    let image: u64 = settings.facts.image().iter().map(|n| *n as u64).product();
    settings.facts.counts.iter().map(|n| *n as u64).sum::<u64>().saturating_mul(image + 4)
}
