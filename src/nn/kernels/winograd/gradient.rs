//! The gradient of a weight: the adjoint of the convolution on the same tiles, in two orders of work.

use super::grid::{Block, Grid, panels_apart, vectors_apart};
use super::leaf::{Matrices, correlate, transform_gradient, transform_input, vectors};
use super::tile::Tile;
use super::weight::{transform_weight_gradient, transformed_gradient_len};
use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::{Isa, LANES};
use crate::nn::kernels::source::Source;
use rayon::prelude::*;

/// Tiles of a block: few enough for their transforms to stay in a core's own cache.
const TILES: usize = 64;

/// Slices of the batch with sums of their own. A constant: the sums do not depend on the number of threads.
const SLICES: usize = 8;

/// Transformed gradients of more numbers than this (1 MiB) get half as many slices.
const MANY_SUMS: usize = 1 << 18;

/// Transformed gradients of more numbers than this (4 MiB) are too many for a copy per slice.
const MOST_SUMS: usize = 1 << 20;

/// So few tiles are not worth slices: adding their sums would take longer than making them.
const FEW_TILES: usize = 512;

/// Transformed inputs of more numbers than this (64 MiB) are too many to be there at once.
const MOST_INPUTS: usize = 16 << 20;

/// A gradient of one call.
struct Work<'a> {
    isa: Isa,
    grid: Grid,
    source: Source<'a>,
    dy: &'a [f32],
}

/// `dw = Gᵀ Σ over tiles ((A dy Aᵀ) ⊙ (Bᵀ d B)) G`.
pub fn weight_gradient<T: Tile>(isa: Isa, shape: &ConvShape, x: Source, dy: &[f32]) -> Vec<f32> {
    // SAFETY: every panel of every sixteen input channels is written.
    let mut dw = unsafe { unfilled(shape.k * shape.patch()) };
    let work = Work { isa, grid: Grid::new::<T>(shape), source: x, dy };
    let tiles = work.grid.tiles(shape.n);
    let inputs = (shape.c.next_multiple_of(LANES) + shape.k.next_multiple_of(PANEL)) * T::POSITIONS * tiles;
    let few = tiles <= FEW_TILES && shape.k > PANEL;
    if (few || work.sums_len::<T>() > MOST_SUMS) && inputs <= MOST_INPUTS {
        work.by_panels::<T>(&mut dw);
    } else {
        work.by_slices::<T>(&mut dw);
    }
    dw
}

impl Work<'_> {
    /// Groups of sixteen input channels.
    fn groups(&self) -> usize {
        self.grid.shape.c.div_ceil(LANES)
    }

    /// Numbers of the transformed gradient: (panel, group, position, 16, [`PANEL`]).
    fn sums_len<T: Tile>(&self) -> usize {
        self.grid.shape.k.div_ceil(PANEL) * self.groups() * transformed_gradient_len::<T>()
    }

    /// For few channels: a task takes a slice of the batch, block by block, through everything but the last transform;
    /// the sums of the slices are added in order.
    fn by_slices<T: Tile>(&self, dw: &mut [f32]) {
        let (shape, groups) = (&self.grid.shape, self.groups());
        let sum = self.sums_len::<T>();
        let slices = (if sum > MANY_SUMS { SLICES / 2 } else { SLICES }).min(shape.n);
        with_scratch(slices * sum, |sums| {
            sums.par_chunks_mut(sum).enumerate().with_max_len(1).for_each(|(slice, sums)| {
                let samples = slice * shape.n / slices..(slice + 1) * shape.n / slices;
                for (index, block) in self.grid.blocks(samples, TILES).iter().enumerate() {
                    self.add_block::<T>(block, index > 0, sums);
                }
            });
            let part = transformed_gradient_len::<T>();
            dw.par_chunks_mut(PANEL * shape.patch()).enumerate().for_each(|(panel, dw)| {
                with_scratch(part, |total| {
                    for group in 0..groups {
                        let at = (panel * groups + group) * part;
                        total.copy_from_slice(&sums[at..][..part]);
                        for slice in 1..slices {
                            let more = &sums[slice * sum + at..][..part];
                            total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
                        }
                        // SAFETY: safe but for the processor, which has what `isa` says.
                        unsafe { transform_weight_gradient::<T>(self.isa, total, shape.c, group * LANES, dw) }
                    }
                });
            });
        });
    }

    /// The sums over the tiles of one block, added to `sums` if `onto`.
    fn add_block<T: Tile>(&self, block: &Block, onto: bool, sums: &mut [f32]) {
        let (grid, shape) = (&self.grid, &self.grid.shape);
        let tiles = grid.tiles_of(block);
        let (x_position, dy_position) = (vectors_apart(tiles), panels_apart(tiles));
        let (x_len, dy_len) = (self.groups() * T::POSITIONS * x_position, T::POSITIONS * dy_position);
        let pixels = grid.input_pixels(block.rows.len());
        with_scratch(x_len + dy_len + pixels, |memory| {
            let (x, memory) = memory.split_at_mut(x_len);
            let (dy, pixels) = memory.split_at_mut(dy_len);
            // SAFETY: the buffers have room for every position of every sixteen channels, and of one panel.
            unsafe {
                let to = x.as_mut_ptr();
                transform_input::<T>(self.isa, grid, &self.source, block, 0..shape.c, pixels, to, x_position);
            }
            let x = Matrices { at: &*x, position: x_position };
            let part = transformed_gradient_len::<T>();
            for (panel, sums) in sums.chunks_mut(self.groups() * part).enumerate() {
                let to = dy.as_mut_ptr();
                // SAFETY: as above.
                unsafe {
                    transform_gradient::<T>(self.isa, grid, self.dy, block, panel * PANEL, pixels, to, dy_position);
                }
                let dy = Matrices { at: &*dy, position: dy_position };
                for (group, sums) in sums.chunks_mut(part).enumerate() {
                    self.correlate_group::<T>((panel, group), tiles, x, dy, onto, sums);
                }
            }
        });
    }

    /// One group of input channels with one panel of outputs, over `tiles` tiles.
    fn correlate_group<T: Tile>(
        &self,
        (panel, group): (usize, usize),
        tiles: usize,
        x: Matrices<&[f32]>,
        dy: Matrices<&[f32]>,
        onto: bool,
        sums: &mut [f32],
    ) {
        let shape = &self.grid.shape;
        let x_at = &x.at[group * T::POSITIONS * x.position..][..T::POSITIONS * x.position];
        assert!(tiles * LANES <= x.position && tiles * PANEL <= dy.position, "tiles");
        assert!(dy.at.len() >= T::POSITIONS * dy.position && sums.len() >= transformed_gradient_len::<T>(), "lengths");
        let x = Matrices { at: x_at.as_ptr(), position: x.position };
        let dy = Matrices { at: dy.at.as_ptr(), position: dy.position };
        let out = Matrices { at: sums.as_mut_ptr(), position: panels_apart(LANES) };
        let (channels, vectors) = ((shape.c - group * LANES).min(LANES), vectors(shape.k, panel * PANEL));
        // SAFETY: tiles and sums lie in the buffers by the assertions.
        unsafe { correlate(self.isa, T::POSITIONS, tiles, channels, vectors, x, dy, out, onto) };
    }

    /// For many channels and few tiles: all inputs are transformed first, then a task takes a panel of outputs, over
    /// all tiles at once.
    fn by_panels<T: Tile>(&self, dw: &mut [f32]) {
        let (grid, shape) = (&self.grid, &self.grid.shape);
        let (all, tiles) = (grid.all(), grid.tiles(shape.n));
        let (position, part) = (vectors_apart(tiles), transformed_gradient_len::<T>());
        with_scratch(self.groups() * T::POSITIONS * position, |x| {
            x.par_chunks_mut(T::POSITIONS * position).enumerate().for_each(|(index, x)| {
                let channels = index * LANES..shape.c.min(index * LANES + LANES);
                with_scratch(grid.input_pixels(grid.down), |pixels| {
                    let to = x.as_mut_ptr();
                    // SAFETY: `x` has room for every position of these channels.
                    unsafe { transform_input::<T>(self.isa, grid, &self.source, &all, channels, pixels, to, position) }
                });
            });
            let x = Matrices { at: &*x, position };
            dw.par_chunks_mut(PANEL * shape.patch()).enumerate().with_max_len(1).for_each(|(panel, dw)| {
                let dy_position = panels_apart(tiles);
                let dy_len = T::POSITIONS * dy_position;
                with_scratch(dy_len + part + grid.output_pixels(grid.down), |memory| {
                    let (dy, memory) = memory.split_at_mut(dy_len);
                    let (sums, pixels) = memory.split_at_mut(part);
                    let to = dy.as_mut_ptr();
                    // SAFETY: `dy` has room for every position of a panel.
                    unsafe {
                        transform_gradient::<T>(self.isa, grid, self.dy, &all, panel * PANEL, pixels, to, dy_position);
                    }
                    let dy = Matrices { at: &*dy, position: dy_position };
                    for group in 0..self.groups() {
                        self.correlate_group::<T>((panel, group), tiles, x, dy, false, sums);
                        // SAFETY: safe but for the processor, which has what `isa` says.
                        unsafe { transform_weight_gradient::<T>(self.isa, sums, shape.c, group * LANES, dw) }
                    }
                });
            });
        });
    }
}
