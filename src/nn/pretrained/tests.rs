//! Models that transformers saved (tests/goldens/make_language.py): logits, continuations, layouts, what does not fit.

use super::*;
use crate::nn::architecture::PartKind;
use crate::nn::check::max_error;
use crate::nn::network::{Asked, Network, Noise, Trainable, greedy};
use crate::nn::ops;
use crate::nn::sequences::{IGNORED, Seen, Sequences};
use crate::nn::weights;
use candle_core::{Device, Tensor};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn folder(name: &str) -> PathBuf {
    goldens().join("language").join(name)
}

fn config(folder: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(folder.join("config.json")).unwrap()).unwrap()
}

fn pretrained(folder: &Path) -> Network {
    let Pretrained { architecture, form } = Pretrained::of(&config(folder)).unwrap();
    let mut network = Network::new(architecture, 0, &Device::Cpu).unwrap();
    load(&mut network, form, folder).unwrap();
    network
}

fn load_goldens() -> (HashMap<String, Tensor>, Vec<Json>) {
    let tensors = candle_core::safetensors::load(goldens().join("language.safetensors"), &Device::Cpu).unwrap();
    let json: Json = serde_json::from_str(&std::fs::read_to_string(goldens().join("language.json")).unwrap()).unwrap();
    (tensors, json["cases"].as_array().unwrap().clone())
}

fn list<T>(json: &Json, item: impl Fn(&Json) -> T) -> Vec<T> {
    json.as_array().unwrap().iter().map(item).collect()
}

fn sequences(case: &Json, seen: Seen) -> Sequences {
    let rows = list(&case["ids"], |row| list(row, |id| id.as_u64().unwrap() as u32));
    let (count, length) = (rows.len(), rows[0].len());
    let real = list(&case["real"], |row| list(row, |real| real.as_bool().unwrap())).concat();
    let pictures = case["pictures"].as_array().into_iter().flatten().map(|at| at.as_u64().unwrap() as usize);
    let targets = vec![IGNORED; count * length];
    Sequences { count, length, ids: rows.concat(), real, targets, pictures: pictures.collect(), seen }
}

/// Logits of the real positions.
fn logits(network: &Network, sequences: &Sequences) -> Tensor {
    let real: Vec<u32> = (0..).zip(&sequences.real).filter(|(_, real)| **real).map(|(at, _)| at).collect();
    let tape = network.tape();
    network.read(&tape, sequences, Asked::At(&real), Trainable::None, Noise::Off).unwrap().logits.tensor().clone()
}

#[test]
fn logits_are_those_of_transformers() {
    let (tensors, cases) = load_goldens();
    let (llama, llava) = (pretrained(&folder("llama")), pretrained(&folder("llava")));
    let mut seen = 0;
    for case in cases.iter().filter(|case| case["model"].is_string()) {
        let name = case["name"].as_str().unwrap();
        let expected = &tensors[&format!("{name}.logits")];
        let pixels = tensors.get(&format!("{name}.pixels"));
        let network = if case["model"] == "llama" { &llama } else { &llava };
        let found = logits(network, &sequences(case, pixels.cloned().map_or(Seen::Nothing, Seen::Pixels)));
        let error = max_error(&found, expected);
        assert!(error < 1e-4, "{name}: logits differ by {error:e}");
        if let Some(pixels) = pixels {
            // What the tower made of the pictures once gives the same bits.
            let features = network.look(pixels).unwrap();
            let again = logits(network, &sequences(case, Seen::Features(features)));
            assert_eq!(max_error(&again, &found), 0.0);
        }
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn continuations_are_those_of_transformers_alone_and_together() {
    let (_, cases) = load_goldens();
    let llama = pretrained(&folder("llama"));
    let case = cases.iter().find(|case| case["name"] == "llama.greedy").unwrap();
    let rows = |json: &Json| list(json, |row| list(row, |id| id.as_u64().unwrap() as u32));
    let (prompts, expected) = (rows(&case["prompts"]), rows(&case["continuations"]));
    let run = |prompts: &[Vec<u32>], ends: &[u32]| {
        let length = prompts.iter().map(Vec::len).max().unwrap();
        let padded = |p: &Vec<u32>| [vec![0; length - p.len()], p.clone()].concat();
        let real = |p: &Vec<u32>| [vec![false; length - p.len()], vec![true; p.len()]].concat();
        let sequences = Sequences {
            count: prompts.len(),
            length,
            ids: prompts.iter().flat_map(padded).collect(),
            real: prompts.iter().flat_map(real).collect(),
            targets: vec![IGNORED; prompts.len() * length],
            pictures: vec![],
            seen: Seen::Nothing,
        };
        llama.generate(&sequences, 8, ends, |_, logits| greedy(logits)).unwrap()
    };
    assert_eq!(run(&prompts, &[]), expected);
    for (prompt, expected) in prompts.iter().zip(&expected) {
        assert_eq!(&run(std::slice::from_ref(prompt), &[])[0], expected);
    }
    // A row ends with the token that ends it, whatever the others do.
    let ended = run(&prompts, &[4]);
    for (ended, expected) in ended.iter().zip(&expected) {
        let end = expected.iter().position(|token| *token == 4).map_or(8, |at| at + 1);
        assert_eq!(ended, &expected[..end]);
    }
}

/// The weights of `source` in one file of a new folder, under other names.
fn renamed(source: &str, target: &Path, config: &Json, rename: impl Fn(&str) -> Option<String>) {
    let mut tensors = BTreeMap::new();
    for file in Shards::of(&folder(source)).unwrap().files {
        tensors.extend(weights::read(&file).unwrap().into_iter().filter_map(|(name, t)| Some((rename(&name)?, t))));
    }
    weights::write(&tensors, &target.join("model.safetensors")).unwrap();
    std::fs::write(target.join("config.json"), config.to_string()).unwrap();
}

#[test]
fn each_layout_of_the_same_model_is_read() {
    let known = pretrained(&folder("llava")).state_dict().unwrap();
    let config = config(&folder("llava"));
    let older = |name: &str| Some(name.replace("vision_tower.", "vision_tower.vision_model."));
    let newer = |name: &str| {
        Some(match name.strip_prefix("language_model.model.") {
            Some(rest) => format!("model.language_model.{rest}"),
            None if name.starts_with("language_model.") => name.replace("language_model.", ""),
            None => format!("model.{name}"),
        })
    };
    for newest in [false, true] {
        let target = tempfile::tempdir().unwrap();
        renamed("llava", target.path(), &config, |name| if newest { newer(name) } else { older(name) });
        let found = pretrained(target.path()).state_dict().unwrap();
        assert!(found.keys().eq(known.keys()));
        assert!(found.iter().all(|(name, tensor)| max_error(tensor, &known[name]) == 0.0));
    }
}

#[test]
fn all_that_does_not_fit_is_told_at_once() {
    let mut config = config(&folder("llava"));
    config["text_config"]["hidden_act"] = json!("gelu");
    config["text_config"]["num_key_value_heads"] = json!(3);
    config["vision_config"]["patch_size"] = json!("8");
    config["vision_feature_layer"] = json!(-9);
    let problems = Pretrained::of(&config).unwrap_err();
    for expected in [
        "text_config.hidden_act is \"gelu\"; supported is silu",
        "text_config.num_key_value_heads is 3, which does not divide 4 heads",
        "vision_config.patch_size is \"8\", not a whole number",
        "vision_feature_layer is -9; the tower has 3 layers",
    ] {
        assert!(problems.iter().any(|p| p.starts_with(expected)), "{expected}: {problems:#?}");
    }
    assert!(problems.len() <= 5, "{problems:#?}");
    assert_eq!(
        Pretrained::of(&json!({"model_type": "gpt2"})).unwrap_err(),
        ["model_type is \"gpt2\"; supported are llama and llava"]
    );
}

#[test]
fn weights_that_are_missing_or_strange_are_named() {
    let config = config(&folder("llama"));
    let target = tempfile::tempdir().unwrap();
    let rename = |name: &str| (!name.contains("layers.1.mlp.up")).then(|| name.replace("layers.0.mlp.down", "strange"));
    renamed("llama", target.path(), &config, rename);
    let Pretrained { architecture, form } = Pretrained::of(&config).unwrap();
    let mut network = Network::new(architecture, 0, &Device::Cpu).unwrap();
    let before = network.copy().unwrap().state_dict().unwrap();
    let error = load(&mut network, form, target.path()).unwrap_err().to_string();
    for name in
        ["2 missing", "layers.0.mlp.down_proj.weight", "layers.1.mlp.up_proj.weight", "model.strange_proj.weight"]
    {
        assert!(error.contains(name), "{name}: {error}");
    }
    let after = network.state_dict().unwrap();
    assert!(after.iter().all(|(name, tensor)| max_error(tensor, &before[name]) == 0.0));
    std::fs::remove_file(target.path().join("model.safetensors")).unwrap();
    std::fs::write(target.path().join("pytorch_model.bin"), "").unwrap();
    let error = load(&mut network, form, target.path()).unwrap_err().to_string();
    assert!(error.contains("pickles"), "{error}");
    std::fs::write(target.path().join("model.safetensors.index.json"), r#"{"weight_map": {"a": "b.safetensors"}}"#)
        .unwrap();
    let error = load(&mut network, form, target.path()).unwrap_err().to_string();
    assert!(error.contains("missing: b.safetensors"), "{error}");
}

/// A model with the adapter that PEFT saved for it.
fn adapted(name: &str) -> (Network, Form) {
    let base = pretrained(&folder(name));
    let form = if name == "llama" { Form::Llama } else { Form::Llava };
    let found = peft::Peft::read(&folder(&format!("adapter_{name}")), &base, form).unwrap();
    (found.onto(base, "default").unwrap(), form)
}

/// A model's case of make_lora.py, with its labels as targets.
fn lora_case(name: &str, goldens: &HashMap<String, Tensor>) -> Sequences {
    let (tensors, cases) = load_goldens();
    let case = if name == "llama" { "llama.right" } else { name };
    let case = cases.iter().find(|c| c["name"] == case).unwrap();
    let pixels = tensors.get("llava.pixels").filter(|_| name == "llava");
    let mut sequences = sequences(case, pixels.cloned().map_or(Seen::Nothing, Seen::Pixels));
    let labels = goldens[&format!("{name}.labels")].to_vec2::<i64>().unwrap();
    let target = |label: i64| u32::try_from(label).unwrap_or(IGNORED);
    sequences.targets = labels.into_iter().flat_map(|row| row.into_iter().map(target).chain([IGNORED])).collect();
    sequences
}

#[test]
fn adapters_have_the_logits_and_gradients_of_peft() {
    let goldens = candle_core::safetensors::load(self::goldens().join("lora.safetensors"), &Device::Cpu).unwrap();
    for name in ["llama", "llava"] {
        let (network, form) = adapted(name);
        let sequences = lora_case(name, &goldens);
        let error = max_error(&logits(&network, &sequences), &goldens[&format!("{name}.logits")]);
        assert!(error < 1e-4, "{name}: logits differ by {error:e}");
        let trained: Vec<bool> = network.parameters().iter().map(|p| p.part.kind == PartKind::Adapter).collect();
        let tape = network.tape();
        let forward = network.read(&tape, &sequences, Asked::Learned, Trainable::Only(&trained), Noise::Off).unwrap();
        let targets: Vec<u32> = sequences.targets.iter().copied().filter(|t| *t != IGNORED).collect();
        let loss = ops::cross_entropy(&tape, &forward.logits, &targets, 0.0, ops::Reduction::Mean).unwrap();
        let error = max_error(&loss.tensor().reshape(1).unwrap(), &goldens[&format!("{name}.loss")]);
        assert!(error < 1e-5, "{name}: the loss differs by {error:e}");
        let gradients = tape.backward(&loss).unwrap();
        let mut seen = 0;
        for (parameter, leaf) in network.parameters().iter().zip(&forward.leaves) {
            let Some(leaf) = leaf else { continue };
            let own = &parameter.part.name;
            let (layer, rest) = own.split_at(own.find(".lora_").unwrap());
            let key = format!("{name}.d.base_model.model.{}{rest}", names::in_memory(form, layer));
            let error = max_error(gradients.get(leaf).unwrap(), &goldens[&key]);
            assert!(error < 1e-4, "{key} differs by {error:e}");
            seen += 1;
        }
        assert_eq!(seen, goldens.keys().filter(|key| key.starts_with(&format!("{name}.d."))).count());
    }
}

#[test]
fn texts_with_adapters_go_on_as_those_of_the_merged_model() {
    let (adapted, _) = adapted("llama");
    let prompt = Sequences {
        count: 1,
        length: 3,
        ids: vec![3, 9, 27],
        real: vec![true; 3],
        targets: vec![IGNORED; 3],
        pictures: vec![],
        seen: Seen::Nothing,
    };
    let made = |network: &Network| network.generate(&prompt, 12, &[], |_, logits| greedy(logits)).unwrap();
    let with = made(&adapted);
    assert_eq!(with, made(&adapted.merge("default").unwrap()));
    assert_ne!(with, made(&pretrained(&folder("llama"))));
}

#[test]
fn merged_adapters_give_the_same_logits_and_are_gone() {
    let goldens = candle_core::safetensors::load(self::goldens().join("lora.safetensors"), &Device::Cpu).unwrap();
    for name in ["llama", "llava"] {
        let (network, _) = adapted(name);
        let sequences = lora_case(name, &goldens);
        let with = logits(&network, &sequences);
        let merged = network.merge("default").unwrap();
        assert!(merged.parameters().iter().all(|p| p.part.kind != PartKind::Adapter));
        let error = max_error(&logits(&merged, &sequences), &with);
        assert!(error < 1e-5, "{name}: {error:e}");
    }
}

#[test]
fn what_is_written_is_what_peft_wrote() {
    for name in ["llama", "llava"] {
        let (network, form) = adapted(name);
        let target = tempfile::tempdir().unwrap();
        peft::write(&network, "default", form, name, target.path()).unwrap();
        let read = |folder: &Path| weights::read(&folder.join("adapter_model.safetensors")).unwrap();
        let (found, expected) = (read(target.path()), read(&folder(&format!("adapter_{name}"))));
        assert!(found.keys().eq(expected.keys()), "{:?}", found.keys());
        assert!(found.iter().all(|(key, tensor)| max_error(tensor, &expected[key]) == 0.0));
        let again = peft::Peft::read(target.path(), &network, form).unwrap().onto(network, "default").unwrap();
        let goldens = candle_core::safetensors::load(self::goldens().join("lora.safetensors"), &Device::Cpu).unwrap();
        let error = max_error(&logits(&again, &lora_case(name, &goldens)), &goldens[&format!("{name}.logits")]);
        assert!(error < 1e-4, "{name}: {error:e}");
    }
}

#[test]
fn adapters_of_other_mathematics_or_layers_are_refused() {
    let base = pretrained(&folder("llama"));
    let target = tempfile::tempdir().unwrap();
    let source = folder("adapter_llama");
    std::fs::copy(source.join("adapter_model.safetensors"), target.path().join("adapter_model.safetensors")).unwrap();
    let mut config: Json =
        serde_json::from_str(&std::fs::read_to_string(source.join("adapter_config.json")).unwrap()).unwrap();
    let read = |config: &Json| {
        std::fs::write(target.path().join("adapter_config.json"), config.to_string()).unwrap();
        peft::Peft::read(target.path(), &base, Form::Llama).unwrap_err().to_string()
    };
    let of_another = peft::Peft::read(&folder("adapter_llava"), &base, Form::Llama).unwrap_err().to_string();
    assert!(of_another.contains("14 extra: model.language_model.layers.0.mlp.down_proj"), "{of_another}");
    config["use_dora"] = json!(true);
    config["modules_to_save"] = json!(["lm_head"]);
    config["init_lora_weights"] = json!("pissa");
    config["some_new_field"] = json!(3);
    let error = read(&config);
    for expected in ["use_dora is true", "modules_to_save is [\"lm_head\"]", "\"pissa\", which changes the base"] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn dropout_leaves_its_share_out_and_depends_on_sequence_and_clock_alone() {
    let (network, _) = adapted("llava");
    let goldens = candle_core::safetensors::load(self::goldens().join("lora.safetensors"), &Device::Cpu).unwrap();
    let sequences = lora_case("llava", &goldens);
    let pass = |clock: u64, examples: &[u64]| {
        let tape = network.tape();
        let noise = Noise::Drawn { seed: 3, clock, examples };
        let asked = Asked::At(&[4, 5, 6, 11, 12]);
        network.read(&tape, &sequences, asked, Trainable::None, noise).unwrap().logits.tensor().clone()
    };
    let first = pass(1, &[7, 8, 9]);
    assert_eq!(max_error(&pass(1, &[7, 8, 9]), &first), 0.0);
    assert!(max_error(&pass(2, &[7, 8, 9]), &first) > 1e-4);
    // Only the second sequence has another id.
    let other = pass(1, &[7, 80, 9]);
    assert_eq!(max_error(&other.narrow(0, 0, 3).unwrap(), &first.narrow(0, 0, 3).unwrap()), 0.0);
    assert!(max_error(&other.narrow(0, 3, 2).unwrap(), &first.narrow(0, 3, 2).unwrap()) > 1e-5);
}

/// Writes adapters for `tests/goldens/check_peft.py`, which loads them in PEFT.
#[test]
#[ignore = "for tests/goldens/check_peft.py, which sets FSCHED_PEFT"]
fn adapters_for_peft() {
    let target = PathBuf::from(std::env::var_os("FSCHED_PEFT").expect("a folder in FSCHED_PEFT"));
    for name in ["llama", "llava"] {
        let (network, form) = adapted(name);
        peft::write(&network, "default", form, name, &target.join(name)).unwrap();
    }
}

/// tests/goldens/make_rope.py
#[test]
fn frequencies_of_positions_are_scaled_as_by_transformers() {
    let text = std::fs::read_to_string(goldens().join("rope.json")).unwrap();
    let golden: Json = serde_json::from_str(&text).unwrap();
    let head = golden["head"].as_u64().unwrap() as usize;
    for case in golden["cases"].as_array().unwrap() {
        let newer = json!({ "model_type": "llama", "rope_parameters": case["rope_parameters"] });
        let mut older = json!({ "model_type": "llama", "rope_theta": case["rope_parameters"]["rope_theta"] });
        older["rope_scaling"] = case["rope_parameters"].clone();
        for config in [newer, older] {
            let rotary = Decoder::of(&config).unwrap().rotary;
            for (found, expected) in rotary.frequencies(head).iter().zip(case["frequencies"].as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < 1e-6 * expected, "{config}: {found} for {expected}");
            }
        }
    }
    let yarn = json!({ "model_type": "llama", "rope_scaling": { "rope_type": "yarn", "factor": 4.0 } });
    assert_eq!(
        Decoder::of(&yarn).unwrap_err(),
        ["rope_scaling.rope_type is \"yarn\"; supported is default, linear, llama3"]
    );
}
