//! What a language model reads: sequences of tokens with pictures among them.

pub use super::ops::IGNORED;
use crate::text::sequence::Batch;
use candle_core::Tensor;

/// A batch of sequences, padded to one length.
#[derive(Clone, Debug)]
pub struct Sequences {
    /// B
    pub count: usize,
    /// T: positions of each, a picture counted with all of its vectors
    pub length: usize,
    /// (B, T) in order: tokens; where a picture or padding is, any token
    pub ids: Vec<u32>,
    /// (B, T): whether the position is no padding
    pub real: Vec<bool>,
    /// (B, T): the token that is to follow; [`IGNORED`] where nothing is learned
    pub targets: Vec<u32>,
    /// positions in (B, T) where the pictures begin, in the order of `seen`
    pub pictures: Vec<usize>,
    pub seen: Seen,
}

/// The pictures of a batch.
#[derive(Clone, Debug)]
pub enum Seen {
    Nothing,
    /// (P, C, H, W) in [0, 1]
    Pixels(Tensor),
    /// (P · vectors, W): what the tower made of them before, which a frozen one does not do again
    Features(Tensor),
}

impl Sequences {
    /// A batch of texts with its pictures; each place learns the token behind it.
    pub fn of(batch: &Batch, seen: Seen) -> Sequences {
        let Batch { rows, width, .. } = *batch;
        let place = |at: usize| (at / width, at % width);
        let real = |at: usize| {
            let (row, column) = place(at);
            (batch.starts[row]..batch.starts[row] + batch.lengths[row]).contains(&column)
        };
        let target = |at: usize| if place(at).1 + 1 < width { batch.targets[at + 1] } else { IGNORED };
        Sequences {
            count: rows,
            length: width,
            ids: batch.ids.clone(),
            real: (0..rows * width).map(real).collect(),
            targets: (0..rows * width).map(target).collect(),
            pictures: batch.pictures.iter().map(|(row, column)| row * width + column).collect(),
            seen,
        }
    }

    /// B·T
    pub fn positions(&self) -> usize {
        self.count * self.length
    }

    /// Positions with a target, in order.
    pub fn learned(&self) -> Vec<u32> {
        (0..).zip(&self.targets).filter(|(_, target)| **target != IGNORED).map(|(at, _)| at).collect()
    }

    /// Whether it hangs together, as a sentence where it doesn't.
    pub fn check(&self, vectors: usize) -> Result<(), String> {
        let n = self.positions();
        if n == 0 || [self.ids.len(), self.real.len(), self.targets.len()] != [n; 3] {
            let (ids, real, targets) = (self.ids.len(), self.real.len(), self.targets.len());
            return Err(format!("{ids} tokens, {real} marks and {targets} targets for {n} positions"));
        }
        let within = |at: &usize| at % self.length + vectors <= self.length && at + vectors <= n;
        match self.pictures.iter().find(|at| !within(at)) {
            Some(at) => Err(format!("a picture of {vectors} vectors at position {at} of sequences of {}", self.length)),
            None => Ok(()),
        }
    }
}
