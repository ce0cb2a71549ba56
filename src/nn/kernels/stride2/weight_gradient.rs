//! The gradient of the weight: the adjoint of the forward pass on the same tiles, in two orders of work.

use super::Phases;
use super::layout::Tiles;
use super::leaf::{correlate, transform_gradient, transform_input};
use super::line::OUT;
use super::way::{Down, Grid, Image, Way};
use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::{Isa, LANES};
use crate::nn::kernels::source::Source;
use crate::nn::kernels::winograd::weight::transform_weight_gradient;
use crate::nn::kernels::winograd::{Kernels, panels_apart};
use rayon::prelude::*;
use std::ops::Range;

/// Tiles of a part of the batch. The sums over the tiles of a part are added to those of the parts before, so chains of
/// sums stay short. Measured: parts of 64 are no faster.
const TILES: usize = 32;

/// A call.
struct Work<'a> {
    isa: Isa,
    shape: &'a ConvShape,
    grid: Grid,
    source: Source<'a>,
    dy: &'a [f32],
}

/// `dw = Gᵀ Σ over tiles ((A dy Aᵀ) ⊙ (Bᵀ d B)) G`, with copies where an axis isn't transformed.
pub fn weight_gradient(isa: Isa, shape: &ConvShape, source: Source, dy: &[f32]) -> Vec<f32> {
    let work = Work { isa, shape, grid: Grid::new(shape), source, dy };
    // SAFETY: every panel of every group of input channels is written.
    let mut dw = unsafe { unfilled(shape.k * shape.patch()) };
    // What is larger, sums or inputs, is not there as a whole.
    if work.panels() * SUMS > Tiles::<LANES>::new(work.tiles(shape.n)).len() {
        work.by_panels(&mut dw);
    } else {
        work.by_parts(&mut dw);
    }
    dw
}

/// Numbers of the sums for a group of input channels and a panel of output channels.
const SUMS: usize = Phases::POSITIONS * panels_apart(LANES);

impl Work<'_> {
    /// Groups of sixteen input channels.
    fn groups(&self) -> usize {
        self.shape.c.div_ceil(LANES)
    }

    /// Panels of output channels.
    fn panels(&self) -> usize {
        self.shape.k.div_ceil(PANEL)
    }

    /// Tiles of so many samples.
    fn tiles(&self, samples: usize) -> usize {
        samples * self.grid.down * self.grid.across
    }

    /// The samples of each part of the batch.
    fn parts(&self) -> Vec<Range<usize>> {
        let step = (TILES / self.tiles(1)).clamp(1, self.shape.n);
        (0..self.shape.n).step_by(step).map(|n| n..(n + step).min(self.shape.n)).collect()
    }

    /// For few channels: one part of the batch after the other, with the sums of all panels and groups.
    fn by_parts(&self, dw: &mut [f32]) {
        with_scratch(self.panels() * self.groups() * SUMS, |sums| {
            for samples in self.parts() {
                self.add_part(samples, sums);
            }
            let panels = dw.par_chunks_mut(PANEL * self.shape.patch()).zip(sums.par_chunks(self.groups() * SUMS));
            panels.for_each(|(dw, sums)| {
                for (group, sums) in sums.chunks(SUMS).enumerate() {
                    self.finish(group, sums, dw);
                }
            });
        });
    }

    /// Adds the sums over the tiles of some samples; sets them if these are the first.
    fn add_part(&self, samples: Range<usize>, sums: &mut [f32]) {
        let count = self.tiles(samples.len());
        let (x_len, dy_len) = (Tiles::<LANES>::new(count).len(), Tiles::<PANEL>::new(count).len());
        with_scratch(self.groups() * x_len + self.panels() * dy_len, |memory| {
            let (x, dy) = memory.split_at_mut(self.groups() * x_len);
            rayon::join(
                || x.par_chunks_mut(x_len).enumerate().for_each(|(group, to)| self.input(&samples, group, to)),
                || dy.par_chunks_mut(dy_len).enumerate().for_each(|(panel, to)| self.gradient(&samples, panel, to)),
            );
            sums.par_chunks_mut(SUMS).enumerate().for_each(|(index, sums)| {
                let (panel, group) = (index / self.groups(), index % self.groups());
                let (x, dy) = (&x[group * x_len..][..x_len], &dy[panel * dy_len..][..dy_len]);
                self.correlate((panel, group), count, x, dy, samples.start > 0, sums);
            });
        });
    }

    /// For many channels and few tiles: all inputs are transformed first, then a task takes a panel of outputs, over all
    /// tiles.
    fn by_panels(&self, dw: &mut [f32]) {
        let parts = self.parts();
        let x_len = |samples: &Range<usize>| Tiles::<LANES>::new(self.tiles(samples.len())).len();
        let dy_len = |samples: &Range<usize>| Tiles::<PANEL>::new(self.tiles(samples.len())).len();
        let x_of_group: usize = parts.iter().map(x_len).sum();
        let dy_of_panel: usize = parts.iter().map(dy_len).sum();
        with_scratch(self.groups() * x_of_group, |x| {
            x.par_chunks_mut(x_of_group).enumerate().for_each(|(group, mut x)| {
                for samples in &parts {
                    let (to, rest) = x.split_at_mut(x_len(samples));
                    self.input(samples, group, to);
                    x = rest;
                }
            });
            dw.par_chunks_mut(PANEL * self.shape.patch()).enumerate().with_max_len(1).for_each(|(panel, dw)| {
                with_scratch(dy_of_panel + SUMS, |memory| {
                    let (dy, sums) = memory.split_at_mut(dy_of_panel);
                    let mut rest = &mut *dy;
                    for samples in &parts {
                        let (to, others) = rest.split_at_mut(dy_len(samples));
                        self.gradient(samples, panel, to);
                        rest = others;
                    }
                    for (group, mut x) in x.chunks(x_of_group).enumerate() {
                        let mut dy = &*dy;
                        for samples in &parts {
                            let count = self.tiles(samples.len());
                            self.correlate((panel, group), count, x, dy, samples.start > 0, sums);
                            (x, dy) = (&x[x_len(samples)..], &dy[dy_len(samples)..]);
                        }
                        self.finish(group, sums, dw);
                    }
                });
            });
        });
    }

    /// A group of input channels of some samples, transformed.
    fn input(&self, samples: &Range<usize>, group: usize, to: &mut [f32]) {
        let (isa, grid, image) = (self.isa, self.grid, Image::large(self.shape));
        with_scratch(Down::READ * grid.read_row::<Down>(), |pixels| {
            let rows = 0..grid.down;
            // SAFETY: safe but for the processor, which has what `isa` says; here and below.
            unsafe {
                transform_input::<Down>(isa, grid, image, &self.source, group * LANES, samples, &rows, pixels, to);
            }
        });
    }

    /// A panel of the gradient of the output of some samples, transformed.
    fn gradient(&self, samples: &Range<usize>, panel: usize, to: &mut [f32]) {
        let (isa, grid, image) = (self.isa, self.grid, Image::small(self.shape));
        with_scratch(OUT * grid.row(OUT), |pixels| unsafe {
            transform_gradient(isa, grid, image, self.dy, panel * PANEL, samples, pixels, to);
        });
    }

    /// The sums over `count` tiles, added to what is there if `onto`.
    fn correlate(
        &self,
        (panel, group): (usize, usize),
        count: usize,
        x: &[f32],
        dy: &[f32],
        onto: bool,
        sums: &mut [f32],
    ) {
        let (channels, outputs) = (self.shape.c - group * LANES, self.shape.k - panel * PANEL);
        unsafe { correlate(self.isa, channels, outputs, count, x, dy, sums, onto) };
    }

    /// Sums to the gradient of a panel, `dw`.
    fn finish(&self, group: usize, sums: &[f32], dw: &mut [f32]) {
        unsafe { transform_weight_gradient::<Phases>(self.isa, sums, self.shape.c, group * LANES, dw) };
    }
}
