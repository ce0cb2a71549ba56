//! An input that a kernel normalizes and rectifies as it reads it, so that the result never lies in memory.

use super::norm::Sizes;
use std::borrow::Cow;

/// x → max(0, (x − mean(c)) slope(c) + shift(c)), without the maximum if not `relu`. One number of each per channel.
#[derive(Clone, Copy, Debug)]
pub struct Activation<'a> {
    pub mean: &'a [f32],
    pub slope: &'a [f32],
    pub shift: &'a [f32],
    pub relu: bool,
}

/// Numbers (N, C, ...) and what becomes of them when they are read. Zero padding is added afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub data: &'a [f32],
    pub activation: Option<Activation<'a>>,
}

impl<'a> Source<'a> {
    /// Numbers that are taken as they are.
    pub fn plain(data: &'a [f32]) -> Source<'a> {
        Source { data, activation: None }
    }

    /// The numbers as the kernel sees them; for kernels that don't apply activations themselves.
    pub fn materialize(&self, sizes: Sizes) -> Cow<'a, [f32]> {
        match self.activation {
            None => Cow::Borrowed(self.data),
            Some(activation) => Cow::Owned(activation.apply(sizes, self.data)),
        }
    }
}
