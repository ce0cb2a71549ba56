//! Auto-PGD: ascents whose steps become shorter where the loss stops rising, and which go on from the best point then.
//!
//! The arithmetic is that of pyautoattack 0.2.0 (`APGDAttack`, `APGDAttack_targeted`). An image is done with its first
//! point that the network gets wrong, and leaves the batch; the reference goes on with it and gives the last such point.

use super::ascent::{Ascent, Ball, Found};
use super::loss::Loss;
use super::{Attack, Norm, apgd_moves, l1, start};
use crate::components::metrics;
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Param, Problem, ProblemKind, Spec, Type, Value};
use crate::nn::in_place;
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

pub(super) const EPS: Param =
    Param::new("eps", Type::Real, "radius of the ball around the image, pixels in 0..=1; at most 1 for linf")
        .at_least(0.0);
pub(super) const NORM: Param =
    Param::new("norm", Type::Word(&["linf", "l2", "l1"]), "the norm that eps is measured in")
        .or(Default::Word("linf"))
        .named();
pub(super) const ITERS: Param =
    Param::new("iters", Type::Int, "steps of each ascent").or(Default::Int(100)).within(1.0, 1e6);
pub(super) const RESTARTS: Param =
    Param::new("restarts", Type::Int, "ascents from different points, for images that withstood the ones before")
        .or(Default::Int(1))
        .named()
        .within(1.0, 1e4);
pub(super) const EOT: Param =
    Param::new("eot", Type::Int, "passes whose gradients are averaged at each point, for networks that draw at random")
        .or(Default::Int(1))
        .named()
        .within(1.0, 1e4);
pub(super) const MULTI_EPS: Param =
    Param::new("multi_eps", Type::Bool, "of l1: ascend in balls three and two times as wide first; true if left out")
        .or(Default::Absent)
        .named();

/// Auto-PGD with one loss.
#[derive(Clone, Debug)]
pub(super) struct Apgd {
    /// what its random draws are keyed by
    name: &'static str,
    norm: Norm,
    eps: f64,
    iters: usize,
    restarts: usize,
    eot: usize,
    multi_eps: bool,
    loss: Loss,
    /// how many other classes are aimed at, one after the other from the likeliest on
    targets: Option<usize>,
}

impl Apgd {
    /// As described with the parameters of this file.
    pub fn of(spec: &Spec, loss: Loss) -> Apgd {
        let norm = Norm::of(spec);
        Apgd {
            name: spec.name(),
            norm,
            eps: spec.real("eps"),
            iters: spec.usize("iters"),
            restarts: spec.usize("restarts"),
            eot: spec.usize("eot"),
            multi_eps: match spec.get("multi_eps") {
                Value::Bool(given) => *given,
                _ => norm == Norm::L1,
            },
            loss,
            targets: None,
        }
    }

    /// Aiming at so many classes.
    pub fn aiming_at(self, targets: usize) -> Apgd {
        Apgd { targets: Some(targets), ..self }
    }

    /// The balls in which an ascent goes on, one after the other.
    fn balls(&self) -> Vec<Ball> {
        let ball =
            |times: f64, iters| Ball { eps: times * self.eps, iters, goes_on: self.multi_eps, decides: times == 1.0 };
        if !self.multi_eps {
            return vec![ball(1.0, self.iters)];
        }
        let first = (0.3 * self.iters as f64).ceil() as usize;
        vec![ball(3.0, first), ball(2.0, first), ball(1.0, self.iters.saturating_sub(2 * first))]
    }

    pub(super) fn on<'a>(
        &self,
        network: &'a Network,
        mode: Mode,
        batch: &'a Batch,
        targets: Option<&'a [u32]>,
    ) -> Ascent<'a> {
        Ascent { network, mode, norm: self.norm, loss: self.loss, eot: self.eot, batch, targets }
    }

    /// A random start for each image, whose memory is its own.
    fn start(&self, batch: &Batch, draws: &Draws, restart: u64) -> Result<Tensor> {
        let widest = self.balls()[0].eps as f32;
        start::random(batch, draws, self.name, restart, |x, stream| apgd_moves::start(self.norm, x, widest, stream))
    }

    /// One ascent from there, through all balls.
    pub(super) fn ascend(&self, ascent: &Ascent, start: Tensor) -> Result<Found> {
        let balls = self.balls();
        let mut found = ascent.run(balls[0], start)?;
        for ball in &balls[1..] {
            found = ascent.run(*ball, into_ball(found.points, ascent.batch, ball.eps)?)?;
        }
        Ok(found)
    }
}

impl Attack for Apgd {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let logits = network.logits(&batch.pixels, mode)?;
        let right = metrics::correct(&logits, &batch.labels)?;
        let aims = match self.targets {
            None => vec![None],
            Some(targets) => likeliest(&logits, targets)?.into_iter().map(Some).collect(),
        };
        let mut open: Vec<usize> = (0..right.len()).filter(|&i| right[i]).collect();
        let mut images: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
        let mut losses = vec![f32::NEG_INFINITY; right.len()];
        let row = images.len() / right.len().max(1);
        let rounds = aims.iter().flat_map(|aim| std::iter::repeat_n(aim, self.restarts));
        for (round, aim) in rounds.enumerate() {
            if open.is_empty() {
                break;
            }
            let part = batch.pick(&open)?;
            let targets: Option<Vec<u32>> = aim.as_ref().map(|aim| open.iter().map(|&i| aim[i]).collect());
            let ascent = self.on(network, mode, &part, targets.as_deref());
            let found = self.ascend(&ascent, self.start(&part, draws, round as u64)?)?;
            let points: Vec<f32> = found.points.flatten_all()?.to_vec1()?;
            for (i, (&place, point)) in open.iter().zip(points.chunks(row.max(1))).enumerate() {
                if found.fooled[i] || found.losses[i] > losses[place] {
                    losses[place] = found.losses[i];
                    let image = &mut images[place * row..][..row];
                    // Roundings of l1's sums may lie outside the range.
                    image.iter_mut().zip(point).for_each(|(image, point)| *image = point.clamp(0.0, 1.0));
                }
            }
            let mut fooled = found.fooled.iter();
            open.retain(|_| fooled.next() == Some(&false));
        }
        Tensor::from_vec(images, batch.pixels.dims(), batch.pixels.device())
    }

    fn passes(&self) -> u64 {
        let in_each: u64 = self.balls().iter().map(|ball| ball.iters as u64 + 1).sum();
        let rounds = (self.restarts as u64).saturating_mul(self.targets.unwrap_or(1) as u64);
        in_each.saturating_mul(self.eot as u64).saturating_mul(rounds)
    }

    /// The images as they are.
    fn forwards(&self) -> u64 {
        1
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(Apgd { eps, ..self.clone() })
    }
}

/// What the bounds of single parameters can't say.
pub(super) fn check(spec: &Spec) -> std::result::Result<(), Problem> {
    if spec.get("multi_eps") != &Value::Bool(true) || Norm::of(spec) == Norm::L1 {
        return Ok(());
    }
    let message = format!("`multi_eps` is for the l1 norm, this is {}", spec.word("norm"));
    Err(Problem::new(ProblemKind::DoesNotFit, message).help("leave it out, or write `norm: l1`").of("multi_eps"))
}

/// Of each image the likeliest class but one, the one after that, and so on: as many as are asked for, or as there are.
fn likeliest(logits: &Tensor, targets: usize) -> Result<Vec<Vec<u32>>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    let by_size = |row: &Vec<f32>| {
        let mut order: Vec<u32> = (0..row.len() as u32).collect();
        order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        order
    };
    let orders: Vec<Vec<u32>> = rows.iter().map(by_size).collect();
    let classes = logits.dim(1)?;
    Ok((1..classes.min(targets + 1)).map(|rank| orders.iter().map(|order| order[rank]).collect()).collect())
}

/// Points that are projected onto the l1 balls around their images, in place.
fn into_ball(points: Tensor, batch: &Batch, eps: f64) -> Result<Tensor> {
    let x0: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
    let row = x0.len() / batch.labels.len().max(1);
    in_place::write(&points, |x| {
        x.par_chunks_mut(row.max(1)).zip(x0.par_chunks(row.max(1))).for_each(|(x, x0)| {
            l1::project(x0, x, eps as f32);
            x.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
        });
        Ok(())
    })?;
    Ok(points)
}
