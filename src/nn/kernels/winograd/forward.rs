//! The convolution itself, in two orders of work.

use super::grid::{Block, Grid, panels_apart, vectors_apart};
use super::leaf::{Matrices, multiply, transform_input, transform_output, vectors};
use super::tile::Tile;
use super::weight::{Weight, transform_weight, transformed_len};
use crate::nn::kernels::buffer::{Shared, unfilled, with_scratch};
use crate::nn::kernels::conv::{ConvShape, Epilogue};
use crate::nn::kernels::panel::{PANEL, Run};
use crate::nn::kernels::simd::{Isa, LANES};
use crate::nn::kernels::source::Source;
use rayon::prelude::*;

/// Tiles of a block: few enough for its transformed inputs or, in the other order, its products to stay in a core's
/// own cache, enough for the transformed weights not to be fetched too often.
const TILES: usize = 64;

/// As many blocks as this are wanted for several threads, as long as they have half of [`TILES`].
const BLOCKS: usize = 16;

/// Transformed weights of more numbers than this (16 MiB) would be fetched from memory for every block.
const MOST_WEIGHTS: usize = 4 << 20;

/// Transformed inputs of more numbers than this (64 MiB) would be fetched from memory for every panel.
const MOST_INPUTS: usize = 16 << 20;

/// A convolution of one call.
struct Work<'a> {
    isa: Isa,
    grid: Grid,
    source: Source<'a>,
    weight: Weight<'a>,
    epilogue: Epilogue<'a>,
}

/// `y = x * w` and what the epilogue adds.
pub fn convolve<T: Tile>(isa: Isa, shape: &ConvShape, x: Source, weight: Weight, epilogue: Epilogue) -> Vec<f32> {
    // SAFETY: the blocks (or panels) cover the output, and each writes its part.
    let mut y = unsafe { unfilled(shape.n * shape.k * shape.positions()) };
    let work = Work { isa, grid: Grid::new::<T>(shape), source: x, weight, epilogue };
    let weights = shape.k.div_ceil(PANEL) * transformed_len::<T>(shape.c);
    let inputs = shape.c.next_multiple_of(LANES) * T::POSITIONS * work.grid.tiles(shape.n);
    if weights > MOST_WEIGHTS && inputs <= MOST_INPUTS {
        work.by_panels::<T>(&Shared::new(&mut y));
    } else {
        work.by_blocks::<T>(&Shared::new(&mut y));
    }
    y
}

impl Work<'_> {
    /// For few channels: all weights are transformed first, then a task takes a block of tiles through everything.
    fn by_blocks<T: Tile>(&self, y: &Shared) {
        let shape = &self.grid.shape;
        let panel = transformed_len::<T>(shape.c);
        with_scratch(shape.k.div_ceil(PANEL) * panel, |weights| {
            weights.par_chunks_mut(panel).enumerate().for_each(|(index, weights)| {
                // SAFETY: safe but for the processor, which has what `isa` says.
                unsafe { transform_weight::<T>(self.isa, &self.weight, index * PANEL, weights) }
            });
            let tiles = (self.grid.tiles(shape.n) / BLOCKS).clamp(TILES / 2, TILES);
            let blocks = self.grid.blocks(0..shape.n, tiles);
            blocks.par_iter().with_max_len(1).for_each(|block| self.block::<T>(block, weights, y));
        });
    }

    /// All outputs of a block.
    fn block<T: Tile>(&self, block: &Block, weights: &[f32], y: &Shared) {
        let (grid, c) = (&self.grid, self.grid.shape.c);
        let position = vectors_apart(grid.tiles_of(block));
        let inputs = c.div_ceil(LANES) * T::POSITIONS * position;
        with_scratch(inputs + grid.input_pixels(block.rows.len()), |memory| {
            let (inputs, pixels) = memory.split_at_mut(inputs);
            // SAFETY: `inputs` has `position` numbers for each position of each sixteen channels.
            unsafe {
                let to = inputs.as_mut_ptr();
                transform_input::<T>(self.isa, grid, &self.source, block, 0..c, pixels, to, position);
            }
            let inputs = Inputs { data: inputs, position, first: 0 };
            for (panel, weights) in weights.chunks(transformed_len::<T>(c)).enumerate() {
                self.panel::<T>(block, panel, &inputs, weights, y);
            }
        });
    }

    /// For many channels and few tiles: all inputs are transformed first, then a task takes a panel of weights, which
    /// no other task needs, through all blocks.
    fn by_panels<T: Tile>(&self, y: &Shared) {
        let (grid, shape) = (&self.grid, &self.grid.shape);
        let position = vectors_apart(grid.tiles(shape.n));
        let all = grid.all();
        with_scratch(shape.c.div_ceil(LANES) * T::POSITIONS * position, |inputs| {
            inputs.par_chunks_mut(T::POSITIONS * position).enumerate().for_each(|(index, inputs)| {
                let first = index * LANES;
                let channels = first..shape.c.min(first + LANES);
                with_scratch(grid.input_pixels(grid.down), |pixels| {
                    let to = inputs.as_mut_ptr();
                    // SAFETY: `inputs` has `position` numbers for each position of these channels.
                    unsafe { transform_input::<T>(self.isa, grid, &self.source, &all, channels, pixels, to, position) }
                });
            });
            let blocks = grid.blocks(0..shape.n, TILES);
            (0..shape.k.div_ceil(PANEL)).into_par_iter().with_max_len(1).for_each(|panel| {
                with_scratch(transformed_len::<T>(shape.c), |weights| {
                    // SAFETY: safe but for the processor, which has what `isa` says.
                    unsafe { transform_weight::<T>(self.isa, &self.weight, panel * PANEL, weights) };
                    let mut first = 0;
                    for block in &blocks {
                        self.panel::<T>(block, panel, &Inputs { data: inputs, position, first }, weights, y);
                        first += grid.tiles_of(block);
                    }
                });
            });
        });
    }

    /// One panel of outputs of a block.
    fn panel<T: Tile>(&self, block: &Block, panel: usize, inputs: &Inputs, weights: &[f32], y: &Shared) {
        let (grid, shape) = (&self.grid, &self.grid.shape);
        let tiles = grid.tiles_of(block);
        let runs = inputs.runs::<T>(shape.c, tiles);
        let apart = panels_apart(tiles);
        let (weights, channel) = (&weights[..transformed_len::<T>(shape.c)], panel * PANEL);
        with_scratch(T::POSITIONS * apart + grid.output_pixels(block.rows.len()), |memory| {
            let (products, pixels) = memory.split_at_mut(T::POSITIONS * apart);
            // SAFETY: the runs lie in `inputs` by their making, weights and products have a panel for each channel and
            // each tile; this task alone writes these channels of the block.
            unsafe {
                let x = Matrices { at: inputs.data.as_ptr(), position: inputs.position };
                let weights = Matrices { at: weights.as_ptr(), position: panels_apart(shape.c) };
                let out = Matrices { at: products.as_mut_ptr(), position: apart };
                multiply(self.isa, T::POSITIONS, tiles, vectors(shape.k, channel), &runs, x, weights, out);
                let from = products.as_ptr();
                transform_output::<T>(self.isa, grid, from, apart, block, channel, pixels, &self.epilogue, y);
            }
        });
    }
}

/// Transformed inputs, (channels / 16, position, tile, 16); the block at hand begins with tile `first`.
struct Inputs<'a> {
    data: &'a [f32],
    position: usize,
    first: usize,
}

impl Inputs<'_> {
    /// Where the channels of the first tile of the block lie, at the first position.
    fn runs<T: Tile>(&self, channels: usize, tiles: usize) -> Vec<Run> {
        let group = T::POSITIONS * self.position;
        assert!((self.first + tiles) * LANES <= self.position && channels.div_ceil(LANES) * group <= self.data.len());
        let groups = (0..channels).step_by(LANES).enumerate();
        groups
            .map(|(index, first)| Run { at: index * group + self.first * LANES, len: (channels - first).min(LANES) })
            .collect()
    }
}
