//! The programs of the documentation, and the examples in the descriptions, have no errors.

use candle_core::{DType, Device, Tensor};
use fsched::components::{Family, catalogue};
use fsched::diagnostic::Severity;
use fsched::language::{Disk, Options, analyze, statements};
use fsched::nn::architecture::Part;
use fsched::nn::network::Network;
use fsched::nn::weights;
use fsched::plan::Plan;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Codes and messages of the errors of a program.
fn errors(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.fsched");
    std::fs::write(&path, text).unwrap();
    let mut options = Options::default();
    options.places.program = root();
    options.places.data = root().join("data");
    let analysis = analyze(&path, &Disk { root: None }, &options);
    let errors = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| format!("{:?}: {}", d.code, d.message)).collect()
}

#[test]
fn programs_in_the_readme_and_the_manual() {
    let mut seen = 0;
    for page in ["README.md", "docs/language.md", "docs/authoring.md", "docs/robustness.md", "docs/conversations.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for program in text.split("```fsched\n").skip(1).filter_map(|b| b.split("```").next()) {
            assert_eq!(errors(program), Vec::<String>::new(), "{page}:\n{program}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "the README has programs");
}

/// Files and sessions of the manual: blocks of code with a name are written, and commands behind `$` print what stands below.
#[test]
fn sessions_in_the_manual() {
    let mut seen = 0;
    for page in ["docs/styles.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let place = tempfile::tempdir().unwrap();
        for block in text.split("\n```").skip(1).step_by(2) {
            let (info, body) = block.split_once('\n').unwrap();
            match info.split_once(' ') {
                Some((_, name)) => std::fs::write(place.path().join(name), format!("{body}\n")).unwrap(),
                None if info == "console" => {
                    for session in format!("\n{body}").split("\n$ ").skip(1) {
                        let (command, expected) = session.split_once('\n').unwrap_or((session, ""));
                        assert_eq!(printed(command, place.path()), expected.trim_end(), "{page}: {command}");
                        seen += 1;
                    }
                }
                None => {}
            }
        }
    }
    assert!(seen >= 4, "the manual has sessions");
}

/// What a command of a shell prints.
fn printed(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_fsched")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = std::process::Command::new("sh");
    let ran = shell.args(["-c", &format!("{command} 2>&1")]).current_dir(folder).env("PATH", path).output().unwrap();
    String::from_utf8(ran.stdout).unwrap().trim_end().to_string()
}

#[test]
fn every_example_and_pipeline() {
    let mut seen = 0;
    for folder in ["examples", "pipelines"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path: &Path = &entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "fsched") {
                assert_eq!(errors(&std::fs::read_to_string(path).unwrap()), Vec::<String>::new(), "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 4);
}

/// `pipelines/sefe`: with the base's weights and folders that hold configurations alone, no program has an error, and the arms
/// train equally long. Without them the errors name what is missing.
#[test]
fn arms_on_conversations_train_equally_long() {
    let data = tempfile::tempdir().unwrap();
    let analyzed = |path: &Path| {
        let mut options = Options::default();
        options.places.data = data.path().to_path_buf();
        analyze(path, &Disk { root: None }, &options)
    };
    let base = analyzed(&root().join("pipelines/sefe/base.fsched")).program.unwrap();
    let network = Network::new(base.model.architecture.clone(), 0, &Device::Cpu).unwrap();
    let paper = root().join("pipelines/sefe/paper_coin.fsched");
    let missing: Vec<String> = analyzed(&paper).diagnostics.iter().map(|d| d.message.clone()).collect();
    assert_eq!(missing, ["there is no `vicuna-7b-v1.5-projector`", "there is no `CoIN`"]);
    weights::write(&network.state_dict().unwrap(), &data.path().join("sefe_base.safetensors")).unwrap();
    write_coin(data.path());
    for name in ["vicuna-7b-v1.5-projector", "llava-1.5-7b-hf"] {
        write(data.path(), &format!("{name}/config.json"), LLAVA_7B.as_bytes());
    }
    let mut steps = BTreeSet::new();
    let entries = std::fs::read_dir(root().join("pipelines/sefe")).unwrap().map(|entry| entry.unwrap().path());
    for path in entries.filter(|path| path.is_file()) {
        let analysis = analyzed(&path);
        let errors = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        assert_eq!(errors.map(|d| d.message.as_str()).collect::<Vec<_>>(), Vec::<&str>::new(), "{}", path.display());
        let plan = Plan::new(Arc::new(analysis.program.unwrap()), &analysis.sources);
        let name = path.file_stem().unwrap().to_str().unwrap();
        match name {
            "base" => {}
            paper if paper.starts_with("paper") => {
                // 7 billion weights in f32.
                assert!(plan.footprint.peak_memory_bytes > 28 << 30, "{name}: {}", plan.footprint.peak_memory_bytes);
                assert!(plan.totals.flops().min > 1e14, "{name}");
            }
            _ => drop(steps.insert(plan.totals.train_steps.exact())),
        }
    }
    assert_eq!(steps, BTreeSet::from([Some(8 * 8 * 25)]));
}

/// `pipelines/sefe/smollm2`: with a folder in place of the decoder's file that holds its configuration alone, no program has an
/// error, and both arms train equally long.
#[test]
fn smollm2_learns_to_see_in_programs_without_errors() {
    let data = tempfile::tempdir().unwrap();
    let analyzed = |name: &str| {
        let mut options = Options::default();
        options.places.data = data.path().to_path_buf();
        let path = root().join(format!("pipelines/sefe/smollm2/{name}.fsched"));
        analyze(&path, &Disk { root: None }, &options)
    };
    let missing: Vec<String> = analyzed("sefe").diagnostics.into_iter().map(|d| d.message).collect();
    assert_eq!(missing, ["there is no `SmolLM2-135M-Instruct.Q4_1.gguf`", "there is no `easy-vqa`"]);
    write(data.path(), "SmolLM2-135M-Instruct.Q4_1.gguf/config.json", SMOLLM2.as_bytes());
    let questions = [
        ("what color is the shape?", "blue"),
        ("what shape is present?", "circle"),
        ("is there a circle?", "yes"),
        ("is there not a blue shape?", "no"),
    ];
    let questions: Vec<_> = questions.iter().map(|(question, answer)| json!([question, answer, 0])).collect();
    for split in ["train", "test"] {
        write(data.path(), &format!("easy-vqa/{split}/questions.json"), json!(questions).to_string().as_bytes());
        let picture = image::RgbImage::from_pixel(64, 64, image::Rgb([9, 99, 200]));
        std::fs::create_dir_all(data.path().join(format!("easy-vqa/{split}/images"))).unwrap();
        picture.save(data.path().join(format!("easy-vqa/{split}/images/0.png"))).unwrap();
    }
    let mut steps = BTreeSet::new();
    for (name, exported) in [("sight", "sight"), ("align", "projector"), ("sequential", ""), ("sefe", "")] {
        let analysis = analyzed(name);
        let errors = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        assert_eq!(errors.map(|d| d.message.as_str()).collect::<Vec<_>>(), Vec::<&str>::new(), "{name}");
        let program = analysis.program.unwrap();
        if exported.is_empty() {
            let plan = Plan::new(Arc::new(program), &analysis.sources);
            steps.insert(plan.totals.train_steps.exact());
        } else {
            // What it would export, for the next.
            let architecture = program.model.architecture.clone();
            let parts = architecture.parts();
            let wanted = parts.iter().filter(|part| !part.name.starts_with("language_model."));
            let tensor = |part: &Part| {
                let zeros = Tensor::zeros(part.shape.clone(), DType::F32, &Device::Cpu).unwrap();
                (part.name.clone(), zeros)
            };
            weights::write(&wanted.map(tensor).collect(), &data.path().join(format!("{exported}.safetensors")))
                .unwrap();
        }
    }
    assert_eq!(steps, BTreeSet::from([Some(4 * 60)]));
}

/// The numbers of SmolLM2-135M's `config.json`.
const SMOLLM2: &str = r#"{
  "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
  "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 8192, "rms_norm_eps": 1e-05, "rope_theta": 100000,
  "tie_word_embeddings": true
}"#;

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// CoIN's layout with two conversations to learn and one to ask of each task.
fn write_coin(folder: &Path) {
    let picture = image::RgbImage::from_pixel(8, 6, image::Rgb([9, 99, 200]));
    std::fs::create_dir_all(folder.join("CoIN/img")).unwrap();
    picture.save(folder.join("CoIN/img/a.png")).unwrap();
    for task in ["ScienceQA", "TextVQA", "ImageNet", "GQA", "VizWiz", "Grounding", "VQAv2", "OCRVQA"] {
        let (question, answer) = match task {
            "ScienceQA" => ("Which?\nA. a cat\nB. a dog", "A"),
            "Grounding" => ("Where is it?", "[0.1,0.2,0.5,0.6]"),
            _ => ("What is it?", "a cat"),
        };
        let item = |id: usize| {
            let turns = json!([{ "from": "human", "value": format!("<image>\n{question}") }, { "from": "gpt", "value": answer }]);
            json!({ "id": id.to_string(), "image": "img/a.png", "conversations": turns })
        };
        let train = json!([item(0), item(1)]).to_string();
        let mut test = json!({ "question_id": "0", "image": "img/a.png", "text": question, "answer": answer });
        if task == "Grounding" {
            test["answer_bbox"] = json!([0.1, 0.2, 0.5, 0.6]);
        }
        for file in ["train.json", "train_x20.json"] {
            write(folder, &format!("CoIN/annotations/{task}/{file}"), train.as_bytes());
        }
        write(folder, &format!("CoIN/annotations/{task}/test.json"), json!([test]).to_string().as_bytes());
    }
}

/// The numbers of LLaVA-1.5-7B's `config.json`.
const LLAVA_7B: &str = r#"{
  "model_type": "llava", "image_token_index": 32000, "projector_hidden_act": "gelu",
  "vision_feature_layer": -2, "vision_feature_select_strategy": "default",
  "text_config": { "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-05 },
  "vision_config": { "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096,
    "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768 }
}"#;

/// The comparison of `pipelines/fomo`: no program has an error or a warning, and each trains as long as `plain` does, in
/// gradient evaluations; baselines with another number in a step to within 5 %.
#[test]
fn arms_of_a_comparison_cost_the_same() {
    let data = complete_data();
    let gradient_evaluations = |path: &Path| {
        let mut options = Options::default();
        options.places.data = data.path().to_path_buf();
        let analysis = analyze(path, &Disk { root: None }, &options);
        let told: Vec<&str> = analysis.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(told, Vec::<&str>::new(), "{}", path.display());
        Plan::new(Arc::new(analysis.program.unwrap()), &analysis.sources).totals.gradient_evaluations.min
    };
    let mut seen = 0;
    for folder in ["pipelines/fomo", "pipelines/fomo/small_cifar10"].map(|folder| root().join(folder)) {
        let plain = gradient_evaluations(&folder.join("plain.fsched"));
        let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.is_file()) {
            let found = gradient_evaluations(&path);
            // These are of another size, stop early, and train their teachers as well.
            if !["paper_cifar10", "early_stopping", "kd_swa"].iter().any(|name| path.file_stem().unwrap() == *name) {
                let ratio = found as f64 / plain as f64;
                assert!((0.95..=1.05).contains(&ratio), "{}: {ratio}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 20);
}

/// Folders of the names and forms that the pipelines ask for, of black images.
fn complete_data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: Vec<u8>| {
        let path = data.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for split in ["train", "t10k"] {
        let images = [0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28];
        write(&format!("fashion/{split}-images-idx3-ubyte"), [images.to_vec(), vec![0; 10 * 28 * 28]].concat());
        write(
            &format!("fashion/{split}-labels-idx1-ubyte"),
            [vec![0, 0, 8, 1, 0, 0, 0, 10], (0..10).collect()].concat(),
        );
    }
    let records: Vec<u8> = (0..1000).flat_map(|i: u32| [vec![(i % 10) as u8], vec![0; 3072]].concat()).collect();
    for file in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        write(&format!("cifar10/{file}.bin"), records.clone());
    }
    data
}

#[test]
fn examples_of_statements() {
    for word in statements::WORDS {
        // These name files that a reader would have.
        if matches!(word.name, "use" | "weights") {
            continue;
        }
        let tail = if word.example.starts_with("lr") { "\ntrain 1" } else { "" };
        let text = format!("{}{tail}", word.example);
        assert_eq!(errors(&text), Vec::<String>::new(), "{}: {text}", word.name);
        assert!(!word.doc.is_empty() && !word.doc.ends_with('.'), "{}", word.name);
    }
}

#[test]
fn examples_of_components() {
    for family in Family::ALL {
        for member in catalogue::members(*family) {
            let example = member.example;
            let text = match family {
                Family::Layer => format!("model sequential([{}])\ntrain 1", around(member.name, example)),
                Family::Schedule => setting("lr", example),
                family => setting(family.name(), example),
            };
            let found = errors(&text);
            // Folders of data that a reader would have.
            let found: Vec<_> = found.into_iter().filter(|e| !e.starts_with("FS0401")).collect();
            assert!(found.is_empty(), "{} {}:\n{text}\n{found:?}", family.name(), member.name);
        }
    }
}

/// A network in which that layer fits.
fn around(name: &str, layer: &str) -> String {
    match name {
        "flatten" | "global_pool" => format!("conv(32, 3), {layer}, linear(10)"),
        "linear" => format!("flatten, {layer}"),
        _ => format!("conv(32, 3), {layer}, global_pool, linear(10)"),
    }
}

/// The example as a statement: some show only the component.
fn setting(word: &str, example: &str) -> String {
    let first = example.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    match statements::find(first) {
        Some(_) => format!("{example}\ntrain 1"),
        None => format!("{word} {example}\ntrain 1"),
    }
}
