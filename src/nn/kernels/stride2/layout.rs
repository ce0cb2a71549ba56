//! Where the numbers of transformed tiles lie.

use super::line::{OUT, POINTS};

/// Weights of an axis after their transform: one for each point, and the tap of the other phase as it is.
pub const SIDE: usize = POINTS + 1;

/// Matrix products, one for each pair of weights of the two axes.
pub const POSITIONS: usize = SIDE * SIDE;

/// Numbers of a transformed tile: those at the points are multiplied by a weight of their own, the four on an axis
/// that isn't transformed by the same one.
pub const NUMBERS: usize = (POINTS + OUT) * (POINTS + OUT);

/// Numbers that share the weight `i` of an axis.
const fn copies_on_axis(i: usize) -> usize {
    if i < POINTS { 1 } else { OUT }
}

/// Numbers that share a weight.
pub const fn copies(position: usize) -> usize {
    copies_on_axis(position / SIDE) * copies_on_axis(position % SIDE)
}

/// Numbers of a tile at the positions before this one.
const FIRST: [usize; POSITIONS] = {
    let mut first = [0; POSITIONS];
    let mut position = 1;
    while position < POSITIONS {
        first[position] = first[position - 1] + copies(position - 1);
        position += 1;
    }
    first
};

/// Transformed tiles: (position, copy, tile, WIDTH), with one cache line between positions, without which the numbers
/// of a tile would fall into few sets of the cache where the number of tiles is a power of two.
#[derive(Clone, Copy, Debug)]
pub struct Tiles<const WIDTH: usize> {
    count: usize,
}

impl<const WIDTH: usize> Tiles<WIDTH> {
    /// So many tiles.
    pub fn new(count: usize) -> Tiles<WIDTH> {
        Tiles { count }
    }

    /// Numbers in all.
    pub fn len(self) -> usize {
        NUMBERS * self.count * WIDTH + POSITIONS * 16
    }

    /// Where the matrix of a position lies, of `copies count` rows of WIDTH numbers.
    #[inline(always)]
    pub fn position(self, position: usize) -> usize {
        FIRST[position] * self.count * WIDTH + position * 16
    }

    /// Where the number (i, j) of the first tile lies: i and j from 0 to 4 are points, from 5 to 8 copies.
    #[inline(always)]
    pub fn number(self, i: usize, j: usize) -> usize {
        let ((a, copy_a), (b, copy_b)) = (split(i), split(j));
        self.position(a * SIDE + b) + (copy_a * copies_on_axis(b) + copy_b) * self.count * WIDTH
    }
}

/// The weight of an axis that number i belongs to, and which of its copies it is.
const fn split(i: usize) -> (usize, usize) {
    if i < POINTS { (i, 0) } else { (POINTS, i - POINTS) }
}
