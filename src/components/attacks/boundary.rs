//! The fast adaptive boundary attack: walks along the linearized boundary between classes, back and forth, to the nearest
//! point that the network gets wrong. The order of operations is that of pyautoattack 0.2.0 (`fab_base.py`).

use super::hyperplane::{self, dot};
use super::standing::Standing;
use super::{Norm, gradient, project};
use crate::components::metrics::correct;
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Param, Type};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// `norm` of both attacks.
pub(super) const NORM: Param =
    Param::new("norm", Type::Word(&["linf", "l2", "l1"]), "the norm in which the nearest wrong image is looked for")
        .or(Default::Word("linf"))
        .named();

/// The largest share of the step that is taken from the original image.
const ALPHA_MAX: f32 = 0.1;
/// Overshooting over the hyperplane.
const ETA: f32 = 1.05;
/// How much of the way a wrong point keeps when it steps back to the original.
const BETA: f32 = 0.9;

/// Which boundary is walked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    /// that of the nearest class, as linearized: a gradient evaluation for each other class
    Nearest,
    /// that of the class with this rank among the logits of the original image, the predicted one being 0
    Rank(usize),
}

/// One walk: its norm and length, and its budget, at which an image is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub norm: Norm,
    pub iters: usize,
    /// An image leaves when a wrong point as near as this was found: what the attack is asked for.
    pub enough: f32,
}

/// The images of `batch` after these tries (a boundary to walk to, and a restart, of which the first starts at the image
/// itself), each for those that no earlier one fooled within `eps`.
pub(super) fn attack(
    walk: Walk,
    tries: impl Iterator<Item = (Rival, u64)>,
    network: &Network,
    mode: Mode,
    batch: &Batch,
    draws: &Draws,
) -> Result<Tensor> {
    let mut standing = Standing::of(network, mode, batch)?;
    for (rival, restart) in tries {
        let Some(left) = standing.left()? else { break };
        let rank = if let Rival::Rank(rank) = rival { rank as u64 } else { 0 };
        let starts = match restart {
            0 => left.pixels.flatten_from(1)?.to_vec2()?,
            _ => starts(walk.norm, walk.enough, &left, draws, [restart, rank])?,
        };
        let found = walk.run(network, mode, &left, starts, rival)?;
        let within =
            |found: Option<Found>| found.filter(|found| found.distance <= walk.enough).map(|found| found.image);
        standing.fooled(found.into_iter().map(within).collect());
    }
    standing.images()
}

/// A wrong image.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub image: Vec<f32>,
    /// from the original
    pub distance: f32,
}

/// An image on its way.
struct Walker<'a> {
    original: &'a [f32],
    at: Vec<f32>,
    label: u32,
    /// where it goes to, if to one class throughout
    rival: Option<usize>,
    found: Option<Found>,
}

/// The boundary as seen from a point: difference of the rival's logit and the label's, and its gradient.
struct Linear {
    difference: f32,
    slope: Vec<f32>,
}

impl Walk {
    /// The nearest wrong image that was found for each, from these starts; `None` where there
    /// is none. `batch` holds images that the network gets right.
    pub(super) fn run(
        &self,
        network: &Network,
        mode: Mode,
        batch: &Batch,
        starts: Vec<Vec<f32>>,
        rival: Rival,
    ) -> Result<Vec<Option<Found>>> {
        let originals: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
        let size = batch.pixels.dims().iter().skip(1).product::<usize>().max(1);
        let logits: Vec<Vec<f32>> = network.logits(&batch.pixels, mode)?.to_vec2()?;
        let walker = |(((original, at), &label), logits): (((_, _), &u32), &Vec<f32>)| {
            let rival = match rival {
                Rival::Nearest => None,
                Rival::Rank(rank) => Some(by_rank(logits, rank)),
            };
            Walker { original, at, label, rival, found: None }
        };
        let parts = originals.chunks(size).zip(starts).zip(&batch.labels).zip(&logits);
        let mut walkers: Vec<Walker> = parts.map(walker).collect();
        for _ in 0..self.iters {
            let mut going: Vec<&mut Walker> = walkers.iter_mut().filter(|walker| !walker.done(self.enough)).collect();
            if going.is_empty() {
                break;
            }
            let seen = match rival {
                Rival::Nearest => self.nearest(network, mode, &going, batch)?,
                Rival::Rank(_) => {
                    let rivals: Vec<usize> = going.iter().filter_map(|walker| walker.rival).collect();
                    linearized(network, mode, &going, batch, &rivals)?
                }
            };
            going.par_iter_mut().zip(&seen).for_each(|(walker, seen)| walker.step(self.norm, seen));
            let labels: Vec<u32> = going.iter().map(|walker| walker.label).collect();
            let right = correct(&network.logits(&gathered(&going, batch)?, mode)?, &labels)?;
            for (walker, _) in going.iter_mut().zip(right).filter(|(_, right)| !right) {
                walker.note_and_step_back(self.norm);
            }
        }
        Ok(walkers.into_iter().map(|walker| walker.found).collect())
    }

    /// The boundary that is nearest in the attack's norm; of equally near ones that of the first class.
    fn nearest(&self, network: &Network, mode: Mode, going: &[&mut Walker], batch: &Batch) -> Result<Vec<Linear>> {
        let mut nearest: Vec<Option<(Linear, f32)>> = going.iter().map(|_| None).collect();
        let classes = network.architecture().classes;
        // Each image passes over its own label: one gradient evaluation for each *other* class.
        for other in 0..classes.saturating_sub(1) {
            let rivals: Vec<usize> = going.iter().map(|w| other + usize::from(other >= w.label as usize)).collect();
            let seen = linearized(network, mode, going, batch, &rivals)?;
            for (nearest, seen) in nearest.iter_mut().zip(seen) {
                let distance = seen.difference.abs() / (1e-12 + dual_length(self.norm, &seen.slope));
                if nearest.as_ref().is_none_or(|(_, least)| distance < *least) {
                    *nearest = Some((seen, distance));
                }
            }
        }
        let size = batch.pixels.dims().iter().skip(1).product();
        let flat = || Linear { difference: 0.0, slope: vec![0.0; size] };
        Ok(nearest.into_iter().map(|nearest| nearest.map_or_else(flat, |(seen, _)| seen)).collect())
    }
}

impl Walker<'_> {
    fn done(&self, enough: f32) -> bool {
        self.found.as_ref().is_some_and(|found| found.distance <= enough)
    }

    /// Moves on: x ← (1 − α)(x + η d₁) + α(x₀ + η d₂), d₁ and d₂ the moves from here and from the original onto the
    /// boundary, α = min(‖d₁‖/(‖d₁‖ + ‖d₂‖), 0.1).
    fn step(&mut self, norm: Norm, seen: &Linear) {
        let b = -seen.difference + dot(&seen.slope, &self.at);
        let from_here = hyperplane::project(norm, &self.at, &seen.slope, b);
        let from_original = hyperplane::project(norm, self.original, &seen.slope, b);
        let [here, original] = [&from_here, &from_original].map(|move_| length(norm, move_).max(1e-8));
        let alpha = (here / (here + original)).clamp(0.0, ALPHA_MAX);
        for (((x, &x0), d1), d2) in self.at.iter_mut().zip(self.original).zip(from_here).zip(from_original) {
            *x = ((*x + ETA * d1) * (1.0 - alpha) + (x0 + d2 * ETA) * alpha).clamp(0.0, 1.0);
        }
    }

    /// Keeps the point, which is wrong, if it is the nearest so far, and goes on a little nearer to the original.
    fn note_and_step_back(&mut self, norm: Norm) {
        let change: Vec<f32> = self.at.iter().zip(self.original).map(|(x, x0)| x - x0).collect();
        let distance = length(norm, &change);
        if self.found.as_ref().is_none_or(|found| distance < found.distance) {
            self.found = Some(Found { image: self.at.clone(), distance });
        }
        for ((x, x0), change) in self.at.iter_mut().zip(self.original).zip(change) {
            *x = x0 + change * BETA;
        }
    }
}

/// Random starts at half of `eps` from each image: the direction uniform in the cube (linf) or normal.
///
/// Image i draws from stream (seed, "fab", [id, clock, restart, rank]) with `scope` = [restart, rank]; rank 0 where no
/// class is aimed at.
fn starts(norm: Norm, eps: f32, batch: &Batch, draws: &Draws, scope: [u64; 2]) -> Result<Vec<Vec<f32>>> {
    let rows: Vec<Vec<f32>> = batch.pixels.flatten_from(1)?.to_vec2()?;
    let start = |(row, &id): (Vec<f32>, &u64)| {
        let mut stream = draws.stream("fab", &[id, draws.clock, scope[0], scope[1]]);
        let direction: Vec<f32> = match norm {
            Norm::Linf => row.iter().map(|_| stream.uniform(-1.0, 1.0)).collect(),
            Norm::L2 | Norm::L1 => row.iter().map(|_| stream.normal()).collect(),
        };
        // A draw of zeros alone has no direction; the start is then the image.
        let length = length(norm, &direction).max(f32::MIN_POSITIVE);
        let moved = |(x, t): (f32, f32)| (x + eps * t / length * 0.5).clamp(0.0, 1.0);
        row.into_iter().zip(direction).map(moved).collect()
    };
    Ok(rows.into_par_iter().zip(&batch.ids).map(start).collect())
}

/// Where the walkers stand, as one batch.
fn gathered(going: &[&mut Walker], batch: &Batch) -> Result<Tensor> {
    let mut dims = batch.pixels.dims().to_vec();
    dims[0] = going.len();
    let pixels: Vec<f32> = going.iter().flat_map(|walker| walker.at.iter().copied()).collect();
    Tensor::from_vec(pixels, dims, batch.pixels.device())
}

/// The boundary between each walker's label and its rival, linearized where it stands: one gradient evaluation.
fn linearized(
    network: &Network,
    mode: Mode,
    going: &[&mut Walker],
    batch: &Batch,
    rivals: &[usize],
) -> Result<Vec<Linear>> {
    let pairs = || going.iter().map(|walker| walker.label as usize).zip(rivals.iter().copied());
    let (logits, gradient) = gradient::along(network, mode, &gathered(going, batch)?, |logits| {
        let mut slope = vec![0.0; logits.elem_count()];
        for (row, (label, rival)) in slope.chunks_mut(logits.dim(1)?).zip(pairs()) {
            row[rival] += 1.0;
            row[label] -= 1.0;
        }
        Ok(slope)
    })?;
    let classes = logits.len() / going.len().max(1);
    let slopes: Vec<Vec<f32>> = gradient.flatten_from(1)?.to_vec2()?;
    let linear = |((row, (label, rival)), slope): ((&[f32], (usize, usize)), _)| Linear {
        difference: -(row[label] - row[rival]),
        slope,
    };
    Ok(logits.chunks(classes).zip(pairs()).zip(slopes).map(linear).collect())
}

/// The class of that rank, the largest logit's being 0; of equal ones the later class comes first.
fn by_rank(logits: &[f32], rank: usize) -> usize {
    let rising = hyperplane::ascending(logits.len(), |class| logits[class]);
    rising[logits.len() - 1 - rank]
}

/// The length of a change.
pub(super) fn length(norm: Norm, change: &[f32]) -> f32 {
    match norm {
        Norm::Linf => change.iter().fold(0.0, |largest, x| x.abs().max(largest)),
        Norm::L2 => project::norm(change),
        Norm::L1 => change.iter().map(|x| f64::from(x.abs())).sum::<f64>() as f32,
    }
}

/// The length of a slope in the dual norm, which divides a difference into a distance.
fn dual_length(norm: Norm, slope: &[f32]) -> f32 {
    match norm {
        Norm::Linf => length(Norm::L1, slope),
        Norm::L2 => length(Norm::L2, slope),
        Norm::L1 => length(Norm::Linf, slope),
    }
}
