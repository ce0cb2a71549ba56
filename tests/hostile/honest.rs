//! Small files as they should be, made as their usual programs make them.

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use fsched::components::styles::{self, Request, Settings, Source};
use fsched::language::program::Program;
use fsched::language::{Files, Options, analyze};
use fsched::nn::network::Network;
use fsched::runtime::{State, store};
use fsched::text::item::{Item, Style, Turn};
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value as Json, json};
use std::io::{Cursor, Read, Write};
use std::path::Path;

/// An IDX file of these sizes and bytes.
pub fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| file.extend(size.to_be_bytes()));
    file.extend(bytes);
    file
}

pub fn images() -> Vec<Vec<u8>> {
    vec![idx(&[4, 3, 3], &(0..36).collect::<Vec<u8>>())]
}

pub fn labels() -> Vec<Vec<u8>> {
    vec![idx(&[4], &[0, 2, 1, 2])]
}

pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

pub fn packed_images() -> Vec<Vec<u8>> {
    images().iter().map(|bytes| packed(bytes)).collect()
}

/// The same bytes unpacked, one of them changed by what the checksum says, and packed again.
pub fn repacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let _ = GzDecoder::new(bytes).take(1 << 20).read_to_end(&mut plain);
    let places = plain.len().max(1);
    let change = bytes.iter().fold(7u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)));
    *plain.get_mut(change as usize % places)? ^= (change >> 32) as u8;
    Some(packed(&plain))
}

fn records(labels: &[u8], count: u8) -> Vec<Vec<u8>> {
    let record = |n: u8| [labels.to_vec(), vec![n; 3072]].concat();
    vec![(0..count).flat_map(record).collect()]
}

pub fn cifar10() -> Vec<Vec<u8>> {
    records(&[9], 2)
}

pub fn cifar100() -> Vec<Vec<u8>> {
    records(&[19, 99], 2)
}

fn written(picture: &DynamicImage, form: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, form).expect("a picture");
    bytes.into_inner()
}

fn picture(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| image::Rgb([x as u8, (y * 7) as u8, (x * y) as u8]);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel))
}

pub fn sheet() -> Vec<Vec<u8>> {
    vec![written(&picture(1024, 3), ImageFormat::Png)]
}

pub fn sheet_labels() -> Vec<Vec<u8>> {
    vec![b"[0, 9, 1]".to_vec()]
}

/// RGB, with an alpha channel, and with a palette's worth of grey.
pub fn pngs() -> Vec<Vec<u8>> {
    let colour = picture(8, 6);
    let forms = [colour.clone(), DynamicImage::from(colour.to_rgba8()), DynamicImage::from(colour.to_luma8())];
    forms.iter().map(|picture| written(picture, ImageFormat::Png)).collect()
}

pub fn jpegs() -> Vec<Vec<u8>> {
    vec![written(&picture(8, 6), ImageFormat::Jpeg), written(&picture(16, 16), ImageFormat::Jpeg)]
}

/// A PNG file whose chunks have the checksums of their bytes.
pub fn checksummed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let mut at = 8;
    while at + 12 <= bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().ok()?) as usize;
        let end = at.checked_add(8)?.checked_add(length)?;
        if end + 4 > bytes.len() {
            break;
        }
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[at + 4..end]);
        bytes[end..end + 4].copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
    Some(bytes)
}

/// A safetensors file of this header and so many bytes of data.
pub fn safetensors_of(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; data]);
    bytes
}

pub fn safetensors() -> Vec<Vec<u8>> {
    let header = json!({
        "__metadata__": { "format": "pt" },
        "fc1.weight": { "dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48] },
        "fc1.bias": { "dtype": "F16", "shape": [3], "data_offsets": [48, 54] },
        "n": { "dtype": "I64", "shape": [], "data_offsets": [54, 62] },
    });
    vec![safetensors_of(&header.to_string(), 62)]
}

/// Plain and quantized numbers, and values of several types.
pub fn ggufs() -> Vec<Vec<u8>> {
    use GgmlDType::{F16, F32, Q2K, Q3K, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
    let numbers: Vec<f32> = (0..512).map(|n| (n as f32 / 17.0).sin()).collect();
    let of = |types: &[GgmlDType]| {
        let tensor = Tensor::from_vec(numbers.clone(), (2, 256), &Device::Cpu).expect("a tensor");
        let tensors: Vec<(String, QTensor)> = types
            .iter()
            .map(|dtype| (format!("{dtype:?}.weight"), QTensor::quantize(&tensor, *dtype).expect("quantized")))
            .collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let words = Value::Array(vec![Value::String("a".into()), Value::String("bc".into())]);
        let pairs = [("general.name", &Value::String("x".into())), ("words", &words), ("n", &Value::F64(0.5))];
        let mut bytes = Cursor::new(Vec::new());
        gguf_file::write(&mut bytes, &pairs, &tensors).expect("memory");
        bytes.into_inner()
    };
    vec![of(&[F32, Q8_0]), of(&[F16, Q4_0, Q4_1, Q5_0, Q5_1]), of(&[Q2K, Q3K, Q4K, Q5K, Q6K])]
}

pub fn manifest() -> Vec<Vec<u8>> {
    let manifest = json!({
        "format": 1, "status": "done", "reason": null, "expectations_held": true,
        "program": { "path": "a.fsched", "sha256": "00", "imports": [] },
        "plan": "ab", "seed": 3, "bindings": { "n": 3, "lr": [0.1, 0.2] }, "device": "cpu", "threads": 2, "isa": "avx2",
        "data": [{ "name": "digits", "arguments": { "train": 160 }, "checksum": "00" }],
        "command": ["fsched", "run", "a.fsched"], "versions": { "fsched": "0.1.0" },
        "started": "2025-03-01T12:00:00Z", "ended": "2025-03-01T12:00:01Z", "seconds": 1.5,
        "ledger": { "lines": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    });
    vec![manifest.to_string().into_bytes()]
}

pub fn lock() -> Vec<Vec<u8>> {
    vec![json!({ "host": "h", "boot": "b", "pid": 7, "started": "1" }).to_string().into_bytes()]
}

pub fn events() -> Vec<Vec<u8>> {
    let lines = r#"{"t":0.0,"step":"","kind":"start","what":"run","text":"","steps":30,"clock":0,"epochs":0.0}
{"t":0.0,"step":"1","kind":"start","what":"train","text":"train 2","steps":20,"line":4,"clock":0,"epochs":0.0}
{"t":0.5,"step":"1","kind":"epoch","loss":0.5,"accuracy":null,"rate":0.1,"steps":10,"gradient_evaluations":10,"line":4,"clock":10,"epochs":1.0}
{"t":0.6,"step":"1","kind":"measure","split":"test","metric":"clean","spec":{"name":"clean"},"value":0.5,"n":2,"line":4,"clock":10,"epochs":1.0}
{"t":0.7,"step":"2","kind":"forget","what":"forget","text":"forget head 30%","ordinal":1,"tensors":1,"selected":720,"changed":216,"measured":[{"metric":"clean","before":0.8,"after":null}],"clock":10,"epochs":1.0}
{"t":0.8,"step":"3","kind":"expect","text":"clean > 85%","held":false,"values":{"clean":0.5},"clock":10,"epochs":1.0}
{"t":0.9,"step":"","kind":"end","status":"done","clock":10,"epochs":1.0}
"#;
    vec![lines.as_bytes().to_vec()]
}

/// The ledger of a run without changes, and one with a line.
pub fn ledger() -> Vec<Vec<u8>> {
    let line = r#"{"format":1,"previous":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#;
    vec![Vec::new(), format!("{line}\n").into_bytes()]
}

pub fn plan() -> Vec<Vec<u8>> {
    let step = |id: &str, kind: &str| json!({ "id": id, "kind": kind, "line": 4, "text": "train 2", "lr": [0.1, 0.2] });
    let body = [step("1.repeat.1", "train"), step("1.repeat.2", "forget")];
    let plan = json!({
        "format": 1, "program": "ab", "plan": "cd", "seed": 0,
        "trials": [{ "id": "ef", "bindings": { "n": 3 }, "totals": { "epochs": 4.0, "train_steps": { "min": 3, "max": 9 } },
            "steps": [{ "id": "1", "kind": "repeat", "count": 2, "body": body }, step("2", "evaluate")] }],
    });
    vec![plan.to_string().into_bytes()]
}

pub fn programs() -> Vec<Vec<u8>> {
    let text = "seed 3\n\
        data digits(train: 160, validation: 20%)\n\
        model mlp(hidden: [16])\n\
        optimizer sgd(lr: 0.1)\n\
        let n = 3\n\
        phase f(a: Int) { train a }\n\
        let attack = pgd(eps: 8/255)\n\
        objective adversarial(attack)\n\
        for i in 1..n { f(a: 2); forget layers[-2..] 30% }\n\
        measure clean every: 1 epoch\n\
        checkpoint \"good\"\n\
        evaluate clean, robust(attack) on test\n";
    vec![text.as_bytes().to_vec(), b"data digits\ntrain 1 # a comment\n".to_vec()]
}

pub fn imports() -> Vec<Vec<u8>> {
    vec![b"let rate = 0.1 # a comment\nphase g { train 1; zap head }\n".to_vec()]
}

pub fn values() -> Vec<Vec<u8>> {
    vec![b"3".to_vec(), b"[1, 2 * (3 + 4)]".to_vec()]
}

/// A program with the smallest of models.
pub fn small_program() -> Program {
    struct Text;
    impl Files for Text {
        fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
            Ok(b"data digits\nmodel mlp(hidden: [2])\ntrain 1\n".to_vec())
        }
    }
    analyze(Path::new("small.fsched"), &Text, &Options::default()).program.expect("a program")
}

/// The checkpoint `step-1` of its model.
pub fn write_checkpoint(checkpoints: &Path) {
    let network = Network::new(small_program().model.architecture.clone(), 3, &Device::Cpu).expect("a network");
    let prepared = store::prepare(&State::new(network), "ab", None).expect("memory");
    prepared.write(checkpoints, "step-1", 1.5).expect("the folder is ours");
}

pub fn state() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    write_checkpoint(folder.path());
    let mut state: Json = serde_json::from_slice(&std::fs::read(folder.path().join("step-1/state.json")).expect("it"))
        .expect("what was just written");
    let plain = state.to_string().into_bytes();
    // With some of everything that names a path.
    state["journal"]["best"] = json!({ "m": { "point": { "clock": 1, "value": "0.5" }, "folder": "best" } });
    state["journal"]["logs"] = json!({ "events.jsonl": { "lines": 1, "sha256": null } });
    state["named"] = json!({ "good": state["pair"] });
    let full = state.to_string().into_bytes();
    [plain, full].iter().filter_map(|bytes| sealed(bytes)).collect()
}

/// The state with the seal that belongs to it.
pub fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut state: Json = serde_json::from_slice(bytes).ok()?;
    state.as_object_mut()?.insert("seal".into(), "".into());
    state["seal"] = fsched::disk::sha256(state.to_string().as_bytes()).into();
    Some(state.to_string().into_bytes())
}

/// Items of which a language model is asked everything, and how.
pub fn asked() -> (Vec<Item>, Settings) {
    let turn = |question: &str, answer: &str| Turn { question: question.into(), answer: answer.into() };
    let turns = vec![turn("What is it?", "a dog"), turn("How many?", "2")];
    let item =
        |id: usize| Item { id: id.to_string(), picture: None, turns: turns.clone(), expected: None, origin: None };
    let settings =
        Settings { share: 1.0, wrong: Source::Replies, explanations: Source::Replies, ..Settings::default() };
    ((0..4).map(item).collect(), settings)
}

/// Replies to all that is asked, as lists and as the text of a model.
pub fn replies() -> Vec<Vec<u8>> {
    let (items, settings) = asked();
    let line = |(at, request): (usize, Request)| {
        let given = |index: usize| match request.style {
            Style::YesNo => json!({ "question_index": index, "distractor_option": "a cat" }),
            Style::MultipleChoice => json!({ "question_index": index, "distractor_options": ["a cat", "5", "x"] }),
            _ => json!({ "question_index": index, "explanation": "Because it is." }),
        };
        let list = json!([given(0), given(1)]);
        let reply = if at % 2 == 0 { list } else { json!(format!("Here:\n```json\n{list}\n```")) };
        format!("{}\n", json!({ "key": request.key, "reply": reply }))
    };
    let requests = styles::requests(&items, &settings).expect("they can be diversified");
    let lines: String = requests.into_iter().enumerate().map(line).collect();
    vec![lines.into_bytes()]
}

/// A cost matrix.
pub fn costs() -> Vec<Vec<u8>> {
    vec![b",a,b\na,0,1\n\"b\",2.5,0\n".to_vec()]
}

/// A vocabulary of a few pairs, with a token that is cut out, and what rows would be filled up with.
pub fn tokenizers() -> Vec<Vec<u8>> {
    let added = json!([{"id": 6, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": true,
                        "normalized": false, "special": true}]);
    let model = |merges: Json| {
        json!({"type": "BPE", "dropout": null, "unk_token": "?", "continuing_subword_prefix": null,
               "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
               "vocab": {"a": 0, "b": 1, "ab": 2, "\u{120}": 3, "?": 4, "\u{120}a": 5}, "merges": merges})
    };
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let split = json!({"type": "Split", "pattern": {"Regex": "\\d|a+(?!b)"}, "behavior": "Isolated", "invert": false});
    let template = json!({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "</s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}},
        {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"</s>": {"id": "</s>", "ids": [6], "tokens": ["</s>"]}}});
    let file = |normalizer: Json, pre: Json, post: Json, decoder: Json, merges: Json| {
        let file = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
                          "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": post, "decoder": decoder,
                          "model": model(merges)});
        file.to_string().into_bytes()
    };
    let spaced = json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "a"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "b"}, {"type": "NFKC"}]});
    let joined = json!({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "b"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
    vec![
        file(Json::Null, bytes.clone(), bytes.clone(), bytes.clone(), json!([["a", "b"], ["\u{120}", "a"]])),
        file(spaced, Json::Null, template, joined, json!(["a b"])),
        file(
            Json::Null,
            json!({"type": "Sequence", "pretokenizers": [split, bytes]}),
            Json::Null,
            Json::Null,
            json!([]),
        ),
    ]
}

/// `pieces`, `trainer_spec` and `normalizer_spec` of SentencePiece's protocol buffer.
pub fn pieces() -> Vec<Vec<u8>> {
    let piece = |text: &str, score: f32, kind: u8| {
        let inner =
            [&[0x0a, text.len() as u8][..], text.as_bytes(), &[0x15], &score.to_le_bytes(), &[0x18, kind]].concat();
        [&[0x0a, inner.len() as u8][..], &inner].concat()
    };
    let bytes = (0..=255u8).flat_map(|byte| piece(&format!("<0x{byte:02X}>"), 0.0, 6));
    let words = [("a", -1.0), ("b", -2.0), ("ab", -0.5), ("\u{2581}", -3.0), ("\u{2581}ab", -0.25)];
    let mut whole: Vec<u8> =
        [("<unk>", 2), ("<s>", 3), ("</s>", 3)].iter().flat_map(|(t, k)| piece(t, 0.0, *k)).collect();
    let mut few = whole.clone();
    whole.extend(bytes);
    for (text, score) in words {
        whole.extend(piece(text, score, 1));
        few.extend(piece(text, score, 1));
    }
    few.extend(piece("aba", 0.0, 4));
    let specs = [0x12, 2, 0x18, 2, 0x1a, 4, 0x18, 1, 0x20, 0];
    vec![[&few[..], &specs].concat(), [&whole[..], &specs].concat()]
}

/// GGUF files with a vocabulary and no tensors.
pub fn vocabularies() -> Vec<Vec<u8>> {
    let text = |text: &str| Value::String(text.into());
    let texts = |all: &[&str]| Value::Array(all.iter().map(|t| text(t)).collect());
    let merged = [
        ("model", text("gpt2")),
        ("pre", text("smollm")),
        ("tokens", texts(&["<s>", "a", "b", "ab", "\u{120}"])),
        ("token_type", Value::Array(vec![Value::I32(3), Value::I32(1), Value::I32(1), Value::I32(1), Value::I32(1)])),
        ("merges", texts(&["a b"])),
        ("eos_token_id", Value::U32(0)),
    ];
    let scored = [
        ("model", text("llama")),
        ("tokens", texts(&["<unk>", "<s>", "a", "b", "ab"])),
        ("token_type", Value::Array(vec![Value::I32(2), Value::I32(3), Value::I32(1), Value::I32(1), Value::I32(1)])),
        ("scores", Value::Array((0..5).map(|n| Value::F32(-(n as f32))).collect())),
        ("bos_token_id", Value::U32(1)),
    ];
    let file = |pairs: &[(&str, Value)]| {
        let named: Vec<(String, &Value)> = pairs.iter().map(|(n, v)| (format!("tokenizer.ggml.{n}"), v)).collect();
        let pairs: Vec<(&str, &Value)> = named.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let mut bytes = Cursor::new(Vec::new());
        gguf_file::write(&mut bytes, &pairs, &[]).expect("memory");
        bytes.into_inner()
    };
    vec![file(&merged), file(&scored)]
}

/// Conversations as a list and by lines, about the picture `a.png`.
pub fn conversations() -> Vec<Vec<u8>> {
    let one = r#"{"id": "1", "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A \"bag\"."}]}"#;
    let two = r#"{"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Q"}]}, {"role": "assistant", "content": "A"}], "images": [{"path": "a.png"}]}"#;
    vec![format!("[{one},\n{two}]").into_bytes(), format!("{two}\n{one}\n").into_bytes()]
}

/// Questions of a test with their truths, in the forms of CoIN.
pub fn questions() -> Vec<Vec<u8>> {
    let option = r#"{"question_id": 1, "image": "a.png", "text": "Which?\nA. x\nB. y", "answer": "B", "answer_bbox": "[0.1,0.2,0.3,0.4]"}"#;
    let region = r#"{"question_id": 2, "text": "Where? (A) x (B) y", "answer": 1, "answer_bbox": [1, 2, 3, 4], "size": [20, 10]}"#;
    vec![format!("[{option}, {region}]").into_bytes()]
}
