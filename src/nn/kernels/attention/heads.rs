//! One head of one sequence: brought together from the rows it lies in, and put back.

use super::{Padded, Part, Setting, Shape};
use crate::nn::kernels::buffer::Pieces;
use crate::nn::kernels::rope::{Angles, turn_head};
use crate::nn::kernels::simd::{Isa, LANES, Simd, dispatch, vectors};

/// The head's rows times `factor`, turned if there are angles, as a matrix (T, d) padded with zeros.
#[allow(clippy::too_many_arguments)]
pub fn gather(
    isa: Isa,
    setting: Setting,
    part: Part,
    batch: usize,
    head: usize,
    angles: Option<(&Angles, usize)>,
    factor: f32,
    out: &mut [f32],
) {
    let Shape { length, d, .. } = setting.shape;
    let padded = Padded::new(setting.shape);
    let from = (batch * length * part.per_row + part.first + head) * d;
    let source = &part.data[from..from + (length - 1) * part.per_row * d + d];
    // SAFETY: `source` ends with the last row of the head; `out` has a padded row for each padded position.
    unsafe {
        gather_rows(isa, source, part.per_row * d, length, d, angles, factor, &mut out[..padded.all()], padded.d)
    };
}

/// Puts rows of `block` (d numbers, `stride` apart), times their factors, turned back if there are angles, where
/// `place` says: the index of a head in `out`, of which the caller is the only user.
#[allow(clippy::too_many_arguments)]
pub fn scatter(
    isa: Isa,
    d: usize,
    block: &[f32],
    stride: usize,
    factors: &[f32],
    angles: Option<(&Angles, usize)>,
    out: &Pieces,
    place: impl Fn(usize) -> usize,
) {
    for (row, &factor) in factors.iter().enumerate() {
        // SAFETY: no other task writes this head, and this one holds no other reference to it.
        let piece = unsafe { out.piece(place(row)) };
        let source = &block[row * stride..][..d];
        let (cos, sin) = angles.map(|(angles, first)| angles.at(first + row)).unwrap_or_default();
        // SAFETY: both slices have d numbers, twice as many as there are cosines.
        unsafe { put(isa, source, piece, cos, sin, factor) };
    }
}

/// `from` (T, d) transposed, both padded.
pub fn transposed(isa: Isa, padded: Padded, from: &[f32], to: &mut [f32]) {
    assert!(from.len() == padded.all() && to.len() == padded.all(), "a padded matrix and its transpose");
    // SAFETY: both have as many numbers as that, and whole blocks of 16 by 16.
    unsafe { transpose_blocks(isa, from, to, padded.length, padded.d) };
}

dispatch! {
    unsafe fn gather_rows(source: &[f32], step: usize, length: usize, d: usize, angles: Option<(&Angles, usize)>, factor: f32, out: &mut [f32], stride: usize) => gather_rows_of
}
dispatch! {
    unsafe fn put(source: &[f32], out: &mut [f32], cos: &[f32], sin: &[f32], factor: f32) => put_of
}
dispatch! {
    unsafe fn transpose_blocks(from: &[f32], to: &mut [f32], rows: usize, columns: usize) => transpose_blocks_of
}

/// # Safety
/// `source` holds `length` rows of `d` numbers, `step` apart; `out` rows of `stride`, a multiple of 16 not below `d`,
/// at least `length` of them. The processor has `S`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn gather_rows_of<S: Simd>(
    source: &[f32],
    step: usize,
    length: usize,
    d: usize,
    angles: Option<(&Angles, usize)>,
    factor: f32,
    out: &mut [f32],
    stride: usize,
) {
    for t in 0..length {
        let row = &mut out[t * stride..][..stride];
        row[d..].fill(0.0);
        // SAFETY: d numbers each; the caller's promise.
        unsafe {
            let from = source.as_ptr().add(t * step);
            match angles {
                Some((angles, offset)) => {
                    let (cos, sin) = angles.at(offset + t);
                    turn_head::<S>(from, row.as_mut_ptr(), cos, sin, false, factor);
                }
                None => scaled::<S>(from, row.as_mut_ptr(), d, factor),
            }
        }
    }
    out[length * stride..].fill(0.0);
}

/// # Safety
/// Both slices have equally many numbers, and twice as many as there are cosines, if any. The processor has `S`.
#[inline(always)]
unsafe fn put_of<S: Simd>(source: &[f32], out: &mut [f32], cos: &[f32], sin: &[f32], factor: f32) {
    // SAFETY: the caller's promise.
    unsafe {
        match cos.is_empty() {
            true => scaled::<S>(source.as_ptr(), out.as_mut_ptr(), out.len(), factor),
            false => turn_head::<S>(source.as_ptr(), out.as_mut_ptr(), cos, sin, true, factor),
        }
    }
}

/// # Safety
/// `from` can be read and `to` written for `d` numbers. The processor has `S`.
#[inline(always)]
unsafe fn scaled<S: Simd>(from: *const f32, to: *mut f32, d: usize, factor: f32) {
    vectors!(d, |start, count| {
        // SAFETY: the caller's promise; `start + count` is at most `d`.
        unsafe {
            S::store_first(to.add(start), count, S::mul(S::load_first(from.add(start), count), S::splat(factor)))
        };
    });
}

/// # Safety
/// Both slices have `rows * columns` numbers, both multiples of 16. The processor has `S`.
#[inline(always)]
unsafe fn transpose_blocks_of<S: Simd>(from: &[f32], to: &mut [f32], rows: usize, columns: usize) {
    for i in (0..rows).step_by(LANES) {
        for j in (0..columns).step_by(LANES) {
            // SAFETY: whole blocks inside both matrices.
            unsafe {
                let mut block = [S::zero(); LANES];
                for (r, row) in block.iter_mut().enumerate() {
                    *row = S::load(from.as_ptr().add((i + r) * columns + j));
                }
                S::transpose(&mut block);
                for (r, &row) in block.iter().enumerate() {
                    S::store(to.as_mut_ptr().add((j + r) * rows + i), row);
                }
            }
        }
    }
}
