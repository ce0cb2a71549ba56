//! The gradient of the weight: the adjoint of the forward pass on the same tiles.

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
use crate::nn::kernels::winograd::weight::{transform_weight_gradient, transformed_gradient_len};
use rayon::prelude::*;
use std::ops::Range;

/// Tiles whose transforms are there at the same time, for all channels: the sums over them are added to those of the
/// tiles before, so chains of sums stay short, and the transforms stay in a cache. Measured: 64 are no faster.
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
    let (panels, groups, part) =
        (shape.k.div_ceil(PANEL), shape.c.div_ceil(LANES), transformed_gradient_len::<Phases>());
    // SAFETY: every panel of every sixteen input channels is written.
    let mut dw = unsafe { unfilled(shape.k * shape.patch()) };
    with_scratch(panels * groups * part, |sums| {
        let samples = (TILES / (work.grid.down * work.grid.across)).clamp(1, shape.n);
        for first in (0..shape.n).step_by(samples) {
            work.add(first..(first + samples).min(shape.n), sums);
        }
        let panels = dw.par_chunks_mut(PANEL * shape.patch()).zip(sums.par_chunks(groups * part));
        panels.for_each(|(dw, sums)| {
            for (group, sums) in sums.chunks(part).enumerate() {
                // SAFETY: safe but for the processor, which has what `isa` says.
                unsafe { transform_weight_gradient::<Phases>(isa, sums, shape.c, group * LANES, dw) };
            }
        });
    });
    dw
}

impl Work<'_> {
    /// Adds the sums over the tiles of some samples; sets them if these are the first.
    fn add(&self, samples: Range<usize>, sums: &mut [f32]) {
        let (shape, grid, isa) = (self.shape, self.grid, self.isa);
        let count = samples.len() * grid.down * grid.across;
        let (x_part, dy_part) = (Tiles::<LANES>::new(count).len(), Tiles::<PANEL>::new(count).len());
        let (groups, panels) = (shape.c.div_ceil(LANES), shape.k.div_ceil(PANEL));
        with_scratch(groups * x_part + panels * dy_part, |memory| {
            let (x, dy) = memory.split_at_mut(groups * x_part);
            let of_input = |(group, x): (usize, &mut [f32])| {
                with_scratch(Down::READ * grid.read_row::<Down>(), |pixels| {
                    let (image, rows) = (Image::large(shape), 0..grid.down);
                    // SAFETY: safe but for the processor, which has what `isa` says; here and below.
                    unsafe {
                        transform_input::<Down>(
                            isa,
                            grid,
                            image,
                            &self.source,
                            group * LANES,
                            &samples,
                            &rows,
                            pixels,
                            x,
                        )
                    }
                });
            };
            let of_gradient = |(panel, to): (usize, &mut [f32])| {
                with_scratch(OUT * grid.row(OUT), |pixels| unsafe {
                    transform_gradient(isa, grid, Image::small(shape), self.dy, panel * PANEL, &samples, pixels, to);
                });
            };
            rayon::join(
                || x.par_chunks_mut(x_part).enumerate().for_each(of_input),
                || dy.par_chunks_mut(dy_part).enumerate().for_each(of_gradient),
            );
            sums.par_chunks_mut(transformed_gradient_len::<Phases>()).enumerate().for_each(|(index, sums)| {
                let (panel, group) = (index / groups, index % groups);
                let (channels, outputs) = (shape.c - group * LANES, shape.k - panel * PANEL);
                let (x, dy) = (&x[group * x_part..][..x_part], &dy[panel * dy_part..][..dy_part]);
                unsafe { correlate(isa, channels, outputs, count, x, dy, sums, samples.start > 0) };
            });
        });
    }
}
