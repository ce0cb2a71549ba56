//! The two images of a convolution at stride 2, their tiles, and the ways between them.

use super::layout::Tiles;
use super::line::OUT;
use super::tile::{to_phases, to_positions, to_sums};
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::{LANES, Simd};

/// One image of a convolution: channels, height and width.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    pub channels: usize,
    pub h: usize,
    pub w: usize,
}

impl Image {
    /// The input of a convolution.
    pub fn large(shape: &ConvShape) -> Image {
        Image { channels: shape.c, h: shape.h, w: shape.w }
    }

    /// Its output.
    pub fn small(shape: &ConvShape) -> Image {
        Image { channels: shape.k, h: shape.oh, w: shape.ow }
    }

    /// Numbers of a plane.
    pub fn plane(self) -> usize {
        self.h * self.w
    }

    /// Numbers of a sample.
    pub fn len(self) -> usize {
        self.channels * self.plane()
    }
}

/// The tiles of a sample. A tile covers OUT pixels a side of the small image, and twice as many of the large one.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub down: usize,
    pub across: usize,
}

impl Grid {
    /// The tiles that cover the output.
    pub fn new(shape: &ConvShape) -> Grid {
        Grid { down: shape.oh.div_ceil(OUT), across: shape.ow.div_ceil(OUT) }
    }

    /// Numbers in a row of the pixels that a row of tiles reads, sixteen channels each.
    pub fn read_row<W: Way>(self) -> usize {
        ((self.across - 1) * W::STEP + W::READ) * LANES
    }

    /// Numbers in a row of the pixels that a row of tiles covers, `pixels` a side each.
    pub fn row(self, pixels: usize) -> usize {
        self.across * pixels * LANES
    }
}

/// From the large image to the small one, or back.
pub trait Way: Copy + Send + Sync + 'static {
    /// Input pixels from one tile to the next.
    const STEP: usize;
    /// How many pixels before its place a tile begins to read.
    const BEFORE: usize;
    /// How many it reads.
    const READ: usize;
    /// Pixels of an output tile.
    const WRITE: usize;

    /// Input and output.
    fn images(shape: &ConvShape) -> (Image, Image);

    /// Pixels of a tile to positions.
    ///
    /// # Safety
    /// As for [`to_positions`].
    unsafe fn input<S: Simd>(from: *const f32, row: usize, to: *mut f32, tiles: Tiles<LANES>);

    /// Positions to pixels of a tile.
    ///
    /// # Safety
    /// As for [`to_sums`].
    unsafe fn output<S: Simd>(from: *const f32, tiles: Tiles<PANEL>, to: *mut f32, row: usize);
}

/// The convolution.
#[derive(Clone, Copy)]
pub struct Down;

/// Its transpose.
#[derive(Clone, Copy)]
pub struct Up;

impl Way for Down {
    const STEP: usize = 2 * OUT;
    const BEFORE: usize = 1;
    const READ: usize = 2 * OUT + 1;
    const WRITE: usize = OUT;

    fn images(shape: &ConvShape) -> (Image, Image) {
        (Image::large(shape), Image::small(shape))
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

    fn images(shape: &ConvShape) -> (Image, Image) {
        (Image::small(shape), Image::large(shape))
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
