//! What makes a network follow another one of the same shapes: averages of weights and of running statistics.

use super::{Mode, Network, Statistics, Trainable};
use crate::nn::in_place;
use crate::nn::kernels::elementwise::PIECE;
use crate::nn::kernels::{all_fast, buffer};
use crate::nn::ops::{BATCH_NORM_MOMENTUM, RunningStats};
use crate::nn::tape::Value;
use candle_core::{DType, Result, Tensor, bail};
use rayon::prelude::*;

impl Network {
    /// w ← kept·w + (1 − kept)·w' for each weight, w' being that of `other`.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn blend(&mut self, other: &Network, kept: f64) -> Result<()> {
        self.same_shapes(other)?;
        self.widen(Trainable::All)?;
        for (own, other) in self.parameters.iter().zip(&other.parameters) {
            blend(&own.tensor, &other.tensor, kept)?;
        }
        Ok(())
    }

    /// The same of running statistics. What cannot be averaged, the count of batches, is the other's.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn blend_statistics(&mut self, other: &Network, kept: f64) -> Result<()> {
        self.same_shapes(other)?;
        for (own, other) in self.norms.iter_mut().zip(&other.norms) {
            // Running statistics are replaced, never written into: others may share them.
            let mixed = |a: &Tensor, b: &Tensor| -> Result<Tensor> {
                let a = a.copy()?;
                blend(&a, b, kept)?;
                Ok(a)
            };
            own.running = RunningStats {
                mean: mixed(&own.running.mean, &other.running.mean)?,
                var: mixed(&own.running.var, &other.running.var)?,
            };
            own.batches = other.batches;
        }
        Ok(())
    }

    /// Takes over the running statistics of `other`.
    pub fn copy_statistics(&mut self, other: &Network) {
        for (own, other) in self.norms.iter_mut().zip(&other.norms) {
            (own.running, own.batches) = (other.running.clone(), other.batches);
        }
    }

    /// Running statistics of its own weights: the mean over batches of images (N, C, H, W) of what each has in train
    /// mode, as `torch.optim.swa_utils.update_bn`. Nothing changes where it has no batch norm or there is no batch.
    ///
    /// # Errors
    /// What `batches` and the network's operations return.
    pub fn estimate_statistics(&mut self, batches: impl IntoIterator<Item = Result<Tensor>>) -> Result<()> {
        if self.norms.is_empty() {
            return Ok(());
        }
        let mut sums: Vec<[Vec<f64>; 2]> = Vec::new();
        let mut count = 0;
        for pixels in batches {
            let seen = self.batch_statistics(&pixels?)?;
            if sums.is_empty() {
                sums = seen;
            } else {
                let numbers = sums.iter_mut().flatten().flatten().zip(seen.iter().flatten().flatten());
                numbers.for_each(|(sum, new)| *sum += new);
            }
            count += 1;
        }
        for (norm, sums) in self.norms.iter_mut().zip(sums) {
            let device = norm.running.mean.device().clone();
            let [mean, var] = sums.map(|sums| {
                let mean: Vec<f32> = sums.iter().map(|sum| (sum / f64::from(count)) as f32).collect();
                Tensor::new(mean, &device)
            });
            (norm.running, norm.batches) = (RunningStats { mean: mean?, var: var? }, i64::from(count));
        }
        Ok(())
    }

    /// Mean and unbiased variance of each batch norm's input on a batch, from running averages that begin at 0.
    fn batch_statistics(&self, pixels: &Tensor) -> Result<Vec<[Vec<f64>; 2]>> {
        let zeros = |norm: usize| -> Result<Statistics> {
            let RunningStats { mean, var } = &self.norms[norm].running;
            Ok(Statistics {
                norm,
                running: RunningStats { mean: mean.zeros_like()?, var: var.zeros_like()? },
                batches: 0,
            })
        };
        let zeros: Vec<Statistics> = (0..self.norms.len()).map(zeros).collect::<Result<_>>()?;
        let x = Value::constant(pixels.clone());
        let forward = self.forward_after(&self.tape(), &x, Mode::Train, Trainable::None, &zeros)?;
        let numbers = |tensor: &Tensor| -> Result<Vec<f64>> {
            Ok(tensor.to_vec1::<f32>()?.into_iter().map(|x| f64::from(x) / BATCH_NORM_MOMENTUM).collect())
        };
        let of = |s: &Statistics| Ok([numbers(&s.running.mean)?, numbers(&s.running.var)?]);
        forward.statistics.iter().map(of).collect()
    }

    fn same_shapes(&self, other: &Network) -> Result<()> {
        let shapes = |network: &Network| network.parameters.iter().map(|p| p.part.shape.clone()).collect::<Vec<_>>();
        match shapes(self) == shapes(other) {
            true => Ok(()),
            false => bail!("two networks of different shapes cannot be averaged"),
        }
    }
}

/// a ← kept·a + (1 − kept)·b
fn blend(a: &Tensor, b: &Tensor, kept: f64) -> Result<()> {
    let (kept, taken) = (kept as f32, (1.0 - kept) as f32);
    let mix = |a: &mut [f32], b: &[f32]| {
        let pieces = a.par_chunks_mut(PIECE).zip(b.par_chunks(PIECE));
        pieces.for_each(|(a, b)| a.iter_mut().zip(b).for_each(|(a, b)| *a = kept * *a + taken * b));
        Ok(())
    };
    if !all_fast(&[a, b]) {
        let b: Vec<f32> = b.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        return in_place::write(a, |a| mix(a, &b));
    }
    let b = in_place::apart(b, a)?;
    let b = buffer::view(&b)?;
    in_place::write(a, |a| mix(a, &b))
}
