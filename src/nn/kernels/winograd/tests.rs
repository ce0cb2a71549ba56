//! Both tile sizes on every instruction set against a direct convolution in f64.

use super::{F2, F4, Tile, forward, input_gradient, weight_gradient};
use crate::nn::check::pattern;
use crate::nn::kernels::conv::{ConvShape, Epilogue};
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::source::{Activation, Source};

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    pattern(len, seed).into_iter().map(|x| x as f32).collect()
}

fn shape(n: usize, c: usize, k: usize, h: usize, w: usize, padding: usize) -> ConvShape {
    ConvShape::new((n, c, h, w), (k, c, 3, 3), 1, padding).unwrap()
}

/// Output, gradient of the input, gradient of the weight, by the definition.
fn reference(shape: &ConvShape, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    let inside = |at: usize, tap: usize, size: usize| (at + tap).checked_sub(shape.padding).filter(|&i| i < size);
    for (n, k, c) in itertools(shape.n, shape.k, shape.c) {
        for (tap, i, j) in itertools(9, shape.oh, shape.ow) {
            let (Some(row), Some(column)) = (inside(i, tap / 3, shape.h), inside(j, tap % 3, shape.w)) else {
                continue;
            };
            let x_at = ((n * shape.c + c) * shape.h + row) * shape.w + column;
            let y_at = ((n * shape.k + k) * shape.oh + i) * shape.ow + j;
            let w_at = (k * shape.c + c) * 9 + tap;
            let (x, w, dy) = (f64::from(x[x_at]), f64::from(w[w_at]), f64::from(dy[y_at]));
            y[y_at] += x * w;
            dx[x_at] += dy * w;
            dw[w_at] += dy * x;
        }
    }
    [y, dx, dw]
}

/// All triples of numbers below the limits.
fn itertools(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |i| (i / (b * c), i / c % b, i % c))
}

/// Largest error relative to the largest number expected.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f64, |most, x| most.max(x.abs()));
    let differences = found.iter().zip(expected).map(|(&f, e)| (f64::from(f) - e).abs());
    differences.fold(0f64, |most, d| if d > most || d.is_nan() { d } else { most }) / largest
}

const SHAPES: [(usize, usize, usize, usize, usize); 12] = [
    (1, 1, 1, 3, 3),
    (1, 3, 1, 1, 1),
    (2, 1, 3, 7, 5),
    (3, 17, 65, 7, 7),
    (1, 65, 17, 31, 3),
    (2, 64, 64, 3, 33),
    (1, 16, 32, 33, 31),
    (5, 3, 16, 14, 14),
    (9, 32, 33, 4, 4),
    (40, 5, 7, 3, 3),
    (1, 2, 2, 150, 2),
    (1, 2, 2, 2, 150),
];

fn check<T: Tile>(bound: f64) {
    let mut largest = [0f64; 3];
    for (n, c, k, h, w) in SHAPES {
        for padding in 0..=2 {
            let Ok(shape) = ConvShape::new((n, c, h, w), (k, c, 3, 3), 1, padding) else { continue };
            let (x, weight) = (numbers(n * c * h * w, 1), numbers(k * c * 9, 2));
            let dy = numbers(n * k * shape.positions(), 3);
            let expected = reference(&shape, &x, &weight, &dy);
            for isa in Isa::available() {
                let found = [
                    forward::<T>(isa, &shape, Source::plain(&x), &weight, Epilogue::default()),
                    input_gradient::<T>(isa, &shape, &weight, &dy),
                    weight_gradient::<T>(isa, &shape, Source::plain(&x), &dy),
                ];
                for i in 0..3 {
                    let error = error(&found[i], &expected[i]);
                    largest[i] = largest[i].max(error);
                    assert!(error < bound, "{isa}, {shape:?}, result {i}: {error:.1e}");
                }
            }
        }
    }
    println!("{:.1e} {:.1e} {:.1e}", largest[0], largest[1], largest[2]);
}

#[test]
fn four_by_four_is_close_to_the_definition() {
    check::<F4>(5e-6);
}

#[test]
fn two_by_two_is_close_to_the_definition() {
    check::<F2>(1.5e-6);
}
