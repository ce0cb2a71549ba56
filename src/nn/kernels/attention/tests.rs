//! Attention on every instruction set against plain f64.

use super::*;
use crate::nn::check::pattern;

fn numbers(len: usize, seed: u64, size: f64) -> Vec<f32> {
    pattern(len, seed).into_iter().map(|x| (x * size) as f32).collect()
}

/// Heads (B, T, H, d) in f64, turned by angles (back, if `back`).
fn turned(setting: Setting, x: &[f32], heads: usize, back: bool) -> Vec<f64> {
    let Shape { length, d, .. } = setting.shape;
    let mut y: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let Some((angles, offset)) = setting.angles else { return y };
    for (row, head) in y.chunks_mut(d).enumerate() {
        let (cos, sin) = angles.at(offset + row / heads % length);
        for i in 0..d / 2 {
            let (c, s) = (f64::from(cos[i]), f64::from(sin[i]) * if back { -1.0 } else { 1.0 });
            let (a, b) = (head[i], head[i + d / 2]);
            (head[i], head[i + d / 2]) = (a * c - b * s, b * c + a * s);
        }
    }
    y
}

/// The output, and the gradients of queries, keys and values.
fn reference(setting: Setting, q: &[f32], k: &[f32], v: &[f32], dy: &[f32]) -> [Vec<f64>; 4] {
    let Shape { batch, length, heads, kv_heads, d } = setting.shape;
    let (q, k) = (turned(setting, q, heads, false), turned(setting, k, kv_heads, false));
    let v: Vec<f64> = v.iter().map(|&v| f64::from(v)).collect();
    let [mut y, mut dq] = [(); 2].map(|()| vec![0.0; q.len()]);
    let [mut dk, mut dv] = [(); 2].map(|()| vec![0.0; k.len()]);
    let scale = 1.0 / (d as f64).sqrt();
    for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
        let kv = h * kv_heads / heads;
        let query = |t: usize| ((b * length + t) * heads + h) * d;
        let key = |t: usize| ((b * length + t) * kv_heads + kv) * d;
        for i in 0..length {
            let last = if setting.causal { i } else { length - 1 };
            let seen: Vec<usize> = (0..=last).filter(|j| setting.mask.is_none_or(|m| m[b * length + j])).collect();
            let dot = |j: usize| -> f64 { (0..d).map(|c| q[query(i) + c] * k[key(j) + c]).sum() };
            let largest = seen.iter().map(|&j| dot(j) * scale).fold(f64::NEG_INFINITY, f64::max);
            let mut p: Vec<f64> = seen.iter().map(|&j| (dot(j) * scale - largest).exp()).collect();
            let sum: f64 = p.iter().sum();
            p.iter_mut().for_each(|p| *p /= sum);
            let dyv = |j: usize| -> f64 { (0..d).map(|c| f64::from(dy[query(i) + c]) * v[key(j) + c]).sum() };
            let mean: f64 = seen.iter().zip(&p).map(|(&j, p)| p * dyv(j)).sum();
            for (&j, p) in seen.iter().zip(&p) {
                let ds = p * (dyv(j) - mean) * scale;
                for c in 0..d {
                    y[query(i) + c] += p * v[key(j) + c];
                    dv[key(j) + c] += p * f64::from(dy[query(i) + c]);
                    dq[query(i) + c] += ds * k[key(j) + c];
                    dk[key(j) + c] += ds * q[query(i) + c];
                }
            }
        }
    }
    let back = |x: Vec<f64>, heads| turned(setting, &x.iter().map(|&x| x as f32).collect::<Vec<_>>(), heads, true);
    [y, back(dq, heads), back(dk, kv_heads), dv]
}

fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(1e-9, |a: f64, b| a.max(b.abs()));
    let worst = |worst: f64, difference: f64| if difference <= worst { worst } else { difference };
    found.iter().zip(expected).map(|(&f, e)| (f64::from(f) - e).abs() / size).fold(0.0, worst)
}

/// Rows of queries, keys and values beside each other.
fn beside(shape: Shape, parts: [&[f32]; 3]) -> Vec<f32> {
    let widths = [shape.heads, shape.kv_heads, shape.kv_heads].map(|heads| heads * shape.d);
    let row = |row: usize| parts.into_iter().zip(widths).flat_map(move |(part, w)| &part[row * w..(row + 1) * w]);
    (0..shape.batch * shape.length).flat_map(row).copied().collect()
}

#[test]
fn attention_agrees_with_f64() {
    let shapes = [(2, 1, 1, 1, 8), (1, 3, 2, 1, 24), (2, 17, 3, 3, 65), (1, 33, 4, 2, 16), (2, 70, 2, 2, 32)];
    for (batch, length, heads, kv_heads, d) in shapes {
        let shape = Shape { batch, length, heads, kv_heads, d };
        let rows = batch * length;
        let [q, dy] = [1, 2].map(|seed| numbers(rows * heads * d, seed, 2.0));
        let [k, v] = [3, 4].map(|seed| numbers(rows * kv_heads * d, seed, 2.0));
        let mask: Vec<bool> = (0..rows).map(|i| i % length > 1 && i % 5 != 3).collect();
        let angles = Angles::new(length + 3, d, 10_000.0);
        let turns = if d % 2 == 0 { vec![None, Some((&angles, 3))] } else { vec![None] };
        let masks = turns.iter().flat_map(|&angles| [(angles, None), (angles, Some(&mask[..]))]);
        for ((angles, mask), causal) in masks.flat_map(|pair| [(pair, true), (pair, false)]) {
            let setting = Setting { shape, angles, mask, causal };
            let [y, dq, dk, dv] = reference(setting, &q, &k, &v, &dy);
            let together = beside(shape, [&q, &k, &v]);
            for isa in Isa::available() {
                let apart = Inputs::Apart { q: &q, k: &k, v: &v };
                let (found, logs) = forward(isa, setting, apart);
                let gradients = backward(isa, setting, apart, &logs, &dy);
                let expected = [&y, &dq, &dk, &dv];
                for (found, expected) in std::iter::once(&found).chain(&gradients).zip(expected) {
                    let error = error(found, expected);
                    assert!(error < 4e-6, "{isa}, {shape:?}, mask {}: {error:e}", mask.is_some());
                }
                let (found_beside, logs_beside) = forward(isa, setting, Inputs::Beside(&together));
                assert_eq!((&found_beside, &logs_beside), (&found, &logs));
                let gradient = backward(isa, setting, Inputs::Beside(&together), &logs, &dy);
                assert_eq!(gradient, [beside(shape, [&gradients[0], &gradients[1], &gradients[2]])]);
            }
        }
    }
}

#[test]
fn queries_without_a_key_give_zeros_and_get_no_gradient() {
    let shape = Shape { batch: 2, length: 20, heads: 2, kv_heads: 2, d: 8 };
    let [q, k, v, dy] = [1, 2, 3, 4].map(|seed| numbers(2 * 20 * 16, seed, 50.0));
    // The first sequence is padding but for its end, the second entirely.
    let mask: Vec<bool> = (0..40).map(|i| (17..20).contains(&i)).collect();
    let setting = Setting { shape, angles: None, mask: Some(&mask), causal: true };
    for isa in Isa::available() {
        let inputs = Inputs::Apart { q: &q, k: &k, v: &v };
        let (y, logs) = forward(isa, setting, inputs);
        let gradients = backward(isa, setting, inputs, &logs, &dy);
        for (row, real) in mask.iter().enumerate() {
            for numbers in std::iter::once(&y).chain(&gradients) {
                let numbers = &numbers[row * 16..][..16];
                assert!(numbers.iter().all(|x| x.is_finite() && (*real || *x == 0.0)), "{isa}, row {row}: {numbers:?}");
            }
        }
        assert_eq!(y[17 * 16..18 * 16], v[17 * 16..18 * 16], "{isa}: a query that sees one key gets its value");
    }
}

#[test]
fn extreme_logits_stay_finite() {
    let shape = Shape { batch: 1, length: 30, heads: 1, kv_heads: 1, d: 8 };
    let [q, k, v] = [1, 2, 3].map(|seed| numbers(30 * 8, seed, 1e4));
    let setting = Setting { shape, angles: None, mask: None, causal: true };
    for isa in Isa::available() {
        let inputs = Inputs::Apart { q: &q, k: &k, v: &v };
        let (y, logs) = forward(isa, setting, inputs);
        let all: Vec<f32> = backward(isa, setting, inputs, &logs, &v).concat();
        assert!(y.iter().chain(&all).all(|x| x.is_finite()), "{isa}");
    }
}

#[test]
fn nan_in_a_query_is_not_taken_for_one_without_keys() {
    let shape = Shape { batch: 1, length: 20, heads: 1, kv_heads: 1, d: 8 };
    let [mut q, k, v] = [1, 2, 3].map(|seed| numbers(20 * 8, seed, 2.0));
    for row in [0, 17] {
        q[row * 8] = f32::NAN;
    }
    let mask: Vec<bool> = (0..20).map(|i| i != 5).collect();
    for (isa, mask) in Isa::available().into_iter().flat_map(|isa| [(isa, None), (isa, Some(&mask[..]))]) {
        let (y, _) =
            forward(isa, Setting { shape, angles: None, mask, causal: true }, Inputs::Apart { q: &q, k: &k, v: &v });
        for (row, numbers) in y.chunks(8).enumerate() {
            let broken = row == 0 || row == 17;
            assert!(numbers.iter().all(|x| x.is_nan() == broken), "{isa}, row {row}: {numbers:?}");
        }
    }
}

#[test]
#[should_panic(expected = "0 heads")]
fn no_heads_are_refused() {
    let shape = Shape { batch: 1, length: 1, heads: 0, kv_heads: 1, d: 1 };
    let setting = Setting { shape, angles: None, mask: None, causal: true };
    backward(Isa::in_use(), setting, Inputs::Apart { q: &[], k: &[1.0], v: &[1.0] }, &[], &[]);
}
