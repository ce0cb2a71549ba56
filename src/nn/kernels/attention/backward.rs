//! The reverse of attention: the rows of the softmax are formed again from the logarithms that forward kept.

use super::heads::{gather, scatter, transposed};
use super::{BLOCK, Inputs, Padded, Part, Setting, Shape, products, scale};
use crate::nn::kernels::buffer::{Pieces, unfilled, with_scratch};
use crate::nn::kernels::gemm::{Matrix, multiply_on};
use crate::nn::kernels::simd::{Isa, Simd, dispatch, math, vectors};
use rayon::prelude::*;

/// The gradients of queries, keys and values, laid out as the inputs are: three buffers for `Apart`, one for `Beside`.
///
/// `logs` is what forward returned with its output, `dy` (B, T, H, d) the gradient of that output. With P the softmax
/// and dP = dy vᵀ: dv = Pᵀ dy, dS = P (dP - rowsum(P dP)), dq = dS k / sqrt(d), dk = dSᵀ q / sqrt(d); heads of a group
/// are summed in order. Against f64, as max|err|/max|ref|, within 4e-6 for sequences of up to 70 positions.
pub fn backward(isa: Isa, setting: Setting, inputs: Inputs, logs: &[f32], dy: &[f32]) -> Vec<Vec<f32>> {
    setting.check();
    let shape = setting.shape;
    let parts = inputs.parts(shape);
    assert!(dy.len() == logs.len() * shape.d && logs.len() == shape.rows() * shape.heads, "gradient of attention");
    let lens = match inputs {
        Inputs::Apart { .. } => parts.iter().map(|part| part.data.len()).collect(),
        Inputs::Beside(data) => vec![data.len()],
    };
    // SAFETY: the tasks write every head at every position.
    let mut gradients: Vec<Vec<f32>> = lens.into_iter().map(|len| unsafe { unfilled(len) }).collect();
    if dy.is_empty() {
        return gradients;
    }
    let pieces: Vec<Pieces> = gradients.iter_mut().map(|gradient| Pieces::new(gradient, shape.d)).collect();
    let targets = [0, 1, 2].map(|part| &pieces[part.min(pieces.len() - 1)]);
    let dy = Part { data: dy, per_row: shape.heads, first: 0 };
    let tasks = logs.par_chunks(shape.group() * shape.length).enumerate();
    tasks.for_each(|(task, logs)| {
        let group = Group { isa, setting, parts, dy, targets, batch: task / shape.kv_heads, kv: task % shape.kv_heads };
        group.run(logs);
    });
    drop(pieces);
    gradients
}

/// The query heads of one key head of one sequence.
struct Group<'a> {
    isa: Isa,
    setting: Setting<'a>,
    parts: [Part<'a>; 3],
    dy: Part<'a>,
    targets: [&'a Pieces<'a>; 3],
    batch: usize,
    kv: usize,
}

/// Matrices of a group that all of its blocks use; (T, d) or transposed.
struct Common<'a> {
    k: &'a [f32],
    kt: &'a [f32],
    vt: &'a [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
}

impl Group<'_> {
    fn run(&self, logs: &[f32]) {
        let Shape { length, .. } = self.setting.shape;
        let padded = Padded::new(self.setting.shape);
        let bias = self.setting.bias(self.batch);
        with_scratch(7 * padded.all() + BLOCK * (2 * padded.length + padded.d), |mut scratch| {
            // Memory of the values serves the queries once the values are transposed.
            let [q, dy, k, kt, vt, dk, dv] = Padded::cut(padded.all(), &mut scratch);
            let blocks: [&mut [f32]; 2] = Padded::cut(BLOCK * padded.length, &mut scratch);
            let [dq] = Padded::cut(BLOCK * padded.d, &mut scratch);
            self.bring(1, self.kv, 1.0, k);
            transposed(self.isa, padded, k, kt);
            self.bring(2, self.kv, 1.0, q);
            transposed(self.isa, padded, q, vt);
            dk.fill(0.0);
            dv.fill(0.0);
            let mut common = Common { k, kt, vt, dk, dv };
            let [p, ds] = blocks;
            for (i, logs) in logs.chunks(length).enumerate() {
                let head = self.kv * self.setting.shape.group() + i;
                self.bring(0, head, scale(self.setting.shape), q);
                gather(self.isa, self.setting, self.dy, self.batch, head, None, 1.0, dy);
                for first in (0..length).step_by(BLOCK) {
                    let logs = &logs[first..length.min(first + BLOCK)];
                    let at = first * padded.d;
                    self.block(first, logs, &bias, &q[at..], &dy[at..], &mut common, p, ds);
                    let keys = self.setting.keys(first + logs.len());
                    let ds = Matrix::new(ds, logs.len(), keys, padded.length);
                    let k = Matrix::new(common.k, keys, self.setting.shape.d, padded.d);
                    multiply_on(self.isa, dq, padded.d, ds, k, false);
                    self.put(0, head, first, logs.len(), scale(self.setting.shape), dq);
                }
            }
            self.put(1, self.kv, 0, length, 1.0, common.dk);
            self.put(2, self.kv, 0, length, 1.0, common.dv);
        });
    }

    /// Queries (part 0) and keys (1) turned, values (2) as they are.
    fn bring(&self, part: usize, head: usize, factor: f32, out: &mut [f32]) {
        let angles = self.setting.angles.filter(|_| part < 2);
        gather(self.isa, self.setting, self.parts[part], self.batch, head, angles, factor, out);
    }

    /// Puts `rows` rows of a gradient, from position `first` on, where they belong.
    fn put(&self, part: usize, head: usize, first: usize, rows: usize, factor: f32, gradient: &[f32]) {
        let Shape { length, d, .. } = self.setting.shape;
        let angles = self.setting.angles.filter(|_| part < 2).map(|(angles, offset)| (angles, offset + first));
        let Part { per_row, first: column, .. } = self.parts[part];
        let place = |row: usize| (self.batch * length + first + row) * per_row + column + head;
        let factors = vec![factor; rows];
        let stride = Padded::new(self.setting.shape).d;
        scatter(self.isa, d, gradient, stride, &factors, angles, self.targets[part], place);
    }

    /// One block of queries: P into `p`, dS into `ds`, and what it adds to the gradients of keys and values.
    #[allow(clippy::too_many_arguments)]
    fn block(
        &self,
        first: usize,
        logs: &[f32],
        bias: &[f32],
        q: &[f32],
        dy: &[f32],
        common: &mut Common,
        p: &mut [f32],
        ds: &mut [f32],
    ) {
        let shape = self.setting.shape;
        let (padded, rows) = (Padded::new(shape), logs.len());
        let keys = self.setting.keys(first + rows);
        let seen = if self.setting.causal { first + 1 } else { keys };
        products(self.isa, shape, q, common.kt, rows, keys, p);
        products(self.isa, shape, dy, common.vt, rows, keys, ds);
        // SAFETY: `p` and `ds` hold `rows` rows of `keys` numbers, `padded.length` apart; the bias is empty or has a
        // number for each position.
        unsafe { differentiate(self.isa, p, ds, padded.length, seen, keys, bias, logs) };
        let (q, dy) = (Matrix::new(q, rows, shape.d, padded.d), Matrix::new(dy, rows, shape.d, padded.d));
        multiply_on(self.isa, common.dv, padded.d, Matrix::new(p, rows, keys, padded.length).t(), dy, true);
        multiply_on(self.isa, common.dk, padded.d, Matrix::new(ds, rows, keys, padded.length).t(), q, true);
    }
}

dispatch! {
    unsafe fn differentiate(p: &mut [f32], ds: &mut [f32], stride: usize, seen: usize, keys: usize, bias: &[f32], logs: &[f32]) => differentiate_of
}

/// Row i of `p`, logits, becomes e^(logit + bias - log) for the first `seen + i` keys, at most all, and 0 for the
/// later ones; row i of `ds`, holding dP, becomes P (dP - sum of P dP).
///
/// # Safety
/// `p` and `ds` hold `logs.len()` rows, `stride` apart, of `keys` numbers; `bias` is empty or as long as
/// that; `seen` is at most `keys`. The processor has `S`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn differentiate_of<S: Simd>(
    p: &mut [f32],
    ds: &mut [f32],
    stride: usize,
    seen: usize,
    keys: usize,
    bias: &[f32],
    logs: &[f32],
) {
    for (i, &log) in logs.iter().enumerate() {
        let (p, later) = p[i * stride..][..keys].split_at_mut((seen + i).min(keys));
        later.fill(0.0);
        let (ds, later) = ds[i * stride..][..keys].split_at_mut((seen + i).min(keys));
        later.fill(0.0);
        // SAFETY: reads and writes inside the rows; the caller's promise.
        unsafe {
            let (shift, mut sum) = (S::splat(-log), S::zero());
            vectors!(p.len(), |at, count| {
                let mut x = S::add(S::load_first(p.as_ptr().add(at), count), shift);
                if !bias.is_empty() {
                    x = S::add(x, S::load_first(bias.as_ptr().add(at), count));
                }
                // At most 1 in any case, so that lanes beyond the row are finite.
                let e = math::exp::<S>(S::min(S::zero(), x));
                S::store_first(p.as_mut_ptr().add(at), count, e);
                // Lanes beyond the row are 0 in `ds`, so they add nothing.
                sum = S::fma(e, S::load_first(ds.as_ptr().add(at), count), sum);
            });
            let mean = S::splat(S::sum(sum));
            vectors!(p.len(), |at, count| {
                let e = S::load_first(p.as_ptr().add(at), count);
                let d = S::sub(S::load_first(ds.as_ptr().add(at), count), mean);
                S::store_first(ds.as_mut_ptr().add(at), count, S::mul(e, d));
            });
        }
    }
}
