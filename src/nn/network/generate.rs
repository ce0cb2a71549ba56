//! Texts from language models, token after token: keys and values of what was read are kept, so that each new token
//! takes one pass over itself alone.

use super::Network;
use super::read::{Reading, Rows};
use crate::nn::architecture::Attention;
use crate::nn::kernels::attention::{Kept, Shape};
use crate::nn::kernels::buffer;
use crate::nn::kernels::simd::Isa;
use crate::nn::ops;
use crate::nn::sequences::{IGNORED, Seen, Sequences};
use crate::nn::tape::Value;
use candle_core::{Result, Tensor, bail};
use std::collections::BTreeMap;

/// Rows up to which reading each weight once costs less than packing it for a product.
const FEW: usize = 8;

/// What is remembered of the positions so far.
#[derive(Debug)]
pub(super) struct Cache {
    /// by the name of an attention's first layer
    kept: BTreeMap<String, Kept>,
    /// positions so far, those of padding too
    length: usize,
    /// positions that there is room for
    room: usize,
    /// (B, room)
    real: Vec<bool>,
}

impl Network {
    /// Continues each prompt by up to `most` tokens, greedily or as `pick` says: it gets the row and its logits (V). A row
    /// ends with a token of `ends`, which it then holds. Prompts are padded on the left; what a row becomes does not depend
    /// on the others but in rounding.
    ///
    /// # Errors
    /// As [`Network::read`]; if a prompt does not end in a real token, or more positions are needed than angles exist for.
    pub fn generate(
        &self,
        prompts: &Sequences,
        most: usize,
        ends: &[u32],
        mut pick: impl FnMut(usize, &[f32]) -> u32,
    ) -> Result<Vec<Vec<u32>>> {
        let Sequences { count, length, .. } = *prompts;
        let last: Vec<u32> = (0..count).map(|row| (row * length + length - 1) as u32).collect();
        if last.iter().any(|at| !prompts.real[*at as usize]) {
            bail!("prompts are padded on the left: the last position of each must be real");
        }
        let room = length + most;
        let real = prompts.real.chunks(length).flat_map(|real| [real, &vec![true; most]].concat()).collect();
        let mut cache = Cache { kept: BTreeMap::new(), length: 0, room, real };
        let mut texts = vec![Vec::new(); count];
        let mut logits = self.step(prompts, &last, &mut cache)?;
        for made in 0..most {
            let classes = logits.dim(1)?;
            let numbers = logits.flatten_all()?.to_vec1::<f32>()?;
            let mut next = Vec::with_capacity(count);
            for (row, logits) in numbers.chunks(classes).enumerate() {
                let over = texts[row].last().is_some_and(|token| ends.contains(token));
                let token = if over { 0 } else { pick(row, logits) };
                if !over {
                    texts[row].push(token);
                }
                next.push(token);
            }
            let over = |text: &Vec<u32>| text.last().is_some_and(|token| ends.contains(token));
            if made + 1 == most || texts.iter().all(over) {
                break;
            }
            let (real, targets) = (vec![true; count], vec![IGNORED; count]);
            let one =
                Sequences { count, length: 1, ids: next, real, targets, pictures: Vec::new(), seen: Seen::Nothing };
            logits = self.step(&one, &(0..count as u32).collect::<Vec<_>>(), &mut cache)?;
        }
        Ok(texts)
    }

    fn step(&self, sequences: &Sequences, at: &[u32], cache: &mut Cache) -> Result<Tensor> {
        let tape = self.tape();
        let mut reading = Reading::constant(&tape, self);
        reading.thin = cache.length > 0 && sequences.count <= FEW;
        let logits = reading.continued(self.architecture(), sequences, at, cache)?;
        cache.length += sequences.length;
        Ok(logits.tensor().clone())
    }
}

/// The token of the largest logit, the first of equals.
pub fn greedy(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    best as u32
}

impl Reading<'_> {
    /// Attention that goes on from what is kept, and keeps what is new.
    pub(super) fn remembered(
        &self,
        attention: &Attention,
        [q, k, v]: [&Value; 3],
        rows: &Rows,
        cache: &mut Cache,
    ) -> Result<Value> {
        let Some(rotary) = attention.rotary else { bail!("only a causal model generates") };
        let d = attention.head();
        let Attention { heads, kv_heads, .. } = *attention;
        let shape = Shape { batch: rows.count, length: rows.length, heads, kv_heads, d };
        let angles = self.angles(&rotary, cache.length + rows.length, d);
        let (q, k) = (ops::rope(self.tape, q, &angles, cache.length)?, ops::rope(self.tape, k, &angles, cache.length)?);
        let kept = cache.kept.entry(attention.q.name.clone()).or_insert_with(|| Kept::new(shape, cache.room));
        let (keys, values) = (k.tensor().contiguous()?, v.tensor().contiguous()?);
        kept.put(shape, cache.length, &buffer::view(&keys)?, &buffer::view(&values)?);
        let width = heads * d;
        if cache.length == 0 {
            let seen = ops::attention(self.tape, &q, &k, v, rows.real, true)?;
            return ops::reshape(self.tape, &seen, (rows.count * rows.length, width));
        }
        if rows.length != 1 {
            bail!("one token at a time is added to what is kept, not {}", rows.length);
        }
        let q = q.tensor().contiguous()?;
        let y = kept.attend(Isa::in_use(), shape, cache.length + 1, &cache.real, &buffer::view(&q)?);
        Ok(Value::constant(buffer::tensor(y, (rows.count, width))?))
    }
}
