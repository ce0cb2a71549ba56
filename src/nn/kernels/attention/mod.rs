//! Attention with grouped heads, causal or over all positions, a block of queries at a time: no matrix of all positions by all positions is
//! ever kept. Forward keeps the logarithm of the sum of exponentials of each row; backward forms the rows again.

mod backward;
mod heads;
mod step;
#[cfg(test)]
mod tests;

pub use backward::backward;
pub use step::Kept;

use super::buffer::{Pieces, unfilled, with_scratch};
use super::gemm::{Matrix, multiply_on};
use super::rope::Angles;
use super::simd::{Isa, LANES, Simd, dispatch, math};
use heads::{gather, scatter, transposed};
use rayon::prelude::*;

/// Queries of one block.
const BLOCK: usize = 24;

/// Added to the logits of keys that are padding, and the logarithm kept for rows that see no key: large enough that
/// the exponential is 0, small enough that nothing becomes infinite.
const NEVER: f32 = 1e30;

/// Sizes of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub batch: usize,
    /// Positions of a sequence.
    pub length: usize,
    /// Heads of the queries, a multiple of `kv_heads`.
    pub heads: usize,
    pub kv_heads: usize,
    /// Numbers of a head.
    pub d: usize,
}

impl Shape {
    /// Queries that share a key.
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    fn rows(&self) -> usize {
        self.batch * self.length
    }
}

/// Queries, keys and values: for each position a row of heads, each of d numbers.
#[derive(Clone, Copy)]
pub enum Inputs<'a> {
    /// (B, T, H, d), (B, T, Hkv, d), (B, T, Hkv, d)
    Apart { q: &'a [f32], k: &'a [f32], v: &'a [f32] },
    /// (B, T, H + 2 Hkv, d): in each row the heads of the queries, then of the keys, then of the values.
    Beside(&'a [f32]),
}

/// Queries, keys or values of some [`Inputs`]: row n, head h is `d` numbers at `(n * per_row + first + h) * d`.
#[derive(Clone, Copy)]
struct Part<'a> {
    data: &'a [f32],
    per_row: usize,
    first: usize,
}

impl<'a> Inputs<'a> {
    fn parts(self, shape: Shape) -> [Part<'a>; 3] {
        let (h, g) = (shape.heads, shape.kv_heads);
        assert!(g > 0 && h > 0 && h.is_multiple_of(g) && shape.d > 0, "{h} heads in {g} groups");
        let parts = match self {
            Inputs::Apart { q, k, v } => {
                [(q, h), (k, g), (v, g)].map(|(data, per_row)| Part { data, per_row, first: 0 })
            }
            Inputs::Beside(data) => [0, h, h + g].map(|first| Part { data, per_row: h + 2 * g, first }),
        };
        for part in &parts {
            assert_eq!(part.data.len(), shape.rows() * part.per_row * shape.d, "numbers of an input of attention");
        }
        parts
    }
}

/// What attention depends on besides its inputs.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub shape: Shape,
    /// Queries and keys are turned by these angles first, position t by angle `t + offset`.
    pub angles: Option<(&'a Angles, usize)>,
    /// (B, T): whether a position is a real one, which may be attended to.
    pub mask: Option<&'a [bool]>,
    /// Whether a query sees the keys up to itself alone, or those of all positions.
    pub causal: bool,
}

impl Setting<'_> {
    /// Keys that the queries of a block which ends before `end` see, those of its last one.
    fn keys(&self, end: usize) -> usize {
        if self.causal { end } else { self.shape.length }
    }

    fn check(&self) {
        let Shape { length, d, .. } = self.shape;
        if let Some((angles, offset)) = self.angles {
            assert!(
                angles.head() == d && offset + length <= angles.positions(),
                "angles for {length} positions of heads of {d}"
            );
        }
        assert!(self.mask.is_none_or(|mask| mask.len() == self.shape.rows()), "a mask of all positions");
    }

    /// What is added to the logits of each key of a sequence; empty if nothing.
    fn bias(&self, batch: usize) -> Vec<f32> {
        let length = self.shape.length;
        let mask = self.mask.map(|mask| &mask[batch * length..][..length]).unwrap_or_default();
        mask.iter().map(|&real| if real { 0.0 } else { -NEVER }).collect()
    }
}

/// The sizes of a task's matrices: `d` and `length` padded to whole vectors.
#[derive(Clone, Copy)]
struct Padded {
    d: usize,
    length: usize,
}

impl Padded {
    fn new(shape: Shape) -> Padded {
        Padded { d: shape.d.next_multiple_of(LANES), length: shape.length.next_multiple_of(LANES) }
    }

    /// Numbers of a matrix of all positions, or of its transpose.
    fn all(self) -> usize {
        self.d * self.length
    }

    /// Cuts `N` matrices of `len` numbers off `scratch`.
    fn cut<'a, const N: usize>(len: usize, scratch: &mut &'a mut [f32]) -> [&'a mut [f32]; N] {
        std::array::from_fn(|_| scratch.split_off_mut(..len).expect("scratch memory was sized for its matrices"))
    }
}

/// softmax(q kᵀ / sqrt(d)) v over the keys that are real and, if causal, not later than the query; query head h sees key head
/// h Hkv / H. A query without such a key gets zeros.
///
/// Returns the output (B, T, H, d), and for each (B, H, T) the logarithm of the sum of the exponentials of the row.
/// Against f64 the output's error is below (d + T + max |logit|) 2^-24 of the largest |v|.
pub fn forward(isa: Isa, setting: Setting, inputs: Inputs) -> (Vec<f32>, Vec<f32>) {
    setting.check();
    let shape = setting.shape;
    let parts = inputs.parts(shape);
    // SAFETY: each task writes its heads at all positions, and their logarithms.
    let (mut out, mut logs) =
        unsafe { (unfilled(shape.rows() * shape.heads * shape.d), unfilled(shape.rows() * shape.heads)) };
    if out.is_empty() {
        return (out, logs);
    }
    let outputs = Pieces::new(&mut out, shape.d);
    let tasks = logs.par_chunks_mut(shape.group() * shape.length).enumerate();
    tasks.for_each(|(task, logs)| one_group(isa, setting, parts, task, logs, &outputs));
    (out, logs)
}

/// The query heads of one key head of one sequence.
fn one_group(isa: Isa, setting: Setting, parts: [Part; 3], task: usize, logs: &mut [f32], outputs: &Pieces) {
    let shape = setting.shape;
    let (batch, kv) = (task / shape.kv_heads, task % shape.kv_heads);
    let padded = Padded::new(shape);
    let bias = setting.bias(batch);
    with_scratch(4 * padded.all() + BLOCK * (padded.length + padded.d), |mut scratch| {
        let [q, k, v, kt] = Padded::cut(padded.all(), &mut scratch);
        let [logits] = Padded::cut(BLOCK * padded.length, &mut scratch);
        let [block] = Padded::cut(BLOCK * padded.d, &mut scratch);
        gather(isa, setting, parts[1], batch, kv, setting.angles, 1.0, k);
        gather(isa, setting, parts[2], batch, kv, None, 1.0, v);
        transposed(isa, padded, k, kt);
        for (i, logs) in logs.chunks_mut(shape.length).enumerate() {
            let head = kv * shape.group() + i;
            gather(isa, setting, parts[0], batch, head, setting.angles, scale(shape), q);
            for first in (0..shape.length).step_by(BLOCK) {
                let logs = &mut logs[first..shape.length.min(first + BLOCK)];
                let (rows, keys) = (logs.len(), setting.keys(first + logs.len()));
                products(isa, shape, &q[first * padded.d..], kt, rows, keys, logits);
                let mut factors = [0.0; BLOCK];
                let seen = if setting.causal { first + 1 } else { keys };
                // SAFETY: `logits` has `rows` rows of `keys` numbers, `padded.length` apart; the bias is empty or has
                // a number for each position.
                unsafe { softmax(isa, logits, padded.length, seen, keys, &bias, logs, &mut factors[..rows]) };
                let (p, v) = (Matrix::new(logits, rows, keys, padded.length), Matrix::new(v, keys, shape.d, padded.d));
                multiply_on(isa, block, padded.d, p, v, false);
                let place = |row: usize| ((batch * shape.length + first + row) * shape.heads) + head;
                scatter(isa, shape.d, block, padded.d, &factors[..rows], None, outputs, place);
            }
        }
    });
}

/// Logits are q · k times this.
fn scale(shape: Shape) -> f32 {
    (1.0 / (shape.d as f64).sqrt()) as f32
}

/// `a` (rows of d numbers) times the first `keys` columns of `bt` (d, T) into `out`.
fn products(isa: Isa, shape: Shape, a: &[f32], bt: &[f32], rows: usize, keys: usize, out: &mut [f32]) {
    let padded = Padded::new(shape);
    let (a, bt) = (Matrix::new(a, rows, shape.d, padded.d), Matrix::new(bt, shape.d, keys, padded.length));
    multiply_on(isa, out, padded.length, a, bt, false);
}

dispatch! {
    unsafe fn softmax(logits: &mut [f32], stride: usize, seen: usize, keys: usize, bias: &[f32], logs: &mut [f32], factors: &mut [f32]) => softmax_of
}

/// Row i of `logits` becomes e^(logit - max) for the first `seen + i` keys, at most all, and 0 for the later ones;
/// `factors` get 1 / sum, `logs` get max + log sum.
///
/// # Safety
/// `logits` holds `logs.len()` rows, `stride` apart, of `keys` numbers; `bias` is empty or as long as that; `factors` is
/// as long as `logs`; `seen` is at most `keys`. The processor has `S`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn softmax_of<S: Simd>(
    logits: &mut [f32],
    stride: usize,
    seen: usize,
    keys: usize,
    bias: &[f32],
    logs: &mut [f32],
    factors: &mut [f32],
) {
    for (i, (log, factor)) in logs.iter_mut().zip(factors).enumerate() {
        let row = &mut logits[i * stride..][..keys];
        let (seen, later) = row.split_at_mut((seen + i).min(keys));
        later.fill(0.0);
        // SAFETY: reads and writes inside `seen` and `bias`; the caller's promise.
        unsafe {
            let max = largest::<S>(seen, bias);
            // By the mask, not by the maximum, which passes over NaN.
            if !bias.is_empty() && bias[..seen.len()].iter().all(|&bias| bias < 0.0) {
                seen.fill(0.0);
                (*log, *factor) = (NEVER, 0.0);
                continue;
            }
            let (shift, mut sum) = (S::splat(-max), S::zero());
            let whole = seen.len() / LANES * LANES;
            for at in (0..whole).step_by(LANES) {
                let p = seen.as_mut_ptr().add(at);
                let e = math::exp::<S>(S::add(S::load(p), shift));
                S::store(p, e);
                sum = S::add(sum, e);
            }
            let mut total = S::sum(sum);
            if whole < seen.len() {
                let (p, rest) = (seen.as_mut_ptr().add(whole), seen.len() - whole);
                S::store_first(p, rest, math::exp::<S>(S::add(S::load_first(p, rest), shift)));
                total += S::sum(S::load_first(p, rest));
            }
            (*log, *factor) = (max + total.ln(), 1.0 / total);
        }
    }
}

/// Adds the bias to the logits; the largest of them.
#[inline(always)]
unsafe fn largest<S: Simd>(seen: &mut [f32], bias: &[f32]) -> f32 {
    let mut max = -NEVER;
    // SAFETY: reads and writes inside `seen` and `bias`; the caller's promise.
    unsafe {
        let whole = seen.len() / LANES * LANES;
        let mut lanes = S::splat(max);
        for at in (0..whole).step_by(LANES) {
            let p = seen.as_mut_ptr().add(at);
            let mut x = S::load(p);
            if !bias.is_empty() {
                x = S::add(x, S::load(bias.as_ptr().add(at)));
                S::store(p, x);
            }
            lanes = S::max(lanes, x);
        }
        max = max.max(S::largest(lanes));
        for at in whole..seen.len() {
            if !bias.is_empty() {
                seen[at] += bias[at];
            }
            max = max.max(seen[at]);
        }
    }
    max
}
