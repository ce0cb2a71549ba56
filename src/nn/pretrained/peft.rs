//! Adapters in PEFT's folders: `adapter_config.json` and `adapter_model.safetensors`.

use super::config::Form;
use super::names::{canonical, in_memory};
use crate::disk;
use crate::nn::architecture::{Adapter, Linear};
use crate::nn::network::Network;
use crate::nn::weights::{self, Mismatch, WeightsError};
use crate::reading::{self, json, limits};
use candle_core::{DType, Tensor};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
const PREFIX: &str = "base_model.model.";

/// Fields that change the mathematics where they are anything else than this; what is not named here does not, or says
/// how the adapter was begun or trained.
const REFUSED: [(&str, &str); 18] = [
    ("use_dora", "false"),
    ("lora_bias", "false"),
    ("fan_in_fan_out", "false"),
    ("use_qalora", "false"),
    ("ensure_weight_tying", "false"),
    ("bias", "\"none\""),
    ("alpha_pattern", "{}"),
    ("layer_replication", "null"),
    ("target_parameters", "null"),
    ("modules_to_save", "null"),
    ("trainable_token_indices", "null"),
    ("alora_invocation_tokens", "null"),
    ("arrow_config", "null"),
    ("use_bdlora", "null"),
    ("kasa_config", "null"),
    ("monteclora_config", "null"),
    ("velora_config", "null"),
    ("loftq_config", "{}"),
];

/// An adapter of a folder: what it adds to which layers.
#[derive(Clone, Debug)]
pub struct Peft {
    pub alpha: f64,
    pub rslora: bool,
    pub dropout: f64,
    /// a (r, F) and b (O, r), f32, by the layer's name here
    pub factors: BTreeMap<String, [Tensor; 2]>,
}

impl Peft {
    /// Reads a folder that was made for a network of this form.
    ///
    /// # Errors
    /// Everything in its configuration that would change the mathematics and is not supported, at once; tensors that are
    /// no factors, or that the network has no layer for, at once.
    pub fn read(folder: &Path, network: &Network, form: Form) -> Result<Peft, WeightsError> {
        let config = configuration(folder)?;
        let path = folder.join(TENSORS);
        let mut halves: BTreeMap<String, [Option<Tensor>; 2]> = BTreeMap::new();
        let mut mismatch = Mismatch::default();
        weights::each(&path, |name, tensor| {
            let found = name.strip_prefix(PREFIX).and_then(half);
            let layer = found.and_then(|(layer, half)| Some((canonical(form, layer)?, half)));
            match layer {
                Some((layer, half)) => halves.entry(layer).or_default()[half] = Some(tensor.to_dtype(DType::F32)?),
                None => mismatch.extra.push(name.escape_debug().to_string()),
            }
            Ok(())
        })?;
        let linears: BTreeMap<&str, &Linear> =
            network.architecture().linears().into_iter().map(|linear| (linear.name.as_str(), linear)).collect();
        let mut factors = BTreeMap::new();
        for (layer, halves) in halves {
            let (Some(linear), [Some(a), Some(b)]) = (linears.get(layer.as_str()), halves) else {
                let known = linears.contains_key(layer.as_str());
                let list = if known { &mut mismatch.missing } else { &mut mismatch.extra };
                list.push(if known { format!("one of the two factors of {layer}") } else { layer });
                continue;
            };
            match (a.dims(), b.dims()) {
                ([r, f], [o, q]) if r == q && [*f, *o] == [linear.input, linear.output] => {
                    factors.insert(layer, [a, b]);
                }
                (a, b) => mismatch.misshapen.push(format!(
                    "the factors of {layer} are {a:?} and {b:?}, its weight is {}x{}",
                    linear.output, linear.input
                )),
            }
        }
        if mismatch != Mismatch::default() {
            return Err(WeightsError::Mismatch { path, mismatch });
        }
        let number = |name: &str, default: f64| config[name].as_f64().unwrap_or(default);
        // PEFT's own defaults.
        let (alpha, dropout) = (number("lora_alpha", 8.0), number("lora_dropout", 0.0));
        Ok(Peft { alpha, rslora: config["use_rslora"] == true, dropout, factors })
    }

    /// The network with these adapters under a name.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn onto(&self, network: Network, name: &str) -> candle_core::Result<Network> {
        let mut architecture = network.architecture().clone();
        for (layer, [a, _]) in &self.factors {
            let rank = a.dim(0)?;
            let adapter = Adapter {
                name: name.to_string(),
                rank,
                scale: scale(self.alpha, rank, self.rslora),
                dropout: self.dropout,
                experts: 1,
            };
            architecture = architecture.adapted(&adapter, |linear| linear == layer).0;
        }
        let mut network = network.rebuilt(architecture, 0)?;
        for (layer, [a, b]) in &self.factors {
            network.take_over(&format!("{layer}.lora_A.{name}.weight"), a)?;
            network.take_over(&format!("{layer}.lora_B.{name}.weight"), b)?;
        }
        Ok(network)
    }
}

/// alpha / r, and with rank stabilization alpha / √r (Kalajdzievski 2023, arXiv 2312.03732).
pub fn scale(alpha: f64, rank: usize, rslora: bool) -> f64 {
    alpha / if rslora { (rank as f64).sqrt() } else { rank as f64 }
}

/// Writes the adapters of that name, so that PEFT loads them: `base` is what it finds the model by.
///
/// # Errors
/// If there are none, they differ in scale, or are mixtures, which PEFT has not; what the file system says.
pub fn write(network: &Network, name: &str, form: Form, base: &str, folder: &Path) -> Result<(), WeightsError> {
    let linears = network.architecture().linears();
    let of_name =
        |linear: &&Linear| Some(((*linear).clone(), linear.adapters.iter().find(|a| a.name == name)?.clone()));
    let adapted: Vec<(Linear, Adapter)> = linears.iter().filter_map(of_name).collect();
    let refuse = |what: String| WeightsError::Form { path: folder.into(), form: "PEFT", what };
    let Some((_, first)) = adapted.first() else { return Err(refuse(format!("the model has no adapter {name}"))) };
    if adapted.iter().any(|(_, adapter)| adapter != first || adapter.experts > 1) {
        return Err(refuse("only adapters of one rank and scale, without experts, have a form there".into()));
    }
    let mut tensors = BTreeMap::new();
    for (linear, adapter) in &adapted {
        for which in ["lora_A", "lora_B"] {
            let tensor =
                network.index_of(&adapter.tensor(&linear.name, which)).map(|i| &network.parameters()[i].tensor);
            let tensor = tensor.ok_or_else(|| refuse(format!("there is no {which} of {}", linear.name)))?;
            tensors.insert(format!("{PREFIX}{}.{which}.weight", in_memory(form, &linear.name)), tensor.clone());
        }
    }
    let targets: Vec<String> = adapted.iter().map(|(linear, _)| in_memory(form, &linear.name)).collect();
    let config = json!({
        "peft_type": "LORA",
        "task_type": if form == Form::Llama { json!("CAUSAL_LM") } else { Json::Null },
        "base_model_name_or_path": base,
        "revision": null,
        "inference_mode": true,
        "r": first.rank,
        "lora_alpha": first.scale * first.rank as f64,
        "lora_dropout": first.dropout,
        "target_modules": targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "use_rslora": false,
        "use_dora": false,
        "modules_to_save": null,
        "init_lora_weights": true,
    });
    let text = format!("{config:#}\n");
    let io = |source| WeightsError::Write { source };
    std::fs::create_dir_all(folder).map_err(|source| WeightsError::Io { path: folder.into(), source })?;
    weights::write(&tensors, &folder.join(TENSORS))?;
    // Last, so that a folder with a configuration is whole.
    disk::write_whole(&folder.join(CONFIG), text.as_bytes()).map_err(io)
}

/// `adapter_config.json`, if all that it asks for is supported.
fn configuration(folder: &Path) -> Result<Json, WeightsError> {
    let path = folder.join(CONFIG);
    let bad = |what: String| WeightsError::Form { path: path.clone(), form: "PEFT", what };
    let text = reading::content(&path, limits::MANIFEST_BYTES)
        .map_err(|source| WeightsError::Io { path: path.clone(), source })?;
    let config: Json = json::parse(&text, json::Kind::Any).map_err(|e| bad(format!("it is no JSON: {e}")))?;
    let mut problems = Vec::new();
    if config["peft_type"] != "LORA" {
        problems.push(format!("peft_type is {}, only \"LORA\" is read", config["peft_type"]));
    }
    for (name, supported) in REFUSED {
        let value = config.get(name).filter(|value| !value.is_null());
        let empty = |value: &Json| value.as_array().is_some_and(Vec::is_empty);
        let Some(value) = value.filter(|value| !empty(value)) else { continue };
        let text = value.to_string();
        if text != supported {
            problems.push(format!("{name} is {text}, only {supported} is supported"));
        }
    }
    // These change the base weights when training begins.
    let begun = &config["init_lora_weights"];
    if begun.is_string() && begun != "gaussian" && begun != "orthogonal" {
        problems.push(format!("init_lora_weights is {begun}, which changes the base model"));
    }
    if problems.is_empty() { Ok(config) } else { Err(bad(problems.join("; "))) }
}

/// The layer that a tensor belongs to, and which of its factors it is.
fn half(name: &str) -> Option<(&str, usize)> {
    let of = |suffix: &str| name.strip_suffix(suffix);
    of(".lora_A.weight").map(|layer| (layer, 0)).or_else(|| of(".lora_B.weight").map(|layer| (layer, 1)))
}
