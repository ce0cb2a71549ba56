//! A network with weights: runs an [`Architecture`] over the differentiable operations.

use super::architecture::{Architecture, BufferKind, Init, Input, Layer, Linear, NormKind, Part, PartKind};
use super::in_place;
use super::init;
use super::kernels::narrow::is_narrow;
use super::ops::{self, BatchNormStats, RunningStats};
use super::precision::Precision;
use super::rng::Stream;
use super::tape::{Tape, Value};
use candle_core::{DType, Device, Result, Tensor, bail};
use std::collections::BTreeMap;

/// A network for images: its weights and running statistics. Updates change weights in place, so clones of its
/// tensors see them; [`Network::copy`] makes a network of its own.
#[derive(Debug)]
pub struct Network {
    architecture: Architecture,
    parameters: Vec<Parameter>,
    norms: Vec<BatchNorm>,
    precision: Precision,
}

/// A trainable tensor, contiguous.
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

    /// A network whose weights are all 0, to be read from a file.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn zeros(architecture: Architecture, device: &Device) -> Result<Network> {
        Network::filled(architecture, device, |part| Tensor::zeros(part.shape.as_slice(), DType::F32, device))
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

    /// All tensors under their names in a `state_dict`: weights, running statistics and `num_batches_tracked`. They
    /// share their numbers with the network.
    ///
    /// # Errors
    /// If the counts cannot be put into tensors.
    pub fn state_dict(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for Parameter { part, tensor } in &self.parameters {
            tensors.insert(part.name.clone(), tensor.clone());
        }
        for BatchNorm { name, running, batches, .. } in &self.norms {
            let key = |kind: BufferKind| format!("{name}.{}", kind.suffix());
            tensors.insert(key(BufferKind::RunningMean), running.mean.clone());
            tensors.insert(key(BufferKind::RunningVar), running.var.clone());
            tensors.insert(key(BufferKind::BatchesTracked), Tensor::new(*batches, &Device::Cpu)?);
        }
        Ok(tensors)
    }

    /// Takes over copies of all tensors of `tensors`, which has exactly the names and shapes of
    /// [`Network::state_dict`]; adapters that it lacks stay as they are. Nothing changes if there is an error.
    ///
    /// # Errors
    /// If a tensor is missing or misshapen, or is no number that fits.
    pub fn load_state_dict(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        let device = self.device().clone();
        let find = |name: &str, shape: &[usize], dtype: DType| -> Result<Tensor> {
            match tensors.get(name) {
                Some(tensor) if tensor.dims() == shape => {
                    tensor.to_device(&device)?.to_dtype(dtype)?.contiguous()?.copy()
                }
                Some(tensor) => bail!("{name} has shape {:?}, the model's {shape:?}", tensor.dims()),
                None => bail!("{name} is missing"),
            }
        };
        let mut parameters = self.parameters.clone();
        for Parameter { part, tensor } in &mut parameters {
            if part.kind != PartKind::Adapter || tensors.contains_key(&part.name) {
                let dtype = tensors.get(&part.name).map_or(DType::F32, |found| kept(&self.architecture, part, found));
                *tensor = find(&part.name, &part.shape, dtype)?;
            }
        }
        let mut norms = self.norms.clone();
        for BatchNorm { name, running, batches, .. } in &mut norms {
            let key = |kind: BufferKind| format!("{name}.{}", kind.suffix());
            let shape = running.mean.dims().to_vec();
            running.mean = find(&key(BufferKind::RunningMean), &shape, DType::F32)?;
            running.var = find(&key(BufferKind::RunningVar), &shape, DType::F32)?;
            *batches = find(&key(BufferKind::BatchesTracked), &[], DType::I64)?.to_scalar()?;
        }
        (self.parameters, self.norms) = (parameters, norms);
        Ok(())
    }

    /// Takes over the numbers of one tensor of a file, of the parameter's shape, in any type of real numbers. Matrices of
    /// language models stay in two bytes a number if they come so.
    ///
    /// # Errors
    /// If there is no parameter of that name, or of another shape.
    pub fn take_over(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let device = self.device().clone();
        let Some(index) = self.index_of(name) else { bail!("there is no parameter {name}") };
        let parameter = &mut self.parameters[index];
        if tensor.dims() != parameter.part.shape {
            bail!("{name} has shape {:?}, the model's {:?}", tensor.dims(), parameter.part.shape);
        }
        let dtype = kept(&self.architecture, &parameter.part, tensor);
        parameter.tensor = tensor.to_device(&device)?.to_dtype(dtype)?.contiguous()?;
        Ok(())
    }

    /// Makes these parameters f32, as those must be that a step changes; their numbers stay the same.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn widen(&mut self, chosen: Trainable) -> Result<()> {
        for (_, parameter) in self.parameters.iter_mut().enumerate().filter(|(index, _)| chosen.wants(*index)) {
            parameter.tensor = parameter.tensor.to_dtype(DType::F32)?;
        }
        Ok(())
    }

    /// Gives `f` the numbers of one parameter to change, in row-major order.
    ///
    /// # Errors
    /// If there is no such parameter, and what `f` returns.
    pub fn write<R>(&mut self, index: usize, f: impl FnOnce(&mut [f32]) -> Result<R>) -> Result<R> {
        match self.parameters.get_mut(index) {
            Some(parameter) => {
                parameter.tensor = parameter.tensor.to_dtype(DType::F32)?;
                in_place::write(&parameter.tensor, f)
            }
            None => bail!("there is no parameter {index}, only {}", self.parameters.len()),
        }
    }
}

/// The type in which a network keeps a tensor of a file: what only products and look-ups read may stay narrow.
fn kept(architecture: &Architecture, part: &Part, found: &Tensor) -> DType {
    let may = part.may_be_narrow() && matches!(architecture.input, Input::Text { .. });
    if may && found.device().is_cpu() && is_narrow(found) { found.dtype() } else { DType::F32 }
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

pub use adapters::Noise;
pub use generate::greedy;
pub use read::Asked;

#[cfg(test)]
mod tests;
