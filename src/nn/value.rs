//! A tensor that may be part of a recorded computation, and whose last step may still be due.

use super::kernels::source::{Activation, Lines, Source};
use super::kernels::{buffer, is_fast, norm::Sizes};
use super::tape::NodeId;
use candle_core::{Result, Shape, Tensor};
use std::sync::{Arc, OnceLock};

/// A tensor that may be part of a recorded computation. Cheap to clone: the data are shared.
#[derive(Clone, Debug)]
pub struct Value {
    output: Output,
    node: Option<NodeId>,
}

/// What an operation gives: numbers, or other numbers with what they become when they are read.
#[derive(Clone, Debug)]
pub enum Output {
    /// the numbers
    Tensor(Tensor),
    /// numbers that the next kernel normalizes and rectifies as it reads them, so that the result is never written
    Deferred(Arc<Deferred>),
}

/// Numbers (N, C, ...), f32 on the CPU and contiguous, and the line per channel that they are still to go through.
#[derive(Debug)]
pub struct Deferred {
    raw: Tensor,
    lines: Arc<Lines>,
    /// the result, once somebody has asked for it
    read: OnceLock<Tensor>,
}

impl Deferred {
    /// `raw` (N, C, ...) read through `lines`.
    ///
    /// # Errors
    /// If `raw` is not f32, not contiguous or not on the CPU, or has another number of channels.
    pub fn new(raw: Tensor, lines: Arc<Lines>) -> Result<Deferred> {
        match raw.dims() {
            [_, c, ..] if *c == lines.mean.len() && is_fast(&raw) && raw.is_contiguous() => {
                Ok(Deferred { raw: raw.detach(), lines, read: OnceLock::new() })
            }
            dims => candle_core::bail!("{} lines cannot be deferred on a tensor {dims:?}", lines.mean.len()),
        }
    }

    fn tensor(&self) -> &Tensor {
        self.read.get_or_init(|| {
            let apply = || {
                let [n, c, rest @ ..] = self.raw.dims() else { candle_core::bail!("no channels") };
                let sizes = Sizes { n: *n, c: *c, m: rest.iter().product() };
                let numbers = self.lines.activation().apply(sizes, &buffer::view(&self.raw)?);
                buffer::tensor(numbers, self.raw.shape())
            };
            apply().expect("a contiguous f32 tensor with a line for each channel, which `new` has seen to")
        })
    }
}

impl From<Tensor> for Output {
    fn from(tensor: Tensor) -> Output {
        Output::Tensor(tensor)
    }
}

impl From<Deferred> for Output {
    fn from(deferred: Deferred) -> Output {
        Output::Deferred(Arc::new(deferred))
    }
}

impl Value {
    pub(super) fn new(output: Output, node: Option<NodeId>) -> Value {
        let output = match output {
            Output::Tensor(tensor) => Output::Tensor(tensor.detach()),
            deferred => deferred,
        };
        Value { output, node }
    }

    /// A value that no gradient is wanted for.
    pub fn constant(tensor: Tensor) -> Value {
        Value::new(tensor.into(), None)
    }

    /// The data. Candle's autograd does not follow it. Computed now, once, where they were deferred.
    pub fn tensor(&self) -> &Tensor {
        match &self.output {
            Output::Tensor(tensor) => tensor,
            Output::Deferred(deferred) => deferred.tensor(),
        }
    }

    /// The shape of the data; computes nothing.
    pub fn shape(&self) -> &Shape {
        self.raw().0.shape()
    }

    /// What the data are read from: a tensor of the same shape, type and place, and the lines that it still has to go
    /// through, where the data are deferred. For operations whose kernels take a [`Source`].
    pub fn raw(&self) -> (&Tensor, Option<&Arc<Lines>>) {
        match &self.output {
            Output::Tensor(tensor) => (tensor, None),
            Output::Deferred(deferred) => (&deferred.raw, Some(&deferred.lines)),
        }
    }

    /// Whether this value is a leaf or depends on one, so that operations on it are recorded.
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }

    /// The place of a tracked value in its tape; `None` for a constant.
    pub fn node(&self) -> Option<NodeId> {
        self.node
    }

    /// The same data as a constant: gradients stop here.
    pub fn detach(&self) -> Value {
        Value { output: self.output.clone(), node: None }
    }
}

/// `data` read through `lines`.
pub fn source<'a>(data: &'a [f32], lines: Option<&'a Arc<Lines>>) -> Source<'a> {
    Source { data, activation: lines.map(|lines| -> Activation { lines.activation() }) }
}
