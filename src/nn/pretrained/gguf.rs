//! Decoders in GGUF files, as llama.cpp's converter writes them: numbers in the metadata, tensors under short names, rows of
//! queries and keys in another order.

use super::build::Decoder;
use crate::nn::architecture::{Architecture, Rotary, Scaling};
use crate::nn::network::Network;
use crate::nn::weights::{self, Mismatch, TensorFacts, WeightsError};
use crate::reading::gguf::{Value, metadata};
use candle_core::{DType, Result, Tensor};
use std::collections::BTreeMap;
use std::path::Path;

/// The decoder that a file holds.
///
/// # Errors
/// If it cannot be read or is of another family; everything that is missing or not supported, at once.
pub fn architecture(path: &Path) -> std::result::Result<Architecture, WeightsError> {
    decoder(path).map(|decoder| decoder.architecture())
}

/// Reads the weights of a file into a network; quantized numbers become f32. Nothing changes if they are not its own.
///
/// # Errors
/// As [`architecture`], and if tensors are missing, extra or misshapen, all at once.
pub fn load(network: &mut Network, path: &Path) -> std::result::Result<(), WeightsError> {
    let (decoder, tensors) = numbers(path)?;
    fit(network.architecture(), path, tensors)?;
    weights::each(path, |name, tensor| {
        let Some((name, turned)) = canonical(name) else { return Ok(()) };
        let heads = match turned {
            Turned::Not => return Ok(network.take_over(&name, &tensor)?),
            Turned::Queries => decoder.heads,
            Turned::Keys => decoder.kv_heads,
        };
        Ok(network.take_over(&name, &halves(&tensor, heads)?)?)
    })
}

/// Whether the tensors of a file are those of a decoder; all that differs is told at once.
fn fit(architecture: &Architecture, path: &Path, tensors: Vec<TensorFacts>) -> std::result::Result<(), WeightsError> {
    let mut found = Vec::new();
    let mut mismatch = Mismatch::default();
    for facts in tensors {
        match canonical(&facts.name) {
            // Part of the architecture: see `frequencies`.
            _ if facts.name == FREQUENCIES => {}
            Some((name, _)) => found.push(TensorFacts { name, ..facts }),
            None => mismatch.extra.push(facts.name.escape_debug().to_string()),
        }
    }
    if let Some(more) = weights::compare(architecture, &found) {
        mismatch.missing.extend(more.missing);
        mismatch.extra.extend(more.extra);
        mismatch.misshapen.extend(more.misshapen);
    }
    match mismatch == Mismatch::default() {
        true => Ok(()),
        false => Err(WeightsError::Mismatch { path: path.into(), mismatch }),
    }
}

/// The tensor of what frequencies of positions are divided by, one number for each pair of a head.
const FREQUENCIES: &str = "rope_freqs.weight";

/// How frequencies are scaled where a file has numbers for it: llama.cpp's converter writes what Llama 3.1's rule makes of a
/// factor, with the other constants as published.
fn frequencies(plain: Rotary, divisors: &[f32]) -> Option<Rotary> {
    let rotary = |scaling| Rotary { scaling, ..plain };
    let factor = divisors.iter().copied().fold(1.0, f32::max);
    let known = [
        rotary(Scaling::None),
        rotary(Scaling::Llama3 { factor: f64::from(factor), low: 1.0, high: 4.0, original: 8192.0 }),
    ];
    let unscaled = rotary(Scaling::None).frequencies(2 * divisors.len());
    let fits = |rotary: &Rotary| {
        let pairs = unscaled.iter().zip(rotary.frequencies(2 * divisors.len())).zip(divisors);
        pairs.into_iter().all(|((plain, scaled), divisor)| (plain / scaled / f64::from(*divisor) - 1.0).abs() < 1e-5)
    };
    known.into_iter().find(fits)
}

/// Whether rows of a tensor are in llama.cpp's order.
enum Turned {
    Not,
    Queries,
    Keys,
}

/// llama.cpp turns neighbouring rows of a head as a pair, Hugging Face rows half a head apart; its converter has put them
/// beside each other: row 2 i + j of a head is row j d/2 + i there.
fn halves(tensor: &Tensor, heads: usize) -> Result<Tensor> {
    let (rows, columns) = tensor.dims2()?;
    let pairs = rows / heads / 2;
    tensor.reshape((heads, pairs, 2, columns))?.transpose(1, 2)?.contiguous()?.reshape((rows, columns))
}

/// The name here of a tensor of a file.
pub fn name_here(name: &str) -> Option<String> {
    canonical(name).map(|(name, _)| name)
}

/// The name here, and whether its rows are in another order.
fn canonical(name: &str) -> Option<(String, Turned)> {
    let as_it_is = |name: &str| Some((name.to_string(), Turned::Not));
    match name {
        "token_embd.weight" => return as_it_is("model.embed_tokens.weight"),
        "output_norm.weight" => return as_it_is("model.norm.weight"),
        "output.weight" => return as_it_is("lm_head.weight"),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    layer.parse::<u32>().ok()?;
    let (ours, turned) = match rest {
        "attn_norm.weight" => ("input_layernorm", Turned::Not),
        "ffn_norm.weight" => ("post_attention_layernorm", Turned::Not),
        "attn_q.weight" => ("self_attn.q_proj", Turned::Queries),
        "attn_k.weight" => ("self_attn.k_proj", Turned::Keys),
        "attn_v.weight" => ("self_attn.v_proj", Turned::Not),
        "attn_output.weight" => ("self_attn.o_proj", Turned::Not),
        "ffn_gate.weight" => ("mlp.gate_proj", Turned::Not),
        "ffn_up.weight" => ("mlp.up_proj", Turned::Not),
        "ffn_down.weight" => ("mlp.down_proj", Turned::Not),
        _ => return None,
    };
    Some((format!("model.layers.{layer}.{ours}.weight"), turned))
}

/// The decoder that a file holds, in its numbers.
///
/// # Errors
/// As [`architecture`].
pub fn decoder(path: &Path) -> std::result::Result<Decoder, WeightsError> {
    let (decoder, tensors) = numbers(path)?;
    fit(&decoder.architecture(), path, tensors)?;
    Ok(decoder)
}

/// What the metadata say of a decoder, and the tensors that are there.
fn numbers(path: &Path) -> std::result::Result<(Decoder, Vec<TensorFacts>), WeightsError> {
    let wanted = |key: &str| key == "general.architecture" || key.starts_with("llama.");
    let values = metadata(path, wanted).map_err(|source| WeightsError::Io { path: path.into(), source })?;
    let mut fields = Fields { values, problems: Vec::new() };
    let tensors = weights::describe(path)?;
    let mut decoder = fields.decoder(&tensors);
    if let Some(facts) = tensors.iter().find(|facts| facts.name == FREQUENCIES) {
        let (fits, scaling) = (facts.shape == [decoder.head / 2], decoder.rotary.scaling);
        let divisors = if fits { weights::one(path, FREQUENCIES)? } else { None };
        let divisors = divisors.map(|divisors| divisors.to_dtype(DType::F32)?.to_vec1::<f32>()).transpose()?;
        match divisors.and_then(|divisors| frequencies(decoder.rotary, &divisors)) {
            Some(rotary) if scaling == Scaling::None => decoder.rotary = rotary,
            _ => fields.problems.push(format!(
                "{FREQUENCIES} scales frequencies of positions in another way than Llama 3.1 does, which is not supported"
            )),
        }
    }
    match fields.problems.is_empty() {
        true => Ok((decoder, tensors)),
        false => {
            Err(WeightsError::Form { path: path.into(), form: "decoder's GGUF", what: fields.problems.join("; ") })
        }
    }
}

struct Fields {
    values: BTreeMap<String, Value>,
    problems: Vec<String>,
}

impl Fields {
    fn decoder(&mut self, tensors: &[TensorFacts]) -> Decoder {
        match self.values.get("general.architecture") {
            Some(Value::Text(name)) if name == "llama" => {}
            Some(Value::Text(name)) => {
                let name = name.escape_debug().to_string();
                self.problems.push(format!("general.architecture is \"{name}\"; supported is llama"));
            }
            _ => self.problems.push("general.architecture is missing; supported is llama".into()),
        }
        let width = self.size("embedding_length", None);
        let heads = self.size("attention.head_count", None);
        let kv_heads = self.size("attention.head_count_kv", Some(heads));
        let head = self.size("attention.key_length", Some((width / heads).max(1)));
        if !heads.is_multiple_of(kv_heads) || !head.is_multiple_of(2) {
            self.problems.push(format!("{heads} heads of {head} with {kv_heads} heads of keys do not fit"));
        }
        if self.size("rope.dimension_count", Some(head)) != head {
            self.problems.push("llama.rope.dimension_count is not the size of a head, which is not supported".into());
        }
        let rows = tensors.iter().find(|facts| facts.name == "token_embd.weight").map(|facts| facts.shape[0]);
        let rotary = Rotary {
            theta: self.real("rope.freq_base", Some(10_000.0)),
            positions: self.size("context_length", Some(2048)),
            scaling: self.scaling(),
        };
        Decoder {
            vocabulary: self.size("vocab_size", rows),
            width,
            inner: self.size("feed_forward_length", None),
            layers: self.size("block_count", None),
            heads,
            kv_heads,
            head,
            epsilon: self.real("attention.layer_norm_rms_epsilon", None),
            rotary,
            biased: false,
            tied: !tensors.iter().any(|facts| facts.name == "output.weight"),
            spread: 0.02,
        }
    }

    fn scaling(&mut self) -> Scaling {
        // Older files have the factor alone, under a name of its own.
        let factor = ["rope.scaling.factor", "rope.scale_linear"]
            .into_iter()
            .find(|name| self.values.contains_key(&format!("llama.{name}")));
        match self.values.get("llama.rope.scaling.type") {
            Some(Value::Text(kind)) if kind == "linear" => {
                Scaling::Linear(self.real(factor.unwrap_or("rope.scaling.factor"), None))
            }
            None if factor.is_some() => Scaling::Linear(self.real(factor.unwrap_or_default(), None)),
            Some(Value::Text(kind)) if kind != "none" => {
                let kind = kind.escape_debug();
                self.problems.push(format!("llama.rope.scaling.type is \"{kind}\"; supported are none and linear"));
                Scaling::None
            }
            _ => Scaling::None,
        }
    }

    fn size(&mut self, name: &str, default: Option<usize>) -> usize {
        match (self.values.get(&format!("llama.{name}")), default) {
            (Some(Value::Whole(n)), _) if (1..=1 << 24).contains(n) => *n as usize,
            (None, Some(default)) => default,
            (found, _) => {
                let what = if found.is_some() { "is no whole number from 1 to 16,777,216" } else { "is missing" };
                self.problems.push(format!("llama.{name} {what}"));
                1
            }
        }
    }

    fn real(&mut self, name: &str, default: Option<f64>) -> f64 {
        match (self.values.get(&format!("llama.{name}")), default) {
            // Files hold f32, whose decimal form is what was meant: 1e-5, not 9.999999747378752e-6.
            (Some(Value::Real(x)), _) if *x > 0.0 && x.is_finite() => (*x as f32).to_string().parse().unwrap_or(*x),
            (None, Some(default)) => default,
            (found, _) => {
                let what = if found.is_some() { "is no number above 0" } else { "is missing" };
                self.problems.push(format!("llama.{name} {what}"));
                1.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::network::{Asked, Noise, Trainable, greedy};
    use crate::nn::sequences::{IGNORED, Seen, Sequences};
    use candle_core::Device;

    #[test]
    fn rows_of_pairs_become_rows_of_halves() {
        // Two heads of 4 rows: pairs (0, 1) and (2, 3) of llama.cpp are rows 0, 2 and 1, 3 of Hugging Face.
        let rows: Vec<f32> = (0..8).map(|i| i as f32).collect();
        let tensor = Tensor::from_vec(rows, (8, 1), &Device::Cpu).unwrap();
        let found = halves(&tensor, 2).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(found, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    /// llama.cpp's `convert_hf_to_gguf.py` writes the plain frequency divided by the scaled one, in f32;
    /// tests/goldens/make_rope.py has transformers' of both.
    #[test]
    fn scaling_is_found_from_what_frequencies_are_divided_by() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/rope.json");
        let golden: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut seen = 0;
        for case in golden["cases"].as_array().unwrap() {
            let parameters = &case["rope_parameters"];
            let plain =
                Rotary { theta: parameters["rope_theta"].as_f64().unwrap(), positions: 8, scaling: Scaling::None };
            let scaled = case["frequencies"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
            let divisors: Vec<f32> = plain.frequencies(64).iter().zip(scaled).map(|(x, y)| (x / y) as f32).collect();
            let found = frequencies(plain, &divisors).map(|rotary| rotary.scaling);
            let expected = match (parameters["rope_type"].as_str().unwrap(), parameters["high_freq_factor"].as_f64()) {
                ("default", _) => Some(Scaling::None),
                ("llama3", Some(4.0)) => Some(Scaling::Llama3 { factor: 32.0, low: 1.0, high: 4.0, original: 8192.0 }),
                _ => None,
            };
            assert_eq!(found, expected, "{parameters}");
            seen += 1;
        }
        assert_eq!(seen, 4);
    }

    #[test]
    fn names_are_those_of_the_decoder() {
        for (name, expected) in [
            ("token_embd.weight", Some("model.embed_tokens.weight")),
            ("blk.7.attn_k.weight", Some("model.layers.7.self_attn.k_proj.weight")),
            ("blk.x.attn_k.weight", None),
            ("blk.0.attn_k.bias", None),
        ] {
            assert_eq!(canonical(name).map(|(name, _)| name).as_deref(), expected);
        }
    }

    /// SmolLM2-135M-Instruct as `scripts/real_data.sh` fetches it, against transformers (tests/goldens/make_smollm2.py).
    #[test]
    #[ignore = "needs the model's file, 93 MB: scripts/real_data.sh"]
    fn smollm2_has_the_logits_and_continuations_of_transformers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var_os("FSCHED_REAL_DATA").map_or_else(|| root.join("data-cache"), Into::into);
        let path = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
        let mut network = Network::new(architecture(&path).unwrap(), 0, &Device::Cpu).unwrap();
        load(&mut network, &path).unwrap();
        let text = std::fs::read_to_string(root.join("tests/goldens/smollm2.json")).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let numbers = |json: &serde_json::Value| -> Vec<f64> {
            json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        for case in golden["cases"].as_array().unwrap() {
            let ids: Vec<u32> = numbers(&case["ids"]).into_iter().map(|id| id as u32).collect();
            let length = ids.len();
            let sequences = Sequences {
                count: 1,
                length,
                ids,
                real: vec![true; length],
                targets: vec![IGNORED; length],
                pictures: vec![],
                seen: Seen::Nothing,
            };
            let (asked, tape) = (Asked::At(&[length as u32 - 1]), network.tape());
            let forward = network.read(&tape, &sequences, asked, Trainable::None, Noise::Off).unwrap();
            let logits = forward.logits.tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let some = logits.iter().step_by(997).map(|x| f64::from(*x));
            let top = case["top"].as_array().unwrap().iter().map(numbers);
            let pairs = some.zip(numbers(&case["some"])).chain(top.map(|t| (f64::from(logits[t[0] as usize]), t[1])));
            let error = pairs.fold(0f64, |worst, (found, expected)| worst.max((found - expected).abs()));
            assert!(error < 1e-3, "{}: logits differ by {error:e}", case["text"]);
            let made = network.generate(&sequences, 24, &[], |_, logits| greedy(logits)).unwrap();
            let expected: Vec<u32> = numbers(&case["continuation"]).into_iter().map(|id| id as u32).collect();
            assert_eq!(made[0], expected, "{}", case["continuation_text"]);
        }
    }
}
