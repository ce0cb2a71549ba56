//! Keyed random streams.
//!
//! A stream is named by a seed, a purpose and a scope (numbers such as example, clock, restart), and its numbers
//! depend on that name alone: not on what else was drawn, in which order, or by which thread.
//!
//! The key is the SHA-256 of
//! `"fsched stream 1\0"`, the seed (u64), the length of the purpose in bytes (u64), the purpose (UTF-8), the length of
//! the scope (u64) and its numbers (u64 each), all integers little-endian. It is the key of a ChaCha generator with 8
//! rounds, stream 0, counter from 0, whose output words (u32) are taken in order; a u64 is two of them, low one first.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    words: ChaCha8Rng,
    /// The second number of the last Box-Muller pair.
    spare_normal: Option<f32>,
}

impl Stream {
    /// The stream with this name, at its start.
    pub fn new(seed: u64, purpose: &str, scope: &[u64]) -> Stream {
        let mut hash = Sha256::new();
        hash.update(b"fsched stream 1\0");
        hash.update(seed.to_le_bytes());
        hash.update((purpose.len() as u64).to_le_bytes());
        hash.update(purpose.as_bytes());
        hash.update((scope.len() as u64).to_le_bytes());
        for number in scope {
            hash.update(number.to_le_bytes());
        }
        Stream { words: ChaCha8Rng::from_seed(hash.finalize().into()), spare_normal: None }
    }

    /// The next word.
    pub fn next_u32(&mut self) -> u32 {
        self.words.next_u32()
    }

    /// The next two words, the first one in the low half.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// Uniform between `low` and `high`: one of 2^24 equally spaced numbers, `low` included. `high` itself comes out
    /// only where rounding leads there.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.next_u32() >> 8) as f32 / (1 << 24) as f32;
        low + (high - low) * unit
    }

    /// Uniform in [0, 1): one of 2^53 equally spaced numbers.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number by Box-Muller in f64: with u in (0, 1] and v in [0, 1), the cosine and then the sine of
    /// 2 pi v, times sqrt(-2 ln u). They come in pairs; the second waits for the next call.
    pub fn normal(&mut self) -> f32 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform_f64()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform_f64()).sin_cos();
        self.spare_normal = Some((radius * sine) as f32);
        (radius * cosine) as f32
    }

    /// A whole number below `n`, each equally likely (Lemire's method).
    ///
    /// # Panics
    /// If `n` is 0: there is no such number.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "a number below 0 was asked for");
        let n = n as u64;
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            // The first 2^64 mod n low halves are one too many for some results: draw again.
            let excess = n.wrapping_neg() % n;
            while (product as u64) < excess {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as usize
    }

    /// Puts the items in random order, each order equally likely (Fisher-Yates from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// `k` different numbers below `n`, sorted; each set equally likely (Floyd's method).
    ///
    /// # Panics
    /// If `k` exceeds `n`.
    pub fn choose_distinct(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "{k} different numbers below {n} were asked for");
        // One bit a number: millions are chosen of a large layer's weights, and the bits come out sorted.
        let mut chosen = vec![0u64; n.div_ceil(64)];
        for last in n - k..n {
            let candidate = self.below(last + 1);
            let taken = chosen[candidate / 64] >> (candidate % 64) & 1 == 1;
            let new = if taken { last } else { candidate };
            chosen[new / 64] |= 1 << (new % 64);
        }
        (0..n).filter(|i| chosen[i / 64] >> (i % 64) & 1 == 1).collect()
    }

    /// Fills with [`uniform`](Stream::uniform) numbers.
    pub fn fill_uniform(&mut self, out: &mut [f32], low: f32, high: f32) {
        out.iter_mut().for_each(|out| *out = self.uniform(low, high));
    }

    /// Fills with [`normal`](Stream::normal) numbers of this mean and standard deviation.
    pub fn fill_normal(&mut self, out: &mut [f32], mean: f32, std: f32) {
        out.iter_mut().for_each(|out| *out = mean + std * self.normal());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    /// Values from an independent ChaCha8 in Python: tests/goldens/make_rng.py.
    fn golden() -> Json {
        let text = include_str!("../../tests/goldens/rng.json");
        serde_json::from_str(text).expect("the golden file is JSON")
    }

    fn stream() -> Stream {
        Stream::new(42, "augment/crop", &[7, 0, u64::MAX])
    }

    fn integers(name: &str) -> Vec<u64> {
        golden()[name].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
    }

    fn floats(name: &str) -> Vec<f64> {
        golden()[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    #[test]
    fn words_are_those_of_an_independent_implementation() {
        let mut words = stream();
        for expected in integers("words") {
            assert_eq!(u64::from(words.next_u32()), expected);
        }
        let mut empty = Stream::new(0, "", &[]);
        for expected in integers("empty_u64") {
            assert_eq!(empty.next_u64(), expected);
        }
    }

    #[test]
    fn derived_numbers_are_those_of_an_independent_implementation() {
        let mut s = stream();
        floats("uniform").iter().for_each(|&x| assert_eq!(s.uniform(-0.5, 1.5), x as f32));
        let mut s = stream();
        integers("uniform_f64_times_2_53").iter().for_each(|&x| assert_eq!(s.uniform_f64() * 2f64.powi(53), x as f64));
        let mut s = stream();
        floats("normal").iter().for_each(|&x| assert!((f64::from(s.normal()) - x).abs() < 1e-6));
        let mut s = stream();
        integers("below_10").iter().for_each(|&x| assert_eq!(s.below(10) as u64, x));
        let mut s = stream();
        integers("below_large").iter().for_each(|&x| assert_eq!(s.below((1 << 63) + 12345) as u64, x));
        let mut order: Vec<u64> = (0..10).collect();
        stream().shuffle(&mut order);
        assert_eq!(order, integers("shuffle_10"));
        let chosen = stream().choose_distinct(100, 12);
        assert_eq!(chosen.iter().map(|&x| x as u64).collect::<Vec<_>>(), integers("choose_12_of_100"));
    }

    #[test]
    fn every_part_of_the_name_counts() {
        let first = |seed, purpose: &str, scope: &[u64]| Stream::new(seed, purpose, scope).next_u64();
        let names = [
            first(1, "a", &[2]),
            first(2, "a", &[2]),
            first(1, "b", &[2]),
            first(1, "a", &[3]),
            first(1, "a", &[2, 0]),
        ];
        for (i, a) in names.iter().enumerate() {
            assert!(names[i + 1..].iter().all(|b| a != b), "name {i}");
        }
        assert_eq!(names[0], first(1, "a", &[2]));
    }

    #[test]
    fn fills_equal_single_draws_and_moments_are_right() {
        let mut filled = vec![0.0; 20_001];
        stream().fill_normal(&mut filled, 3.0, 2.0);
        let mut single = stream();
        assert!(filled.iter().all(|&x| x == 3.0 + 2.0 * single.normal()));
        let mean = filled.iter().map(|&x| f64::from(x)).sum::<f64>() / filled.len() as f64;
        let variance = filled.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / filled.len() as f64;
        // Five standard errors.
        assert!((mean - 3.0).abs() < 0.071 && (variance - 4.0).abs() < 0.2, "{mean} {variance}");
        stream().fill_uniform(&mut filled, -1.0, 1.0);
        assert!(filled.iter().all(|x| (-1.0..=1.0).contains(x)));
        let mean = filled.iter().map(|&x| f64::from(x)).sum::<f64>() / filled.len() as f64;
        assert!(mean.abs() < 0.021, "{mean}");
    }

    #[test]
    fn choosing_none_or_all_works() {
        assert!(stream().choose_distinct(5, 0).is_empty());
        assert_eq!(stream().choose_distinct(5, 5), [0, 1, 2, 3, 4]);
    }
}
