//! All that has tensors, in forward order.

use super::{Init, Layer, Linear, NormKind, PartKind, Patches, RowNorm, RowNormKind, Tokens, Vision};

/// Where something with tensors stands: [`Part::layer`](super::Part::layer) and [`Part::block`](super::Part::block).
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) layer: usize,
    pub(super) block: Option<usize>,
}

/// Something with tensors of its own: a layer, or a part of one.
#[derive(Clone, Copy)]
pub(super) enum Unit<'a> {
    Conv {
        name: &'a str,
        shape: [usize; 4],
        bias: Option<Init>,
        init: Init,
    },
    Linear(&'a Linear),
    Norm {
        name: &'a str,
        channels: usize,
        kind: NormKind,
    },
    RowNorm(&'a RowNorm),
    Embedding(&'a Tokens),
    Patches(&'a Patches),
    /// in the file of weights alone
    Idle(&'a str, &'a [usize]),
}

/// A tensor of a unit: what [`Part`](super::Part) says of it wherever the unit stands.
pub(super) struct OwnTensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) kind: PartKind,
    pub(super) init: Init,
    pub(super) fan_in: usize,
}

pub(super) struct Walk<'f, F> {
    /// weight-bearing layers so far
    seen: usize,
    /// stages so far
    blocks: usize,
    block: Option<usize>,
    f: &'f mut F,
}

impl<'a, 'f, F: FnMut(Unit<'a>, Place)> Walk<'f, F> {
    pub(super) fn new(f: &'f mut F) -> Self {
        Walk { seen: 0, blocks: 0, block: None, f }
    }

    /// Layers of a network, stages among them.
    pub(super) fn all(&mut self, layers: &'a [Layer]) {
        for layer in layers {
            self.block = matches!(layer, Layer::Stage(_)).then_some(self.blocks);
            self.blocks += usize::from(self.block.is_some());
            self.layer(layer);
        }
        self.block = None;
    }

    fn layer(&mut self, layer: &'a Layer) {
        match layer {
            Layer::Stage(layers) => layers.iter().for_each(|l| self.layer(l)),
            Layer::Residual { pre, body, shortcut } => {
                pre.iter().chain(body).chain(shortcut).for_each(|l| self.layer(l));
            }
            Layer::Conv { name, input, output, kernel, bias, init, .. } => {
                let shape = [*output, *input, *kernel, *kernel];
                self.bearing(Unit::Conv { name, shape, bias: *bias, init: *init });
            }
            Layer::Linear(linear) => self.bearing(Unit::Linear(linear)),
            Layer::Norm { name, channels, kind } => self.owned(Unit::Norm { name, channels: *channels, kind: *kind }),
            Layer::RowNorm(norm) => self.owned(Unit::RowNorm(norm)),
            Layer::Tokens(tokens) => {
                if let Some(vision) = &tokens.vision {
                    self.vision(vision);
                }
                self.bearing(Unit::Embedding(tokens));
            }
            Layer::Patches(patches) => self.bearing(Unit::Patches(patches)),
            Layer::Attention(attention) => {
                self.owned(Unit::RowNorm(&attention.norm));
                attention.projections().into_iter().for_each(|linear| self.bearing(Unit::Linear(linear)));
            }
            Layer::FeedForward(middle) => {
                self.owned(Unit::RowNorm(&middle.norm));
                middle.projections().for_each(|linear| self.bearing(Unit::Linear(linear)));
            }
            Layer::Normalize { .. }
            | Layer::Relu
            | Layer::MaxPool { .. }
            | Layer::AvgPool { .. }
            | Layer::GlobalAvgPool
            | Layer::Flatten
            | Layer::Activation(_)
            | Layer::TiedHead { .. } => {}
        }
    }

    fn vision(&mut self, vision: &'a Vision) {
        self.all(&vision.layers);
        vision.idle.iter().for_each(|(name, shape)| self.owned(Unit::Idle(name, shape)));
        self.all(&vision.projector);
    }

    fn bearing(&mut self, unit: Unit<'a>) {
        (self.f)(unit, Place { layer: self.seen, block: self.block });
        self.seen += 1;
    }

    /// A norm belongs to the weights before it; one that stands before all weights, to the first.
    fn owned(&mut self, unit: Unit<'a>) {
        (self.f)(unit, Place { layer: self.seen.saturating_sub(1), block: self.block });
    }
}

impl<'a> Unit<'a> {
    pub(super) fn name(&self) -> &'a str {
        match *self {
            Unit::Conv { name, .. } | Unit::Norm { name, .. } | Unit::Idle(name, _) => name,
            Unit::Linear(linear) => &linear.name,
            Unit::RowNorm(norm) => &norm.name,
            Unit::Embedding(tokens) => &tokens.name,
            Unit::Patches(patches) => &patches.name,
        }
    }

    /// Whether `layers[i]` counts it.
    pub(super) fn bears_weights(&self) -> bool {
        matches!(self, Unit::Conv { .. } | Unit::Linear(_) | Unit::Embedding(_) | Unit::Patches(_))
    }

    pub(super) fn tensors(&self) -> Vec<OwnTensor> {
        match *self {
            Unit::Conv { name, shape, bias, init } => {
                weight_and_bias(name, PartKind::ConvWeight, shape.to_vec(), init, bias)
            }
            Unit::Linear(linear) => linear.tensors(),
            Unit::Norm { name, channels, .. } => vec![of_norm(name, channels), shift_of_norm(name, channels)],
            Unit::RowNorm(RowNorm { name, width, kind }) => {
                let mut tensors = vec![of_norm(name, *width)];
                if matches!(kind, RowNormKind::Layer) {
                    tensors.push(shift_of_norm(name, *width));
                }
                tensors
            }
            Unit::Embedding(Tokens { name, rows, width, init, .. }) => {
                vec![table(format!("{name}.weight"), vec![*rows, *width], *init)]
            }
            Unit::Patches(patches) => patches.tensors(),
            Unit::Idle(name, shape) => vec![OwnTensor {
                name: name.to_string(),
                shape: shape.to_vec(),
                kind: PartKind::Idle,
                init: Init::Constant(0.0),
                fan_in: 1,
            }],
        }
    }
}

fn of_norm(name: &str, width: usize) -> OwnTensor {
    constant(format!("{name}.weight"), width, PartKind::NormWeight, 1.0)
}

fn shift_of_norm(name: &str, width: usize) -> OwnTensor {
    constant(format!("{name}.bias"), width, PartKind::NormBias, 0.0)
}

fn constant(name: String, width: usize, kind: PartKind, value: f32) -> OwnTensor {
    OwnTensor { name, shape: vec![width], kind, init: Init::Constant(value), fan_in: 1 }
}

/// Vectors that are looked up.
pub(super) fn table(name: String, shape: Vec<usize>, init: Init) -> OwnTensor {
    OwnTensor { name, shape, kind: PartKind::Embedding, init, fan_in: 1 }
}

pub(super) fn weight_and_bias(
    name: &str,
    kind: PartKind,
    shape: Vec<usize>,
    init: Init,
    bias: Option<Init>,
) -> Vec<OwnTensor> {
    let fan_in = shape[1..].iter().product();
    let outputs = shape[0];
    let mut tensors = vec![OwnTensor { name: format!("{name}.weight"), shape, kind, init, fan_in }];
    if let Some(init) = bias {
        let name = format!("{name}.bias");
        tensors.push(OwnTensor { name, shape: vec![outputs], kind: PartKind::Bias, init, fan_in });
    }
    tensors
}
