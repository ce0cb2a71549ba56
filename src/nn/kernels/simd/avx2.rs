//! AVX2 with fused multiplication and addition: a vector is two registers.

use super::Simd;
use std::arch::x86_64::*;

/// AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2;

/// Sum of sixteen lanes given as halves, in the order that every instruction set keeps.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
pub(super) unsafe fn sum_halves(low: __m256, high: __m256) -> f32 {
    // SAFETY: the processor has the instructions by the caller's promise, here and below.
    unsafe {
        let eight = _mm256_add_ps(low, high);
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

/// Both halves by one instruction.
macro_rules! halves {
    ($f:ident, $($v:expr),+) => { [$f($($v[0]),+), $f($($v[1]),+)] };
}

/// The mask of the first `n <= 8` lanes.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
}

/// Eight registers as the rows of a matrix, transposed.
#[inline(always)]
unsafe fn transpose8(r: [__m256; 8]) -> [__m256; 8] {
    unsafe {
        let mut t = r;
        for i in 0..4 {
            t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
            t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
        }
        let mut s = t;
        for i in [0, 4] {
            s[i] = _mm256_shuffle_ps::<0x44>(t[i], t[i + 2]);
            s[i + 1] = _mm256_shuffle_ps::<0xee>(t[i], t[i + 2]);
            s[i + 2] = _mm256_shuffle_ps::<0x44>(t[i + 1], t[i + 3]);
            s[i + 3] = _mm256_shuffle_ps::<0xee>(t[i + 1], t[i + 3]);
        }
        for i in 0..4 {
            t[i] = _mm256_permute2f128_ps::<0x20>(s[i], s[i + 4]);
            t[i + 4] = _mm256_permute2f128_ps::<0x31>(s[i], s[i + 4]);
        }
        t
    }
}

// SAFETY: each function does what its name in `Simd` says, by the instruction of that name on both halves.
unsafe impl Simd for Avx2 {
    type V = [__m256; 2];
    const ROWS: usize = 6;
    const WIDTH: usize = 1;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        unsafe { [_mm256_set1_ps(x); 2] }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        unsafe { [_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))] }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        unsafe {
            _mm256_storeu_ps(p, v[0]);
            _mm256_storeu_ps(p.add(8), v[1]);
        }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        unsafe {
            let high = if n > 8 { _mm256_maskload_ps(p.add(8), first(n - 8)) } else { _mm256_setzero_ps() };
            [_mm256_maskload_ps(p, first(n)), high]
        }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, n: usize, v: Self::V) {
        unsafe {
            _mm256_maskstore_ps(p, first(n), v[0]);
            if n > 8 {
                _mm256_maskstore_ps(p.add(8), first(n - 8), v[1]);
            }
        }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { halves!(_mm256_add_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { halves!(_mm256_sub_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { halves!(_mm256_mul_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { halves!(_mm256_div_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { halves!(_mm256_fmadd_ps, a, b, c) }
    }
    #[inline(always)]
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { halves!(_mm256_fnmadd_ps, a, b, c) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { halves!(_mm256_max_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { halves!(_mm256_min_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn where_above(x: Self::V, y: Self::V, a: Self::V) -> Self::V {
        let above = |x, y, a| unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(x, y), a) };
        [above(x[0], y[0], a[0]), above(x[1], y[1], a[1])]
    }
    #[inline(always)]
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V {
        // The maximum is `b` where one is NaN, so only a NaN in `a` is missing.
        let max = |a, b| unsafe { _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a)) };
        [max(a[0], b[0]), max(a[1], b[1])]
    }
    #[inline(always)]
    unsafe fn even_odd(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        // Pairs within halves, then the halves' pairs of 64 bits in order.
        let ordered = |v| unsafe { _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(_mm256_castps_pd(v))) };
        let even = |v: Self::V| ordered(unsafe { _mm256_shuffle_ps::<0x88>(v[0], v[1]) });
        let odd = |v: Self::V| ordered(unsafe { _mm256_shuffle_ps::<0xdd>(v[0], v[1]) });
        ([even(a), even(b)], [odd(a), odd(b)])
    }
    #[inline(always)]
    unsafe fn interleave(even: Self::V, odd: Self::V) -> (Self::V, Self::V) {
        let mixed = |even, odd| unsafe {
            let (low, high) = (_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd));
            [_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high)]
        };
        (mixed(even[0], odd[0]), mixed(even[1], odd[1]))
    }
    #[inline(always)]
    unsafe fn round(a: Self::V) -> Self::V {
        unsafe {
            let round = |a| _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
            [round(a[0]), round(a[1])]
        }
    }
    #[inline(always)]
    unsafe fn exp2_whole(a: Self::V) -> Self::V {
        unsafe {
            let power = |a| {
                let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            };
            [power(a[0]), power(a[1])]
        }
    }
    #[inline(always)]
    unsafe fn sum(a: Self::V) -> f32 {
        unsafe { sum_halves(a[0], a[1]) }
    }
    #[inline(always)]
    unsafe fn largest(a: Self::V) -> f32 {
        unsafe {
            let mut lanes = [0f32; 8];
            _mm256_storeu_ps(lanes.as_mut_ptr(), _mm256_max_ps(a[0], a[1]));
            lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
        }
    }
    #[inline(always)]
    unsafe fn transpose(r: &mut [Self::V; 16]) {
        // SAFETY: registers only. The four quarters are transposed, the two off the diagonal change places.
        unsafe {
            let quarter = |first: usize, half: usize| transpose8(std::array::from_fn(|i| r[first + i][half]));
            let (a, b, c, d) = (quarter(0, 0), quarter(0, 1), quarter(8, 0), quarter(8, 1));
            for i in 0..8 {
                r[i] = [a[i], c[i]];
                r[i + 8] = [b[i], d[i]];
            }
        }
    }
}
