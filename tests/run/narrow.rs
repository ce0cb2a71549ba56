//! Weights that files keep in two bytes a number stay so until something changes them, and nothing else does.

use crate::support::*;
use candle_core::{DType, Device, Tensor};
use fsched::nn::network::Network;
use fsched::nn::weights;
use fsched::plan::Footprint;
use std::collections::BTreeMap;
use std::path::Path;

const MODEL: &str = "data quiz(order: [option, count], train: 16, test: 4)\nmodel vlm(\"decoder\", vision: clip(\"clip\"))\n\
                     batch 8; optimizer adamw(lr: 1e-2)\n";

const LORA: &str = "adapt lora(rank: 2, on: language - head)";

const PARTS: [(&str, &str); 2] = [("decoder", "language_model."), ("clip", "vision_tower.")];

/// A decoder and a tower without weights.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let decoder = r#"{ "model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "vocab_size": 512,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "tie_word_embeddings": true,
        "initializer_range": 0.2, "torch_dtype": "bfloat16" }"#;
    let tower = r#"{ "model_type": "clip_vision_model", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 3,
        "num_attention_heads": 2, "image_size": 32, "patch_size": 16 }"#;
    for (part, config) in [("decoder", decoder), ("clip", tower)] {
        std::fs::create_dir(at(part)).unwrap();
        std::fs::write(at(part).join("config.json"), config).unwrap();
    }
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/text/bytes");
    for file in std::fs::read_dir(tokenizer).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), at("decoder").join(file.file_name())).unwrap();
    }
    folder
}

/// Weights that `dtype` has exactly, written as `stored`.
fn write(folder: &Path, dtype: DType, stored: DType) {
    let model = program_in(folder, &format!("{MODEL}train 1")).model.clone();
    let all = Network::new(model.architecture.clone(), 7, &Device::Cpu).unwrap().state_dict().unwrap();
    let converted = |tensor: &Tensor| tensor.to_dtype(dtype).and_then(|tensor| tensor.to_dtype(stored)).unwrap();
    let whole: BTreeMap<String, Tensor> = all.iter().map(|(name, tensor)| (name.clone(), converted(tensor))).collect();
    weights::write(&whole, &folder.join("all.safetensors")).unwrap();
    for (part, prefix) in PARTS {
        let tensors =
            all.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_string(), converted(tensor))));
        let tensors: BTreeMap<String, Tensor> = tensors.collect();
        weights::write(&tensors, &folder.join(part).join("model.safetensors")).unwrap();
    }
}

/// By name, whether the tensors of a file have two bytes a number.
fn stored(path: &Path) -> BTreeMap<String, bool> {
    let facts = weights::describe(path).unwrap().into_iter();
    facts.map(|facts| (facts.name, facts.dtype.bitsize() == 16)).collect()
}

#[test]
fn runs_have_the_bits_of_those_from_four_bytes() {
    let programs = [
        // Learned from, asked, merged, learned again: of the decoder's layers only the embedding is never changed.
        format!("{LORA}\ntrain 3 steps\nevaluate truth_alignment, loss on test\nmerge adapters\ntrain 3 steps"),
        // What is trained comes back narrow between two steps.
        format!(
            "{LORA}\nthaw embeddings\ncheckpoint \"a\"\ntrain 3 steps {{ every 1 step {{ rollback \"a\" }} }}\ntrain 2 steps"
        ),
        "train_only vision + projector\ntrain 2 steps\nforget projector 50% by: random".to_string(),
        format!("recompute blocks\n{LORA}\nthaw embeddings\ntrain 2 steps"),
        // Importances of what is no longer trained, and narrow again.
        format!(
            "{LORA}\nthaw embeddings\ntrain 2 steps\nprotect adapters by: fisher, tasks: quiz(order: [option, count], train: 16, test: 4)[0], examples: 4\nfreeze embeddings\n\
             weights \"all.safetensors\" on: embeddings\ntrain 2 steps"
        ),
    ];
    for dtype in [DType::BF16, DType::F16] {
        for text in &programs {
            let [four, two] = [DType::F32, dtype].map(|stored| {
                let folder = place();
                write(folder.path(), dtype, stored);
                let program = program_in(folder.path(), &format!("{MODEL}{text}\nevaluate loss on test"));
                run_with(&program, 2, |world| world.places.program = folder.path().into())
            });
            assert_eq!(four.summary().steps, two.summary().steps);
            for metric in ["test.truth_alignment", "test.loss"] {
                assert_eq!(four.measured(metric), two.measured(metric), "{text}");
            }
            let (a, b) = (four.weights("final.safetensors"), two.weights("final.safetensors"));
            assert!(a.keys().eq(b.keys()));
            for (name, numbers) in &a {
                assert!(*numbers == b[name], "{dtype:?}, {text}: {name}");
            }
        }
    }
}

#[test]
fn what_nothing_changes_is_written_as_it_came() {
    let folder = place();
    write(folder.path(), DType::BF16, DType::BF16);
    let run = |text: &str| {
        let program = program_in(folder.path(), &format!("{MODEL}{text}"));
        run_with(&program, 1, |world| world.places.program = folder.path().into())
    };
    let frozen = stored(&run(&format!("{LORA}\ntrain 1 step")).path("final.safetensors"));
    for (name, narrow) in &frozen {
        let matrix = !name.contains("norm") && !name.contains("layrnorm") && name.ends_with(".weight");
        let product =
            matrix && !name.contains("lora") && !name.contains("projector") && !name.contains("patch_embedding");
        assert_eq!(
            *narrow,
            product || name.contains("vision_model.encoder.layers.2") || name.contains("post_layernorm"),
            "{name}"
        );
    }
    let trained = stored(&run("train_only embeddings\ntrain 1 step").path("final.safetensors"));
    let differ: Vec<&String> =
        trained.iter().filter(|(name, narrow)| frozen.get(*name) != Some(narrow)).map(|(name, _)| name).collect();
    assert_eq!(
        differ,
        ["language_model.model.embed_tokens.weight", "vision_tower.vision_model.embeddings.position_embedding.weight"]
    );
    // A checkpoint has both kinds, and gives both back.
    let learned = format!("{LORA}\ntrain 2 steps\nmerge adapters\ncheckpoint \"half\"");
    let outcome = run(&learned);
    let half = outcome.path("checkpoints/half/weights.safetensors");
    std::fs::copy(&half, folder.path().join("half.safetensors")).unwrap();
    let loaded = run(&format!("{LORA}\nweights \"half.safetensors\""));
    assert_eq!(outcome.weights("checkpoints/half/weights.safetensors"), loaded.weights("final.safetensors"));
    assert_eq!(stored(&half), stored(&loaded.path("final.safetensors")));
    assert_ne!(stored(&half), frozen);
}

#[test]
fn merged_weights_are_rounded_to_what_they_are_kept_in() {
    let merged = |folder: &Path, to: &str| {
        let text = format!("{MODEL}{LORA}\ntrain 3 steps\nmerge adapters{to}\nevaluate loss on test");
        let program = program_in(folder, &text);
        run_with(&program, 2, |world| world.places.program = folder.into())
    };
    let folder = place();
    for (name, dtype) in [("float16", DType::F16), ("bfloat16", DType::BF16)] {
        for came in [DType::F32, DType::BF16] {
            write(folder.path(), DType::BF16, came);
            let exact = merged(folder.path(), "");
            let outcome = merged(folder.path(), &format!(" dtype: {name}"));
            let [file, exact_file] = [&outcome, &exact].map(|outcome| outcome.path("final.safetensors"));
            let (narrow, exactly_narrow) = (stored(&file), stored(&exact_file));
            let (found, exact) = (outcome.numbers("final.safetensors"), exact.numbers("final.safetensors"));
            assert!(found.keys().eq(exact.keys()));
            let factor = |tensor: &str| Some(format!("{}.lora_A.default.weight", tensor.strip_suffix(".weight")?));
            for (tensor, numbers) in exact {
                let adapted = factor(&tensor).is_some_and(|factor| found.contains_key(&factor));
                assert_eq!(narrow[&tensor], adapted || exactly_narrow[&tensor], "{tensor}");
                let all = Tensor::new(numbers.as_slice(), &Device::Cpu).unwrap();
                let rounded = all.to_dtype(dtype).and_then(|all| all.to_dtype(DType::F32)).unwrap();
                let expected = if adapted { rounded.to_vec1::<f32>().unwrap() } else { numbers };
                assert!(found[&tensor] == expected, "{tensor}");
            }
            // Learning goes on beside them.
            let text = format!("{MODEL}{LORA}\ntrain 3 steps\nmerge adapters dtype: {name}\ntrain 2 steps");
            let program = program_in(folder.path(), &text);
            let on = run_with(&program, 2, |world| world.places.program = folder.path().into());
            assert_eq!(stored(&on.path("final.safetensors")), narrow);
        }
    }
}

#[test]
fn a_merged_weight_beyond_the_range_of_its_type_is_told() {
    let folder = place();
    write(folder.path(), DType::F32, DType::F32);
    let file = folder.path().join("decoder/model.safetensors");
    let mut tensors = weights::read(&file).unwrap();
    let name = "model.layers.1.self_attn.q_proj.weight";
    tensors.insert(name.into(), Tensor::full(70_000f32, (16, 16), &Device::Cpu).unwrap());
    weights::write(&tensors, &file).unwrap();
    let program = program_in(folder.path(), &format!("{MODEL}{LORA}\nmerge adapters dtype: float16"));
    let outcome = run_with(&program, 1, |world| world.places.program = folder.path().into());
    let failure = format!("{:?}", outcome.error());
    assert!(
        failure.contains("layers.1.self_attn.q_proj.weight holds 70000: float16 ends at 65504, bfloat16 has the range"),
        "{failure}"
    );
}

#[test]
fn weights_that_must_be_of_four_bytes_are_rounded_too() {
    let text = "data digits(train: 64)\nmodel mlp(hidden: [16])\nbatch 32\nadapt lora(rank: 4)\ntrain 1\nmerge adapters dtype: bfloat16";
    let outcome = run_program(&program(text));
    let bits = outcome.weights("final.safetensors");
    assert!(bits["fc1.weight"].iter().all(|x| x & 0xffff == 0));
    assert!(bits["fc1.bias"].iter().any(|x| x & 0xffff != 0));
    assert!(!stored(&outcome.path("final.safetensors"))["fc1.weight"]);
}

#[test]
fn the_plan_counts_two_bytes_where_they_stay() {
    let folder = place();
    let needed = |text: &str| Footprint::of(&program_in(folder.path(), &format!("{MODEL}{text}")));
    let bytes = |text: &str| needed(text).checkpoint_bytes;
    let frozen = &format!("{LORA}\ntrain 1 step");
    // The decoder's config.json says that it has two bytes a number, the tower's nothing.
    let announced = bytes(frozen);
    write(folder.path(), DType::BF16, DType::F32);
    let (four, peak) = (bytes(frozen), needed(frozen).peak_memory_bytes);
    write(folder.path(), DType::BF16, DType::BF16);
    let two = bytes(frozen);
    assert!(needed(frozen).peak_memory_bytes < peak);
    assert!(two < announced && announced < four, "{two} {announced} {four}");
    // The tower's last layers, which no pass uses, are all that stays.
    let idle = 4 * 24 * 24 + 2 * 24 * 32 + 5 * 24 + 32 + 6 * 24;
    // In the checkpoint that stays, the one that is written, and the final weights; two bytes each.
    let idle = 3 * 2 * idle;
    for changing in ["train 1 step", "train_only projector; train 1 step; forget all 10%"] {
        let two = bytes(changing);
        write(folder.path(), DType::BF16, DType::F32);
        assert_eq!(two + idle, bytes(changing), "{changing}");
        write(folder.path(), DType::BF16, DType::BF16);
    }
    let fisher = bytes(&format!(
        "{frozen}; thaw embeddings; protect adapters by: fisher, tasks: quiz(order: [option, count], train: 16, test: 4)[0]; freeze embeddings; train 1 step"
    ));
    // The embedding of 512 tokens in 16 numbers, and that of 5 places of a picture in 24.
    assert_eq!(fisher, two + 3 * 2 * (512 * 16 + 5 * 24));
    let merged = bytes(&format!("{frozen}; merge adapters; train 1 step"));
    assert!(two < merged && merged < four, "{two} {merged} {four}");
    assert_eq!(bytes(&format!("{frozen}; merge adapters dtype: float16; train 1 step")), two);
}
