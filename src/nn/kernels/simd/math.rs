//! Functions of vectors that no instruction computes.

use super::Simd;

/// e^x lane by lane, with an error of at most 1e-7 of the result.
///
/// Over the whole range: infinity above 88.73, gradually 0 below -87.33 (subnormal results keep the absolute error of
/// the smallest normal number), NaN for NaN. e^0 is exactly 1. Reduced to e^r 2^n with |r| <= ln 2 / 2 and the
/// polynomial of the Cephes library (Moshier, `expf`).
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
pub unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // ln 2 in two parts: the first has so few bits that its product with n is exact.
    const LN2_HIGH: f32 = 355.0 / 512.0;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.500_000_06];
    // SAFETY: arithmetic on registers; the exponents given to `exp2_whole` lie within -76..=65.
    unsafe {
        // The order of the arguments lets NaN pass.
        let x = S::min(S::splat(90.0), S::max(S::splat(-105.0), x));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::fnma(n, S::splat(LN2_LOW), S::fnma(n, S::splat(LN2_HIGH), x));
        let mut p = S::splat(POLYNOMIAL[0]);
        for coefficient in &POLYNOMIAL[1..] {
            p = S::fma(p, r, S::splat(*coefficient));
        }
        let p = S::add(S::fma(p, S::mul(r, r), r), S::splat(1.0));
        // In two factors, since 2^n itself may lie outside the normal numbers.
        let half = S::round(S::mul(n, S::splat(0.5)));
        S::mul(S::mul(p, S::exp2_whole(half)), S::exp2_whole(S::sub(n, half)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Isa, LANES, Simd, dispatch};

    #[inline(always)]
    unsafe fn all<S: Simd>(x: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks_exact(LANES).zip(y.chunks_exact_mut(LANES)) {
            // SAFETY: both have sixteen numbers.
            unsafe { S::store(y.as_mut_ptr(), super::exp::<S>(S::load(x.as_ptr()))) };
        }
    }

    dispatch! { unsafe fn exp_of(x: &[f32], y: &mut [f32]) => all }

    fn exp(isa: Isa, x: &[f32]) -> Vec<f32> {
        let mut padded = x.to_vec();
        padded.resize(x.len().next_multiple_of(LANES), 0.0);
        let mut y = vec![0.0; padded.len()];
        // SAFETY: the slices have equal lengths.
        unsafe { exp_of(isa, &padded, &mut y) };
        y.truncate(x.len());
        y
    }

    #[test]
    fn exp_is_within_its_bound_of_f64() {
        let x: Vec<f32> = (0..400_000).map(|i| -104.5 + i as f32 * (194.0 / 400_000.0)).collect();
        for isa in Isa::available() {
            let mut worst = 0f64;
            for (&x, y) in x.iter().zip(exp(isa, &x)) {
                let exact = f64::from(x).exp();
                if exact > f64::from(f32::MAX) {
                    assert!(y == f32::INFINITY || y >= f32::MAX * 0.999_999, "{isa}: exp({x}) = {y}");
                } else {
                    worst = worst.max((f64::from(y) - exact).abs() / exact.max(f64::from(f32::MIN_POSITIVE)));
                }
            }
            assert!(worst < 1e-7, "{isa}: {worst}");
        }
    }

    #[test]
    fn exp_of_special_numbers() {
        let x = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e30, -1e30, 88.8, -110.0];
        for isa in Isa::available() {
            let y = exp(isa, &x);
            assert_eq!(y[..4], [1.0, 1.0, f32::INFINITY, 0.0], "{isa}");
            assert!(y[4].is_nan(), "{isa}");
            assert_eq!(y[5..], [f32::INFINITY, 0.0, f32::INFINITY, 0.0], "{isa}");
        }
    }
}
