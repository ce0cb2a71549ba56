//! A network with weights: runs an [`Architecture`] over the differentiable operations.

use super::architecture::{Architecture, BufferKind, Init, Input, Layer, Linear, NormKind, Part};
use super::init;
use super::ops::{self, BatchNormStats, RunningStats};
use super::precision::Precision;
use super::rng::Stream;
use super::tape::{Tape, Value};
use candle_core::{DType, Device, Result, Tensor, bail};

/// A network: its weights and running statistics. Updates change weights in place, so clones of its tensors see them,
/// but for the first change of a narrow one, which becomes another tensor; [`Network::copy`] makes a network of its own.
#[derive(Debug)]
pub struct Network {
    architecture: Architecture,
    parameters: Vec<Parameter>,
    norms: Vec<BatchNorm>,
    precision: Precision,
}

/// A trainable tensor, contiguous once it has been read.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// what it is
    pub part: Part,
    /// its numbers, of the part's shape: f32, or in the two bytes of the file that they were read from until something
    /// changes them. Those are exactly the same numbers.
    pub tensor: Tensor,
}

impl Parameter {
    /// Its numbers in row-major order.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn numbers(&self) -> Result<Vec<f32>> {
        self.tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1()
    }
}

/// Running statistics of one batch norm.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// its layer's name: `layer1.0.bn1`
    pub name: String,
    /// as [`Part::layer`]
    pub layer: usize,
    /// mean and variance of each channel
    pub running: RunningStats,
    /// `num_batches_tracked`: train-mode batches seen
    pub batches: i64,
}

/// Which statistics batch norms use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// those of the batch
    Train,
    /// the running ones
    Eval,
}

/// Which weights get gradients in a pass.
#[derive(Clone, Copy, Debug)]
pub enum Trainable<'a> {
    /// none: passes of an attack or of an evaluation
    None,
    /// all of them
    All,
    /// by parameter index
    Only(&'a [bool]),
}

/// New running statistics of one batch norm after a train-mode pass.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// index of the batch norm, in forward order
    norm: usize,
    running: RunningStats,
    /// batches that entered them since the network's own
    batches: i64,
}

/// What a forward pass gives.
#[derive(Debug)]
pub struct Forward {
    /// (N, classes)
    pub logits: Value,
    /// by parameter index; `None` where no gradient was asked for
    pub leaves: Vec<Option<Value>>,
    /// of a train-mode pass, for [`Network::apply_statistics`]; empty in eval mode
    pub statistics: Vec<Statistics>,
}

impl Trainable<'_> {
    /// Whether the parameter of that index gets a gradient.
    pub fn wants(self, index: usize) -> bool {
        match self {
            Trainable::None => false,
            Trainable::All => true,
            Trainable::Only(wanted) => wanted.get(index).copied().unwrap_or(false),
        }
    }
}

impl Network {
    /// A network at its start: each tensor from its own stream (seed, "init", name), so none depends on the others.
    ///
    /// # Errors
    /// If the architecture doesn't fit together or memory cannot be had.
    pub fn new(architecture: Architecture, seed: u64, device: &Device) -> Result<Network> {
        Network::filled(architecture, device, |part| init::tensor(part, seed, device))
    }

    /// A network whose weights are to be read from a file: until then one 0 stands for all numbers of a tensor, so that
    /// no memory is taken for them. Adapters, which a file may lack, are drawn.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn blank(architecture: Architecture, device: &Device) -> Result<Network> {
        Network::filled(architecture, device, |part| match part.is_adapter() {
            true => init::tensor(part, 0, device),
            false => Tensor::zeros((), DType::F32, device)?.broadcast_as(part.shape.as_slice()),
        })
    }

    fn filled(
        architecture: Architecture,
        device: &Device,
        weight: impl Fn(&Part) -> Result<Tensor>,
    ) -> Result<Network> {
        if let Err(why) = architecture.check() {
            bail!("{why}");
        }
        let mut parameters = Vec::new();
        for part in architecture.parts() {
            let tensor = weight(&part)?;
            parameters.push(Parameter { part, tensor });
        }
        let mut norms = Vec::new();
        for buffer in architecture.buffers() {
            if buffer.kind != BufferKind::RunningMean {
                continue;
            }
            let mean = Tensor::zeros(buffer.shape.as_slice(), DType::F32, device)?;
            let var = Tensor::ones(buffer.shape.as_slice(), DType::F32, device)?;
            let name = buffer.name.trim_end_matches(".running_mean").to_string();
            norms.push(BatchNorm { name, layer: buffer.layer, running: RunningStats { mean, var }, batches: 0 });
        }
        Ok(Network { architecture, parameters, norms, precision: Precision::default() })
    }

    /// The same network, whose passes compute in this precision.
    pub fn with_precision(self, precision: Precision) -> Network {
        Network { precision, ..self }
    }

    /// A new tape for a pass through it, in its precision.
    pub fn tape(&self) -> Tape {
        Tape::with(self.precision)
    }

    /// The plan it runs.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Its trainable tensors, in the order of [`Architecture::parts`].
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Its batch norms in forward order.
    pub fn batch_norms(&self) -> &[BatchNorm] {
        &self.norms
    }

    /// Index of the parameter of that name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|p| p.part.name == name)
    }

    /// Where its tensors are.
    pub fn device(&self) -> &Device {
        self.parameters.first().map_or(&Device::Cpu, |p| p.tensor.device())
    }

    /// Logits (N, classes) of images (N, C, H, W) in [0, 1], recorded on `tape` as far as `x` or a wanted weight
    /// reaches. In train mode batch norms use the batch's statistics; the network itself never changes.
    ///
    /// # Errors
    /// If `x` has not the architecture's shape, or in train mode a batch norm sees one value per channel only.
    pub fn forward(&self, tape: &Tape, x: &Value, mode: Mode, trainable: Trainable) -> Result<Forward> {
        self.forward_after(tape, x, mode, trainable, &[])
    }

    /// [`forward`](Self::forward) as if the statistics of an earlier train-mode pass had been applied before: those
    /// that it returns then hold both passes. Normalization by the batch's own statistics doesn't depend on them.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_after(
        &self,
        tape: &Tape,
        x: &Value,
        mode: Mode,
        trainable: Trainable,
        earlier: &[Statistics],
    ) -> Result<Forward> {
        match *x.shape().dims() {
            [_, c, h, w] if Input::Image([c, h, w]) == self.architecture.input => {}
            _ => bail!("the network takes {:?}, found {:?}", self.architecture.input, x.shape().dims()),
        }
        let mut leaves = Vec::with_capacity(self.parameters.len());
        let mut weights = Vec::with_capacity(self.parameters.len());
        for (index, parameter) in self.parameters.iter().enumerate() {
            let leaf = trainable.wants(index).then(|| tape.leaf(&parameter.tensor));
            weights.push(leaf.clone().unwrap_or_else(|| Value::constant(parameter.tensor.clone())));
            leaves.push(leaf);
        }
        let mut pass = Pass { earlier, ..self.pass(tape, mode, &weights) };
        let logits = pass.chain(&self.architecture.layers, x)?;
        let statistics = pass.statistics;
        Ok(Forward { logits, leaves, statistics })
    }

    fn pass<'a>(&'a self, tape: &'a Tape, mode: Mode, weights: &'a [Value]) -> Pass<'a> {
        Pass {
            tape,
            mode,
            weights: weights.iter(),
            norms: &self.norms,
            norm: 0,
            earlier: &[],
            statistics: Vec::new(),
            taps: None,
        }
    }

    /// What each stage (`blocks[i]`) gives for these images, without gradients.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn features(&self, x: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let weights: Vec<Value> = self.parameters.iter().map(|p| Value::constant(p.tensor.clone())).collect();
        let tape = self.tape();
        let mut pass = Pass { taps: Some(Vec::new()), ..self.pass(&tape, mode, &weights) };
        pass.chain(&self.architecture.layers, &Value::constant(x.clone()))?;
        Ok(pass.taps.unwrap_or_default())
    }

    /// Logits without gradients: nothing is recorded, activations are freed on the way.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn logits(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let forward = self.forward(&self.tape(), &Value::constant(x.clone()), mode, Trainable::None)?;
        Ok(forward.logits.tensor().clone())
    }

    /// Takes over the running statistics of a train-mode pass, except in layers (indices as [`Part::layer`]) where
    /// `frozen` says so.
    pub fn apply_statistics(&mut self, statistics: Vec<Statistics>, frozen: impl Fn(usize) -> bool) {
        for Statistics { norm, running, batches } in statistics {
            let norm = &mut self.norms[norm];
            if !frozen(norm.layer) {
                norm.running = running;
                norm.batches += batches;
            }
        }
    }

    /// Running statistics of the layers (indices as [`Part::layer`]) where `chosen` says so: mean 0, this variance, and
    /// no batch seen.
    ///
    /// # Errors
    /// If memory for them cannot be had.
    pub fn start_statistics(&mut self, chosen: impl Fn(usize) -> bool, variance: f32) -> Result<()> {
        for norm in self.norms.iter_mut().filter(|norm| chosen(norm.layer)) {
            let mean = norm.running.mean.zeros_like()?;
            let var = Tensor::full(variance, norm.running.var.shape(), norm.running.var.device())?;
            norm.running = RunningStats { mean, var };
            norm.batches = 0;
        }
        Ok(())
    }

    /// Gives the classifier another number of rows: those of classes that stay are kept, new ones drawn from
    /// `stream`, the weight's rows before the bias's.
    ///
    /// # Errors
    /// If memory for the new rows cannot be had.
    pub fn resize_head(&mut self, classes: usize, stream: &mut Stream) -> Result<()> {
        let architecture = self.architecture.clone().with_classes(classes);
        for (parameter, part) in self.parameters.iter_mut().zip(architecture.parts()) {
            if !part.head {
                continue;
            }
            let kept = parameter.part.shape[0].min(classes);
            let old = parameter.tensor.narrow(0, 0, kept)?;
            let mut shape = part.shape.clone();
            shape[0] = classes - kept;
            let new = init::draw(&part, shape.iter().product(), stream);
            let new = Tensor::from_vec(new, shape, parameter.tensor.device())?;
            // cat() may return its only non-empty argument itself, which shares its numbers.
            parameter.tensor = Tensor::cat(&[&old, &new], 0)?.contiguous()?.copy()?;
            parameter.part = part;
        }
        self.architecture = architecture;
        Ok(())
    }

    /// A network with weights and statistics of its own, which later updates of this one don't reach.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn copy(&self) -> Result<Network> {
        let mut parameters = self.parameters.clone();
        for parameter in &mut parameters {
            parameter.tensor = parameter.tensor.copy()?;
        }
        // Running statistics are replaced, never written into, so sharing them is safe.
        Ok(Network { architecture: self.architecture.clone(), parameters, norms: self.norms.clone(), ..*self })
    }
}

/// One forward pass on its way through the layers; weights and norms are used up in their order.
struct Pass<'a> {
    tape: &'a Tape,
    mode: Mode,
    weights: std::slice::Iter<'a, Value>,
    norms: &'a [BatchNorm],
    norm: usize,
    /// of a pass that counts as applied already
    earlier: &'a [Statistics],
    statistics: Vec<Statistics>,
    /// what stages gave, where somebody wants to know
    taps: Option<Vec<Tensor>>,
}

impl<'a> Pass<'a> {
    /// Runs layers one after the other, neighbours in one operation where there is one for them.
    fn chain(&mut self, mut layers: &[Layer], x: &Value) -> Result<Value> {
        let mut x = x.clone();
        while let [layer, rest @ ..] = layers {
            (x, layers) = match layers {
                [
                    Layer::Norm { kind: NormKind::Batch, .. },
                    Layer::Relu,
                    Layer::MaxPool { kernel: 2, stride: 2 },
                    rest @ ..,
                ] => (self.batch_norm(ops::batch_norm_relu_pool, &x)?, rest),
                [Layer::Norm { kind: NormKind::Batch, .. }, Layer::Relu, rest @ ..] => {
                    (self.batch_norm(ops::batch_norm_relu, &x)?, rest)
                }
                [Layer::Linear(linear), Layer::Relu, rest @ ..] if linear.adapters.is_empty() => {
                    (self.linear(ops::linear_relu, &x, linear.bias)?, rest)
                }
                _ => (self.layer(layer, &x)?, rest),
            };
        }
        Ok(x)
    }

    fn layer(&mut self, layer: &Layer, x: &Value) -> Result<Value> {
        let tape = self.tape;
        match layer {
            Layer::Stage(layers) => {
                let output = self.chain(layers, x)?;
                if let Some(taps) = &mut self.taps {
                    taps.push(output.tensor().clone());
                }
                Ok(output)
            }
            Layer::Normalize { mean, std } => {
                let scale: Vec<f32> = std.iter().map(|s| (1.0 / s) as f32).collect();
                let shift: Vec<f32> = mean.iter().zip(std).map(|(m, s)| (-m / s) as f32).collect();
                ops::affine_const(tape, x, &scale, &shift)
            }
            Layer::Conv { stride, padding, bias, .. } => {
                let (w, b) = (self.weight(), bias.map(|_| self.weight()));
                ops::conv2d(tape, x, w, b, *stride, *padding)
            }
            Layer::Norm { kind: NormKind::Batch, .. } => self.batch_norm(ops::batch_norm, x),
            Layer::Norm { kind: NormKind::Instance, .. } => {
                let (w, b) = (self.weight(), self.weight());
                ops::instance_norm(tape, x, w, b)
            }
            Layer::Relu => ops::relu(tape, x),
            Layer::MaxPool { kernel, stride } => ops::max_pool2d(tape, x, *kernel, *stride),
            Layer::AvgPool { kernel, stride } => ops::avg_pool2d(tape, x, *kernel, *stride),
            Layer::GlobalAvgPool => ops::global_avg_pool(tape, x),
            Layer::Flatten => ops::flatten(tape, x),
            Layer::Linear(linear) => self.adapted(linear, x),
            Layer::Residual { pre, body, shortcut } => {
                let h = self.chain(pre, x)?;
                let beside = |pass: &mut Self| match shortcut.is_empty() {
                    true => Ok(x.clone()),
                    false => pass.chain(shortcut, &h),
                };
                match body.as_slice() {
                    // The convolution adds what comes beside it; its weights stand before those of the shortcut.
                    [body @ .., Layer::Conv { stride, padding, bias, .. }] => {
                        let main = self.chain(body, &h)?;
                        let (w, b) = (self.weight(), bias.map(|_| self.weight()));
                        ops::conv2d_add(tape, &main, w, b, &beside(self)?, *stride, *padding)
                    }
                    body => {
                        let main = self.chain(body, &h)?;
                        ops::add(tape, &main, &beside(self)?)
                    }
                }
            }
            Layer::Tokens(_)
            | Layer::Attention(_)
            | Layer::FeedForward(_)
            | Layer::RowNorm(_)
            | Layer::Activation(_)
            | Layer::Patches(_)
            | Layer::TiedHead { .. } => bail!("the network reads text, not images: {layer:?}"),
        }
    }

    /// A linear layer with its adapters, which stand behind its own tensors.
    fn adapted(&mut self, linear: &Linear, x: &Value) -> Result<Value> {
        let mut y = self.linear(ops::linear, x, linear.bias)?;
        for adapter in &linear.adapters {
            let (a, b) = (self.weight(), self.weight());
            if adapter.experts > 1 {
                bail!("{}: mixtures of adapters are for language models", linear.name);
            }
            let hidden = ops::linear(self.tape, x, a, None)?;
            let scale = vec![adapter.scale as f32; hidden.shape().elem_count()];
            let hidden = ops::multiply_const(self.tape, &hidden, scale)?;
            y = ops::add(self.tape, &y, &ops::linear(self.tape, &hidden, b, None)?)?;
        }
        Ok(y)
    }

    /// One of the operations with a linear layer in them.
    fn linear(
        &mut self,
        operation: fn(&Tape, &Value, &Value, Option<&Value>) -> Result<Value>,
        x: &Value,
        bias: Option<Init>,
    ) -> Result<Value> {
        let (w, b) = (self.weight(), bias.map(|_| self.weight()));
        operation(self.tape, x, w, b)
    }

    /// One of the operations with a batch norm in them.
    fn batch_norm(
        &mut self,
        operation: fn(&Tape, &Value, &Value, &Value, BatchNormStats) -> Result<Value>,
        x: &Value,
    ) -> Result<Value> {
        let (w, b) = (self.weight(), self.weight());
        let norm = self.norm;
        self.norm += 1;
        let earlier = self.earlier.iter().find(|earlier| earlier.norm == norm);
        let running = earlier.map_or(&self.norms[norm].running, |earlier| &earlier.running);
        match self.mode {
            Mode::Eval => operation(self.tape, x, w, b, BatchNormStats::Running(running)),
            Mode::Train => {
                let mut running = running.clone();
                let y = operation(self.tape, x, w, b, BatchNormStats::BatchAndUpdate(&mut running))?;
                let batches = earlier.map_or(0, |earlier| earlier.batches) + 1;
                self.statistics.push(Statistics { norm, running, batches });
                Ok(y)
            }
        }
    }

    fn weight(&mut self) -> &'a Value {
        self.weights.next().expect("the network has a tensor for each part of its architecture")
    }
}

mod adapters;
mod generate;
mod read;
mod recompute;
mod stable;
mod state;

pub use adapters::Noise;
pub use generate::greedy;
pub use read::Asked;

#[cfg(test)]
mod tests;
