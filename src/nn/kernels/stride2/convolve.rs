//! Forward pass and gradient of the input, in two orders of work.

use super::Phases;
use super::layout::Tiles;
use super::leaf::{multiply, transform_input, transform_output};
use super::way::{Grid, Image, Way};
use crate::nn::kernels::buffer::{Shared, unfilled, with_scratch};
use crate::nn::kernels::conv::{ConvShape, Epilogue};
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::{Isa, LANES};
use crate::nn::kernels::source::Source;
use crate::nn::kernels::winograd::weight::{Weight, transform_weight, transformed_len};
use rayon::prelude::*;
use std::ops::Range;

/// Tiles that are worked on at a time: enough rows for the products, few enough that what lies between the transforms
/// stays near and that there are tasks for many threads. Measured: 16 and 32 are no faster.
const TILES: usize = 8;

/// The same where a task takes a panel of weights.
const TILES_OF_PANEL: usize = 32;

/// Transformed weights of a panel of more numbers than this (1¼ MiB) do not stay in a core's own cache.
const MOST_WEIGHTS: usize = 5 << 16;

/// A call.
struct Work<'a> {
    isa: Isa,
    n: usize,
    grid: Grid,
    input: Image,
    output: Image,
    source: Source<'a>,
    weight: Weight<'a>,
    epilogue: Epilogue<'a>,
}

/// Tiles that are worked on together: some rows of tiles of some samples.
struct Block {
    samples: Range<usize>,
    rows: Range<usize>,
}

/// The convolution, or its transpose, of `source` with `weight`.
pub fn convolve<W: Way>(isa: Isa, shape: &ConvShape, source: Source, weight: Weight, epilogue: Epilogue) -> Vec<f32> {
    let (input, output) = W::images(shape);
    let work = Work { isa, n: shape.n, grid: Grid::new(shape), input, output, source, weight, epilogue };
    // SAFETY: the blocks cover all samples and rows, the panels all channels.
    let mut y = unsafe { unfilled(shape.n * output.len()) };
    let weights = output.channels.div_ceil(PANEL) * work.panel();
    let inputs = work.groups() * Tiles::<LANES>::new(work.tiles()).len();
    // What is larger is not there as a whole.
    if weights > inputs && work.panel() <= MOST_WEIGHTS {
        work.by_panels::<W>(&Shared::new(&mut y));
    } else {
        work.by_blocks::<W>(&Shared::new(&mut y));
    }
    y
}

impl Work<'_> {
    /// Tiles of all samples.
    fn tiles(&self) -> usize {
        self.n * self.grid.down * self.grid.across
    }

    /// Groups of sixteen input channels.
    fn groups(&self) -> usize {
        self.input.channels.div_ceil(LANES)
    }

    /// Numbers of a transformed panel of weights.
    fn panel(&self) -> usize {
        transformed_len::<Phases>(self.input.channels)
    }

    /// Tiles of a block.
    fn tiles_of(&self, block: &Block) -> usize {
        block.samples.len() * block.rows.len() * self.grid.across
    }

    /// Numbers of the transformed inputs of a block, of products for a panel, and of pixels to read or write.
    fn lens<W: Way>(&self, block: &Block) -> (usize, usize, usize) {
        let count = self.tiles_of(block);
        let pixels = (W::READ * self.grid.read_row::<W>()).max(W::WRITE * self.grid.row(W::WRITE));
        (self.groups() * self.group_of(block), Tiles::<PANEL>::new(count).len(), pixels)
    }

    /// Everything in blocks of about `tiles` tiles: rows of some samples.
    fn blocks(&self, tiles: usize) -> Vec<Block> {
        let grid = self.grid;
        let step = (tiles / (grid.down * grid.across)).clamp(1, self.n);
        let rows = (tiles / grid.across).clamp(1, grid.down);
        let samples = (0..self.n).step_by(step).map(|n| n..(n + step).min(self.n));
        let cut = |samples: Range<usize>| {
            let rows = (0..grid.down).step_by(rows).map(move |row| row..(row + rows).min(grid.down));
            rows.map(move |rows| Block { samples: samples.clone(), rows })
        };
        samples.flat_map(cut).collect()
    }

    /// For few channels: all weights are transformed first, then a task takes a block of tiles through everything.
    fn by_blocks<W: Way>(&self, y: &Shared) {
        with_scratch(self.output.channels.div_ceil(PANEL) * self.panel(), |weights| {
            weights.par_chunks_mut(self.panel()).enumerate().for_each(|(panel, to)| {
                // SAFETY: safe but for the processor, which has what `isa` says.
                unsafe { transform_weight::<Phases>(self.isa, &self.weight, panel * PANEL, to) };
            });
            self.blocks(TILES).par_iter().with_max_len(1).for_each(|block| {
                let (x_len, m_len, pixels) = self.lens::<W>(block);
                with_scratch(x_len + m_len + pixels, |memory| {
                    let (x, memory) = memory.split_at_mut(x_len);
                    let (products, pixels) = memory.split_at_mut(m_len);
                    for (group, x) in x.chunks_mut(self.group_of(block)).enumerate() {
                        self.transform::<W>(block, group, pixels, x);
                    }
                    for (panel, weights) in weights.chunks(self.panel()).enumerate() {
                        self.multiply_block::<W>(block, panel, x, weights, products, pixels, y);
                    }
                });
            });
        });
    }

    /// For many channels and few tiles: all inputs are transformed first, then a task takes a panel of weights, which no
    /// other task needs, through all blocks.
    fn by_panels<W: Way>(&self, y: &Shared) {
        let blocks = self.blocks(TILES_OF_PANEL);
        let lens: Vec<_> = blocks.iter().map(|block| self.lens::<W>(block)).collect();
        let most = lens.iter().map(|len| len.1).max().unwrap_or(0);
        let pixels = lens[0].2;
        with_scratch(lens.iter().map(|len| len.0).sum(), |memory| {
            let mut inputs = Vec::with_capacity(blocks.len());
            let mut rest = &mut *memory;
            for (block, len) in blocks.iter().zip(&lens) {
                let (x, others) = rest.split_at_mut(len.0);
                inputs.push((block, x));
                rest = others;
            }
            inputs.par_iter_mut().for_each(|(block, x)| {
                x.par_chunks_mut(self.group_of(block)).enumerate().for_each(|(group, x)| {
                    with_scratch(pixels, |pixels| self.transform::<W>(block, group, pixels, x));
                });
            });
            (0..self.output.channels.div_ceil(PANEL)).into_par_iter().with_max_len(1).for_each(|panel| {
                with_scratch(self.panel() + most + pixels, |memory| {
                    let (weights, memory) = memory.split_at_mut(self.panel());
                    let (products, pixels) = memory.split_at_mut(most);
                    // SAFETY: safe but for the processor, which has what `isa` says.
                    unsafe { transform_weight::<Phases>(self.isa, &self.weight, panel * PANEL, weights) };
                    for (block, x) in &inputs {
                        self.multiply_block::<W>(block, panel, x, weights, products, pixels, y);
                    }
                });
            });
        });
    }

    /// Numbers of a group of input channels of a block, transformed.
    fn group_of(&self, block: &Block) -> usize {
        Tiles::<LANES>::new(self.tiles_of(block)).len()
    }

    /// A group of input channels of a block, transformed.
    fn transform<W: Way>(&self, block: &Block, group: usize, pixels: &mut [f32], to: &mut [f32]) {
        let (channel, Block { samples, rows }) = (group * LANES, block);
        // SAFETY: safe but for the processor, which has what `isa` says.
        unsafe {
            transform_input::<W>(self.isa, self.grid, self.input, &self.source, channel, samples, rows, pixels, to);
        }
    }

    /// The outputs of a panel of a block.
    #[allow(clippy::too_many_arguments)]
    fn multiply_block<W: Way>(
        &self,
        block: &Block,
        panel: usize,
        x: &[f32],
        weights: &[f32],
        products: &mut [f32],
        pixels: &mut [f32],
        y: &Shared,
    ) {
        let (isa, channel, Block { samples, rows }) = (self.isa, panel * PANEL, block);
        let (inputs, outputs) = (self.input.channels, self.output.channels - channel);
        // SAFETY: the processor has what `isa` says; a panel of a block belongs to one task alone.
        unsafe {
            multiply(isa, inputs, outputs, self.tiles_of(block), x, weights, products);
            transform_output::<W>(
                isa,
                self.grid,
                self.output,
                channel,
                products,
                samples,
                rows,
                pixels,
                &self.epilogue,
                y,
            );
        }
    }
}
