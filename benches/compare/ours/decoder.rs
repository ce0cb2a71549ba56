//! A decoder of the LLaMA family on token ids: all weights trained, or low-rank updates of its projections.

use super::Workload;
use candle_core::{Device, Result, Tensor, bail};
use fsched::nn::in_place;
use fsched::nn::kernels::buffer;
use fsched::nn::ops::{
    Angles, AttentionShape, Input, Lora, Reduction, Weight, cross_entropy, embedding, projection, rotary_attention,
};
use fsched::nn::rng::Stream;
use fsched::nn::tape::{Tape, Value};
use fsched::nn::weights;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const EPSILON: f64 = 1e-5;

/// The sizes; `rank` 0 for all weights trained, else of the updates, with everything else frozen.
#[derive(Clone, Copy, Deserialize)]
pub struct DecoderCase {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    middle: usize,
    rank: usize,
    batch: usize,
    length: usize,
    lr: f64,
}

/// A decoder with the one batch that it is trained on; weights under Hugging Face's names.
pub struct Decoder {
    case: DecoderCase,
    weights: BTreeMap<String, Tensor>,
    angles: Arc<Angles>,
    ids: Vec<u32>,
    targets: Vec<u32>,
}

impl Decoder {
    pub fn open(case: &DecoderCase) -> Result<Decoder> {
        let mut stream = Stream::new(1, "compare", &[]);
        let head = case.width / case.heads;
        let mut weights = BTreeMap::new();
        for (name, dims) in case.tensors() {
            let mut numbers = vec![1.0; dims.iter().product()];
            if let [_, features] = dims[..] {
                // As PyTorch's linear layers, roughly; adapters start away from zero, so that both gradients count.
                stream.fill_normal(&mut numbers, 0.0, 0.6 / (features as f32).sqrt());
            }
            weights.insert(name, Tensor::from_vec(numbers, dims, &Device::Cpu)?);
        }
        let mut tokens = || (0..case.batch * case.length).map(|_| stream.below(case.vocabulary) as u32).collect();
        let (ids, targets) = (tokens(), tokens());
        let angles = Arc::new(Angles::new(case.length, head, 10_000.0));
        Ok(Decoder { case: *case, weights, angles, ids, targets })
    }

    fn trains(&self, name: &str) -> bool {
        self.case.rank == 0 || name.contains("lora_")
    }

    fn logits(&self, tape: &Tape, values: &HashMap<&str, Value>) -> Result<Value> {
        let DecoderCase { width, heads, kv_heads, batch, length, .. } = self.case;
        let shape = AttentionShape { batch, length, heads, kv_heads, d: width / heads };
        let mut x = embedding(tape, &values["model.embed_tokens.weight"], &self.ids)?;
        for layer in 0..self.case.layers {
            let value = |part: &str| values.get(format!("model.layers.{layer}.{part}.weight").as_str());
            let weight = |part: &str| {
                let (a, b) = (value(&format!("{part}.lora_A")), value(&format!("{part}.lora_B")));
                let lora = a.zip(b).map(|(a, b)| Lora { a, b, scale: 2.0 });
                Weight { w: value(part).expect("every weight has a value"), lora }
            };
            let norm = |part: &str| value(part).expect("every weight has a value");
            let input = Input::Normed { x: &x, w: norm("input_layernorm"), epsilon: EPSILON };
            let weights = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].map(weight);
            let qkv = projection(tape, input, &weights, None)?;
            let y = rotary_attention(tape, &qkv, shape, &self.angles, 0, None)?;
            x = projection(tape, Input::Plain(&y), &[weight("self_attn.o_proj")], Some(&x))?;
            let input = Input::Normed { x: &x, w: norm("post_attention_layernorm"), epsilon: EPSILON };
            let both = projection(tape, input, &["mlp.gate_proj", "mlp.up_proj"].map(weight), None)?;
            x = projection(tape, Input::Gated(&both), &[weight("mlp.down_proj")], Some(&x))?;
        }
        let input = Input::Normed { x: &x, w: &values["model.norm.weight"], epsilon: EPSILON };
        projection(tape, input, &[Weight { w: &values["lm_head.weight"], lora: None }], None)
    }

    /// A step of plain gradient descent.
    fn step(&mut self) -> Result<f64> {
        let tape = Tape::new();
        let value = |name: &str, weight: &Tensor| match self.trains(name) {
            true => tape.leaf(weight),
            false => Value::constant(weight.clone()),
        };
        let values: HashMap<&str, Value> =
            self.weights.iter().map(|(name, weight)| (name.as_str(), value(name, weight))).collect();
        let logits = self.logits(&tape, &values)?;
        let loss = cross_entropy(&tape, &logits, &self.targets, 0.0, Reduction::Mean)?;
        drop(logits);
        let found = f64::from(loss.tensor().to_scalar::<f32>()?);
        let mut gradients = tape.backward(&loss)?;
        for (name, weight) in &self.weights {
            if let Some(gradient) = gradients.take(&values[name.as_str()]) {
                descend(weight, &gradient, self.case.lr as f32)?;
            }
        }
        Ok(found)
    }
}

/// weight -= lr · gradient
fn descend(weight: &Tensor, gradient: &Tensor, lr: f32) -> Result<()> {
    let gradient = buffer::view(gradient)?;
    in_place::write(weight, |weight| {
        let pieces = weight.par_chunks_mut(1 << 15).zip(gradient.par_chunks(1 << 15));
        pieces.for_each(|(weight, gradient)| weight.iter_mut().zip(gradient).for_each(|(w, g)| *w -= lr * g));
        Ok(())
    })
}

impl DecoderCase {
    /// Names and shapes of the weights.
    fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let kv = self.kv_heads * self.width / self.heads;
        let (width, middle) = (self.width, self.middle);
        let mut all = vec![
            ("model.embed_tokens.weight".to_string(), vec![self.vocabulary, width]),
            ("model.norm.weight".to_string(), vec![width]),
            ("lm_head.weight".to_string(), vec![self.vocabulary, width]),
        ];
        for layer in 0..self.layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            all.push((name("input_layernorm"), vec![width]));
            all.push((name("post_attention_layernorm"), vec![width]));
            let projections = [
                ("self_attn.q_proj", width, width),
                ("self_attn.k_proj", kv, width),
                ("self_attn.v_proj", kv, width),
                ("self_attn.o_proj", width, width),
                ("mlp.gate_proj", middle, width),
                ("mlp.up_proj", middle, width),
                ("mlp.down_proj", width, middle),
            ];
            for (part, outputs, features) in projections {
                all.push((name(part), vec![outputs, features]));
                if self.rank > 0 {
                    all.push((name(&format!("{part}.lora_A")), vec![self.rank, features]));
                    all.push((name(&format!("{part}.lora_B")), vec![outputs, self.rank]));
                }
            }
        }
        all
    }
}

impl Workload for Decoder {
    fn run(&mut self, work: &str) -> Result<()> {
        black_box(match work {
            "step" => self.step()?,
            _ => bail!("a decoder has no work {work}"),
        });
        Ok(())
    }

    fn parameters(&self) -> usize {
        self.weights.iter().filter(|(name, _)| self.trains(name)).map(|(_, weight)| weight.elem_count()).sum()
    }

    fn memory(&self) -> u64 {
        12 * self.weights.values().map(|weight| weight.elem_count() as u64).sum::<u64>()
    }

    fn export(&self, folder: &Path) -> Result<()> {
        let told = |problem: weights::WeightsError| candle_core::Error::Msg(problem.to_string());
        let tokens = |ids: &[u32]| {
            let shape = (self.case.batch, self.case.length);
            Tensor::from_vec(ids.iter().map(|&id| i64::from(id)).collect(), shape, &Device::Cpu)
        };
        let batch = BTreeMap::from([("inputs".into(), tokens(&self.ids)?), ("targets".into(), tokens(&self.targets)?)]);
        weights::write(&self.weights, &folder.join("weights.safetensors")).map_err(told)?;
        weights::write(&batch, &folder.join("batch.safetensors")).map_err(told)
    }

    fn losses(&mut self) -> Result<Json> {
        let steps = (0..3).map(|_| self.step()).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "step": steps }))
    }
}
