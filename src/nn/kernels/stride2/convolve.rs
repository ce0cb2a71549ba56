//! Forward pass and gradient of the input: one task takes a few samples through everything.

use super::Phases;
use super::layout::Tiles;
use super::leaf::{multiply, transform_input, transform_output};
use super::way::{Grid, Image, Way};
use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::conv::{ConvShape, Epilogue};
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::{Isa, LANES};
use crate::nn::kernels::source::Source;
use crate::nn::kernels::winograd::weight::{Weight, transform_weight, transformed_len};
use rayon::prelude::*;

/// Tiles that are worked on at a time: enough rows for the products, few enough that what lies between the transforms
/// stays near and that there are tasks for many threads. Measured: 16 and 32 are no faster.
const TILES: usize = 8;

/// What all tasks of a call share.
struct Work<'a> {
    isa: Isa,
    grid: Grid,
    input: Image,
    output: Image,
    source: Source<'a>,
    /// Transformed panels of weights.
    weights: Vec<f32>,
    epilogue: Epilogue<'a>,
    /// Rows of tiles worked on at a time.
    rows: usize,
}

/// The convolution, or its transpose, of `source` with `weight`.
pub fn convolve<W: Way>(isa: Isa, shape: &ConvShape, source: Source, weight: Weight, epilogue: Epilogue) -> Vec<f32> {
    let (input, output) = W::images(shape);
    let grid = Grid::new(shape);
    let samples = (TILES / (grid.down * grid.across)).clamp(1, shape.n);
    let rows = (TILES / grid.across).clamp(1, grid.down);
    let weights = transformed(isa, weight);
    let work = Work { isa, grid, input, output, source, weights, epilogue, rows };
    // SAFETY: each task writes all outputs of its samples.
    let mut y = unsafe { unfilled(shape.n * output.len()) };
    y.par_chunks_mut(samples * output.len()).enumerate().with_max_len(1).for_each(|(task, y)| {
        work.samples::<W>(task * samples, y);
    });
    y
}

/// The transformed weights, panel by panel.
fn transformed(isa: Isa, weight: Weight) -> Vec<f32> {
    let (outputs, inputs) = weight.channels();
    let len = transformed_len::<Phases>(inputs);
    // SAFETY: of each panel all vectors are written that are read later on.
    let mut panels = unsafe { unfilled(outputs.div_ceil(PANEL) * len) };
    panels.par_chunks_mut(len).enumerate().for_each(|(panel, to)| {
        // SAFETY: safe but for the processor, which has what `isa` says.
        unsafe { transform_weight::<Phases>(isa, &weight, panel * PANEL, to) };
    });
    panels
}

impl Work<'_> {
    /// The outputs of the samples from `first` on, as many as `y` holds.
    fn samples<W: Way>(&self, first: usize, y: &mut [f32]) {
        let samples = first..first + y.len() / self.output.len();
        let groups = self.input.channels.div_ceil(LANES);
        let most = samples.len() * self.rows * self.grid.across;
        let (x_len, m_len) = (groups * Tiles::<LANES>::new(most).len(), Tiles::<PANEL>::new(most).len());
        let pixels = (W::READ * self.grid.read_row::<W>()).max(W::WRITE * self.grid.row(W::WRITE));
        with_scratch(x_len + m_len + pixels, |memory| {
            let (x, memory) = memory.split_at_mut(x_len);
            let (products, pixels) = memory.split_at_mut(m_len);
            for start in (0..self.grid.down).step_by(self.rows) {
                let rows = start..(start + self.rows).min(self.grid.down);
                let count = samples.len() * rows.len() * self.grid.across;
                let len = Tiles::<LANES>::new(count).len();
                for (group, x) in x.chunks_mut(len).enumerate().take(groups) {
                    let (source, channel) = (&self.source, group * LANES);
                    // SAFETY: safe but for the processor, which has what `isa` says; here and below.
                    unsafe {
                        transform_input::<W>(
                            self.isa, self.grid, self.input, source, channel, &samples, &rows, pixels, x,
                        )
                    };
                }
                let weights = self.weights.chunks(transformed_len::<Phases>(self.input.channels));
                for (channel, weights) in (0..self.output.channels).step_by(PANEL).zip(weights) {
                    let (input, output) = (self.input.channels, self.output.channels - channel);
                    unsafe {
                        multiply(self.isa, input, output, count, x, weights, products);
                        transform_output::<W>(
                            self.isa,
                            self.grid,
                            self.output,
                            channel,
                            products,
                            &samples,
                            &rows,
                            pixels,
                            &self.epilogue,
                            y,
                        );
                    }
                }
            }
        });
    }
}
