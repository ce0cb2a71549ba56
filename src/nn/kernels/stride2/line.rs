//! F(4,2) on one axis: four sums of two products each from five products.

use crate::nn::kernels::simd::Simd;

/// Products of F(4,2), one for each of the points ½, -½, 1¼, -1¼, ∞: of the choices tried these round the least.
pub const POINTS: usize = 5;

/// Outputs of F(4,2).
pub const OUT: usize = 4;

const A: f32 = 0.5;
const B: f32 = 1.25;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// 1 / (2 A (A² - B²)) and 1 / (2 B (B² - A²)), what Lagrange's polynomials are divided by.
const OVER_A: f32 = 1.0 / (2.0 * A * (A2 - B2));
const OVER_B: f32 = 1.0 / (2.0 * B * (B2 - A2));

/// Bᵀ: five inputs to points. Row p holds the coefficients of the product of (x - q) over the other points q.
///
/// # Safety
/// Here and below: the processor has `S`.
#[inline(always)]
pub unsafe fn input<S: Simd>(d: [S::V; POINTS]) -> [S::V; POINTS] {
    // SAFETY: registers only, here and below.
    unsafe {
        let (a, b, a2, b2) = (S::splat(A), S::splat(B), S::splat(A2), S::splat(B2));
        let (even_a, odd_a) = (S::fnma(b2, d[1], d[3]), S::fnma(b2, d[0], d[2]));
        let (even_b, odd_b) = (S::fnma(a2, d[1], d[3]), S::fnma(a2, d[0], d[2]));
        let last = S::fma(S::splat(A2 * B2), d[0], S::fnma(S::splat(A2 + B2), d[2], d[4]));
        [S::fma(a, odd_a, even_a), S::fnma(a, odd_a, even_a), S::fma(b, odd_b, even_b), S::fnma(b, odd_b, even_b), last]
    }
}

/// Aᵀ: products at the points to outputs; output i takes the power i of the point.
#[inline(always)]
pub unsafe fn output<S: Simd>(m: [S::V; POINTS]) -> [S::V; OUT] {
    unsafe {
        let (sum_a, odd_a) = (S::add(m[0], m[1]), S::sub(m[0], m[1]));
        let (sum_b, odd_b) = (S::add(m[2], m[3]), S::sub(m[2], m[3]));
        [
            S::add(sum_a, sum_b),
            S::fma(S::splat(A), odd_a, S::mul(S::splat(B), odd_b)),
            S::fma(S::splat(A2), sum_a, S::mul(S::splat(B2), sum_b)),
            S::fma(S::splat(A * A2), odd_a, S::fma(S::splat(B * B2), odd_b, m[4])),
        ]
    }
}

/// A, the adjoint of [`output`].
#[inline(always)]
pub unsafe fn output_adjoint<S: Simd>(y: [S::V; OUT]) -> [S::V; POINTS] {
    unsafe {
        let even_a = S::fma(S::splat(A2), y[2], y[0]);
        let odd_a = S::fma(S::splat(A * A2), y[3], S::mul(S::splat(A), y[1]));
        let even_b = S::fma(S::splat(B2), y[2], y[0]);
        let odd_b = S::fma(S::splat(B * B2), y[3], S::mul(S::splat(B), y[1]));
        [S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), y[3]]
    }
}

/// G: two taps to points.
#[inline(always)]
pub unsafe fn weight<S: Simd>(w: [S::V; 2]) -> [S::V; POINTS] {
    unsafe {
        let (even_a, odd_a) = (S::mul(S::splat(OVER_A), w[0]), S::mul(S::splat(OVER_A * A), w[1]));
        let (even_b, odd_b) = (S::mul(S::splat(OVER_B), w[0]), S::mul(S::splat(OVER_B * B), w[1]));
        [S::add(odd_a, even_a), S::sub(odd_a, even_a), S::add(odd_b, even_b), S::sub(odd_b, even_b), w[1]]
    }
}

/// Gᵀ, the adjoint of [`weight`].
#[inline(always)]
pub unsafe fn weight_adjoint<S: Simd>(u: [S::V; POINTS]) -> [S::V; 2] {
    unsafe {
        let (sum_a, odd_a) = (S::add(u[0], u[1]), S::sub(u[0], u[1]));
        let (sum_b, odd_b) = (S::add(u[2], u[3]), S::sub(u[2], u[3]));
        [
            S::fma(S::splat(OVER_A), odd_a, S::mul(S::splat(OVER_B), odd_b)),
            S::fma(S::splat(OVER_A * A), sum_a, S::fma(S::splat(OVER_B * B), sum_b, u[4])),
        ]
    }
}
