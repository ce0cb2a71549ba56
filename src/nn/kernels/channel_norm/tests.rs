use super::*;
use crate::nn::check::singles;

/// Sizes with planes below, at and beside whole vectors, one sample, one channel, several runs and blocks.
const SIZES: [(usize, usize, usize); 9] = [
    (2, 1, 1),
    (1, 3, 7),
    (3, 17, 16),
    (5, 65, 49),
    (4, 3, 31 * 33),
    (70, 2, 1024),
    (2, 9, 64),
    (300, 40, 16),
    (2, 2, 9000),
];

struct Case {
    sizes: Sizes,
    x: Vec<f32>,
    dy: Vec<f32>,
    others: Vec<f32>,
    lines: crate::nn::kernels::source::Lines,
    inv_std: Vec<f32>,
}

/// The numbers of one channel in order.
fn channel(sizes: Sizes, data: &[f32], channel: usize) -> impl Iterator<Item = f64> + '_ {
    (0..sizes.n).flat_map(move |n| &data[(n * sizes.c + channel) * sizes.m..][..sizes.m]).map(|&x| f64::from(x))
}

fn case((n, c, m): (usize, usize, usize), relu: bool) -> Case {
    let len = n * c * m;
    let x: Vec<f32> = singles(len, 1).iter().enumerate().map(|(i, x)| x + 30.0 * ((i / m % c) as f32 - 1.0)).collect();
    let sizes = Sizes { n, c, m };
    let exact: Vec<(f64, f64)> = (0..c).map(|k| exact_moments(sizes, &x, k)).collect();
    let inv_std: Vec<f32> = exact.iter().map(|(_, variance)| (1.0 / (variance + 1e-5).sqrt()) as f32).collect();
    let slope = singles(c, 2).iter().zip(&inv_std).map(|(w, inv_std)| (w + 0.1) * inv_std).collect();
    let mean = exact.iter().map(|(mean, _)| *mean as f32).collect();
    let lines = crate::nn::kernels::source::Lines { mean, slope, shift: singles(c, 3), relu };
    Case { sizes, x, dy: singles(len, 4), others: singles(len, 5), lines, inv_std }
}

fn exact_moments(sizes: Sizes, x: &[f32], k: usize) -> (f64, f64) {
    let count = (sizes.n * sizes.m) as f64;
    let mean = channel(sizes, x, k).sum::<f64>() / count;
    (mean, channel(sizes, x, k).map(|x| (x - mean).powi(2)).sum::<f64>() / count)
}

#[test]
fn moments_agree_with_double_precision() {
    for size in SIZES {
        let Case { sizes, x, .. } = case(size, false);
        for isa in Isa::available() {
            for (k, found) in moments_on(isa, sizes, &x).iter().enumerate() {
                let (mean, variance) = exact_moments(sizes, &x, k);
                assert!(
                    (found.mean - mean).abs() <= 1e-6 * mean.abs().max(1.0),
                    "{isa} {size:?}: mean {found:?} {mean}"
                );
                let error = (found.variance - variance).abs();
                assert!(error <= 1e-6 * variance.max(1e-9), "{isa} {size:?}: variance {found:?} {variance}");
            }
        }
    }
}

/// dx of a channel and its sums by the equations, in f64; masks as the kernel sees them.
fn exact_backward(case: &Case, k: usize, batch: bool, others: bool) -> (Vec<f64>, (f64, f64)) {
    let Case { sizes, lines, .. } = case;
    let count = (sizes.n * sizes.m) as f64;
    let (mean, slope, shift) = (f64::from(lines.mean[k]), f64::from(lines.slope[k]), f64::from(lines.shift[k]));
    let apart: Vec<f64> = channel(*sizes, &case.x, k).map(|x| x - mean).collect();
    let passes = |apart: f64| !lines.relu || apart * slope + shift > 0.0;
    let g: Vec<f64> =
        channel(*sizes, &case.dy, k).zip(&apart).map(|(dy, &apart)| if passes(apart) { dy } else { 0.0 }).collect();
    let sums = (g.iter().sum::<f64>(), g.iter().zip(&apart).map(|(g, apart)| g * apart).sum::<f64>());
    let inv_var = f64::from(case.inv_std[k]).powi(2);
    let tilt = |apart: f64| if batch { (sums.0 + apart * inv_var * sums.1) / count } else { 0.0 };
    let beside = channel(*sizes, &case.others, k).map(|other| if others { other } else { 0.0 });
    (g.iter().zip(&apart).zip(beside).map(|((g, &apart), other)| slope * (g - tilt(apart)) + other).collect(), sums)
}

#[test]
fn backward_agrees_with_double_precision_in_place_and_not() {
    for (size, relu, batch, others, in_place) in SIZES
        .into_iter()
        .flat_map(|size| (0..16).map(move |bits: u32| (size, bits & 1 > 0, bits & 2 > 0, bits & 4 > 0, bits & 8 > 0)))
    {
        let case = case(size, relu);
        let statistics = if batch { Statistics::OfBatch(&case.inv_std) } else { Statistics::Constant };
        for isa in Isa::available() {
            let mut dx = if in_place { case.dy.clone() } else { vec![f32::NAN; case.x.len()] };
            let incoming =
                Incoming { dy: (!in_place).then_some(&case.dy[..]), others: others.then_some(&case.others[..]) };
            let lines = case.lines.activation();
            let sums = backward_on(isa, case.sizes, Some(&case.x), lines, statistics, incoming, &mut dx);
            let alone = gradient_sums(case.sizes, &case.x, lines, &case.dy);
            for (k, alone) in alone.iter().enumerate() {
                let (expected, expected_sums) = exact_backward(&case, k, batch, others);
                // Where everything cancels (two numbers), the terms say how exact the difference can be.
                let terms = channel(case.sizes, &case.dy, k).map(|dy| dy * f64::from(lines.slope[k]));
                let largest = terms.chain(expected.iter().copied()).fold(0f64, |a, b| a.max(b.abs()));
                for (found, expected) in channel(case.sizes, &dx, k).zip(&expected) {
                    let error = (found - expected).abs() / largest;
                    assert!(error <= 2e-6, "{isa} {size:?} {relu} {batch}: {found} for {expected}");
                }
                let scale = (case.sizes.n * case.sizes.m) as f64;
                for sums in sums.get(k).into_iter().chain([alone]) {
                    assert!((sums.0 - expected_sums.0).abs() <= 1e-5 * scale, "{isa} {size:?}: {sums:?}");
                    assert!((sums.1 - expected_sums.1).abs() <= 1e-5 * scale, "{isa} {size:?}: {sums:?}");
                }
            }
            assert_eq!(sums.is_empty(), !batch);
        }
    }
}
