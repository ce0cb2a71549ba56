//! Every instruction set of this processor against plain arithmetic.

use super::{Isa, LANES, Simd, dispatch};

/// Sixteen results of each operation on fixed inputs, the same list for every instruction set.
#[inline(always)]
unsafe fn everything<S: Simd>(a: &[f32; 16], b: &[f32; 16], c: &[f32; 16]) -> Vec<[f32; 16]> {
    let mut results = Vec::new();
    // SAFETY: the arrays hold sixteen numbers each; `dispatch` picks what the processor has.
    unsafe {
        let (va, vb, vc) = (S::load(a.as_ptr()), S::load(b.as_ptr()), S::load(c.as_ptr()));
        let mut keep = |v: S::V| {
            let mut out = [0.0; 16];
            S::store(out.as_mut_ptr(), v);
            results.push(out);
        };
        for v in [S::add(va, vb), S::sub(va, vb), S::mul(va, vb), S::div(va, vb), S::sqrt(S::mul(va, va))] {
            keep(v);
        }
        for v in [S::fma(va, vb, vc), S::fnma(va, vb, vc), S::max(va, vb), S::min(va, vb), S::where_positive(va, vb)] {
            keep(v);
        }
        for v in [S::round(vc), S::exp2_whole(S::round(vc)), S::relu(va), S::splat(a[3]), S::zero()] {
            keep(v);
        }
        let ((even, odd), (low, high)) = (S::even_odd(va, vb), S::interleave(va, vb));
        for v in [S::where_above(va, vb, vc), S::max_or_nan(va, vb), even, odd, low, high] {
            keep(v);
        }
        keep(S::splat(S::sum(va)));
        keep(S::splat(S::largest(va)));
        let mut rows: [S::V; 16] = std::array::from_fn(|i| S::add(va, S::splat(100.0 * i as f32)));
        S::transpose(&mut rows);
        for row in rows {
            keep(row);
        }
        for n in 0..=LANES {
            let mut out = [7.0; 16];
            S::store_first(out.as_mut_ptr(), n, va);
            results.push(out);
            S::store(out.as_mut_ptr(), S::load_first(b.as_ptr(), n));
            results.push(out);
        }
    }
    results
}

dispatch! {
    unsafe fn run(a: &[f32; 16], b: &[f32; 16], c: &[f32; 16]) -> Vec<[f32; 16]> => everything
}

#[test]
fn instruction_sets_agree() {
    let a: [f32; 16] = std::array::from_fn(|i| (i as f32 - 7.3) * 0.37);
    let b: [f32; 16] = std::array::from_fn(|i| 1.0 + (i * 7 % 16) as f32 * 0.21 - 2.0 * (i % 2) as f32);
    let c: [f32; 16] = std::array::from_fn(|i| (i as f32 - 8.0) * 2.5);
    // SAFETY: `everything` reads and writes within the arrays.
    let plain = unsafe { everything::<super::Portable>(&a, &b, &c) };
    for i in 0..16 {
        assert_eq!((plain[0][i], plain[2][i]), (a[i] + b[i], a[i] * b[i]));
        assert!((plain[5][i] - (a[i] * b[i] + c[i])).abs() < 1e-5 && (plain[6][i] - (c[i] - a[i] * b[i])).abs() < 1e-5);
        assert_eq!((plain[7][i], plain[8][i]), (a[i].max(b[i]), a[i].min(b[i])));
        assert_eq!(plain[9][i], if a[i] > 0.0 { b[i] } else { 0.0 });
        assert_eq!((plain[10][i], plain[11][i]), (c[i].round_ties_even(), c[i].round_ties_even().exp2()));
        assert_eq!(plain[12][i], a[i].max(0.0));
        assert_eq!((plain[15][i], plain[16][i]), (if a[i] > b[i] { c[i] } else { 0.0 }, a[i].max(b[i])));
        let (pair, mixed) = (|i: usize| if i < 16 { a[i] } else { b[i - 16] }, |i: usize| [a, b][i % 2][i / 2]);
        assert_eq!((plain[17][i], plain[18][i]), (pair(2 * i), pair(2 * i + 1)));
        assert_eq!((plain[19][i], plain[20][i]), (mixed(i), mixed(i + 16)));
        assert!((plain[21][i] - a.iter().sum::<f32>()).abs() < 1e-4);
        assert_eq!(plain[22][i], a[15]);
        for j in 0..16 {
            assert_eq!(plain[23 + i][j], a[i] + 100.0 * j as f32);
        }
        for n in 0..=16 {
            assert_eq!(plain[39 + 2 * n][i], if i < n { a[i] } else { 7.0 });
            assert_eq!(plain[40 + 2 * n][i], if i < n { b[i] } else { 0.0 });
        }
    }
    for isa in Isa::available() {
        // SAFETY: as above.
        let found = unsafe { run(isa, &a, &b, &c) };
        for (index, (found, plain)) in found.iter().zip(&plain).enumerate() {
            // Only fused operations may round differently.
            let same = found.iter().zip(plain).all(|(f, p)| f == p || matches!(index, 5 | 6) && (f - p).abs() < 1e-5);
            assert!(same, "{isa}, result {index}: {found:?} instead of {plain:?}");
        }
    }
}

#[test]
fn nan_is_above_everything_and_passes_the_maximum() {
    #[inline(always)]
    unsafe fn of_nan<S: Simd>() -> [f32; 4] {
        // SAFETY: registers only.
        unsafe {
            let (nan, one) = (S::splat(f32::NAN), S::splat(1.0));
            let maxima = [S::max_or_nan(nan, one), S::max_or_nan(one, nan)];
            [maxima[0], maxima[1], S::where_above(nan, one, one), S::where_above(one, nan, one)].map(|v| S::sum(v))
        }
    }
    dispatch! { unsafe fn run() -> [f32; 4] => of_nan }
    for isa in Isa::available() {
        // SAFETY: registers only.
        let [left, right, above, below] = unsafe { run(isa) };
        assert!(left.is_nan() && right.is_nan() && above == 16.0 && below == 16.0, "{isa}");
    }
}

#[test]
fn nan_passes_relu() {
    #[inline(always)]
    unsafe fn relu_of_nan<S: Simd>() -> f32 {
        // SAFETY: registers only.
        unsafe { S::sum(S::relu(S::splat(f32::NAN))) }
    }
    dispatch! { unsafe fn run() -> f32 => relu_of_nan }
    for isa in Isa::available() {
        // SAFETY: registers only.
        assert!(unsafe { run(isa) }.is_nan(), "{isa}");
    }
}
