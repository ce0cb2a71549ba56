//! Blocks of work on one thread: transforms of tiles and the products between them.

use super::grid::{Block, Grid};
use super::tile::{Lattice, Tile, gradient_tile, input_tile, output_tile};
use crate::nn::kernels::buffer::Shared;
use crate::nn::kernels::conv::Epilogue;
use crate::nn::kernels::panel::{Lanewise, PANEL, Pixels, Planes, Run, pack, product, unpack};
use crate::nn::kernels::simd::{LANES, Simd, dispatch};
use crate::nn::kernels::source::Source;
use std::ops::Range;

dispatch! {
    /// The input tiles of a block, transformed: sixteen channels from each of `channels` on, which rise by sixteen,
    /// to (channels / 16, position, tile, 16). `pixels` is scratch memory of [`Grid::input_pixels`].
    ///
    /// # Safety
    /// `to` is good for writing `position` numbers for each position of each sixteen channels.
    pub unsafe fn transform_input<T: Tile>(
        grid: &Grid, source: &Source, block: &Block, channels: Range<usize>, pixels: &mut [f32], to: *mut f32,
        position: usize,
    ) => input
}

#[inline(always)]
unsafe fn input<S: Simd, T: Tile>(
    grid: &Grid,
    source: &Source,
    block: &Block,
    channels: Range<usize>,
    pixels: &mut [f32],
    to: *mut f32,
    position: usize,
) {
    let (shape, row) = (&grid.shape, grid.input_row());
    let plane = shape.h * shape.w;
    let rows = grid.input_rows(&block.rows);
    // The padding stays as it is from image to image.
    let pixels = &mut pixels[..grid.input_pixels(block.rows.len())];
    pixels.fill(0.0);
    let inside = (rows.start + shape.padding - block.rows.start * T::OUT) * row + shape.padding * LANES;
    let layout = Pixels { pixel: LANES, row };
    for (index, channel) in channels.step_by(LANES).enumerate() {
        let count = (shape.c - channel).min(LANES);
        let planes = Planes { height: rows.len(), width: shape.w, plane, channels: count };
        // SAFETY: the processor has `S`.
        let activation = source.activation.as_ref().map(|a| unsafe { Lanewise::<S>::new(a, channel, count) });
        let mut tile = 0;
        for n in block.samples.clone() {
            let image = &source.data[(n * shape.c + channel) * plane..][..count * plane];
            // SAFETY: the rows lie in `image`; rows of tiles reach from the first padded row to the last, as many as
            // `pixels` has; the caller's promise for `to`.
            unsafe {
                let from = image.as_ptr().add(rows.start * shape.w);
                pack::<S>(from, &planes, activation.as_ref(), pixels.as_mut_ptr().add(inside), layout);
                let lattice = Lattice { down: row, across: LANES };
                for i in 0..block.rows.len() {
                    for j in 0..grid.across {
                        let from = pixels.as_ptr().add(i * T::OUT * row + j * T::OUT * LANES);
                        let to = to.add(index * T::POSITIONS * position + tile * LANES);
                        input_tile::<S, T>(from, to, lattice, position);
                        tile += 1;
                    }
                }
            }
        }
    }
}

dispatch! {
    /// The gradient of the output on the tiles of a block, transformed: up to [`PANEL`] channels from `channel` on, to
    /// (position, tile, [`PANEL`]). `pixels` is scratch memory of [`Grid::output_pixels`].
    ///
    /// # Safety
    /// `to` is good for writing `position` numbers for each position.
    pub unsafe fn transform_gradient<T: Tile>(
        grid: &Grid, dy: &[f32], block: &Block, channel: usize, pixels: &mut [f32], to: *mut f32, position: usize,
    ) => gradient
}

#[inline(always)]
unsafe fn gradient<S: Simd, T: Tile>(
    grid: &Grid,
    dy: &[f32],
    block: &Block,
    channel: usize,
    pixels: &mut [f32],
    to: *mut f32,
    position: usize,
) {
    let (shape, row) = (&grid.shape, grid.output_row());
    let plane = shape.positions();
    let rows = grid.output_rows(&block.rows);
    // What tiles cover beyond the image stays zero.
    let pixels = &mut pixels[..grid.output_pixels(block.rows.len())];
    pixels.fill(0.0);
    for half in 0..vectors(shape.k, channel) {
        let channel = channel + half * LANES;
        let count = (shape.k - channel).min(LANES);
        let planes = Planes { height: rows.len(), width: shape.ow, plane, channels: count };
        let mut tile = 0;
        for n in block.samples.clone() {
            let image = &dy[(n * shape.k + channel) * plane..][..count * plane];
            // SAFETY: the rows lie in `image` and fit into the rows of tiles, as many as `pixels` has; the caller's
            // promise for `to`.
            unsafe {
                let from = image.as_ptr().add(rows.start * shape.ow);
                pack::<S>(from, &planes, None, pixels.as_mut_ptr(), Pixels { pixel: LANES, row });
                let lattice = Lattice { down: row, across: LANES };
                for i in 0..block.rows.len() {
                    for j in 0..grid.across {
                        let from = pixels.as_ptr().add(i * T::OUT * row + j * T::OUT * LANES);
                        gradient_tile::<S, T>(from, to.add(tile * PANEL + half * LANES), lattice, position);
                        tile += 1;
                    }
                }
            }
        }
    }
}

dispatch! {
    /// Up to [`PANEL`] output channels of a block from `channel` on: the products (position, tile, [`PANEL`]) transformed
    /// back and written to the planes of `y` with what the epilogue adds. `pixels` is scratch memory of
    /// [`Grid::output_pixels`].
    ///
    /// # Safety
    /// `from` is good for reading `position` numbers for each position. Nobody else uses these channels of the block
    /// in `y`.
    pub unsafe fn transform_output<T: Tile>(
        grid: &Grid, from: *const f32, position: usize, block: &Block, channel: usize, pixels: &mut [f32],
        epilogue: &Epilogue, y: &Shared,
    ) => output
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn output<S: Simd, T: Tile>(
    grid: &Grid,
    from: *const f32,
    position: usize,
    block: &Block,
    channel: usize,
    pixels: &mut [f32],
    epilogue: &Epilogue,
    y: &Shared,
) {
    let (shape, row) = (&grid.shape, grid.output_row());
    let plane = shape.positions();
    let rows = grid.output_rows(&block.rows);
    let pixels = &mut pixels[..grid.output_pixels(block.rows.len())];
    for half in 0..vectors(shape.k, channel) {
        let channel = channel + half * LANES;
        let count = (shape.k - channel).min(LANES);
        let planes = Planes { height: rows.len(), width: shape.ow, plane, channels: count };
        // SAFETY: a slice of `count` numbers.
        let bias = epilogue.bias.map(|bias| unsafe { S::load_first(bias[channel..][..count].as_ptr(), count) });
        let mut tile = 0;
        for n in block.samples.clone() {
            let first = (n * shape.k + channel) * plane;
            let start = rows.start * shape.ow;
            let add = epilogue.add.map(|add| add[first..][..count * plane][start..].as_ptr());
            let to = y.at(first, count * plane);
            // SAFETY: the caller's promise for `from`; the tiles lie in `pixels`; the rows lie in the planes from
            // `first` on, which are inside `y` and `add`.
            unsafe {
                let lattice = Lattice { down: row, across: LANES };
                for i in 0..block.rows.len() {
                    for j in 0..grid.across {
                        let to = pixels.as_mut_ptr().add(i * T::OUT * row + j * T::OUT * LANES);
                        output_tile::<S, T>(from.add(tile * PANEL + half * LANES), to, lattice, position);
                        tile += 1;
                    }
                }
                unpack::<S>(pixels.as_ptr(), Pixels { pixel: LANES, row }, bias, add, to.add(start), &planes);
            }
        }
    }
}

/// Vectors of the panel of `channels` channels that starts at `first`.
pub fn vectors(channels: usize, first: usize) -> usize {
    (channels - first).div_ceil(LANES).min(PANEL / LANES)
}

/// Where matrices lie, one for each position: numbers from one to the next.
#[derive(Clone, Copy)]
pub struct Matrices<P> {
    pub at: P,
    pub position: usize,
}

dispatch! {
    /// For each position: tiles times a panel of weights, `out(tile, j) = Σ over channels of x(tile, channel)
    /// weights(channel, j)`. The runs say where sixteen channels of the first tile lie.
    ///
    /// # Safety
    /// As for [`product`].
    pub unsafe fn multiply(
        positions: usize, tiles: usize, vectors: usize, runs: &[Run], x: Matrices<*const f32>,
        weights: Matrices<*const f32>, out: Matrices<*mut f32>,
    ) => tiles_by_weights
}

#[inline(always)]
unsafe fn tiles_by_weights<S: Simd>(
    positions: usize,
    tiles: usize,
    vectors: usize,
    runs: &[Run],
    x: Matrices<*const f32>,
    weights: Matrices<*const f32>,
    out: Matrices<*mut f32>,
) {
    for p in 0..positions {
        // SAFETY: the caller's promise.
        unsafe {
            let (x, out_at) = (x.at.add(p * x.position), out.at.add(p * out.position));
            product::<S, LANES, 1>(tiles, vectors, runs, x, weights.at.add(p * weights.position), out_at, PANEL, false);
        }
    }
}

dispatch! {
    /// For each position: `out(channel, j) = Σ over tiles of x(tile, channel) dy(tile, j)` for `channels <= 16`
    /// channels, added to what is there if `onto`.
    ///
    /// # Safety
    /// As for [`product`].
    pub unsafe fn correlate(
        positions: usize, tiles: usize, channels: usize, vectors: usize, x: Matrices<*const f32>,
        dy: Matrices<*const f32>, out: Matrices<*mut f32>, onto: bool,
    ) => tiles_by_tiles
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tiles_by_tiles<S: Simd>(
    positions: usize,
    tiles: usize,
    channels: usize,
    vectors: usize,
    x: Matrices<*const f32>,
    dy: Matrices<*const f32>,
    out: Matrices<*mut f32>,
    onto: bool,
) {
    let runs = [Run { at: 0, len: tiles }];
    for p in 0..positions {
        // SAFETY: the caller's promise.
        unsafe {
            let (x, out_at) = (x.at.add(p * x.position), out.at.add(p * out.position));
            product::<S, 1, LANES>(channels, vectors, &runs, x, dy.at.add(p * dy.position), out_at, PANEL, onto);
        }
    }
}
