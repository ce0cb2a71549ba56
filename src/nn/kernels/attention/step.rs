//! Attention of one new position of each sequence to those before it, whose keys and values were kept.

use super::super::simd::Isa;
use super::Shape;
use rayon::prelude::*;

/// Keys and values of the positions so far, each (B, Hkv, room, d): a head's positions lie one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    keys: Vec<f32>,
    values: Vec<f32>,
    room: usize,
}

impl Kept {
    /// Room for so many positions.
    pub fn new(shape: Shape, room: usize) -> Kept {
        let numbers = shape.batch * shape.kv_heads * room * shape.d;
        Kept { keys: vec![0.0; numbers], values: vec![0.0; numbers], room }
    }

    /// Puts keys and values, (B, T, Hkv, d) each, T of `shape`, behind the first `length` positions.
    pub fn put(&mut self, shape: Shape, length: usize, keys: &[f32], values: &[f32]) {
        let Shape { batch, length: new, kv_heads, d, .. } = shape;
        assert!(length + new <= self.room && keys.len() == batch * new * kv_heads * d && values.len() == keys.len());
        for (row, (key, value)) in keys.chunks_exact(d).zip(values.chunks_exact(d)).enumerate() {
            let (head, position, sequence) = (row % kv_heads, row / kv_heads % new, row / kv_heads / new);
            let at = ((sequence * kv_heads + head) * self.room + length + position) * d;
            self.keys[at..at + d].copy_from_slice(key);
            self.values[at..at + d].copy_from_slice(value);
        }
    }

    /// softmax(q kᵀ / sqrt(d)) v over the first `length` positions that are real, (B, room): q and the result (B, H, d).
    pub fn attend(&self, isa: Isa, shape: Shape, length: usize, real: &[bool], q: &[f32]) -> Vec<f32> {
        let Shape { heads, kv_heads, d, batch, .. } = shape;
        assert!(q.len() == batch * heads * d && real.len() == batch * self.room && length <= self.room);
        let mut y = vec![0.0; q.len()];
        let tasks = y.par_chunks_mut(d).zip(q.par_chunks(d)).enumerate();
        tasks.for_each(|(row, (y, q))| {
            let (sequence, head) = (row / heads, row % heads);
            let first = (sequence * kv_heads + head * kv_heads / heads) * self.room * d;
            let (keys, values) = (&self.keys[first..first + length * d], &self.values[first..first + length * d]);
            let real = &real[sequence * self.room..][..length];
            isa.run(|| one_head(q, keys, values, real, y));
        });
        y
    }
}

/// One query over the positions of its head.
#[inline(always)]
fn one_head(q: &[f32], keys: &[f32], values: &[f32], real: &[bool], y: &mut [f32]) {
    let d = q.len();
    let scale = (1.0 / (d as f64).sqrt()) as f32;
    let mut weights: Vec<f32> = keys.chunks_exact(d).map(|key| dot(q, key) * scale).collect();
    let seen = || weights.iter().zip(real).filter(|(_, real)| **real).map(|(w, _)| *w);
    let largest = seen().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for (weight, real) in weights.iter_mut().zip(real) {
        *weight = if *real { (*weight - largest).exp() } else { 0.0 };
        total += *weight;
    }
    // Without a real position there is nothing to see.
    let share = if total > 0.0 { 1.0 / total } else { 0.0 };
    for (weight, value) in weights.iter().zip(values.chunks_exact(d)) {
        let weight = weight * share;
        y.iter_mut().zip(value).for_each(|(y, v)| *y += weight * v);
    }
}

/// In sixteen sums, which a compiler puts into registers.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 16];
    let (whole, rest) = (a.chunks_exact(16).zip(b.chunks_exact(16)), a.len() / 16 * 16);
    for (a, b) in whole {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum::<f32>() + a[rest..].iter().zip(&b[rest..]).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::super::{Inputs, Setting, forward};
    use super::*;
    use crate::nn::check::singles;

    #[test]
    fn position_after_position_it_gives_what_attention_gives_at_once() {
        let shape = Shape { batch: 2, length: 9, heads: 4, kv_heads: 2, d: 20 };
        let (q, [k, v]) = (singles(2 * 9 * 4 * 20, 1), [2, 3].map(|seed| singles(2 * 9 * 2 * 20, seed)));
        let real: Vec<bool> = (0..18).map(|i| i != 0 && i != 9 && i != 10).collect();
        for isa in Isa::available() {
            let setting = Setting { shape, angles: None, mask: Some(&real), causal: true };
            let (at_once, _) = forward(isa, setting, Inputs::Apart { q: &q, k: &k, v: &v });
            let mut kept = Kept::new(shape, 11);
            let one = Shape { length: 1, ..shape };
            let room: Vec<bool> = real.chunks(9).flat_map(|r| [r, &[false; 2]].concat()).collect();
            for t in 0..9 {
                let at = |x: &[f32], heads: usize| -> Vec<f32> {
                    (0..2).flat_map(|b| x[(b * 9 + t) * heads * 20..][..heads * 20].to_vec()).collect()
                };
                kept.put(one, t, &at(&k, 2), &at(&v, 2));
                let y = kept.attend(isa, one, t + 1, &room, &at(&q, 4));
                let off = y.iter().zip(at(&at_once, 4)).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
                assert!(off < 1e-5, "{isa}, position {t}: {off}");
            }
        }
    }
}
