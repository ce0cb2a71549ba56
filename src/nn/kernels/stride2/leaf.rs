//! Blocks of work on one thread: transforms of tiles and the products between them.

use super::Phases;
use super::layout::{POSITIONS, Tiles, copies};
use super::line::OUT;
use super::tile::spread;
use super::way::{Grid, Image, Way};
use crate::nn::kernels::buffer::Shared;
use crate::nn::kernels::conv::Epilogue;
use crate::nn::kernels::panel::{Lanewise, PANEL, Pixels, Planes, Run, pack, product, unpack};
use crate::nn::kernels::simd::{LANES, Simd, dispatch};
use crate::nn::kernels::source::Source;
use crate::nn::kernels::winograd::weight::{transformed_gradient_len, transformed_len};
use crate::nn::kernels::winograd::{panels_apart, vectors};
use std::ops::Range;

dispatch! {
    /// Sixteen channels from `channel` on of the rows of tiles `rows` of `samples`, transformed to [`Tiles`]. `pixels` is
    /// scratch memory of a row of tiles.
    ///
    /// # Safety
    /// The slices are checked.
    pub unsafe fn transform_input<W: Way>(
        grid: Grid, image: Image, source: &Source, channel: usize, samples: &Range<usize>, rows: &Range<usize>,
        pixels: &mut [f32], to: &mut [f32],
    ) => input
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn input<S: Simd, W: Way>(
    grid: Grid,
    image: Image,
    source: &Source,
    channel: usize,
    samples: &Range<usize>,
    rows: &Range<usize>,
    pixels: &mut [f32],
    to: &mut [f32],
) {
    let row = grid.read_row::<W>();
    let tiles = Tiles::<LANES>::new(samples.len() * rows.len() * grid.across);
    let (pixels, to) = (&mut pixels[..W::READ * row], &mut to[..tiles.len()]);
    let count = (image.channels - channel).min(LANES);
    // SAFETY: the caller's promise, the processor has `S`.
    let activation = source.activation.map(|activation| unsafe { Lanewise::<S>::new(&activation, channel, count) });
    // Left and right of the image there are zeros always, above and below in some rows of tiles.
    pixels.fill(0.0);
    let mut tile = 0;
    for n in samples.clone() {
        let planes = &source.data[n * image.len() + channel * image.plane()..][..count * image.plane()];
        for first in rows.clone().map(|row| row * W::STEP) {
            let above = W::BEFORE.saturating_sub(first);
            let start = first + above - W::BEFORE;
            let height = (W::READ - above).min(image.h - start);
            pixels[..above * row].fill(0.0);
            pixels[(above + height) * row..].fill(0.0);
            let layout = Planes { height, width: image.w, plane: image.plane(), channels: count };
            // SAFETY: `height` rows from `start` on lie in the planes, and `above + height` rows in `pixels`, of which
            // each has room for the image after `BEFORE` pixels and for what all tiles read.
            unsafe {
                let inside = pixels.as_mut_ptr().add(above * row + W::BEFORE * LANES);
                let from = planes.as_ptr().add(start * image.w);
                pack::<S>(from, &layout, activation.as_ref(), inside, Pixels { pixel: LANES, row });
                for column in 0..grid.across {
                    let from = pixels.as_ptr().add(column * W::STEP * LANES);
                    W::input::<S>(from, row, to.as_mut_ptr().add(tile * LANES), tiles);
                    tile += 1;
                }
            }
        }
    }
}

dispatch! {
    /// Up to [`PANEL`] channels of the gradient of the output from `channel` on, transformed to [`Tiles`]. `pixels` is
    /// scratch memory of a row of tiles.
    ///
    /// # Safety
    /// The slices are checked.
    pub unsafe fn transform_gradient(
        grid: Grid, image: Image, dy: &[f32], channel: usize, samples: &Range<usize>, pixels: &mut [f32],
        to: &mut [f32],
    ) => gradient
}

#[inline(always)]
unsafe fn gradient<S: Simd>(
    grid: Grid,
    image: Image,
    dy: &[f32],
    channel: usize,
    samples: &Range<usize>,
    pixels: &mut [f32],
    to: &mut [f32],
) {
    let row = grid.row(OUT);
    let tiles = Tiles::<PANEL>::new(samples.len() * grid.down * grid.across);
    let (pixels, to) = (&mut pixels[..OUT * row], &mut to[..tiles.len()]);
    pixels.fill(0.0);
    for half in 0..vectors(image.channels, channel) {
        let channel = channel + half * LANES;
        let count = (image.channels - channel).min(LANES);
        let mut tile = 0;
        for n in samples.clone() {
            let planes = &dy[n * image.len() + channel * image.plane()..][..count * image.plane()];
            for first in (0..grid.down).map(|row| row * OUT) {
                let height = OUT.min(image.h - first);
                pixels[height * row..].fill(0.0);
                let layout = Planes { height, width: image.w, plane: image.plane(), channels: count };
                // SAFETY: `height <= OUT` rows from `first` on lie in the planes; tiles cover the width.
                unsafe {
                    let from = planes.as_ptr().add(first * image.w);
                    pack::<S>(from, &layout, None, pixels.as_mut_ptr(), Pixels { pixel: LANES, row });
                    for column in 0..grid.across {
                        let from = pixels.as_ptr().add(column * OUT * LANES);
                        let to = to.as_mut_ptr().add(tile * PANEL + half * LANES);
                        spread::<S, PANEL>(from, row, to, tiles);
                        tile += 1;
                    }
                }
            }
        }
    }
}

dispatch! {
    /// Products back to pixels, for up to [`PANEL`] output channels from `channel` on of the rows of tiles `rows` of
    /// `samples`, to `y`. `pixels` is scratch memory of a row of tiles.
    ///
    /// # Safety
    /// Nobody else uses these channels of these samples in `y`. The slices are checked.
    pub unsafe fn transform_output<W: Way>(
        grid: Grid, image: Image, channel: usize, from: &[f32], samples: &Range<usize>, rows: &Range<usize>,
        pixels: &mut [f32], epilogue: &Epilogue, y: &Shared,
    ) => output
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn output<S: Simd, W: Way>(
    grid: Grid,
    image: Image,
    channel: usize,
    from: &[f32],
    samples: &Range<usize>,
    rows: &Range<usize>,
    pixels: &mut [f32],
    epilogue: &Epilogue,
    y: &Shared,
) {
    let row = grid.row(W::WRITE);
    let tiles = Tiles::<PANEL>::new(samples.len() * rows.len() * grid.across);
    let (pixels, from) = (&mut pixels[..W::WRITE * row], &from[..tiles.len()]);
    for half in 0..vectors(image.channels, channel) {
        let channel = channel + half * LANES;
        let count = (image.channels - channel).min(LANES);
        // SAFETY: a slice of `count` numbers.
        let bias = epilogue.bias.map(|bias| unsafe { S::load_first(bias[channel..][..count].as_ptr(), count) });
        let mut tile = 0;
        for n in samples.clone() {
            let at = n * image.len() + channel * image.plane();
            let add = epilogue.add.map(|add| &add[at..][..count * image.plane()]);
            let planes = y.at(at, count * image.plane());
            for first in rows.clone().map(|row| row * W::WRITE) {
                let height = W::WRITE.min(image.h - first);
                let layout = Planes { height, width: image.w, plane: image.plane(), channels: count };
                // SAFETY: a row of tiles fits into `pixels`; `height` rows from `first` on lie in the planes.
                unsafe {
                    for column in 0..grid.across {
                        let from = from.as_ptr().add(tile * PANEL + half * LANES);
                        W::output::<S>(from, tiles, pixels.as_mut_ptr().add(column * W::WRITE * LANES), row);
                        tile += 1;
                    }
                    let add = add.map(|add| add.as_ptr().add(first * image.w));
                    let to = planes.add(first * image.w);
                    unpack::<S>(pixels.as_ptr(), Pixels { pixel: LANES, row }, bias, add, to, &layout);
                }
            }
        }
    }
}

dispatch! {
    /// For each position: `count` tiles of `inputs` channels, in groups of sixteen, times a panel of weights for
    /// `outputs` channels or the first [`PANEL`] of them.
    ///
    /// # Safety
    /// The slices are checked.
    pub unsafe fn multiply(
        inputs: usize, outputs: usize, count: usize, x: &[f32], weights: &[f32], to: &mut [f32],
    ) => tiles_by_weights
}

#[inline(always)]
unsafe fn tiles_by_weights<S: Simd>(
    inputs: usize,
    outputs: usize,
    count: usize,
    x: &[f32],
    weights: &[f32],
    to: &mut [f32],
) {
    let (tiles, sums) = (Tiles::<LANES>::new(count), Tiles::<PANEL>::new(count));
    let groups = 0..inputs.div_ceil(LANES);
    let x = &x[..groups.len() * tiles.len()];
    let (weights, to) = (&weights[..transformed_len::<Phases>(inputs)], &mut to[..sums.len()]);
    let run = |group: usize| Run { at: group * tiles.len(), len: (inputs - group * LANES).min(LANES) };
    let runs: Vec<Run> = groups.map(run).collect();
    for position in 0..POSITIONS {
        // SAFETY: the slices hold every row of every position.
        unsafe {
            let x = x.as_ptr().add(tiles.position(position));
            let to = to.as_mut_ptr().add(sums.position(position));
            let weights = weights.as_ptr().add(position * panels_apart(inputs));
            let rows = copies(position) * count;
            product::<S, LANES, 1>(rows, vectors(outputs, 0), &runs, x, weights, to, PANEL, false);
        }
    }
}

dispatch! {
    /// For each position: `out(channel, j) = Σ over the tiles of x(tile, channel) dy(tile, j)` for up to sixteen channels,
    /// added to what is there if `onto`.
    ///
    /// # Safety
    /// The slices are checked.
    pub unsafe fn correlate(
        channels: usize, outputs: usize, count: usize, x: &[f32], dy: &[f32], to: &mut [f32], onto: bool,
    ) => tiles_by_tiles
}

#[inline(always)]
unsafe fn tiles_by_tiles<S: Simd>(
    channels: usize,
    outputs: usize,
    count: usize,
    x: &[f32],
    dy: &[f32],
    to: &mut [f32],
    onto: bool,
) {
    let (tiles, gradients) = (Tiles::<LANES>::new(count), Tiles::<PANEL>::new(count));
    let (x, dy) = (&x[..tiles.len()], &dy[..gradients.len()]);
    let to = &mut to[..transformed_gradient_len::<Phases>()];
    for position in 0..POSITIONS {
        let runs = [Run { at: 0, len: copies(position) * count }];
        // SAFETY: the slices hold every row of every position, and sixteen rows of each position of `to`.
        unsafe {
            let x = x.as_ptr().add(tiles.position(position));
            let dy = dy.as_ptr().add(gradients.position(position));
            let to = to.as_mut_ptr().add(position * panels_apart(LANES));
            product::<S, 1, LANES>(channels.min(LANES), vectors(outputs, 0), &runs, x, dy, to, PANEL, onto);
        }
    }
}
