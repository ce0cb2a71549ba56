//! The images of an ascent that aren't done yet, side by side in buffers that are made once.

use super::Norm;
use super::apgd_moves::{self, Point, Step};
use super::ascent::{Ascent, Ball, Found};
use super::gradient::Seen;
use crate::nn::in_place::write;
use crate::nn::kernels::{buffer, simd::Isa};
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

/// One image on its way.
#[derive(Clone, Debug)]
struct Image {
    /// of a step
    size: f32,
    /// the highest loss, and what it was at the last check
    best: f32,
    best_then: f32,
    /// the loss at the last point, and how often it has risen since the last check
    loss: f32,
    rises: usize,
    /// whether the last check shortened the steps
    shortened: bool,
    /// of l1: the share of the pixels that a step moves, and how many the best point had moved at the last check
    moving: f32,
    moved: usize,
}

impl Image {
    fn new(norm: Norm, ball: Ball, x: &[f32], x0: &[f32]) -> Image {
        let moved = if ball.goes_on { moved(x, x0) } else { x.len() };
        Image {
            size: (if norm == Norm::L1 { ball.eps } else { 2.0 * ball.eps }) as f32,
            best: f32::NEG_INFINITY,
            best_then: f32::NEG_INFINITY,
            // The reference compares the loss of the first step with an empty place, that of a single step with itself.
            loss: if ball.iters == 1 { f32::INFINITY } else { 0.0 },
            rises: 0,
            shortened: true,
            moving: if ball.goes_on { share(moved, x.len()) } else { 0.2 },
            moved,
        }
    }

    /// Whether to go on from the best point, with steps of half the length: where the loss rose in no more than 3/4 of
    /// the steps, or neither the length nor the highest loss has changed since the last check.
    fn check_losses(&mut self, steps: usize) -> bool {
        let oscillates = self.rises as f32 <= steps as f32 * 0.75;
        let stuck = !self.shortened && self.best_then >= self.best;
        (self.shortened, self.best_then, self.rises) = (oscillates || stuck, self.best, 0);
        if self.shortened {
            self.size /= 2.0;
        }
        self.shortened
    }

    /// Of l1, whose best point has so many pixels moved: where they became fewer it goes on from there with steps of the
    /// full length, else steps become shorter, down to a tenth (Croce & Hein 2021, section 4).
    fn check_moved(&mut self, moved: usize, pixels: usize, eps: f64) -> bool {
        let fewer = moved as f32 / (self.moved as f32) < 0.95;
        let size = if fewer { eps as f32 } else { self.size / 1.5 };
        self.size = size.max((eps / 10.0) as f32).min(eps as f32);
        (self.moving, self.moved) = (share(moved, pixels), moved);
        fewer
    }
}

/// The share of the pixels that a step of l1 moves after a check.
fn share(moved: usize, pixels: usize) -> f32 {
    moved as f32 / pixels as f32 / 1.5
}

fn moved(x: &[f32], x0: &[f32]) -> usize {
    x.iter().zip(x0).filter(|(x, x0)| *x - *x0 != 0.0).count()
}

/// Rows of images beside each other; those that are open stand first in all of them.
pub(super) struct Climb {
    norm: Norm,
    ball: Ball,
    /// numbers in one image
    row: usize,
    open: Vec<Image>,
    /// their places in the batch
    places: Vec<usize>,
    x0: Vec<f32>,
    x: Tensor,
    before: Vec<f32>,
    seen: Seen,
    best: Vec<f32>,
    best_gradient: Vec<f32>,
    /// what is found, by place in the batch
    points: Vec<f32>,
    fooled: Vec<bool>,
    losses: Vec<f32>,
    device: Device,
}

impl Climb {
    /// Images that stand at `start`, which is written into.
    pub fn new(ascent: &Ascent, ball: Ball, start: &Tensor) -> Result<Climb> {
        let (n, row) = (start.dim(0)?, start.dims().iter().skip(1).product::<usize>().max(1));
        let x = start.to_device(&Device::Cpu)?;
        let x0: Vec<f32> = ascent.batch.pixels.flatten_all()?.to_vec1()?;
        let points: Vec<f32> = x.flatten_all()?.to_vec1()?;
        let rows = points.chunks(row).zip(x0.chunks(row));
        Ok(Climb {
            norm: ascent.norm,
            ball,
            row,
            open: rows.map(|(x, x0)| Image::new(ascent.norm, ball, x, x0)).collect(),
            places: (0..n).collect(),
            before: points.clone(),
            best: points.clone(),
            best_gradient: vec![0.0; points.len()],
            seen: Seen { losses: Vec::new(), right: Vec::new(), gradient: x.clone() },
            x,
            x0,
            points,
            fooled: vec![false; n],
            losses: vec![f32::NEG_INFINITY; n],
            device: start.device().clone(),
        })
    }

    /// Whether no image is open.
    pub fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes each image one step along its gradient.
    pub fn step(&mut self, share: f32) -> Result<()> {
        let (norm, row, eps, isa) = (self.norm, self.row, self.ball.eps as f32, Isa::in_use());
        let gradient = buffer::view(&self.seen.gradient)?;
        let gradient: &[f32] = &gradient;
        let (before, x0, open) = (&mut self.before, &self.x0, &self.open);
        write(&self.x, |x| {
            let rows = x.par_chunks_mut(row).zip(before.par_chunks_mut(row)).zip(x0.par_chunks(row));
            rows.zip(gradient.par_chunks(row)).zip(open).for_each(|((((x, before), x0), gradient), image)| {
                let step = Step { eps, size: image.size, share, moving: image.moving };
                isa.run(|| apgd_moves::step(norm, Point { x0, x, before, gradient }, step));
            });
            Ok(())
        })
    }

    /// A pass. Images that the network gets wrong are done, where that decides, and leave.
    pub fn look(&mut self, ascent: &Ascent) -> Result<()> {
        self.seen = ascent.see(&self.x.to_device(&self.device)?, &self.places)?;
        self.seen.gradient = self.seen.gradient.to_device(&Device::Cpu)?;
        if !self.ball.decides || self.seen.right.iter().all(|&right| right) {
            return Ok(());
        }
        let (row, right) = (self.row, std::mem::take(&mut self.seen.right));
        let wrong = (0..right.len()).filter(|&i| !right[i]);
        let x = buffer::view(&self.x)?;
        for (i, place) in wrong.map(|i| (i, self.places[i])) {
            (self.fooled[place], self.losses[place]) = (true, self.seen.losses[i]);
            self.points[place * row..][..row].copy_from_slice(&x[i * row..][..row]);
        }
        drop(x);
        let left = right.iter().filter(|&&right| right).count();
        for rows in [&mut self.x0, &mut self.before, &mut self.best, &mut self.best_gradient] {
            move_up(rows, row, &right);
            rows.truncate(left * row);
        }
        for rows in [&mut self.x, &mut self.seen.gradient] {
            write(rows, |rows| {
                move_up(rows, row, &right);
                Ok(())
            })?;
            *rows = rows.narrow(0, 0, left)?;
        }
        stay(&mut self.open, &right);
        stay(&mut self.places, &right);
        stay(&mut self.seen.losses, &right);
        Ok(())
    }

    /// Takes the first pass's points for the best so far.
    pub fn begin(&mut self) -> Result<()> {
        self.best_gradient.copy_from_slice(&buffer::view(&self.seen.gradient)?);
        for (image, &loss) in self.open.iter_mut().zip(&self.seen.losses) {
            (image.best, image.best_then) = (loss, loss);
        }
        Ok(())
    }

    /// Notes the losses and each image's best point. At a check, so many steps after the last one, images go on from
    /// there where they should.
    pub fn keep(&mut self, check: Option<usize>) -> Result<()> {
        let (row, norm, eps) = (self.row, self.norm, self.ball.eps);
        let (x0, best, best_gradient) = (&self.x0, &mut self.best, &mut self.best_gradient);
        let (open, losses) = (&mut self.open, &self.seen.losses);
        let gradient = &self.seen.gradient;
        write(&self.x, |x| {
            write(gradient, |gradient| {
                let here = x.par_chunks_mut(row).zip(gradient.par_chunks_mut(row)).zip(x0.par_chunks(row));
                let bests = best.par_chunks_mut(row).zip(best_gradient.par_chunks_mut(row));
                let images = open.par_iter_mut().zip(losses);
                let all = here.zip(bests).zip(images);
                all.for_each(|((((x, gradient), x0), (best, best_gradient)), (image, &loss))| {
                    image.rises += usize::from(loss > image.loss);
                    image.loss = loss;
                    if loss > image.best {
                        image.best = loss;
                        best.copy_from_slice(x);
                        best_gradient.copy_from_slice(gradient);
                    }
                    let back = check.is_some_and(|steps| match norm {
                        Norm::L1 => image.check_moved(moved(best, x0), row, eps),
                        Norm::Linf | Norm::L2 => image.check_losses(steps),
                    });
                    if back {
                        x.copy_from_slice(best);
                        gradient.copy_from_slice(best_gradient);
                    }
                });
                Ok(())
            })
        })
    }

    /// What it came to, as images of these dimensions.
    pub fn finish(mut self, dims: &[usize]) -> Result<Found> {
        for (i, (image, &place)) in self.open.iter().zip(&self.places).enumerate() {
            self.losses[place] = image.best;
            self.points[place * self.row..][..self.row].copy_from_slice(&self.best[i * self.row..][..self.row]);
        }
        let points = Tensor::from_vec(self.points, dims, &self.device)?;
        Ok(Found { points, fooled: self.fooled, losses: self.losses })
    }
}

/// Moves the rows that stay up to the front, in their order.
fn move_up(rows: &mut [f32], row: usize, stay: &[bool]) {
    for (to, from) in (0..stay.len()).filter(|&i| stay[i]).enumerate() {
        if from != to {
            rows.copy_within(from * row..(from + 1) * row, to * row);
        }
    }
}

fn stay<T>(items: &mut Vec<T>, stay: &[bool]) {
    let mut stay = stay.iter();
    items.retain(|_| stay.next().is_some_and(|&stays| stays));
}
