//! Networks as plain data: what `language` resolves selectors against, `plan` counts, and `network` runs.
//! Nothing here allocates a weight.

/// A network for images: layers in forward order.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// C, H, W of an input image
    pub input: [usize; 3],
    /// outputs of the classifier
    pub classes: usize,
    /// stages and what stands between them
    pub layers: Vec<Layer>,
}

/// One layer. Names are those of the usual PyTorch definition (`layer1.0.conv1`), without `.weight`.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// one of the network's stages: what `blocks[i]` counts
    Stage(Vec<Layer>),
    /// (x − mean) / std per channel, no weights
    Normalize { mean: Vec<f64>, std: Vec<f64> },
    /// square kernel, zeros around: (N, C, H, W) → (N, K, OH, OW)
    Conv {
        name: String,
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        /// how its bias starts, where it has one
        bias: Option<Init>,
        init: Init,
    },
    /// each channel to mean 0 and variance 1, then scaled and shifted by learned numbers
    Norm { name: String, channels: usize, kind: NormKind },
    /// max(x, 0)
    Relu,
    /// maximum of each window, sizes rounded down
    MaxPool { kernel: usize, stride: usize },
    /// mean of each window, sizes rounded down
    AvgPool { kernel: usize, stride: usize },
    /// mean over H and W: (N, C, H, W) → (N, C)
    GlobalAvgPool,
    /// (N, C, H, W) → (N, C·H·W) in C, H, W order
    Flatten,
    /// (N, F) → (N, O)
    Linear {
        name: String,
        input: usize,
        output: usize,
        /// how its bias starts, where it has one
        bias: Option<Init>,
        init: Init,
    },
    /// `h = pre(x)`, output `body(h) + shortcut(h)`. An empty `shortcut` passes `x` itself, not `h`
    /// (as pre-activation and wide residual networks do where the shape doesn't change).
    Residual { pre: Vec<Layer>, body: Vec<Layer>, shortcut: Vec<Layer> },
}

/// What a norm averages over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// momentum 0.1, eps 1e-5, affine, running statistics
    Batch,
    /// eps 1e-5, affine, no running statistics
    Instance,
}

/// Distribution of a weight at the start, by fan-in F.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// U(−1/√F, 1/√F): PyTorch's default for convolutions and linear layers (Kaiming uniform with a = √5), their biases too
    Default,
    /// N(0, 2/fan_out) with fan_out = K·R·S for a weight of shape (K, C, R, S): wide residual networks
    KaimingNormalFanOut,
    /// N(0, 2/F)
    KaimingNormalFanIn,
    /// all the same: ones (norm weights), zeros (norm biases)
    Constant(f32),
}

/// One trainable tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// as in a PyTorch `state_dict`: `layer1.0.conv1.weight`
    pub name: String,
    pub shape: Vec<usize>,
    pub kind: PartKind,
    /// index of the weight-bearing layer it belongs to, in forward order; the classifier's is the last
    pub layer: usize,
    /// index of its stage, where it stands in one
    pub block: Option<usize>,
    /// the classifier's weight or bias: one row a class
    pub head: bool,
    pub init: Init,
    /// F of [`Init`]: inputs of one output (a bias has its weight's)
    pub fan_in: usize,
}

/// What a trainable tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    ConvWeight,
    LinearWeight,
    Bias,
    NormWeight,
    NormBias,
}

/// One tensor that isn't trained: running statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// `bn1.running_mean`
    pub name: String,
    pub shape: Vec<usize>,
    pub kind: BufferKind,
    /// as [`Part::layer`]
    pub layer: usize,
}

/// What a running statistic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// starts at 0
    RunningMean,
    /// starts at 1
    RunningVar,
    /// `num_batches_tracked`, i64, starts at 0
    BatchesTracked,
}

impl Part {
    /// Numbers in it.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Architecture {
    /// All trainable tensors: layers in forward order (a shortcut after its body), within a layer as in PyTorch's `state_dict`.
    pub fn parts(&self) -> Vec<Part> {
        let head = self.head();
        let mut parts = Vec::new();
        self.visit(&mut |layer, place| {
            let head = head.is_some() && layer.name() == head;
            parts.extend(layer.tensors().into_iter().map(|t| Part {
                name: t.name,
                shape: t.shape,
                kind: t.kind,
                layer: place.layer,
                block: place.block,
                head,
                init: t.init,
                fan_in: t.fan_in,
            }));
        });
        parts
    }

    /// All running statistics, in the order of [`Architecture::parts`].
    pub fn buffers(&self) -> Vec<Buffer> {
        let mut buffers = Vec::new();
        self.visit(&mut |layer, place| {
            if let Layer::Norm { name, channels, kind: NormKind::Batch } = layer {
                let buffer = |kind: BufferKind, shape: Vec<usize>| Buffer {
                    name: format!("{name}.{}", kind.suffix()),
                    shape,
                    kind,
                    layer: place.layer,
                };
                buffers.push(buffer(BufferKind::RunningMean, vec![*channels]));
                buffers.push(buffer(BufferKind::RunningVar, vec![*channels]));
                buffers.push(buffer(BufferKind::BatchesTracked, vec![]));
            }
        });
        buffers
    }

    /// Names of the weight-bearing layers: what `layers[i]` counts, the classifier last.
    pub fn layers(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.visit(&mut |layer, _| {
            if let Layer::Conv { name, .. } | Layer::Linear { name, .. } = layer {
                names.push(name.clone());
            }
        });
        names
    }

    /// How many stages `blocks[i]` counts.
    pub fn blocks(&self) -> usize {
        self.layers.iter().filter(|l| matches!(l, Layer::Stage(_))).count()
    }

    /// Name of the classifier: the last linear layer.
    pub fn head(&self) -> Option<&str> {
        last_linear(&self.layers).map(|(name, _)| name)
    }

    /// Features that the classifier sees; 0 where there is no classifier.
    pub fn penultimate(&self) -> usize {
        last_linear(&self.layers).map_or(0, |(_, input)| input)
    }

    /// The same network with another number of classes.
    pub fn with_classes(mut self, classes: usize) -> Architecture {
        self.classes = classes;
        if let Some(Layer::Linear { output, .. }) = last_linear_mut(&mut self.layers) {
            *output = classes;
        }
        self
    }

    /// Calls `f` with every layer that has tensors, in forward order.
    fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Layer, Place)) {
        let mut walk = Walk { seen: 0, block: None, f };
        let mut block = 0;
        for layer in &self.layers {
            walk.block = matches!(layer, Layer::Stage(_)).then_some(block);
            block += usize::from(walk.block.is_some());
            walk.layer(layer);
        }
    }
}

/// Where a layer with tensors stands: [`Part::layer`] and [`Part::block`].
#[derive(Clone, Copy)]
struct Place {
    layer: usize,
    block: Option<usize>,
}

struct Walk<'f, F> {
    /// weight-bearing layers so far
    seen: usize,
    block: Option<usize>,
    f: &'f mut F,
}

impl<'a, F: FnMut(&'a Layer, Place)> Walk<'_, F> {
    fn layer(&mut self, layer: &'a Layer) {
        match layer {
            Layer::Stage(layers) => layers.iter().for_each(|l| self.layer(l)),
            Layer::Residual { pre, body, shortcut } => {
                pre.iter().chain(body).chain(shortcut).for_each(|l| self.layer(l));
            }
            Layer::Conv { .. } | Layer::Linear { .. } => {
                (self.f)(layer, Place { layer: self.seen, block: self.block });
                self.seen += 1;
            }
            // A norm belongs to the weights before it; one that stands before all weights, to the first.
            Layer::Norm { .. } => (self.f)(layer, Place { layer: self.seen.saturating_sub(1), block: self.block }),
            _ => {}
        }
    }
}

/// A tensor of a layer: what [`Part`] says of it wherever the layer stands.
struct OwnTensor {
    name: String,
    shape: Vec<usize>,
    kind: PartKind,
    init: Init,
    fan_in: usize,
}

impl Layer {
    /// Its name, where it has tensors.
    pub fn name(&self) -> Option<&str> {
        match self {
            Layer::Conv { name, .. } | Layer::Norm { name, .. } | Layer::Linear { name, .. } => Some(name),
            _ => None,
        }
    }

    fn tensors(&self) -> Vec<OwnTensor> {
        match self {
            Layer::Conv { name, input, output, kernel, bias, init, .. } => {
                let shape = vec![*output, *input, *kernel, *kernel];
                weight_and_bias(name, PartKind::ConvWeight, shape, *init, *bias)
            }
            Layer::Linear { name, input, output, bias, init } => {
                weight_and_bias(name, PartKind::LinearWeight, vec![*output, *input], *init, *bias)
            }
            Layer::Norm { name, channels, .. } => {
                let shape = vec![*channels];
                vec![
                    OwnTensor {
                        name: format!("{name}.weight"),
                        shape: shape.clone(),
                        kind: PartKind::NormWeight,
                        init: Init::Constant(1.0),
                        fan_in: 1,
                    },
                    OwnTensor {
                        name: format!("{name}.bias"),
                        shape,
                        kind: PartKind::NormBias,
                        init: Init::Constant(0.0),
                        fan_in: 1,
                    },
                ]
            }
            _ => Vec::new(),
        }
    }
}

fn weight_and_bias(name: &str, kind: PartKind, shape: Vec<usize>, init: Init, bias: Option<Init>) -> Vec<OwnTensor> {
    let fan_in = shape[1..].iter().product();
    let outputs = shape[0];
    let mut tensors = vec![OwnTensor { name: format!("{name}.weight"), shape, kind, init, fan_in }];
    if let Some(init) = bias {
        let name = format!("{name}.bias");
        tensors.push(OwnTensor { name, shape: vec![outputs], kind: PartKind::Bias, init, fan_in });
    }
    tensors
}

impl BufferKind {
    /// Its name in a `state_dict`, after the layer's.
    pub fn suffix(self) -> &'static str {
        match self {
            BufferKind::RunningMean => "running_mean",
            BufferKind::RunningVar => "running_var",
            BufferKind::BatchesTracked => "num_batches_tracked",
        }
    }
}

/// Name and inputs of the last linear layer.
fn last_linear(layers: &[Layer]) -> Option<(&str, usize)> {
    layers.iter().rev().find_map(|layer| match layer {
        Layer::Linear { name, input, .. } => Some((name.as_str(), *input)),
        Layer::Stage(inner) => last_linear(inner),
        Layer::Residual { pre, body, shortcut } => {
            last_linear(shortcut).or_else(|| last_linear(body)).or_else(|| last_linear(pre))
        }
        _ => None,
    })
}

fn last_linear_mut(layers: &mut [Layer]) -> Option<&mut Layer> {
    layers.iter_mut().rev().find_map(|layer| match layer {
        Layer::Linear { .. } => Some(layer),
        Layer::Stage(inner) => last_linear_mut(inner),
        Layer::Residual { pre, body, shortcut } => {
            last_linear_mut(shortcut).or_else(|| last_linear_mut(body)).or_else(|| last_linear_mut(pre))
        }
        _ => None,
    })
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
