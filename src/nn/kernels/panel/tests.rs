//! Every instruction set against plain loops.

use super::{Lanewise, PANEL, Pixels, Planes, Run, pack, product, unpack};
use crate::nn::check::singles;
use crate::nn::kernels::simd::{Isa, LANES, Simd, dispatch};
use crate::nn::kernels::source::Activation;

#[inline(always)]
unsafe fn there<S: Simd>(x: &[f32], planes: &Planes, activation: Option<&Activation>, to: &mut [f32], pixels: Pixels) {
    // SAFETY: the tests below make the buffers large enough.
    unsafe {
        let activation = activation.map(|activation| Lanewise::<S>::new(activation, 0, planes.channels));
        pack::<S>(x.as_ptr(), planes, activation.as_ref(), to.as_mut_ptr(), pixels);
    }
}

#[inline(always)]
unsafe fn back<S: Simd>(from: &[f32], pixels: Pixels, bias: &[f32; 16], add: &[f32], to: &mut [f32], planes: &Planes) {
    // SAFETY: the tests below make the buffers large enough.
    unsafe {
        let bias = S::load(bias.as_ptr());
        unpack::<S>(from.as_ptr(), pixels, Some(bias), Some(add.as_ptr()), to.as_mut_ptr(), planes);
    }
}

#[inline(always)]
unsafe fn multiply<S: Simd, const ROW: usize, const STEP: usize>(
    rows: usize,
    vectors: usize,
    runs: &[Run],
    x: &[f32],
    panel: &[f32],
    out: &mut [f32],
    onto: bool,
) {
    // SAFETY: the tests below make the buffers large enough.
    unsafe { product::<S, ROW, STEP>(rows, vectors, runs, x.as_ptr(), panel.as_ptr(), out.as_mut_ptr(), PANEL, onto) }
}

dispatch! {
    unsafe fn run_pack(x: &[f32], planes: &Planes, activation: Option<&Activation>, to: &mut [f32], pixels: Pixels) => there
}
dispatch! {
    unsafe fn run_unpack(from: &[f32], pixels: Pixels, bias: &[f32; 16], add: &[f32], to: &mut [f32], planes: &Planes) => back
}
dispatch! {
    unsafe fn over_channels(rows: usize, vectors: usize, runs: &[Run], x: &[f32], panel: &[f32], out: &mut [f32], onto: bool) => multiply[16, 1]
}
dispatch! {
    unsafe fn over_pixels(rows: usize, vectors: usize, runs: &[Run], x: &[f32], panel: &[f32], out: &mut [f32], onto: bool) => multiply[1, 32]
}

#[test]
fn pixels_and_planes() {
    for (height, width, channels) in
        [(1, 1, 1), (3, 3, 16), (7, 7, 5), (5, 31, 16), (2, 33, 3), (4, 16, 16), (1, 40, 2)]
    {
        let plane = height * width + 5;
        let planes = Planes { height, width, plane, channels };
        let pixels = Pixels { pixel: 32, row: (width + 2) * 32 };
        let x = singles(16 * plane, 1);
        let (mean, slope, shift, bias) = (singles(16, 2), singles(16, 3), singles(16, 4), singles(16, 5));
        let activation = Activation { mean: &mean, slope: &slope, shift: &shift, relu: true };
        let applied = |c: usize, x: f32| ((x - mean[c]) * slope[c] + shift[c]).max(0.0);
        for isa in Isa::available() {
            let mut packed = vec![f32::NAN; height * pixels.row];
            // SAFETY: sixteen planes of `plane` numbers, rows of `width + 2` pixels.
            unsafe { run_pack(isa, &x, &planes, Some(&activation), &mut packed, pixels) };
            for i in 0..height * width {
                for c in 0..LANES {
                    let found = packed[i / width * pixels.row + i % width * pixels.pixel + c];
                    let expected = if c < channels { applied(c, x[c * plane + i]) } else { 0.0 };
                    assert_eq!(found, expected, "{isa}: pixel {i}, channel {c}");
                }
            }
            let (add, mut y) = (singles(16 * plane, 6), vec![f32::NAN; 16 * plane]);
            let bias = std::array::from_fn(|c| bias[c]);
            // SAFETY: as above.
            unsafe { run_unpack(isa, &packed, pixels, &bias, &add, &mut y, &planes) };
            for c in 0..LANES {
                for i in 0..plane {
                    let expected = applied(c, x[c * plane + i]) + bias[c] + add[c * plane + i];
                    let found = y[c * plane + i];
                    let inside = c < channels && i < height * width;
                    assert!(if inside { found == expected } else { found.is_nan() }, "{isa}: {c}, {i}: {found}");
                }
            }
        }
    }
}

#[test]
fn products() {
    let runs = [Run { at: 3, len: 16 }, Run { at: 2000, len: 5 }, Run { at: 40, len: 0 }, Run { at: 900, len: 1 }];
    let (x, panel) = (singles(4000, 1), singles(22 * PANEL, 2));
    for rows in 1..=40 {
        for (vectors, onto) in [(1, false), (1, true), (2, false), (2, true)] {
            for (row, step) in [(16, 1), (1, 32)] {
                let steps: Vec<usize> = runs.iter().flat_map(|run| (0..run.len).map(|i| run.at + i * step)).collect();
                let expected = |r: usize, j: usize| -> f64 {
                    let products = steps.iter().enumerate();
                    products.map(|(i, at)| f64::from(x[at + r * row]) * f64::from(panel[i * PANEL + j])).sum()
                };
                for isa in Isa::available() {
                    let mut out = vec![1.0; rows * PANEL];
                    // SAFETY: the largest index is 2000 + 39 16 + 4 32 < 4000; 22 steps.
                    unsafe {
                        match row {
                            16 => over_channels(isa, rows, vectors, &runs, &x, &panel, &mut out, onto),
                            _ => over_pixels(isa, rows, vectors, &runs, &x, &panel, &mut out, onto),
                        }
                    }
                    for (at, &found) in out.iter().enumerate() {
                        let (r, j) = (at / PANEL, at % PANEL);
                        let sum = expected(r, j) + f64::from(u8::from(onto));
                        let expected = if j < vectors * LANES { sum } else { 1.0 };
                        assert!((f64::from(found) - expected).abs() < 1e-5, "{isa}: {rows} x {vectors}, {r}, {j}");
                    }
                }
            }
        }
    }
}
