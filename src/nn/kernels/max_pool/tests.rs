use super::*;
use crate::nn::check::pattern;
use crate::nn::kernels::source::Lines;

/// (N, C, H, W): even and odd sides, narrower and wider than a vector of windows.
const SHAPES: [(usize, usize, usize, usize); 8] = [
    (1, 1, 2, 2),
    (2, 3, 3, 5),
    (3, 17, 7, 7),
    (2, 9, 14, 14),
    (3, 2, 28, 28),
    (1, 3, 31, 33),
    (2, 1, 4, 70),
    (2, 2, 64, 65),
];

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    // Sixteenths, so that equal maxima occur.
    pattern(len, seed).into_iter().map(|x| (x * 16.0).round() as f32 / 16.0).collect()
}

/// What the line and the ReLU make of one number; the numbers are so short that nothing is rounded.
fn activated(lines: &Lines, channel: usize, x: f32) -> f32 {
    let y = (x - lines.mean[channel]) * lines.slope[channel] + lines.shift[channel];
    if lines.relu { y.max(0.0) } else { y }
}

/// Maxima, and the gradient behind the activation, window by window.
fn plainly(shape: &PoolShape, lines: &Lines, x: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f64>) {
    let mut g = vec![0.0; x.len()];
    let mut y = Vec::new();
    for plane in 0..shape.n * shape.c {
        for (i, j) in (0..shape.oh).flat_map(|i| (0..shape.ow).map(move |j| (i, j))) {
            let first = (plane * shape.h + 2 * i) * shape.w + 2 * j;
            let places = [first, first + 1, first + shape.w, first + shape.w + 1];
            let of = |place: usize| activated(lines, plane % shape.c, x[place]);
            let best =
                places.into_iter().fold(places[0], |best, place| if of(place) > of(best) { place } else { best });
            if !lines.relu || of(best) > 0.0 {
                g[best] = f64::from(dy[y.len()]);
            }
            y.push(of(best));
        }
    }
    (y, g)
}

#[test]
fn maxima_gradients_and_sums_agree_with_plain_loops() {
    for ((n, c, h, w), relu) in SHAPES.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
        let shape = PoolShape::new((n, c, h, w), 2, 2).expect("a shape");
        let (x, dy) = (numbers(n * c * h * w, 1), numbers(n * c * shape.oh * shape.ow, 2));
        let [mean, slope, shift] = [3, 4, 5].map(|seed| numbers(c, seed));
        let lines = Lines { mean, slope, shift, relu };
        let inv_std: Vec<f32> = numbers(c, 6).iter().map(|x| x.abs() + 0.5).collect();
        let (y, g) = plainly(&shape, &lines, &x, &dy);
        let apart = |place: usize| f64::from(x[place] - lines.mean[place / (h * w) % c]);
        let mut sums = vec![(0.0, 0.0); c];
        for (place, g) in g.iter().enumerate() {
            let sums = &mut sums[place / (h * w) % c];
            *sums = (sums.0 + g, sums.1 + g * apart(place));
        }
        let count = (n * h * w) as f64;
        for isa in Isa::available() {
            assert_eq!(forward_on(isa, &shape, &x, lines.activation()), y, "{isa} {shape:?}");
            for batch in [false, true] {
                let statistics = if batch { Statistics::OfBatch(&inv_std) } else { Statistics::Constant };
                let mut dx = vec![f32::NAN; x.len()];
                let found = backward_on(isa, &shape, &x, lines.activation(), Some(statistics), &dy, &mut dx);
                let alone = backward_on(isa, &shape, &x, lines.activation(), None, &dy, &mut []);
                for (k, expected) in sums.iter().enumerate() {
                    for found in found.get(k).into_iter().chain([&alone[k]]) {
                        let error = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
                        assert!(error <= 1e-6 * count, "{isa} {shape:?}: {found:?} for {expected:?}");
                    }
                }
                for (place, (found, g)) in dx.iter().zip(&g).enumerate() {
                    let k = place / (h * w) % c;
                    let through = apart(place) * f64::from(inv_std[k]).powi(2) * sums[k].1 + sums[k].0;
                    let through = if batch { through / count } else { 0.0 };
                    let expected = f64::from(lines.slope[k]) * (g - through);
                    assert!((f64::from(*found) - expected).abs() <= 1e-6, "{isa} {shape:?}: {found} for {expected}");
                }
            }
        }
    }
}

#[test]
fn nan_is_the_maximum_of_its_window() {
    let shape = PoolShape::new((1, 1, 2, 8), 2, 2).expect("a shape");
    for place in 0..4 {
        let mut x = vec![1.0; 16];
        x[[0, 1, 8, 9][place]] = f32::NAN;
        let lines = Lines { mean: vec![0.0], slope: vec![1.0], shift: vec![0.0], relu: true };
        for isa in Isa::available() {
            let y = forward_on(isa, &shape, &x, lines.activation());
            assert!(y[0].is_nan() && y[1..] == [1.0; 3], "{isa}: {y:?}");
        }
    }
}

#[test]
fn an_infinite_number_leaves_the_gradients_of_constant_statistics_finite() {
    // Sides of 3: the last row and column are in no window.
    let shape = PoolShape::new((1, 1, 3, 3), 2, 2).expect("a shape");
    let lines = Lines { mean: vec![0.0], slope: vec![1.0], shift: vec![0.0], relu: false };
    let x = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 0.5, 0.0, f32::INFINITY, f32::NAN, 0.0, 0.0];
    for isa in Isa::available() {
        let mut dx = vec![f32::NAN; x.len()];
        backward_on(isa, &shape, &x, lines.activation(), Some(Statistics::Constant), &[2.0], &mut dx);
        assert_eq!(dx, [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], "{isa}");
    }
}

#[test]
#[should_panic(expected = "windows of")]
fn a_shape_whose_windows_exceed_the_plane_is_refused() {
    let shape = PoolShape { oh: 2, ..PoolShape::new((1, 1, 2, 2), 2, 2).expect("a shape") };
    let lines = Lines { mean: vec![0.0], slope: vec![1.0], shift: vec![0.0], relu: false };
    forward(&shape, &[0.0; 4], lines.activation());
}
