//! One ascent of Auto-PGD on a batch, from given points.

use super::Norm;
use super::climb::Climb;
use super::gradient::{self, Seen};
use super::loss::Loss;
use crate::components::objectives::Batch;
use crate::nn::in_place::write;
use crate::nn::kernels::{buffer, elementwise};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

/// What is attacked, and how.
pub(super) struct Ascent<'a> {
    pub network: &'a Network,
    pub mode: Mode,
    pub norm: Norm,
    pub loss: Loss,
    /// passes whose gradients are averaged
    pub eot: usize,
    pub batch: &'a Batch,
    /// the class that each image is driven to, for losses with a target
    pub targets: Option<&'a [u32]>,
}

/// Where it may go, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ball {
    pub eps: f64,
    pub iters: usize,
    /// whether it goes on from where another one ended: l1's first steps then move fewer pixels
    pub goes_on: bool,
    /// whether an image is done with its first point that the network gets wrong; else all go on to the end
    pub decides: bool,
}

/// What it came to, by image of the batch.
pub(super) struct Found {
    /// the first point that the network gets wrong, else the one with the highest loss; (N, C, H, W)
    pub points: Tensor,
    pub fooled: Vec<bool>,
    /// at the points
    pub losses: Vec<f32>,
}

impl Ascent<'_> {
    /// Goes up from `start`, whose memory nobody else has, for `ball.iters` steps.
    pub fn run(&self, ball: Ball, start: Tensor) -> Result<Found> {
        let mut climb = Climb::new(self, ball, &start)?;
        climb.look(self)?;
        if climb.is_over() {
            return climb.finish(start.dims());
        }
        climb.begin()?;
        let (mut period, shorter, shortest) = periods(self.norm, ball.iters);
        let mut since = 0;
        for i in 0..ball.iters {
            climb.step(if i == 0 { 1.0 } else { 0.75 })?;
            climb.look(self)?;
            if climb.is_over() {
                break;
            }
            since += 1;
            let due = since == period;
            climb.keep(due.then_some(period))?;
            if due {
                (period, since) = (period.saturating_sub(shorter).max(shortest), 0);
            }
        }
        climb.finish(start.dims())
    }

    /// The losses of these points, whose images stand at `places` of the batch, and where they rise.
    pub fn see(&self, points: &Tensor, places: &[usize]) -> Result<Seen> {
        let labels: Vec<u32> = places.iter().map(|&i| self.batch.labels[i]).collect();
        let targets: Option<Vec<u32>> = self.targets.map(|targets| places.iter().map(|&i| targets[i]).collect());
        let see = || gradient::see(self.network, self.mode, points, &labels, targets.as_deref(), self.loss);
        let mut seen = see()?;
        if self.eot > 1 {
            for _ in 1..self.eot {
                let more = see()?;
                write(&seen.gradient, |sum| {
                    elementwise::add_assign(sum, &buffer::view(&more.gradient)?);
                    Ok(())
                })?;
                (seen.losses, seen.right) = (more.losses, more.right);
            }
            let count = self.eot as f32;
            write(&seen.gradient, |sum| {
                elementwise::update(sum, |g| g / count);
                Ok(())
            })?;
        }
        Ok(seen)
    }
}

/// Steps up to the first check of the steps' length, by how many each later period is shorter, and how many it has at
/// least (Croce & Hein 2020, section 3.4; for l1 all are equal).
fn periods(norm: Norm, iters: usize) -> (usize, usize, usize) {
    let share = |share: f64| ((share * iters as f64) as usize).max(1);
    match norm {
        Norm::L1 => (share(0.04), 0, 1),
        Norm::Linf | Norm::L2 => (share(0.22), share(0.03), share(0.06)),
    }
}
