//! Sixteen f32 lanes on whatever the processor has: the one vector type that the kernels are written over.
//!
//! A kernel is a function generic over [`Simd`], marked `#[inline(always)]`; [`dispatch!`] compiles it once for each
//! instruction set and picks one at run time, so that one binary runs well everywhere. Results have the same bits on
//! any number of threads and in repeated runs on one instruction set; between instruction sets they differ in
//! rounding, since the portable twin on x86 has no fused multiplication and addition.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
pub mod math;
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use isa::Isa;
#[doc(hidden)]
pub use isa::Kind;
pub use portable::Portable;

/// Lanes of a vector.
pub const LANES: usize = 16;

/// Arithmetic on vectors of [`LANES`] numbers of one instruction set.
///
/// # Safety
/// Every function may be called only where the processor has the instruction set; [`dispatch!`] sees to that. Loads
/// and stores touch the numbers that their names say and need no alignment.
pub unsafe trait Simd: Copy + Send + Sync + 'static {
    /// [`LANES`] numbers.
    type V: Copy;

    /// Rows of a block of a matrix product whose sums stay in registers.
    const ROWS: usize;
    /// Vectors side by side in such a block.
    const WIDTH: usize;

    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self::V;
    /// Sixteen numbers from `p`.
    unsafe fn load(p: *const f32) -> Self::V;
    /// Sixteen numbers to `p`.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// The first `n <= 16` lanes from `p`, which are all that is read; the others are 0.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// The first `n <= 16` lanes to `p`, which are all that is written.
    unsafe fn store_first(p: *mut f32, n: usize, v: Self::V);

    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a b + c`, rounded once where the instruction set can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a b`, rounded once where the instruction set can.
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger of each pair; `b` where one of them is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller of each pair; `b` where one of them is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// `a` where `x > y` or one of them is NaN, else 0.
    unsafe fn where_above(x: Self::V, y: Self::V, a: Self::V) -> Self::V;
    /// The larger of each pair; NaN where one of them is NaN.
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V;
    /// Of the 32 numbers of `a` and then `b` those at even places, and those at odd places.
    unsafe fn even_odd(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// The 32 numbers whose even and odd places these are: the inverse of [`Simd::even_odd`].
    unsafe fn interleave(even: Self::V, odd: Self::V) -> (Self::V, Self::V);
    /// The nearest whole number, halves to even, for |a| < 2^22.
    unsafe fn round(a: Self::V) -> Self::V;
    /// 2 to the power of whole numbers in -126..=127.
    unsafe fn exp2_whole(a: Self::V) -> Self::V;
    /// The sum of the lanes, in a fixed order: halves onto each other.
    unsafe fn sum(a: Self::V) -> f32;
    /// The largest lane, for lanes that are no NaN.
    unsafe fn largest(a: Self::V) -> f32;
    /// Sixteen vectors as the rows of a matrix, transposed.
    unsafe fn transpose(rows: &mut [Self::V; 16]);

    /// All lanes 0.
    #[inline(always)]
    unsafe fn zero() -> Self::V {
        // SAFETY: the caller's promise.
        unsafe { Self::splat(0.0) }
    }

    /// max(x, 0); NaN passes.
    #[inline(always)]
    unsafe fn relu(x: Self::V) -> Self::V {
        // SAFETY: the caller's promise. The order of the arguments lets NaN pass.
        unsafe { Self::max(Self::zero(), x) }
    }
}

/// Defines an `unsafe fn name(isa: Isa, …)` that runs a function generic over [`Simd`], compiled for that instruction
/// set. Further type arguments of the generic function stand in brackets: `=> generic[F4]` calls `generic::<S, F4>`.
/// Or they are handed through: `unsafe fn name<T: Tile>(…) => generic` calls `generic::<S, T>`.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident $(<$($param:ident: $bound:path),*>)? ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? => $generic:ident $([$($extra:tt),*])?) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name $(<$($param: $bound),*>)? (isa: $crate::nn::kernels::simd::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512 $(<$($param: $bound),*>)? ($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the caller's promises; the features are those of this function.
                unsafe { $generic::<$crate::nn::kernels::simd::Avx512 $($(, $extra)*)? $($(, $param)*)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2 $(<$($param: $bound),*>)? ($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the caller's promises; the features are those of this function.
                unsafe { $generic::<$crate::nn::kernels::simd::Avx2 $($(, $extra)*)? $($(, $param)*)?>($($arg),*) }
            }
            // SAFETY: the caller's promises; an `Isa` exists only where the processor has what it names.
            unsafe {
                match isa.kind() {
                    #[cfg(target_arch = "x86_64")]
                    $crate::nn::kernels::simd::Kind::Avx512 => avx512 $(::<$($param),*>)? ($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::nn::kernels::simd::Kind::Avx2 => avx2 $(::<$($param),*>)? ($($arg),*),
                    $crate::nn::kernels::simd::Kind::Portable => {
                        $generic::<$crate::nn::kernels::simd::Portable $($(, $extra)*)? $($(, $param)*)?>($($arg),*)
                    }
                }
            }
        }
    };
}
pub(crate) use dispatch;

/// Runs a block for each vector of `0..$len`: `$start` is its first number, `$count` how many it has. The block stands
/// there twice, since for whole vectors the count is a constant, so that `load_first` becomes a plain load.
macro_rules! vectors {
    ($len:expr, |$start:ident, $count:ident| $block:block) => {{
        let len: usize = $len;
        let whole = len / $crate::nn::kernels::simd::LANES * $crate::nn::kernels::simd::LANES;
        for $start in (0..whole).step_by($crate::nn::kernels::simd::LANES) {
            let $count = $crate::nn::kernels::simd::LANES;
            $block
        }
        if whole < len {
            let ($start, $count) = (whole, len - whole);
            $block
        }
    }};
}
pub(crate) use vectors;
