//! Networks as plain data: what `language` resolves selectors against, `plan` counts, and `network` runs.
//! Nothing here allocates a weight.

/// A network for images: layers in forward order.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// C, H, W of an input image
    pub input: [usize; 3],
    pub classes: usize,
    pub layers: Vec<Layer>,
}

/// One layer. Names are those of the usual PyTorch definition (`layer1.0.conv1`), without `.weight`.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// one of the network's stages: what `blocks[i]` counts
    Stage(Vec<Layer>),
    /// (x − mean) / std per channel, no weights
    Normalize {
        mean: Vec<f64>,
        std: Vec<f64>,
    },
    Conv {
        name: String,
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        bias: bool,
        init: Init,
    },
    Norm {
        name: String,
        channels: usize,
        kind: NormKind,
    },
    Relu,
    MaxPool {
        kernel: usize,
        stride: usize,
    },
    AvgPool {
        kernel: usize,
        stride: usize,
    },
    /// mean over H and W: (N, C, H, W) → (N, C)
    GlobalAvgPool,
    /// (N, C, H, W) → (N, C·H·W) in C, H, W order
    Flatten,
    Linear {
        name: String,
        input: usize,
        output: usize,
        bias: bool,
        init: Init,
    },
    /// `h = pre(x)`, output `body(h) + shortcut(h)`. An empty `shortcut` passes `x` itself, not `h`
    /// (as pre-activation and wide residual networks do where the shape doesn't change).
    Residual {
        pre: Vec<Layer>,
        body: Vec<Layer>,
        shortcut: Vec<Layer>,
    },
}

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
    /// N(0, 2/fan_out) with fan_out = K·R·S: wide residual networks
    KaimingNormalFanOut,
    /// N(0, 2/F)
    KaimingNormalFanIn,
    /// all ones (norm weights), all zeros (norm biases)
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
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}
