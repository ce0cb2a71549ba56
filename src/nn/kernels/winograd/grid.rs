//! How the output of a convolution is covered by tiles, and how the tiles are cut into blocks of work.

use super::tile::Tile;
use crate::nn::kernels::conv::ConvShape;
use crate::nn::kernels::panel::PANEL;
use crate::nn::kernels::simd::LANES;
use std::ops::Range;

/// The tiles of a convolution: `down x across` in every sample; the last ones reach beyond the image.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub shape: ConvShape,
    pub down: usize,
    pub across: usize,
    /// Side of an output tile.
    out: usize,
}

/// Tiles that are worked on together: some rows of tiles of some samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub samples: Range<usize>,
    pub rows: Range<usize>,
}

impl Grid {
    /// The tiles that cover the output.
    pub fn new<T: Tile>(shape: &ConvShape) -> Grid {
        Grid { shape: *shape, down: shape.oh.div_ceil(T::OUT), across: shape.ow.div_ceil(T::OUT), out: T::OUT }
    }

    /// Tiles of `samples` samples.
    pub fn tiles(&self, samples: usize) -> usize {
        samples * self.down * self.across
    }

    /// Tiles of a block.
    pub fn tiles_of(&self, block: &Block) -> usize {
        block.samples.len() * block.rows.len() * self.across
    }

    /// Blocks of at most about `tiles` tiles: whole samples, or else rows of one. A block has at least one row.
    pub fn blocks(&self, samples: Range<usize>, tiles: usize) -> Vec<Block> {
        let of_sample = self.tiles(1);
        if of_sample > tiles {
            let parts = of_sample.div_ceil(tiles).min(self.down);
            let rows = move |part: usize| part * self.down / parts..(part + 1) * self.down / parts;
            return samples.flat_map(|n| (0..parts).map(move |p| Block { samples: n..n + 1, rows: rows(p) })).collect();
        }
        let step = tiles / of_sample;
        let ends = samples.end;
        samples.step_by(step).map(|n| Block { samples: n..(n + step).min(ends), rows: 0..self.down }).collect()
    }

    /// Everything as one block.
    pub fn all(&self) -> Block {
        Block { samples: 0..self.shape.n, rows: 0..self.down }
    }

    /// Rows of the input that these rows of tiles read.
    pub fn input_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let padding = self.shape.padding;
        let first = (rows.start * self.out).saturating_sub(padding);
        let last = (rows.end * self.out + 2).saturating_sub(padding).min(self.shape.h);
        first.min(last)..last
    }

    /// Rows of the output that these rows of tiles cover.
    pub fn output_rows(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * self.out..(rows.end * self.out).min(self.shape.oh)
    }

    /// Numbers of the pixels that `rows` rows of tiles read: sixteen channels, with the padding around.
    pub fn input_pixels(&self, rows: usize) -> usize {
        (rows * self.out + 2) * self.input_row()
    }

    /// Numbers in a row of these pixels.
    pub fn input_row(&self) -> usize {
        (self.across * self.out + 2) * LANES
    }

    /// Numbers of the output pixels of `rows` rows of tiles.
    pub fn output_pixels(&self, rows: usize) -> usize {
        rows * self.out * self.output_row()
    }

    /// Numbers in a row of these pixels.
    pub fn output_row(&self) -> usize {
        self.across * self.out * LANES
    }
}

/// Numbers from one position of transformed tiles to the next, with one vector for each tile. An odd number of cache
/// lines: with even ones, and above all powers of two, the positions of a tile would fall into few sets of the cache.
pub fn vectors_apart(tiles: usize) -> usize {
    (tiles | 1) * LANES
}

/// The same with a panel for each tile (or channel).
pub const fn panels_apart(rows: usize) -> usize {
    rows * PANEL + LANES
}
