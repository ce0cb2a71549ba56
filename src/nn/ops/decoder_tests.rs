//! The operations of a decoder: against PyTorch and transformers (tests/goldens/make_llama.py), on the kernels and
//! composed; finite differences; fused forms against simple ones; equal bits for any number of threads.

use super::*;
use crate::nn::check::{check_gradient, max_error, same_bits_for_any_threads, test_tensor};
use crate::nn::tape::{Tape, Value};
use candle_core::{DType, Device, Result, Tensor};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;

type Tensors = HashMap<String, Tensor>;

fn load() -> (Vec<Json>, Tensors) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let json: Json = serde_json::from_str(&std::fs::read_to_string(folder.join("llama.json")).unwrap()).unwrap();
    let tensors = candle_core::safetensors::load(folder.join("llama.safetensors"), &Device::Cpu).unwrap();
    (json["cases"].as_array().unwrap().clone(), tensors)
}

fn flags(json: &Json) -> Option<Vec<bool>> {
    let rows = json.as_array()?;
    Some(rows.iter().flat_map(|row| row.as_array().unwrap()).map(|flag| flag.as_bool().unwrap()).collect())
}

fn integers(json: &Json) -> Vec<i64> {
    match json.as_array() {
        Some(items) => items.iter().flat_map(integers).collect(),
        None => vec![json.as_i64().unwrap()],
    }
}

fn apply(tape: &Tape, case: &Json, v: &[Value]) -> Result<Value> {
    match case["op"].as_str().unwrap() {
        "rms_norm" => rms_norm(tape, &v[0], &v[1], 1e-5),
        "swiglu" => swiglu(tape, &v[0], &v[1]),
        "embedding" => {
            let ids: Vec<u32> = integers(&case["ids"]).into_iter().map(|id| id as u32).collect();
            embedding(tape, &v[0], &ids)
        }
        "rope" => {
            let offset = case["offset"].as_u64().unwrap() as usize;
            let (_, length, _, d) = v[0].tensor().dims4()?;
            let angles = Angles::new(offset + length, d, case["theta"].as_f64().unwrap());
            rope(tape, &v[0], &Arc::new(angles), offset)
        }
        "attention" => attention(tape, &v[0], &v[1], &v[2], flags(&case["mask"]).as_deref(), true),
        op => panic!("the golden file names an unknown operation {op}"),
    }
}

#[test]
fn operations_agree_with_pytorch() {
    let (cases, tensors) = load();
    for case in cases.iter().filter(|case| case["op"] != "step") {
        let name = case["name"].as_str().unwrap();
        let inputs: Vec<&str> = case["inputs"].as_array().unwrap().iter().map(|i| i.as_str().unwrap()).collect();
        // All inputs, each alone, none: what is not tracked must change nothing else.
        for (pattern, dtype) in (0..1 << inputs.len()).flat_map(|p| [(p, DType::F32), (p, DType::F64)]) {
            let stored = |key: &str| tensors[&format!("{name}.{key}")].to_dtype(dtype).unwrap();
            let tape = Tape::new();
            let value = |(i, input): (usize, &&str)| match pattern >> i & 1 {
                1 => tape.leaf(&stored(input)),
                _ => Value::constant(stored(input)),
            };
            let values: Vec<Value> = inputs.iter().enumerate().map(value).collect();
            let y = apply(&tape, case, &values).unwrap_or_else(|error| panic!("{name}: {error}"));
            let compare = |what: &str, found: &Tensor, expected: Tensor| {
                let error = max_error(found, &expected);
                assert!(error <= 2e-6, "{name} {dtype:?}: {what} differs by {error:e}");
            };
            compare("y", y.tensor(), stored("y"));
            if pattern > 0 {
                let gradients = tape.backward_from(&y, stored("dy")).unwrap();
                for (input, value) in inputs.iter().zip(&values) {
                    assert_eq!(gradients.get(value).is_some(), value.is_tracked(), "{name}: gradient of {input}");
                    if let Some(gradient) = gradients.get(value) {
                        compare(input, gradient, stored(&format!("d{input}")));
                    }
                }
            }
        }
    }
}

/// A decoder with the names of Hugging Face, from simple operations or from fused ones.
struct Decoder<'a> {
    weights: &'a HashMap<String, Value>,
    shape: AttentionShape,
    layers: usize,
    mask: Option<&'a [bool]>,
    angles: Arc<Angles>,
    lora_scale: f64,
}

impl Decoder<'_> {
    fn weight(&self, name: &str) -> &Value {
        &self.weights[&format!("{name}.weight")]
    }

    fn lora(&self, name: &str) -> Option<Lora<'_>> {
        let a = self.weights.get(&format!("{name}.lora_A.weight"))?;
        Some(Lora { a, b: self.weight(&format!("{name}.lora_B")), scale: self.lora_scale })
    }

    fn layer(&self, tape: &Tape, name: &str, x: &Value) -> Result<Value> {
        match self.lora(name) {
            Some(lora) => lora_linear(tape, x, self.weight(name), lora),
            None => linear(tape, x, self.weight(name), None),
        }
    }

    fn simple(&self, tape: &Tape, ids: &[u32]) -> Result<Value> {
        let AttentionShape { batch, length, heads, kv_heads, d } = self.shape;
        let mut x = embedding(tape, self.weight("model.embed_tokens"), ids)?;
        for i in 0..self.layers {
            let name = |part: &str| format!("model.layers.{i}.{part}");
            let n = rms_norm(tape, &x, self.weight(&name("input_layernorm")), 1e-5)?;
            let part = |part: &str, heads: usize| {
                let y = self.layer(tape, &name(&format!("self_attn.{part}_proj")), &n)?;
                reshape(tape, &y, (batch, length, heads, d))
            };
            let (q, k, v) = (part("q", heads)?, part("k", kv_heads)?, part("v", kv_heads)?);
            let (q, k) = (rope(tape, &q, &self.angles, 0)?, rope(tape, &k, &self.angles, 0)?);
            let y = attention(tape, &q, &k, &v, self.mask, true)?;
            let y = reshape(tape, &y, (batch * length, heads * d))?;
            x = add(tape, &x, &self.layer(tape, &name("self_attn.o_proj"), &y)?)?;
            let n = rms_norm(tape, &x, self.weight(&name("post_attention_layernorm")), 1e-5)?;
            let gate = self.layer(tape, &name("mlp.gate_proj"), &n)?;
            let y = swiglu(tape, &gate, &self.layer(tape, &name("mlp.up_proj"), &n)?)?;
            x = add(tape, &x, &self.layer(tape, &name("mlp.down_proj"), &y)?)?;
        }
        let n = rms_norm(tape, &x, self.weight("model.norm"), 1e-5)?;
        linear(tape, &n, self.weight("lm_head"), None)
    }

    fn fused(&self, tape: &Tape, ids: &[u32]) -> Result<Value> {
        let mut x = embedding(tape, self.weight("model.embed_tokens"), ids)?;
        for i in 0..self.layers {
            let name = |part: &str| format!("model.layers.{i}.{part}");
            let weight = |part: &str| Weight { w: self.weight(&name(part)), lora: self.lora(&name(part)) };
            let norm = |part: &str| self.weight(&name(part));
            let weights = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].map(weight);
            let input = Input::Normed { x: &x, w: norm("input_layernorm"), epsilon: 1e-5 };
            let qkv = projection(tape, input, &weights, None)?;
            let y = rotary_attention(tape, &qkv, self.shape, &self.angles, 0, self.mask)?;
            x = projection(tape, Input::Plain(&y), &[weight("self_attn.o_proj")], Some(&x))?;
            let weights = ["mlp.gate_proj", "mlp.up_proj"].map(weight);
            let input = Input::Normed { x: &x, w: norm("post_attention_layernorm"), epsilon: 1e-5 };
            let both = projection(tape, input, &weights, None)?;
            x = projection(tape, Input::Gated(&both), &[weight("mlp.down_proj")], Some(&x))?;
        }
        let input = Input::Normed { x: &x, w: self.weight("model.norm"), epsilon: 1e-5 };
        projection(tape, input, &[Weight { w: self.weight("lm_head"), lora: None }], None)
    }
}

/// Loss, logits and the gradients of the tracked weights of a golden step.
fn step(case: &Json, tensors: &Tensors, dtype: DType, fused: bool) -> (Tensor, Tensor, Tensors) {
    let name = case["name"].as_str().unwrap();
    let number = |key: &str| case[key].as_u64().map(|n| n as usize);
    let tape = Tape::new();
    let mut weights = HashMap::new();
    for (key, tensor) in tensors {
        let tensor = tensor.to_dtype(dtype).unwrap();
        if let Some(key) = key.strip_prefix("full.").filter(|key| key.ends_with(".weight") && !key.starts_with("d.")) {
            let value = if name == "full" { tape.leaf(&tensor) } else { Value::constant(tensor) };
            weights.insert(key.to_string(), value);
        } else if let Some(key) = key.strip_prefix("lora.").filter(|key| name == "lora" && key.starts_with("model.")) {
            weights.insert(key.to_string(), tape.leaf(&tensor));
        }
    }
    let ids: Vec<u32> = integers(&case["ids"]).into_iter().map(|id| id as u32).collect();
    let targets: Vec<u32> =
        integers(&case["labels"]).into_iter().map(|label| u32::try_from(label).unwrap_or(IGNORED)).collect();
    let mask = flags(&case["mask"]).unwrap();
    let (batch, heads, kv_heads) =
        (case["ids"].as_array().unwrap().len(), number("heads").unwrap(), number("kv_heads").unwrap());
    let length = ids.len() / batch;
    let d = weights["model.norm.weight"].tensor().elem_count() / heads;
    let decoder = Decoder {
        weights: &weights,
        shape: AttentionShape { batch, length, heads, kv_heads, d },
        layers: number("layers").unwrap(),
        mask: Some(&mask),
        angles: Arc::new(Angles::new(length, d, 10_000.0)),
        lora_scale: 2.0,
    };
    let logits = if fused { decoder.fused(&tape, &ids) } else { decoder.simple(&tape, &ids) }.unwrap();
    let loss = cross_entropy(&tape, &logits, &targets, 0.0, Reduction::Mean).unwrap();
    let mut gradients = tape.backward(&loss).unwrap();
    let found = weights.iter().filter_map(|(key, weight)| Some((key.clone(), gradients.take(weight)?)));
    let real: Vec<u32> = (0..).zip(&mask).filter(|(_, real)| **real).map(|(i, _)| i).collect();
    let real = Tensor::new(real, &Device::Cpu).unwrap();
    let logits = logits.tensor().index_select(&real, 0).unwrap();
    (loss.tensor().clone(), logits, found.collect())
}

#[test]
fn whole_steps_agree_with_transformers_and_peft() {
    let (cases, tensors) = load();
    for case in cases.iter().filter(|case| case["op"] == "step") {
        let name = case["name"].as_str().unwrap();
        for (dtype, fused) in [(DType::F32, false), (DType::F32, true), (DType::F64, false), (DType::F64, true)] {
            let (loss, logits, gradients) = step(case, &tensors, dtype, fused);
            let loss = crate::nn::check::numbers(&loss).unwrap()[0];
            let expected = case["loss"].as_f64().unwrap();
            assert!((loss - expected).abs() < 1e-5 * expected, "{name} {dtype:?} {fused}: loss {loss}, {expected}");
            let error = max_error(&logits, &tensors[&format!("{name}.logits")].to_dtype(dtype).unwrap());
            assert!(error < 1e-5, "{name} {dtype:?} {fused}: logits differ by {error:e}");
            let prefix = format!("{name}.d.");
            let wanted = tensors.keys().filter_map(|key| key.strip_prefix(&prefix));
            assert_eq!(gradients.len(), wanted.clone().count(), "{name}: one gradient for each tracked weight");
            for key in wanted {
                let expected = tensors[&format!("{prefix}{key}")].to_dtype(dtype).unwrap();
                let error = max_error(&gradients[key], &expected);
                assert!(error < 2e-5, "{name} {dtype:?} {fused}: gradient of {key} differs by {error:e}");
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let check = |f: &dyn Fn(&Tape, &[Value]) -> Result<Value>, inputs: &[Tensor]| {
        check_gradient(f, inputs, 1e-2).unwrap();
    };
    let t = test_tensor;
    check(&|tape, v| rms_norm(tape, &v[0], &v[1], 1e-5), &[t(&[3, 24], 1), t(&[24], 2)]);
    check(&|tape, v| swiglu(tape, &v[0], &v[1]), &[t(&[3, 8], 1), t(&[3, 8], 2)]);
    check(&|tape, v| embedding(tape, &v[0], &[2, 0, 2, 2]), &[t(&[4, 5], 1)]);
    let angles = Arc::new(Angles::new(9, 8, 10_000.0));
    check(&|tape, v| rope(tape, &v[0], &angles, 4), &[t(&[2, 3, 2, 8], 1)]);
    for causal in [true, false] {
        let inputs = [1, 2, 3].map(|seed| t(&[1, 5, 2, 8], seed));
        check(&|tape, v| attention(tape, &v[0], &v[1], &v[2], None, causal), &inputs);
    }
    let shape = AttentionShape { batch: 2, length: 3, heads: 2, kv_heads: 1, d: 8 };
    let mask = [true, false, true, true, true, true];
    check(&|tape, v| rotary_attention(tape, &v[0], shape, &angles, 1, Some(&mask)), &[t(&[6, 32], 1)]);
    let lora = |v: &[Value], tape: &Tape| lora_linear(tape, &v[0], &v[1], Lora { a: &v[2], b: &v[3], scale: 1.5 });
    check(&|tape, v| lora(v, tape), &[t(&[4, 7], 1), t(&[5, 7], 2), t(&[2, 7], 3), t(&[5, 2], 4)]);
    let fused = |tape: &Tape, v: &[Value]| {
        let lora = Some(Lora { a: &v[3], b: &v[4], scale: 0.5 });
        let weights = [Weight { w: &v[2], lora }, Weight { w: &v[5], lora: None }];
        projection(tape, Input::Normed { x: &v[0], w: &v[1], epsilon: 1e-5 }, &weights, Some(&v[6]))
    };
    let sizes: [&[usize]; 7] = [&[3, 6], &[6], &[4, 6], &[2, 6], &[4, 2], &[3, 6], &[3, 7]];
    let inputs: Vec<Tensor> = (1..).zip(sizes).map(|(seed, dims)| t(dims, seed)).collect();
    check(&fused, &inputs);
    let gated =
        |tape: &Tape, v: &[Value]| projection(tape, Input::Gated(&v[0]), &[Weight { w: &v[1], lora: None }], None);
    check(&gated, &[t(&[3, 10], 1), t(&[4, 5], 2)]);
    let turned = |tape: &Tape, v: &[Value]| reshape(tape, &transpose(tape, &v[0], 0, 1)?, (2, 3));
    check(&turned, &[t(&[2, 3], 1)]);
}

#[test]
fn odd_sizes_agree_with_the_composed_form() {
    for (length, features, rank) in [(1, 8, 1), (3, 24, 3), (17, 65, 2), (33, 8, 8)] {
        let run = |dtype: DType| -> Vec<Tensor> {
            let tape = Tape::new();
            let leaf = |dims: &[usize], seed| tape.leaf(&test_tensor(dims, seed).to_dtype(dtype).unwrap());
            let (x, norm) = (leaf(&[length, features], 1), leaf(&[features], 2));
            let (w, a, b) = (leaf(&[6, features], 3), leaf(&[rank, features], 4), leaf(&[6, rank], 5));
            let (gate, down) = (leaf(&[10, features], 6), leaf(&[features, 5], 7));
            let input = Input::Normed { x: &x, w: &norm, epsilon: 1e-6 };
            let update = Some(Lora { a: &a, b: &b, scale: 2.0 });
            let all =
                projection(&tape, input, &[Weight { w: &gate, lora: None }, Weight { w: &w, lora: update }], None);
            let all = reshape(&tape, &all.unwrap(), (length, 16)).unwrap();
            let w2 = leaf(&[10, 16], 8);
            let both = linear(&tape, &all, &w2, None).unwrap();
            let y = projection(&tape, Input::Gated(&both), &[Weight { w: &down, lora: None }], Some(&x)).unwrap();
            let dy = test_tensor(y.tensor().dims(), 9).to_dtype(dtype).unwrap();
            let mut tensors = vec![y.tensor().clone()];
            let mut gradients = tape.backward_from(&y, dy).unwrap();
            let leaves = [x, norm, w, a, b, gate, down, w2];
            tensors.extend(leaves.iter().map(|leaf| gradients.take(leaf).unwrap()));
            tensors
        };
        for (i, (fast, exact)) in run(DType::F32).iter().zip(run(DType::F64)).enumerate() {
            let error = max_error(fast, &exact);
            assert!(error < 4e-6, "{length} rows of {features}, result {i}: {error:e}");
        }
    }
}

#[test]
fn frozen_weights_get_no_gradient_and_keep_no_input() {
    let (cases, tensors) = load();
    let case = cases.iter().find(|case| case["name"] == "lora").unwrap();
    let (_, _, gradients) = step(case, &tensors, DType::F32, true);
    assert!(gradients.keys().all(|key| key.contains("lora_")), "{:?}", gradients.keys());
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let shape = AttentionShape { batch: 3, length: 50, heads: 4, kv_heads: 2, d: 16 };
    let (rows, width) = (shape.batch * shape.length, shape.heads * shape.d);
    let angles = Arc::new(Angles::new(shape.length, shape.d, 10_000.0));
    let ids: Vec<u32> = (0..rows as u32).map(|i| i * 7 % 40).collect();
    same_bits_for_any_threads(|| {
        let tape = Tape::new();
        let leaf = |dims: &[usize], seed| tape.leaf(&test_tensor(dims, seed));
        let (table, norm, qkv) = (leaf(&[40, width], 1), leaf(&[width], 2), leaf(&[2 * width, width], 3));
        let (a, b, down) = (leaf(&[8, width], 4), leaf(&[2 * width, 8], 5), leaf(&[width, width / 2], 6));
        let x = embedding(&tape, &table, &ids).unwrap();
        let update = Some(Lora { a: &a, b: &b, scale: 0.1 });
        let input = Input::Normed { x: &x, w: &norm, epsilon: 1e-5 };
        let y = projection(&tape, input, &[Weight { w: &qkv, lora: update }], None).unwrap();
        let y = rotary_attention(&tape, &y, shape, &angles, 0, None).unwrap();
        let y = projection(&tape, Input::Gated(&y), &[Weight { w: &down, lora: None }], Some(&x)).unwrap();
        let y = rms_norm(&tape, &y, &norm, 1e-5).unwrap();
        let mut results = vec![y.tensor().clone()];
        let mut gradients = tape.backward_from(&y, test_tensor(&[rows, width], 7)).unwrap();
        results.extend([table, norm, qkv, a, b, down].iter().map(|leaf| gradients.take(leaf).unwrap()));
        results
    });
}

#[test]
fn wrong_shapes_get_an_error_that_names_them() {
    let tape = Tape::new();
    let value = |dims: &[usize]| Value::constant(test_tensor(dims, 1));
    let message = |result: Result<Value>| result.expect_err("an error").to_string();
    let x = value(&[4, 6]);
    let angles = Arc::new(Angles::new(3, 8, 10_000.0));
    let shape = AttentionShape { batch: 2, length: 2, heads: 3, kv_heads: 2, d: 2 };
    let heads = |heads| value(&[1, 2, heads, 8]);
    let (w, a, b) = (value(&[5, 6]), value(&[2, 6]), value(&[5, 3]));
    let cases = [
        (message(rms_norm(&tape, &x, &value(&[5]), 1e-5)), "weight [5] for input [4, 6]"),
        (message(embedding(&tape, &x, &[4])), "id 4 for a table of 4 rows"),
        (message(swiglu(&tape, &x, &value(&[4, 5]))), "[4, 6] and [4, 5]"),
        (message(rope(&tape, &value(&[1, 2, 1, 6]), &angles, 0)), "heads of 8 numbers, the heads have 6"),
        (message(rope(&tape, &value(&[1, 2, 1, 8]), &angles, 2)), "3 positions, 4 are needed"),
        (message(attention(&tape, &heads(2), &heads(2), &heads(1), None, true)), "do not fit"),
        (message(attention(&tape, &heads(3), &heads(2), &heads(2), None, true)), "no multiple"),
        (message(attention(&tape, &heads(2), &heads(2), &heads(2), Some(&[true]), true)), "mask of 1 positions"),
        (message(rotary_attention(&tape, &x, shape, &angles, 0, None)), "does not fit an input of [4, 6]"),
        (message(lora_linear(&tape, &x, &w, Lora { a: &a, b: &b, scale: 1.0 })), "the update of [2, 6] and [5, 3]"),
        (message(projection(&tape, Input::Plain(&x), &[Weight { w: &value(&[5, 7]), lora: None }], None)), "5x7"),
        (message(projection(&tape, Input::Plain(&x), &[Weight { w: &w, lora: None }], Some(&x))), "residual [4, 6]"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn ignored_targets_count_for_nothing() {
    let logits = test_tensor(&[5, 7], 1);
    let kept = Tensor::new(&[0u32, 2, 4], &Device::Cpu).unwrap();
    for (smoothing, reduction) in [(0.0, Reduction::Mean), (0.1, Reduction::Mean), (0.1, Reduction::Sum)] {
        for dtype in [DType::F32, DType::F64] {
            let run = |logits: Tensor, targets: &[u32]| {
                let tape = Tape::new();
                let leaf = tape.leaf(&logits.to_dtype(dtype).unwrap());
                let loss = cross_entropy(&tape, &leaf, targets, smoothing, reduction).unwrap();
                let gradient = tape.backward(&loss).unwrap().take(&leaf).unwrap();
                (loss.tensor().clone(), gradient)
            };
            let (loss, gradient) = run(logits.clone(), &[3, IGNORED, 6, IGNORED, 0]);
            let (expected, part) = run(logits.index_select(&kept, 0).unwrap(), &[3, 6, 0]);
            assert!(max_error(&loss, &expected) < 1e-7);
            assert!(max_error(&gradient.index_select(&kept, 0).unwrap(), &part) < 1e-6);
            let others = Tensor::new(&[1u32, 3], &Device::Cpu).unwrap();
            let others = crate::nn::check::numbers(&gradient.index_select(&others, 0).unwrap()).unwrap();
            assert!(others.iter().all(|&x| x == 0.0));
        }
    }
    let value = Value::constant(logits);
    let error = cross_entropy(&Tape::new(), &value, &[IGNORED; 5], 0.0, Reduction::Mean).unwrap_err().to_string();
    assert!(error.contains("all of them ignored"), "{error}");
}
