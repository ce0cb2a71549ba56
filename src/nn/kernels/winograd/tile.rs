//! The transforms of Winograd's minimal filtering, F(2,3) and F(4,3), on both axes of a tile.
//!
//! `y = Aᵀ ((G w Gᵀ) ⊙ (Bᵀ d B)) A` for a tile `d` of the input and a 3x3 kernel `w` (Lavin and Gray, "Fast algorithms
//! for convolutional neural networks", 2015). The gradient of the weight is the adjoint of the same: `Gᵀ Σ ((A dy Aᵀ) ⊙
//! (Bᵀ d B)) G`.

use crate::nn::kernels::simd::Simd;

/// The longest side of a tile.
const MOST: usize = 6;

/// One line of a tile; what a transform does not need or make is zero.
pub type Line<S> = [<S as Simd>::V; MOST];

/// What becomes of 3x3 kernels: the transforms of one axis, on vectors of sixteen channels.
///
/// # Safety
/// The functions are called where the processor has `S`; they work on registers only.
pub trait Kernels: Copy + Send + Sync + 'static {
    /// Side of a transformed kernel.
    const IN: usize;
    /// Numbers of a transformed kernel, each with a matrix product of its own.
    const POSITIONS: usize = Self::IN * Self::IN;

    /// G: 3 to IN.
    unsafe fn weight<S: Simd>(w: Line<S>) -> Line<S>;
    /// Gᵀ: IN to 3.
    unsafe fn weight_adjoint<S: Simd>(u: Line<S>) -> Line<S>;
}

/// A size of tiles: the transforms of one axis; input tiles have the side IN, as transformed ones do.
///
/// # Safety
/// As for [`Kernels`].
pub trait Tile: Kernels {
    /// Side of an output tile.
    const OUT: usize;

    /// Bᵀ: IN to IN.
    unsafe fn input<S: Simd>(d: Line<S>) -> Line<S>;
    /// Aᵀ: IN to OUT.
    unsafe fn output<S: Simd>(m: Line<S>) -> Line<S>;
    /// A: OUT to IN.
    unsafe fn output_adjoint<S: Simd>(y: Line<S>) -> Line<S>;
}

/// F(2x2, 3x3): 16 products for 4 outputs instead of 36, on the points 0, 1, -1, ∞.
#[derive(Clone, Copy, Debug)]
pub struct F2;

/// F(4x4, 3x3): 36 products for 16 outputs instead of 144, on the points 0, ±√½, ±√2, ∞. They round four to five times
/// less than the usual 0, ±1, ±2, ∞.
#[derive(Clone, Copy, Debug)]
pub struct F4;

const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
const ROOT_2: f32 = std::f32::consts::SQRT_2;

impl Tile for F2 {
    const OUT: usize = 2;

    #[inline(always)]
    unsafe fn input<S: Simd>(d: Line<S>) -> Line<S> {
        // SAFETY: registers only, here and in all transforms of a line below; the caller has `S`.
        unsafe {
            let zero = S::zero();
            [S::sub(d[0], d[2]), S::add(d[1], d[2]), S::sub(d[2], d[1]), S::sub(d[1], d[3]), zero, zero]
        }
    }
    #[inline(always)]
    unsafe fn output<S: Simd>(m: Line<S>) -> Line<S> {
        unsafe {
            let mut y = [S::zero(); MOST];
            y[0] = S::add(S::add(m[0], m[1]), m[2]);
            y[1] = S::sub(S::sub(m[1], m[2]), m[3]);
            y
        }
    }
    #[inline(always)]
    unsafe fn output_adjoint<S: Simd>(y: Line<S>) -> Line<S> {
        unsafe {
            let zero = S::zero();
            [y[0], S::add(y[0], y[1]), S::sub(y[0], y[1]), S::sub(zero, y[1]), zero, zero]
        }
    }
}

impl Kernels for F2 {
    const IN: usize = 4;

    #[inline(always)]
    unsafe fn weight<S: Simd>(w: Line<S>) -> Line<S> {
        unsafe {
            let half = S::splat(0.5);
            let (even, odd) = (S::mul(half, S::add(w[0], w[2])), S::mul(half, w[1]));
            [w[0], S::add(even, odd), S::sub(even, odd), w[2], S::zero(), S::zero()]
        }
    }
    #[inline(always)]
    unsafe fn weight_adjoint<S: Simd>(u: Line<S>) -> Line<S> {
        unsafe {
            let half = S::splat(0.5);
            let (sum, difference) = (S::mul(half, S::add(u[1], u[2])), S::mul(half, S::sub(u[1], u[2])));
            let mut w = [S::zero(); MOST];
            (w[0], w[1], w[2]) = (S::add(u[0], sum), difference, S::add(sum, u[3]));
            w
        }
    }
}

/// Lines 1 to 4 belong to the points √½, -√½, √2, -√2: sums and differences of their even and odd parts.
impl Tile for F4 {
    const OUT: usize = 4;

    #[inline(always)]
    unsafe fn input<S: Simd>(d: Line<S>) -> Line<S> {
        unsafe {
            let (half, two, mixed) = (S::splat(0.5), S::splat(2.0), S::splat(2.5));
            let (a, b) = (S::splat(ROOT_HALF), S::splat(ROOT_2));
            let (even_a, odd_a) = (S::fnma(two, d[2], d[4]), S::fnma(two, d[1], d[3]));
            let (even_b, odd_b) = (S::fnma(half, d[2], d[4]), S::fnma(half, d[1], d[3]));
            [
                S::add(d[0], S::fnma(mixed, d[2], d[4])),
                S::fma(a, odd_a, even_a),
                S::fnma(a, odd_a, even_a),
                S::fma(b, odd_b, even_b),
                S::fnma(b, odd_b, even_b),
                S::add(d[1], S::fnma(mixed, d[3], d[5])),
            ]
        }
    }
    #[inline(always)]
    unsafe fn output<S: Simd>(m: Line<S>) -> Line<S> {
        unsafe {
            let (sum_a, odd_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
            let (sum_b, odd_b) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
            let (a, b) = (S::splat(ROOT_HALF), S::splat(ROOT_2));
            let (half, two) = (S::splat(0.5), S::splat(2.0));
            let (cube_a, cube_b) = (S::splat(0.5 * ROOT_HALF), S::splat(2.0 * ROOT_2));
            [
                S::add(m[0], S::add(sum_a, sum_b)),
                S::fma(a, odd_a, S::mul(b, odd_b)),
                S::fma(half, sum_a, S::mul(two, sum_b)),
                S::fma(cube_a, odd_a, S::fma(cube_b, odd_b, m[5])),
                S::zero(),
                S::zero(),
            ]
        }
    }
    #[inline(always)]
    unsafe fn output_adjoint<S: Simd>(y: Line<S>) -> Line<S> {
        unsafe {
            let (a, b) = (S::splat(ROOT_HALF), S::splat(ROOT_2));
            let (half, two) = (S::splat(0.5), S::splat(2.0));
            let (cube_a, cube_b) = (S::splat(0.5 * ROOT_HALF), S::splat(2.0 * ROOT_2));
            let (even_a, odd_a) = (S::fma(half, y[2], y[0]), S::fma(cube_a, y[3], S::mul(a, y[1])));
            let (even_b, odd_b) = (S::fma(two, y[2], y[0]), S::fma(cube_b, y[3], S::mul(b, y[1])));
            [y[0], S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), y[3]]
        }
    }
}

impl Kernels for F4 {
    const IN: usize = 6;

    #[inline(always)]
    unsafe fn weight<S: Simd>(w: Line<S>) -> Line<S> {
        unsafe {
            let third = S::splat(1.0 / 3.0);
            let even_a = S::fnma(third, w[2], S::mul(S::splat(-2.0 / 3.0), w[0]));
            let odd_a = S::mul(S::splat(-2.0 / 3.0 * ROOT_HALF), w[1]);
            let even_b = S::fma(third, w[2], S::mul(S::splat(1.0 / 6.0), w[0]));
            let odd_b = S::mul(S::splat(1.0 / 6.0 * ROOT_2), w[1]);
            [w[0], S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), w[2]]
        }
    }
    #[inline(always)]
    unsafe fn weight_adjoint<S: Simd>(u: Line<S>) -> Line<S> {
        unsafe {
            let (sum_a, odd_a) = (S::add(u[1], u[2]), S::sub(u[1], u[2]));
            let (sum_b, odd_b) = (S::add(u[3], u[4]), S::sub(u[3], u[4]));
            let (third, outer_a, outer_b) = (S::splat(1.0 / 3.0), S::splat(-2.0 / 3.0), S::splat(1.0 / 6.0));
            let mut w = [S::zero(); MOST];
            w[0] = S::add(u[0], S::fma(outer_a, sum_a, S::mul(outer_b, sum_b)));
            w[1] = S::fma(S::splat(-2.0 / 3.0 * ROOT_HALF), odd_a, S::mul(S::splat(1.0 / 6.0 * ROOT_2), odd_b));
            w[2] = S::fma(third, S::sub(sum_b, sum_a), u[5]);
            w
        }
    }
}

/// Vectors on a square grid in memory: `down` numbers from row to row, `across` from column to column.
#[derive(Clone, Copy)]
pub struct Lattice {
    pub down: usize,
    pub across: usize,
}

/// A transform of one axis on both, columns first. A macro, since a closure would not be compiled for the
/// instruction set unless it happens to be inlined.
macro_rules! on_tiles {
    ($($(#[$meta:meta])* $name:ident of $kind:ident: $line:ident, $from_side:expr => $to_side:expr, $to_positions:literal;)+) => { $(
        $(#[$meta])*
        ///
        /// # Safety
        /// `from` is good for reading, `to` for writing at every place of the tile. The processor has `S`.
        #[inline(always)]
        pub unsafe fn $name<S: Simd, T: $kind>(from: *const f32, to: *mut f32, pixels: Lattice, position: usize) {
            let positions = Lattice { down: T::IN * position, across: position };
            let (read, write) = if $to_positions { (pixels, positions) } else { (positions, pixels) };
            // SAFETY: the caller's promises.
            unsafe {
                let mut half = [[S::zero(); MOST]; MOST];
                for j in 0..$from_side {
                    let mut column = [S::zero(); MOST];
                    for i in 0..$from_side {
                        column[i] = S::load(from.add(i * read.down + j * read.across));
                    }
                    let column = T::$line::<S>(column);
                    for i in 0..$to_side {
                        half[i][j] = column[i];
                    }
                }
                for i in 0..$to_side {
                    let row = T::$line::<S>(half[i]);
                    for j in 0..$to_side {
                        S::store(to.add(i * write.down + j * write.across), row[j]);
                    }
                }
            }
        }
    )+ };
}

on_tiles! {
    /// Bᵀ d B: pixels of the input to positions.
    input_tile of Tile: input, T::IN => T::IN, true;
    /// Aᵀ m A: positions to pixels of the output.
    output_tile of Tile: output, T::IN => T::OUT, false;
    /// A dy Aᵀ: pixels of the gradient of the output to positions.
    gradient_tile of Tile: output_adjoint, T::OUT => T::IN, true;
    /// G w Gᵀ: taps to positions.
    weight_tile of Kernels: weight, 3 => T::IN, true;
    /// Gᵀ u G: positions to taps.
    weight_gradient_tile of Kernels: weight_adjoint, T::IN => 3, false;
}
