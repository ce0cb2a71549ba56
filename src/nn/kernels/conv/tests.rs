//! Every method on every instruction set against the definition in f64, on sizes that fill no vector and no tile.

use super::{ConvShape, Epilogue, Method, forward_by, input_gradient_by, weight_gradient_by};
use crate::nn::check::{error, same_bits_for_any_threads, singles};
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::source::{Activation, Source};
use crate::nn::kernels::{Precision, buffer};

/// n, c, h, w, k, side of the kernel, stride, padding.
const SHAPES: [[usize; 8]; 26] = [
    [1, 1, 1, 1, 1, 3, 1, 1],
    [2, 3, 3, 7, 17, 3, 1, 1],
    [3, 2, 7, 31, 65, 3, 1, 1],
    [1, 4, 33, 33, 8, 3, 1, 1],
    [9, 3, 31, 16, 12, 3, 1, 1],
    [2, 3, 5, 48, 24, 3, 1, 1],
    [2, 17, 7, 9, 33, 3, 1, 1],
    [1, 1, 1, 1, 1, 3, 2, 1],
    [2, 3, 3, 7, 17, 3, 2, 1],
    [3, 17, 7, 31, 65, 3, 2, 1],
    [1, 65, 33, 33, 3, 3, 2, 1],
    [5, 48, 8, 8, 80, 3, 2, 1],
    [4, 64, 32, 32, 40, 3, 2, 1],
    [2, 5, 40, 72, 7, 3, 2, 1],
    [40, 16, 2, 3, 32, 3, 2, 1],
    [1, 1, 1, 1, 1, 1, 1, 0],
    [2, 17, 7, 9, 33, 1, 1, 0],
    [3, 64, 8, 8, 65, 1, 1, 0],
    [7, 3, 31, 33, 17, 1, 2, 0],
    [9, 32, 7, 8, 65, 1, 2, 0],
    [20, 65, 4, 4, 40, 1, 2, 0],
    [2, 3, 10, 9, 5, 1, 3, 1],
    [2, 3, 9, 12, 5, 5, 1, 2],
    [1, 2, 7, 9, 3, 5, 2, 0],
    [1, 3, 33, 31, 4, 7, 2, 3],
    [2, 2, 9, 7, 3, 3, 3, 0],
];

fn shapes() -> impl Iterator<Item = ConvShape> {
    SHAPES.into_iter().map(|[n, c, h, w, k, side, stride, padding]| {
        ConvShape::new((n, c, h, w), (k, c, side, side), stride, padding).unwrap()
    })
}

/// Output, gradient of the input, gradient of the weight, by the definition.
pub fn reference(shape: &ConvShape, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    let inside = |at: usize, tap: usize, size: usize| {
        (at * shape.stride + tap).checked_sub(shape.padding).filter(|&place| place < size)
    };
    for (w_at, &w) in w.iter().enumerate() {
        let (k, c, r, s) =
            (w_at / shape.patch(), w_at / (shape.r * shape.s) % shape.c, w_at / shape.s % shape.r, w_at % shape.s);
        for (n, position) in (0..shape.n).flat_map(|n| (0..shape.positions()).map(move |position| (n, position))) {
            let (i, j) = (inside(position / shape.ow, r, shape.h), inside(position % shape.ow, s, shape.w));
            let (Some(i), Some(j)) = (i, j) else { continue };
            let x_at = ((n * shape.c + c) * shape.h + i) * shape.w + j;
            let y_at = (n * shape.k + k) * shape.positions() + position;
            let (x, w, dy) = (f64::from(x[x_at]), f64::from(w), f64::from(dy[y_at]));
            y[y_at] += x * w;
            dx[x_at] += dy * w;
            dw[w_at] += dy * x;
        }
    }
    [y, dx, dw]
}

/// The largest error that a method may make.
fn bound(method: Method) -> f64 {
    match method {
        Method::Winograd4 => 5e-6,
        Method::Winograd2 | Method::Phases => 1.5e-6,
        _ => 1e-6,
    }
}

#[test]
fn every_method_is_close_to_the_definition() {
    for shape in shapes() {
        let (x, w) = (singles(shape.n * shape.c * shape.h * shape.w, 1), singles(shape.k * shape.patch(), 2));
        let (dy, add) =
            (singles(shape.n * shape.k * shape.positions(), 3), singles(shape.n * shape.k * shape.positions(), 4));
        let bias = singles(shape.k, 5);
        let [mut y, dx, dw] = reference(&shape, &x, &w, &dy);
        for (i, (y, add)) in y.iter_mut().zip(&add).enumerate() {
            *y += f64::from(bias[i / shape.positions() % shape.k]) + f64::from(*add);
        }
        let epilogue = Epilogue { bias: Some(&bias), add: Some(&add) };
        for method in Method::ALL.into_iter().filter(|method| method.applies(&shape)) {
            for isa in Isa::available() {
                let errors = [
                    error(&forward_by(method, isa, &shape, Source::plain(&x), &w, epilogue), &y),
                    error(&input_gradient_by(method, isa, &shape, &w, &dy), &dx),
                    error(&weight_gradient_by(method, isa, &shape, Source::plain(&x), &dy), &dw),
                ];
                assert!(
                    errors.iter().all(|&error| error <= bound(method)),
                    "{method:?} on {isa}, {shape:?}: {errors:?}"
                );
            }
        }
    }
}

#[test]
fn an_activation_on_the_way_gives_the_bits_of_one_before() {
    for shape in shapes() {
        let x = singles(shape.n * shape.c * shape.h * shape.w, 1);
        let (mean, slope, shift) = (singles(shape.c, 2), singles(shape.c, 3), singles(shape.c, 4));
        let (w, dy) = (singles(shape.k * shape.patch(), 5), singles(shape.n * shape.k * shape.positions(), 6));
        for relu in [false, true] {
            let activation = Activation { mean: &mean, slope: &slope, shift: &shift, relu };
            let before = activation.apply(shape.input(), &x);
            let (inside, before) = (Source { data: &x, activation: Some(activation) }, Source::plain(&before));
            for method in Method::ALL.into_iter().filter(|method| method.applies(&shape)) {
                for isa in Isa::available() {
                    let y = |x| forward_by(method, isa, &shape, x, &w, Epilogue::default());
                    assert_eq!(y(inside), y(before), "{method:?} on {isa}, {shape:?}");
                    let dw = |x| weight_gradient_by(method, isa, &shape, x, &dy);
                    assert_eq!(dw(inside), dw(before), "{method:?} on {isa}, {shape:?}");
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    for shape in shapes() {
        let (x, w) = (singles(shape.n * shape.c * shape.h * shape.w, 1), singles(shape.k * shape.patch(), 2));
        let dy = singles(shape.n * shape.k * shape.positions(), 3);
        for method in Method::ALL.into_iter().filter(|method| method.applies(&shape)) {
            same_bits_for_any_threads(|| {
                let isa = Isa::in_use();
                let results = [
                    forward_by(method, isa, &shape, Source::plain(&x), &w, Epilogue::default()),
                    input_gradient_by(method, isa, &shape, &w, &dy),
                    weight_gradient_by(method, isa, &shape, Source::plain(&x), &dy),
                ];
                results.into_iter().map(|data| buffer::tensor(data.clone(), data.len()).unwrap()).collect()
            });
        }
    }
}

/// Precision::Exact promises equal bits for equal patches, which a constant image has plenty of.
#[test]
fn equal_patches_give_equal_bits_where_exact() {
    for shape in shapes() {
        let (x, w) = (vec![0.3; shape.n * shape.c * shape.h * shape.w], singles(shape.k * shape.patch(), 2));
        let method = Method::choose(&shape, Precision::Exact);
        for isa in Isa::available() {
            let y = forward_by(method, isa, &shape, Source::plain(&x), &w, Epilogue::default());
            let inside = |at: usize, side: usize, size: usize| {
                at * shape.stride >= shape.padding && at * shape.stride + side <= size + shape.padding
            };
            for plane in y.chunks(shape.positions()) {
                let places = (0..shape.positions()).filter(|place| {
                    inside(place / shape.ow, shape.r, shape.h) && inside(place % shape.ow, shape.s, shape.w)
                });
                let bits: Vec<u32> = places.map(|place| plane[place].to_bits()).collect();
                assert!(bits.windows(2).all(|pair| pair[0] == pair[1]), "{method:?} on {isa}, {shape:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "input of")]
fn an_input_that_is_too_short_is_refused() {
    let shape = ConvShape::new((2, 1, 5, 5), (1, 1, 5, 5), 1, 2).unwrap();
    forward_by(Method::Im2col, Isa::in_use(), &shape, Source::plain(&[0.0; 25]), &[0.0; 25], Epilogue::default());
}
