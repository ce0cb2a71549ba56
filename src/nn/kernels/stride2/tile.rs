//! The transforms of tiles on both axes, on vectors of sixteen channels.
//!
//! Numbers 0 to 4 of an axis are points, 5 to 8 the copies that pass as they are. Where both axes are points, both are
//! transformed; where one is, only that one.
//!
//! No closures over vectors here: one that isn't inlined would be compiled without the instruction set.

use super::layout::Tiles;
use super::line::{OUT, POINTS, input, output, output_adjoint};
use crate::nn::kernels::simd::{LANES, Simd};

/// Numbers from one pixel to that below it; pixels of a row lie sixteen apart.
type Row = usize;

/// N vectors, `apart` numbers from one to the next.
#[inline(always)]
unsafe fn load<S: Simd, const N: usize>(from: *const f32, apart: usize) -> [S::V; N] {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        let mut line = [S::zero(); N];
        for (i, v) in line.iter_mut().enumerate() {
            *v = S::load(from.add(i * apart));
        }
        line
    }
}

/// N vectors side by side from row `i` of a tile's numbers, from column `first` on.
#[inline(always)]
unsafe fn load_row<S: Simd, const N: usize, const WIDTH: usize>(
    from: *const f32,
    tiles: Tiles<WIDTH>,
    i: usize,
    first: usize,
) -> [S::V; N] {
    unsafe {
        let mut line = [S::zero(); N];
        for (j, v) in line.iter_mut().enumerate() {
            *v = S::load(from.add(tiles.number(i, first + j)));
        }
        line
    }
}

/// The inverse of [`load_row`].
#[inline(always)]
unsafe fn store_row<S: Simd, const N: usize, const WIDTH: usize>(
    to: *mut f32,
    tiles: Tiles<WIDTH>,
    i: usize,
    first: usize,
    line: [S::V; N],
) {
    unsafe {
        for (j, &v) in line.iter().enumerate() {
            S::store(to.add(tiles.number(i, first + j)), v);
        }
    }
}

/// Column `j` of an array of rows.
#[inline(always)]
unsafe fn column<S: Simd, const N: usize>(rows: &[[S::V; OUT]; N], j: usize) -> [S::V; N] {
    unsafe {
        let mut column = [S::zero(); N];
        for (v, row) in column.iter_mut().zip(rows) {
            *v = row[j];
        }
        column
    }
}

/// Pixels to positions. On an axis, pixels 0, STEP, ... become points, pixels COPY, COPY + STEP, ... are copied: (2, 1)
/// for the input of a convolution at stride 2, (1, 0) for that of its transpose.
///
/// # Safety
/// `from` is good for reading the pixels of the tile, `to` for writing a vector at each of its numbers in `tiles`. The
/// processor has `S`.
#[inline(always)]
pub unsafe fn to_positions<S: Simd, const STEP: usize, const COPY: usize>(
    from: *const f32,
    row: Row,
    to: *mut f32,
    tiles: Tiles<LANES>,
) {
    unsafe {
        // Columns of points: transformed downwards, then the rows of the result to the side.
        let mut half = [[S::zero(); POINTS]; POINTS];
        for j in 0..POINTS {
            let line = input::<S>(load::<S, POINTS>(from.add(j * STEP * LANES), STEP * row));
            for (half, v) in half.iter_mut().zip(line) {
                half[j] = v;
            }
        }
        for (i, half) in half.iter().enumerate() {
            store_row::<S, POINTS, LANES>(to, tiles, i, 0, input::<S>(*half));
        }
        for j in 0..OUT {
            let line = input::<S>(load::<S, POINTS>(from.add((j * STEP + COPY) * LANES), STEP * row));
            for (i, v) in line.into_iter().enumerate() {
                S::store(to.add(tiles.number(i, POINTS + j)), v);
            }
        }
        for i in 0..OUT {
            let from = from.add((i * STEP + COPY) * row);
            let line = input::<S>(load::<S, POINTS>(from, STEP * LANES));
            store_row::<S, POINTS, LANES>(to, tiles, POINTS + i, 0, line);
            let copies = load::<S, OUT>(from.add(COPY * LANES), STEP * LANES);
            store_row::<S, OUT, LANES>(to, tiles, POINTS + i, POINTS, copies);
        }
    }
}

/// A row of products transformed to the side: points to outputs, with the copies added.
#[inline(always)]
unsafe fn sum_row<S: Simd, const WIDTH: usize>(from: *const f32, tiles: Tiles<WIDTH>, i: usize) -> [S::V; OUT] {
    unsafe {
        let mut line = output::<S>(load_row::<S, POINTS, WIDTH>(from, tiles, i, 0));
        for (v, copy) in line.iter_mut().zip(load_row::<S, OUT, WIDTH>(from, tiles, i, POINTS)) {
            *v = S::add(*v, copy);
        }
        line
    }
}

/// Positions to the 4x4 outputs of a convolution at stride 2: the sum over its four phases.
///
/// # Safety
/// As for [`to_positions`], the other way round.
#[inline(always)]
pub unsafe fn to_sums<S: Simd, const WIDTH: usize>(from: *const f32, tiles: Tiles<WIDTH>, to: *mut f32, row: Row) {
    unsafe {
        let mut half = [[S::zero(); OUT]; POINTS];
        for (i, half) in half.iter_mut().enumerate() {
            *half = sum_row::<S, WIDTH>(from, tiles, i);
        }
        let mut sums = [[S::zero(); OUT]; OUT];
        for j in 0..OUT {
            for (sums, v) in sums.iter_mut().zip(output::<S>(column::<S, POINTS>(&half, j))) {
                sums[j] = v;
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let copied = sum_row::<S, WIDTH>(from, tiles, POINTS + i);
            for j in 0..OUT {
                S::store(to.add(i * row + j * LANES), S::add(sums[j], copied[j]));
            }
        }
    }
}

/// Positions to the 8x8 inputs of a convolution at stride 2, of which each phase has every second row and column:
/// points make the odd ones.
///
/// # Safety
/// As for [`to_positions`], the other way round.
#[inline(always)]
pub unsafe fn to_phases<S: Simd, const WIDTH: usize>(from: *const f32, tiles: Tiles<WIDTH>, to: *mut f32, row: Row) {
    unsafe {
        let mut half = [[S::zero(); OUT]; POINTS];
        for (i, half) in half.iter_mut().enumerate() {
            *half = output::<S>(load_row::<S, POINTS, WIDTH>(from, tiles, i, 0));
        }
        let mut copied = [[S::zero(); OUT]; POINTS];
        for (i, copied) in copied.iter_mut().enumerate() {
            *copied = load_row::<S, OUT, WIDTH>(from, tiles, i, POINTS);
        }
        for j in 0..OUT {
            let (odd, even) =
                (output::<S>(column::<S, POINTS>(&half, j)), output::<S>(column::<S, POINTS>(&copied, j)));
            for (i, (odd, even)) in odd.into_iter().zip(even).enumerate() {
                let to = to.add((2 * i + 1) * row + 2 * j * LANES);
                S::store(to.add(LANES), odd);
                S::store(to, even);
            }
        }
        for i in 0..OUT {
            let odd = output::<S>(load_row::<S, POINTS, WIDTH>(from, tiles, POINTS + i, 0));
            let even = load_row::<S, OUT, WIDTH>(from, tiles, POINTS + i, POINTS);
            for (j, (odd, even)) in odd.into_iter().zip(even).enumerate() {
                let to = to.add(2 * i * row + 2 * j * LANES);
                S::store(to.add(LANES), odd);
                S::store(to, even);
            }
        }
    }
}

/// The 4x4 gradients of a tile's outputs to positions: the adjoint of [`to_sums`].
///
/// # Safety
/// As for [`to_positions`].
#[inline(always)]
pub unsafe fn spread<S: Simd, const WIDTH: usize>(from: *const f32, row: Row, to: *mut f32, tiles: Tiles<WIDTH>) {
    unsafe {
        let mut half = [[S::zero(); OUT]; POINTS];
        for j in 0..OUT {
            let line = output_adjoint::<S>(load::<S, OUT>(from.add(j * LANES), row));
            for (half, v) in half.iter_mut().zip(line) {
                half[j] = v;
            }
        }
        for (i, half) in half.iter().enumerate() {
            store_row::<S, POINTS, WIDTH>(to, tiles, i, 0, output_adjoint::<S>(*half));
            store_row::<S, OUT, WIDTH>(to, tiles, i, POINTS, *half);
        }
        for i in 0..OUT {
            let line = load::<S, OUT>(from.add(i * row), LANES);
            store_row::<S, POINTS, WIDTH>(to, tiles, POINTS + i, 0, output_adjoint::<S>(line));
            store_row::<S, OUT, WIDTH>(to, tiles, POINTS + i, POINTS, line);
        }
    }
}
