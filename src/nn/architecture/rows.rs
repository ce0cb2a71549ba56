//! Layers on rows of vectors: those of language models and of the towers that they see with.

use super::walk::{OwnTensor, table, weight_and_bias};
use super::{Init, Layer, PartKind};
use crate::nn::ops::Gelu;

/// y = x wᵀ + b, (N, F) → (N, O).
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub name: String,
    /// F
    pub input: usize,
    /// O
    pub output: usize,
    /// how its bias starts, where it has one
    pub bias: Option<Init>,
    pub init: Init,
    pub adapters: Vec<Adapter>,
}

/// Something small that is trained beside a linear layer, and added to what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// tells it from others of the layer, as in PEFT: `default`
    pub name: String,
    /// numbers between its two factors, of all its experts together
    pub rank: usize,
    /// what its output is multiplied by: alpha / rank
    pub scale: f64,
    /// share of its inputs that a training pass leaves out
    pub dropout: f64,
    /// 1: LoRA, scale · b a x (Hu et al. 2022, eq. 3). More: a mixture, scale · Σ g_e b_e a_e x with g = softmax(router x)
    /// (MoELoRA as CoIN has it, Chen et al. 2024)
    pub experts: usize,
}

/// Where tokens become vectors, and pictures between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// of the embedding
    pub name: String,
    /// tokens of the vocabulary
    pub rows: usize,
    /// numbers of a vector
    pub width: usize,
    pub init: Init,
    pub vision: Option<Vision>,
}

/// What a language model sees with: a tower that turns a picture into vectors, and a projector that makes them as wide
/// as those of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Vision {
    /// from pixels in [0, 1] to the vectors that are taken
    pub layers: Vec<Layer>,
    /// tensors of the tower behind those, by name and shape: they are in its files of weights
    pub idle: Vec<(String, Vec<usize>)>,
    /// whether the vector of the whole picture stays, or those of patches alone
    pub keep_class: bool,
    pub projector: Vec<Layer>,
    /// vectors of one picture
    pub tokens: usize,
    /// the token that stands for a picture
    pub placeholder: u32,
}

/// x + o(attend(q, k, v)), q, k and v being made of norm(x): (N, W) → (N, W).
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    pub norm: RowNorm,
    pub q: Linear,
    pub k: Linear,
    pub v: Linear,
    pub o: Linear,
    pub heads: usize,
    /// a divisor of `heads`
    pub kv_heads: usize,
    /// queries and keys are turned by their position; a vector then sees those up to itself, else it sees all
    pub rotary: Option<Rotary>,
}

/// Angles of positions: frequencies theta^(−2i/d), as `scaling` changes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotary {
    pub theta: f64,
    /// positions that the model was made for
    pub positions: usize,
    pub scaling: Scaling,
}

/// How frequencies are changed for longer texts than a model was first trained on; the rules are those of transformers'
/// `modeling_rope_utils`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    None,
    /// divided by a factor: positions lie closer (Chen et al. 2023, arXiv 2306.15595)
    Linear(f64),
    /// Llama 3.1's: divided by the factor where a turn takes more than `original / low` positions, kept where it takes less than
    /// `original / high`, between the two in between (Dubey et al. 2024, arXiv 2407.21783)
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
}

impl Rotary {
    /// One for each pair of a head of `d` numbers.
    pub fn frequencies(&self, d: usize) -> Vec<f64> {
        let plain = (0..d / 2).map(|i| self.theta.powf(-((2 * i) as f64) / d as f64));
        plain.map(|frequency| self.scaling.apply(frequency)).collect()
    }
}

impl Scaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            Scaling::None => frequency,
            Scaling::Linear(factor) => frequency / factor,
            Scaling::Llama3 { factor, low, high, original } => {
                let turns = original * frequency / std::f64::consts::TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                (1.0 - kept) * frequency / factor + kept * frequency
            }
        }
    }
}

/// x + down(act(gate n) · up n), or without a gate x + down(act(up n)), n being norm(x): (N, W) → (N, W).
#[derive(Clone, Debug, PartialEq)]
pub struct FeedForward {
    pub norm: RowNorm,
    /// with SiLU as its activation
    pub gate: Option<Linear>,
    pub up: Linear,
    pub down: Linear,
    /// of what has no gate
    pub activation: Activation,
}

/// A smooth activation.
pub type Activation = Gelu;

/// A normalization of each vector by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RowNorm {
    pub name: String,
    pub width: usize,
    pub kind: RowNormKind,
}

/// What a vector is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowNormKind {
    /// the root of its mean square; scaled, not shifted
    Rms { epsilon: f64 },
    /// its standard deviation around its mean (eps 1e-5); scaled and shifted
    Layer,
}

/// The vectors of a picture's patches behind that of the whole, each with its place added: a convolution whose windows
/// don't overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Patches {
    /// of the three tensors: `….class_embedding`, `….patch_embedding.weight`, `….position_embedding.weight`
    pub name: String,
    pub channels: usize,
    /// height and width of the picture, a multiple of `patch`
    pub size: usize,
    pub patch: usize,
    pub width: usize,
    pub init: Init,
}

impl Linear {
    pub(super) fn tensors(&self) -> Vec<OwnTensor> {
        let shape = vec![self.output, self.input];
        let mut tensors = weight_and_bias(&self.name, PartKind::LinearWeight, shape, self.init, self.bias);
        for adapter in &self.adapters {
            tensors.extend(adapter.tensors(self));
        }
        tensors
    }
}

impl Adapter {
    /// The name of one of its tensors beside a layer: `lora_A`, `lora_B`, and of a mixture `lora_router`.
    pub fn tensor(&self, layer: &str, which: &str) -> String {
        format!("{layer}.{which}.{}.weight", self.name)
    }

    /// a (r, F), b (O, r), and of a mixture its router (E, F). b starts at 0, so that an adapter starts by changing nothing.
    fn tensors(&self, linear: &Linear) -> Vec<OwnTensor> {
        let tensor = |which: &str, shape: [usize; 2], init: Init| OwnTensor {
            name: self.tensor(&linear.name, which),
            fan_in: shape[1],
            shape: shape.to_vec(),
            kind: PartKind::Adapter,
            init,
        };
        // PEFT's initialization, and CoIN's of a mixture.
        let start = if self.experts > 1 { Init::Normal(0.01) } else { Init::Default };
        let mut tensors = vec![
            tensor("lora_A", [self.rank, linear.input], start),
            tensor("lora_B", [linear.output, self.rank], Init::Constant(0.0)),
        ];
        if self.experts > 1 {
            tensors.push(tensor("lora_router", [self.experts, linear.input], Init::Default));
        }
        tensors
    }
}

impl Attention {
    /// The same, to change.
    pub(super) fn projections_mut(&mut self) -> [&mut Linear; 4] {
        [&mut self.q, &mut self.k, &mut self.v, &mut self.o]
    }

    /// q, k, v, o
    pub fn projections(&self) -> [&Linear; 4] {
        [&self.q, &self.k, &self.v, &self.o]
    }

    /// Numbers of a head.
    pub fn head(&self) -> usize {
        self.q.output / self.heads
    }
}

impl FeedForward {
    /// The same, to change.
    pub(super) fn projections_mut(&mut self) -> impl Iterator<Item = &mut Linear> {
        self.gate.iter_mut().chain([&mut self.up, &mut self.down])
    }

    /// gate, up, down
    pub fn projections(&self) -> impl Iterator<Item = &Linear> {
        self.gate.iter().chain([&self.up, &self.down])
    }
}

impl Patches {
    /// Patches of a picture.
    pub fn count(&self) -> usize {
        (self.size / self.patch).pow(2)
    }

    pub(super) fn tensors(&self) -> Vec<OwnTensor> {
        let Patches { name, channels, patch, width, init, .. } = self;
        let conv = weight_and_bias(
            &format!("{name}.patch_embedding"),
            PartKind::ConvWeight,
            vec![*width, *channels, *patch, *patch],
            *init,
            None,
        );
        let class = table(format!("{name}.class_embedding"), vec![*width], *init);
        let places = table(format!("{name}.position_embedding.weight"), vec![self.count() + 1, *width], *init);
        [class].into_iter().chain(conv).chain([places]).collect()
    }
}

impl Vision {
    /// C, H, W of the pictures that it takes.
    pub fn picture(&self) -> Option<[usize; 3]> {
        self.layers.iter().find_map(|layer| match layer {
            Layer::Patches(patches) => Some([patches.channels, patches.size, patches.size]),
            _ => None,
        })
    }

    /// Stages of the tower.
    pub fn blocks(&self) -> usize {
        self.layers.iter().filter(|layer| matches!(layer, Layer::Stage(_))).count()
    }
}
