//! Networks as plain data: what `language` resolves selectors against, `plan` counts, and `network` runs.
//! Nothing here allocates a weight.

mod rows;
mod walk;

pub use rows::{
    Activation, Adapter, Attention, FeedForward, Linear, Patches, Rotary, RowNorm, RowNormKind, Scaling, Tokens, Vision,
};
use std::collections::BTreeSet;
use walk::{Place, Unit, Walk};

/// A network: layers in forward order.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    pub input: Input,
    /// outputs of the classifier: classes, or tokens of a vocabulary
    pub classes: usize,
    /// stages and what stands between them
    pub layers: Vec<Layer>,
}

/// What a network reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// C, H, W of an image
    Image([usize; 3]),
    /// tokens, and where it sees, pictures of C, H, W among them
    Text { picture: Option<[usize; 3]> },
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
    Linear(Linear),
    /// `h = pre(x)`, output `body(h) + shortcut(h)`. An empty `shortcut` passes `x` itself, not `h`
    /// (as pre-activation and wide residual networks do where the shape doesn't change).
    Residual { pre: Vec<Layer>, body: Vec<Layer>, shortcut: Vec<Layer> },
    /// tokens and the pictures among them → (N, W), a vector for each
    Tokens(Box<Tokens>),
    /// (N, W) → (N, W): vectors of one sequence look at each other
    Attention(Box<Attention>),
    /// (N, W) → (N, W), each vector by itself
    FeedForward(Box<FeedForward>),
    /// (N, W) → (N, W), each vector by itself
    RowNorm(RowNorm),
    /// one of the smooth activations, elementwise
    Activation(Activation),
    /// image → (patches + 1, W): a vector for each patch behind one of the whole
    Patches(Box<Patches>),
    /// (N, W) → (N, V): the classifier of a language model whose weight is that of its embedding
    TiedHead { embedding: String, width: usize, rows: usize },
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
    /// N(0, std²): 0.02 for language models
    Normal(f32),
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
    /// a row for each token, or for each place
    Embedding,
    Bias,
    NormWeight,
    NormBias,
    /// a factor of an adapter, or the router of a mixture
    Adapter,
    /// in a file of weights, but not in any pass: never trained nor changed
    Idle,
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

/// How the names of a vision tower's tensors start, those of a projector, and those of the decoder behind both.
pub const TOWER: &str = "vision_tower.";
pub const PROJECTOR: &str = "multi_modal_projector.";
pub const DECODER: &str = "language_model.";

/// What a tensor or layer of a language model belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// what makes vectors of pictures
    Tower,
    /// what makes them as wide as those of tokens
    Projector,
    Decoder,
}

impl Region {
    /// Names of tensors and layers say it.
    pub fn of(name: &str) -> Option<Region> {
        let starts: [(&str, Region); 4] = [
            (TOWER, Region::Tower),
            (PROJECTOR, Region::Projector),
            (DECODER, Region::Decoder),
            // of a decoder alone
            ("model.", Region::Decoder),
        ];
        starts.into_iter().find(|(start, _)| name.starts_with(start)).map(|(_, region)| region)
    }
}

impl Part {
    /// Whether it is of what a language model sees with: the tower, or what makes its vectors as wide as those of tokens.
    pub fn is_for_pictures(&self) -> bool {
        matches!(Region::of(&self.name), Some(Region::Tower | Region::Projector))
    }

    /// Whether it is of the tower.
    pub fn is_of_tower(&self) -> bool {
        Region::of(&self.name) == Some(Region::Tower)
    }

    /// Whether it is a tensor of an adapter.
    pub fn is_adapter(&self) -> bool {
        self.kind == PartKind::Adapter
    }

    /// Whether passes read it in products and look-ups alone, so that a network may keep it in two bytes a number.
    pub fn may_be_narrow(&self) -> bool {
        match self.kind {
            PartKind::LinearWeight | PartKind::Embedding => self.shape.len() == 2,
            PartKind::Idle => true,
            _ => false,
        }
    }

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
        self.visit(&mut |unit, place| {
            let head = head.is_some() && Some(unit.name()) == head;
            parts.extend(unit.tensors().into_iter().map(|t| Part {
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
        self.visit(&mut |unit, place| {
            if let Unit::Norm { name, channels, kind: NormKind::Batch } = unit {
                let buffer = |kind: BufferKind, shape: Vec<usize>| Buffer {
                    name: format!("{name}.{}", kind.suffix()),
                    shape,
                    kind,
                    layer: place.layer,
                };
                buffers.push(buffer(BufferKind::RunningMean, vec![channels]));
                buffers.push(buffer(BufferKind::RunningVar, vec![channels]));
                buffers.push(buffer(BufferKind::BatchesTracked, vec![]));
            }
        });
        buffers
    }

    /// The names of some of its parts' tensors, and of the running statistics of the norms among them.
    pub fn tensors_of(&self, parts: &[usize]) -> BTreeSet<String> {
        let all = self.parts();
        let mut names: BTreeSet<String> = parts.iter().map(|part| all[*part].name.clone()).collect();
        for Buffer { name, kind, .. } in self.buffers() {
            if name.strip_suffix(kind.suffix()).is_some_and(|norm| names.contains(&format!("{norm}weight"))) {
                names.insert(name);
            }
        }
        names
    }

    /// Names of the weight-bearing layers: what `layers[i]` counts, the classifier last.
    pub fn layers(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.visit(&mut |unit, _| {
            if unit.bears_weights() {
                names.push(unit.name().to_string());
            }
        });
        names
    }

    /// How many stages `blocks[i]` counts.
    pub fn blocks(&self) -> usize {
        let own = self.layers.iter().filter(|l| matches!(l, Layer::Stage(_))).count();
        own + self.vision().map_or(0, Vision::blocks)
    }

    /// Places that a language model was made for.
    pub fn positions(&self) -> Option<usize> {
        fn of(layers: &[Layer]) -> Option<usize> {
            layers.iter().find_map(|layer| match layer {
                Layer::Stage(inner) => of(inner),
                Layer::Attention(attention) => attention.rotary.map(|rotary| rotary.positions),
                _ => None,
            })
        }
        of(&self.layers)
    }

    /// What it sees with, where it is a language model that does.
    pub fn vision(&self) -> Option<&Vision> {
        match self.layers.first() {
            Some(Layer::Tokens(tokens)) => tokens.vision.as_ref(),
            _ => None,
        }
    }

    /// Name of the classifier: the last linear layer, or the embedding that it shares its weight with.
    pub fn head(&self) -> Option<&str> {
        match self.layers.last() {
            Some(Layer::TiedHead { embedding, .. }) => Some(embedding),
            _ => last_linear(&self.layers).map(|linear| linear.name.as_str()),
        }
    }

    /// Features that the classifier sees; 0 where there is no classifier.
    pub fn penultimate(&self) -> usize {
        match self.layers.last() {
            Some(Layer::TiedHead { width, .. }) => *width,
            _ => last_linear(&self.layers).map_or(0, |linear| linear.input),
        }
    }

    /// The same network with another number of classes.
    pub fn with_classes(mut self, classes: usize) -> Architecture {
        self.classes = classes;
        if let Some(linear) = last_linear_mut(&mut self.layers) {
            linear.output = classes;
        }
        self
    }

    /// The same network with an adapter beside each linear layer whose name is wanted, and how many those are; one of the
    /// same name there is replaced.
    pub fn adapted(mut self, adapter: &Adapter, wanted: impl Fn(&str) -> bool) -> (Architecture, usize) {
        let mut count = 0;
        change_linears(&mut self.layers, &mut |linear| {
            if wanted(&linear.name) {
                linear.adapters.retain(|known| known.name != adapter.name);
                linear.adapters.push(adapter.clone());
                count += 1;
            }
        });
        (self, count)
    }

    /// The same network without the adapters of that name.
    pub fn without_adapter(mut self, name: &str) -> Architecture {
        change_linears(&mut self.layers, &mut |linear| linear.adapters.retain(|adapter| adapter.name != name));
        self
    }

    /// Linear layers in forward order, those of a tower and of a projector too.
    pub fn linears(&self) -> Vec<&Linear> {
        let mut linears = Vec::new();
        self.visit(&mut |unit, _| {
            if let Unit::Linear(linear) = unit {
                linears.push(linear);
            }
        });
        linears
    }

    /// Calls `f` with all that has tensors of its own, in forward order.
    fn visit<'a>(&'a self, f: &mut impl FnMut(Unit<'a>, Place)) {
        Walk::new(f).all(&self.layers);
    }
}

impl Input {
    /// C, H, W of the images that it reads, or of the pictures among its tokens; zeros where there are none.
    pub fn picture(self) -> [usize; 3] {
        match self {
            Input::Image(shape) => shape,
            Input::Text { picture } => picture.unwrap_or_default(),
        }
    }

    /// C, H, W of the image that a network for images reads.
    pub fn image(self) -> Option<[usize; 3]> {
        match self {
            Input::Image(shape) => Some(shape),
            Input::Text { .. } => None,
        }
    }
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

/// Calls `f` with each linear layer.
fn change_linears(layers: &mut [Layer], f: &mut impl FnMut(&mut Linear)) {
    for layer in layers {
        match layer {
            Layer::Linear(linear) => f(linear),
            Layer::Stage(inner) => change_linears(inner, f),
            Layer::Residual { pre, body, shortcut } => {
                [pre, body, shortcut].into_iter().for_each(|layers| change_linears(layers, f));
            }
            Layer::Tokens(tokens) => {
                if let Some(vision) = &mut tokens.vision {
                    change_linears(&mut vision.layers, f);
                    change_linears(&mut vision.projector, f);
                }
            }
            Layer::Attention(attention) => attention.projections_mut().into_iter().for_each(&mut *f),
            Layer::FeedForward(middle) => middle.projections_mut().for_each(&mut *f),
            _ => {}
        }
    }
}

fn last_linear(layers: &[Layer]) -> Option<&Linear> {
    layers.iter().rev().find_map(|layer| match layer {
        Layer::Linear(linear) => Some(linear),
        Layer::Stage(inner) => last_linear(inner),
        Layer::Residual { pre, body, shortcut } => {
            last_linear(shortcut).or_else(|| last_linear(body)).or_else(|| last_linear(pre))
        }
        _ => None,
    })
}

fn last_linear_mut(layers: &mut [Layer]) -> Option<&mut Linear> {
    layers.iter_mut().rev().find_map(|layer| match layer {
        Layer::Linear(linear) => Some(linear),
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
