//! A block of work on one thread: some samples from planes to planes.

use super::Side;
use super::layout::{POSITIONS, Tiles, copies};
use super::line::OUT;
use super::tile::{to_phases, to_positions, to_sums};
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::panel::{Lanewise, PANEL, Pixels, Planes, Run, pack, product, unpack};
use crate::nn::kernels::simd::{LANES, Simd, dispatch};
use crate::nn::kernels::source::Activation;
use crate::nn::kernels::winograd::weight::transformed_len;
use crate::nn::kernels::winograd::{panels_apart, vectors};
use std::ops::Range;

/// From the large image to the small one, or back. Tiles of both lie at the same places: OUT pixels a side of the small
/// image, twice as many of the large one.
pub trait Way: Copy + Send + Sync + 'static {
    /// Pixels from one tile of the input to the next, how many before the first one a tile begins, and how many it reads.
    const STEP: usize;
    const BEFORE: usize;
    const READ: usize;
    /// Pixels of an output tile.
    const WRITE: usize;

    /// Input and output.
    fn sides(shape: &ConvShape) -> (Side, Side);

    /// Pixels of a tile to positions.
    unsafe fn input<S: Simd>(from: *const f32, row: usize, to: *mut f32, tiles: Tiles<LANES>);

    /// Positions to pixels of a tile.
    unsafe fn output<S: Simd>(from: *const f32, tiles: Tiles<PANEL>, to: *mut f32, row: usize);
}

/// The convolution itself.
#[derive(Clone, Copy)]
pub struct Down;

/// Its transpose.
#[derive(Clone, Copy)]
pub struct Up;

fn large(shape: &ConvShape) -> Side {
    Side { channels: shape.c, h: shape.h, w: shape.w }
}

fn small(shape: &ConvShape) -> Side {
    Side { channels: shape.k, h: shape.oh, w: shape.ow }
}

impl Way for Down {
    const STEP: usize = 2 * OUT;
    const BEFORE: usize = 1;
    const READ: usize = 2 * OUT + 1;
    const WRITE: usize = OUT;

    fn sides(shape: &ConvShape) -> (Side, Side) {
        (large(shape), small(shape))
    }

    #[inline(always)]
    unsafe fn input<S: Simd>(from: *const f32, row: usize, to: *mut f32, tiles: Tiles<LANES>) {
        // SAFETY: the caller's promise, here and below.
        unsafe { to_positions::<S, 2, 1>(from, row, to, tiles) }
    }

    #[inline(always)]
    unsafe fn output<S: Simd>(from: *const f32, tiles: Tiles<PANEL>, to: *mut f32, row: usize) {
        unsafe { to_sums::<S, PANEL>(from, tiles, to, row) }
    }
}

impl Way for Up {
    const STEP: usize = OUT;
    const BEFORE: usize = 0;
    const READ: usize = OUT + 1;
    const WRITE: usize = 2 * OUT;

    fn sides(shape: &ConvShape) -> (Side, Side) {
        (small(shape), large(shape))
    }

    #[inline(always)]
    unsafe fn input<S: Simd>(from: *const f32, row: usize, to: *mut f32, tiles: Tiles<LANES>) {
        unsafe { to_positions::<S, 1, 0>(from, row, to, tiles) }
    }

    #[inline(always)]
    unsafe fn output<S: Simd>(from: *const f32, tiles: Tiles<PANEL>, to: *mut f32, row: usize) {
        unsafe { to_phases::<S, PANEL>(from, tiles, to, row) }
    }
}

/// The tiles of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub down: usize,
    pub across: usize,
}

impl Grid {
    pub fn new(shape: &ConvShape) -> Grid {
        Grid { down: shape.oh.div_ceil(OUT), across: shape.ow.div_ceil(OUT) }
    }
}

/// What all tasks of a convolution share.
pub struct Job<'a> {
    pub input: Side,
    pub output: Side,
    pub grid: Grid,
    /// Samples of a task; the last may have fewer.
    pub samples: usize,
    /// Rows of tiles worked on at a time.
    pub rows: usize,
    pub activation: Option<Activation<'a>>,
    /// Transformed panels of weights.
    pub weights: &'a [f32],
    pub bias: Option<&'a [f32]>,
}

impl<'a> Job<'a> {
    pub fn new(
        shape: &ConvShape,
        input: Side,
        output: Side,
        tiles: usize,
        activation: Option<Activation<'a>>,
        weights: &'a [f32],
        bias: Option<&'a [f32]>,
    ) -> Job<'a> {
        let grid = Grid::new(shape);
        let samples = (tiles / (grid.down * grid.across)).clamp(1, shape.n);
        let rows = (tiles / grid.across).clamp(1, grid.down);
        Job { input, output, grid, samples, rows, activation, weights, bias }
    }

    /// The most tiles that are worked on at a time.
    fn tiles(&self) -> usize {
        self.samples * self.rows * self.grid.across
    }

    /// Lengths of the parts of the scratch memory: transformed input, products, pixels of a row of tiles of either.
    fn parts<W: Way>(&self) -> [usize; 4] {
        let tiles = self.tiles();
        let (input, output) = (W::READ * input_row::<W>(self.grid), W::WRITE * output_row::<W>(self.grid));
        [
            self.input.blocks() * Tiles::<LANES> { count: tiles }.len(),
            Tiles::<PANEL> { count: tiles }.len(),
            input,
            output,
        ]
    }

    pub fn scratch<W: Way>(&self) -> usize {
        self.parts::<W>().iter().sum()
    }
}

/// Numbers in a row of input pixels.
fn input_row<W: Way>(grid: Grid) -> usize {
    ((grid.across - 1) * W::STEP + W::READ) * LANES
}

/// Numbers in a row of output pixels.
fn output_row<W: Way>(grid: Grid) -> usize {
    grid.across * W::WRITE * LANES
}

dispatch! {
    /// `y` from `x` for the samples in both.
    pub unsafe fn run<W: Way>(job: &Job, x: &[f32], y: &mut [f32], scratch: &mut [f32]) => samples
}

#[inline(always)]
unsafe fn samples<S: Simd, W: Way>(job: &Job, x: &[f32], y: &mut [f32], scratch: &mut [f32]) {
    let [transformed, products, pixels, _] = job.parts::<W>();
    let (transformed, rest) = scratch.split_at_mut(transformed);
    let (products, rest) = rest.split_at_mut(products);
    let (input, output) = rest.split_at_mut(pixels);
    let samples = y.len() / job.output.image();
    // The border stays as it is.
    input.fill(0.0);
    for first in (0..job.grid.down).step_by(job.rows) {
        let rows = first..(first + job.rows).min(job.grid.down);
        let count = samples * rows.len() * job.grid.across;
        let (tiles, sums) = (Tiles::<LANES> { count }, Tiles::<PANEL> { count });
        // SAFETY: all parts are as long as `Job::parts` says, for at least as many tiles.
        unsafe {
            for block in 0..job.input.blocks() {
                let to = transformed[block * tiles.len()..].as_mut_ptr();
                transform_input::<S, W>(
                    job.input,
                    job.grid,
                    job.activation.as_ref(),
                    x,
                    block * LANES,
                    &rows,
                    input,
                    to,
                );
            }
            for channel in (0..job.output.channels).step_by(PANEL) {
                multiply::<S>(job, channel, tiles, transformed.as_ptr(), products.as_mut_ptr());
                transform_output::<S, W>(job, channel, &rows, sums, products.as_ptr(), output, y);
            }
        }
    }
}

/// Sixteen channels from `channel` on of some rows of tiles of all samples in `x`. `pixels` holds a row of tiles, whose
/// border is zero.
///
/// # Safety
/// `to` is good for writing the numbers of so many tiles. The processor has `S`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn transform_input<S: Simd, W: Way>(
    side: Side,
    grid: Grid,
    activation: Option<&Activation>,
    x: &[f32],
    channel: usize,
    rows: &Range<usize>,
    pixels: &mut [f32],
    to: *mut f32,
) {
    let row = input_row::<W>(grid);
    let count = (side.channels - channel).min(LANES);
    // SAFETY: `count` channels from `channel` on; the processor has `S`.
    let activation = activation.map(|activation| unsafe { Lanewise::<S>::new(activation, channel, count) });
    let tiles = Tiles::<LANES> { count: x.len() / side.image() * rows.len() * grid.across };
    let mut tile = 0;
    for image in x.chunks(side.image()) {
        let planes = &image[channel * side.plane()..][..count * side.plane()];
        for first in rows.clone().map(|row| row * W::STEP) {
            // Rows of the image from `first - BEFORE` on, as far as there are any.
            let above = W::BEFORE.saturating_sub(first);
            let start = first + above - W::BEFORE;
            let height = (W::READ - above).min(side.h - start);
            pixels[..above * row].fill(0.0);
            pixels[(above + height) * row..].fill(0.0);
            let layout = Planes { height, width: side.w, plane: side.plane(), channels: count };
            // SAFETY: `height` rows from `start` on lie in the planes, and `above + height` rows in `pixels`, of which
            // each holds all tiles of a row of tiles.
            unsafe {
                let inside = pixels.as_mut_ptr().add(above * row + W::BEFORE * LANES);
                let from = planes.as_ptr().add(start * side.w);
                pack::<S>(from, &layout, activation.as_ref(), inside, Pixels { pixel: LANES, row });
                for column in 0..grid.across {
                    let from = pixels.as_ptr().add(column * W::STEP * LANES);
                    W::input::<S>(from, row, to.add(tile * LANES), tiles);
                    tile += 1;
                }
            }
        }
    }
}

/// For each position: tiles times a panel of weights.
#[inline(always)]
unsafe fn multiply<S: Simd>(job: &Job, channel: usize, tiles: Tiles<LANES>, x: *const f32, to: *mut f32) {
    let (inputs, vectors) = (job.input.channels, vectors(job.output.channels, channel));
    let runs: Vec<Run> = (0..job.input.blocks())
        .map(|block| Run { at: block * tiles.len(), len: (inputs - block * LANES).min(LANES) })
        .collect();
    let len = transformed_len::<super::Phases>(inputs);
    let panel = &job.weights[channel / PANEL * len..][..len];
    let sums = Tiles::<PANEL> { count: tiles.count };
    for position in 0..POSITIONS {
        // SAFETY: the caller's promise: `x` holds transformed tiles for all input channels, `to` has room for those of a
        // panel.
        unsafe {
            let (x, to) = (x.add(tiles.position(position)), to.add(sums.position(position)));
            let weights = panel.as_ptr().add(position * panels_apart(inputs));
            product::<S, LANES, 1>(copies(position) * tiles.count, vectors, &runs, x, weights, to, PANEL, false);
        }
    }
}

/// A panel of output channels from `channel` on of some rows of tiles of all samples in `y`.
#[inline(always)]
unsafe fn transform_output<S: Simd, W: Way>(
    job: &Job,
    channel: usize,
    rows: &Range<usize>,
    tiles: Tiles<PANEL>,
    from: *const f32,
    pixels: &mut [f32],
    y: &mut [f32],
) {
    let (side, row) = (job.output, output_row::<W>(job.grid));
    for half in 0..vectors(side.channels, channel) {
        let channel = channel + half * LANES;
        let count = (side.channels - channel).min(LANES);
        // SAFETY: a slice of `count` numbers.
        let bias = job.bias.map(|bias| unsafe { S::load_first(bias[channel..][..count].as_ptr(), count) });
        let mut tile = 0;
        for image in y.chunks_mut(side.image()) {
            let planes = &mut image[channel * side.plane()..][..count * side.plane()];
            for first in rows.clone().map(|row| row * W::WRITE) {
                let height = W::WRITE.min(side.h - first);
                let layout = Planes { height, width: side.w, plane: side.plane(), channels: count };
                // SAFETY: the caller's promise for `from`; a row of tiles fits into `pixels`; `height` rows from
                // `first` on lie in the planes.
                unsafe {
                    for column in 0..job.grid.across {
                        let to = pixels.as_mut_ptr().add(column * W::WRITE * LANES);
                        W::output::<S>(from.add(tile * PANEL + half * LANES), tiles, to, row);
                        tile += 1;
                    }
                    let to = planes.as_mut_ptr().add(first * side.w);
                    unpack::<S>(pixels.as_ptr(), Pixels { pixel: LANES, row }, bias, None, to, &layout);
                }
            }
        }
    }
}
