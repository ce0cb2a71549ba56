//! Both tile sizes on every instruction set against a direct convolution in f64.

use super::{F2, F4, Tile, forward, input_gradient, weight_gradient};
use crate::nn::check::{error, same_bits_for_any_threads, singles};
use crate::nn::kernels::buffer::tensor;
use crate::nn::kernels::conv::{ConvShape, Epilogue, tests::reference};
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::source::{Activation, Source};

fn shape((n, c, k, h, w): (usize, usize, usize, usize, usize), padding: usize) -> Option<ConvShape> {
    ConvShape::new((n, c, h, w), (k, c, 3, 3), 1, padding).ok()
}

/// Input, weight and gradient of the output.
fn data(shape: &ConvShape) -> [Vec<f32>; 3] {
    let input = shape.n * shape.c * shape.h * shape.w;
    [singles(input, 1), singles(shape.k * shape.patch(), 2), singles(shape.n * shape.k * shape.positions(), 3)]
}

/// Samples, input and output channels, height, width.
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
    for sizes in SHAPES {
        for shape in (0..=2).filter_map(|padding| shape(sizes, padding)) {
            let [x, weight, dy] = data(&shape);
            let expected = reference(&shape, &x, &weight, &dy);
            for isa in Isa::available() {
                let found = [
                    forward::<T>(isa, &shape, Source::plain(&x), &weight, Epilogue::default()),
                    input_gradient::<T>(isa, &shape, &weight, &dy),
                    weight_gradient::<T>(isa, &shape, Source::plain(&x), &dy),
                ];
                for i in 0..3 {
                    let error = error(&found[i], &expected[i]);
                    assert!(error < bound, "{isa}, {shape:?}, result {i}: {error:.1e}");
                }
            }
        }
    }
}

#[test]
fn four_by_four_is_close_to_the_definition() {
    check::<F4>(5e-6);
}

#[test]
fn two_by_two_is_close_to_the_definition() {
    check::<F2>(1.5e-6);
}

/// Sizes that take either order of work, forward and for the gradient of the weight.
const LARGE: [(usize, usize, usize, usize, usize); 3] = [(3, 320, 400, 4, 4), (2, 200, 180, 5, 7), (1, 400, 330, 9, 3)];

#[test]
fn many_channels_are_close_to_the_definition() {
    for shape in LARGE.iter().filter_map(|&sizes| shape(sizes, 1)) {
        let [x, weight, dy] = data(&shape);
        let expected = reference(&shape, &x, &weight, &dy);
        for isa in Isa::available() {
            let found = [
                forward::<F4>(isa, &shape, Source::plain(&x), &weight, Epilogue::default()),
                input_gradient::<F4>(isa, &shape, &weight, &dy),
                weight_gradient::<F4>(isa, &shape, Source::plain(&x), &dy),
            ];
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let error = error(found, expected);
                assert!(error < 5e-6, "{isa}, {shape:?}, result {i}: {error:.1e}");
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for isa in Isa::available() {
        for sizes in [(19, 17, 33, 7, 7), (2, 48, 64, 31, 33), LARGE[0]] {
            let shape = shape(sizes, 1).unwrap();
            let [x, weight, dy] = data(&shape);
            same_bits_for_any_threads(|| {
                let results = [
                    forward::<F4>(isa, &shape, Source::plain(&x), &weight, Epilogue::default()),
                    input_gradient::<F4>(isa, &shape, &weight, &dy),
                    weight_gradient::<F4>(isa, &shape, Source::plain(&x), &dy),
                ];
                results.into_iter().map(|data| tensor(data.clone(), data.len()).unwrap()).collect()
            });
        }
    }
}

#[test]
fn an_activation_is_that_written_to_memory_first() {
    let shape = shape((3, 21, 34, 9, 11), 1).unwrap();
    let [x, weight, dy] = data(&shape);
    let (mean, slope, shift) = (singles(shape.c, 4), singles(shape.c, 5), singles(shape.c, 6));
    for relu in [false, true] {
        let source =
            Source { data: &x, activation: Some(Activation { mean: &mean, slope: &slope, shift: &shift, relu }) };
        let written = source.materialize(shape.input());
        for isa in Isa::available() {
            let none = Epilogue::default();
            let fused =
                [forward::<F4>(isa, &shape, source, &weight, none), weight_gradient::<F4>(isa, &shape, source, &dy)];
            let plain = Source::plain(&written);
            let apart =
                [forward::<F4>(isa, &shape, plain, &weight, none), weight_gradient::<F4>(isa, &shape, plain, &dy)];
            for (fused, apart) in fused.iter().zip(&apart) {
                assert!(fused == apart, "{isa}, relu {relu}");
            }
        }
    }
}

#[test]
fn the_epilogue_is_added() {
    for sizes in [(3, 21, 34, 9, 11), LARGE[2]] {
        let shape = shape(sizes, 1).unwrap();
        let [x, weight, add] = data(&shape);
        let bias = singles(shape.k, 4);
        for isa in Isa::available() {
            let plain = forward::<F4>(isa, &shape, Source::plain(&x), &weight, Epilogue::default());
            let epilogue = Epilogue { bias: Some(&bias), add: Some(&add) };
            let found = forward::<F4>(isa, &shape, Source::plain(&x), &weight, epilogue);
            for (i, found) in found.into_iter().enumerate() {
                assert_eq!(found, (plain[i] + bias[i / shape.positions() % shape.k]) + add[i], "{isa}: number {i}");
            }
        }
    }
}
