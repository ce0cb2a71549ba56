use super::*;
use crate::nn::architecture::testing::pooled;
use crate::nn::check::{bits, test_tensor};
use crate::nn::network::Mode;
use candle_core::Device;
use std::fs;

fn network(seed: u64, classes: usize) -> Network {
    Network::new(pooled([1, 6, 6], classes), seed, &Device::Cpu).expect("it can be made")
}

fn logits(network: &Network) -> Vec<u32> {
    bits(&network.logits(&test_tensor(&[2, 1, 6, 6], 3), Mode::Eval).expect("logits"))
}

#[test]
fn saved_weights_load_and_the_same_weights_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    let saved = network(1, 3);
    save(&saved, &a).expect("saved");
    save(&saved.copy().expect("a copy"), &b).expect("saved");
    assert_eq!(fs::read(&a).expect("a"), fs::read(&b).expect("b"));
    let mut loaded = network(2, 3);
    load(&mut loaded, &a).expect("loaded");
    assert_eq!(logits(&loaded), logits(&saved));
}

#[test]
fn other_precisions_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.safetensors");
    let mut tensors = network(1, 3).state_dict().expect("tensors");
    let wide = tensors["classifier.bias"].to_dtype(DType::F64).expect("f64");
    tensors.insert("classifier.bias".into(), wide);
    write(&tensors, &path).expect("written");
    let mut loaded = network(2, 3);
    load(&mut loaded, &path).expect("f64 fits too");
    assert_eq!(logits(&loaded), logits(&network(1, 3)));
}

#[test]
fn one_error_names_everything_that_does_not_fit_and_nothing_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.safetensors");
    let mut tensors = network(1, 5).state_dict().expect("tensors");
    tensors.remove("block.conv.bias");
    tensors.insert("block.norm.num_batches_tracked".into(), test_tensor(&[], 1));
    for i in 0..12 {
        tensors.insert(format!("module.{i:02}"), test_tensor(&[2], i));
    }
    write(&tensors, &path).expect("written");
    let mut network = network(2, 3);
    let before = logits(&network);
    let error = load(&mut network, &path).expect_err("it does not fit").to_string();
    let expected = "does not fit the model: 1 missing: block.conv.bias; 12 extra: module.00, module.01, module.02, \
        module.03, module.04, module.05, module.06, module.07, module.08, module.09 and 2 more; 3 misshapen: \
        block.norm.num_batches_tracked has type F32, the model's has whole numbers (I64), classifier.bias is 5, the \
        model's is 3, classifier.weight is 5x36, the model's is 3x36";
    assert!(error.ends_with(expected), "{error}");
    assert_eq!(logits(&network), before);
}

/// A file of this header, the length before it right, and this much data.
fn file(folder: &Path, header: &str, data: usize) -> PathBuf {
    let path = folder.join("hostile.safetensors");
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; data]);
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn broken_and_hostile_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |path: &Path, words: &str| {
        let error = describe(path).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(!error.contains('\u{1b}') && error.len() < 800, "{error}");
        assert!(load(&mut network(0, 3), path).is_err());
    };
    let tensor =
        |shape: &str, offsets: &str| format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#);
    let path = folder.path();
    refused(&path.join("none"), "No such file");
    refused(path, "not a regular file");
    refused(&file(path, &tensor("[2]", "[0,8]"), 7), "8 bytes of tensors, 7 follow");
    refused(&file(path, &tensor("[2]", "[0,8]"), 9), "8 bytes of tensors, 9 follow");
    refused(&file(path, &tensor("[3]", "[0,8]"), 8), "header");
    refused(&file(path, &tensor("[2]", "[8,0]"), 8), "header");
    refused(&file(path, &tensor("[4294967296,4294967296]", "[0,8]"), 8), "more numbers than");
    refused(&file(path, &tensor("[2]", "[0,18446744073709551615]"), 8), "header");
    refused(&file(path, &tensor("[-1]", "[0,8]"), 8), "header");
    refused(&file(path, &"[".repeat(100_000), 0), "header");
    refused(&file(path, &tensor(&format!("[{}1]", "1,".repeat(3_000_000)), "[0,4]"), 4), "more than 8 dimensions");
    refused(&file(path, &tensor("[18446744073709551615,18446744073709551615,0]", "[0,0]"), 0), "more numbers than");
    let pair =
        r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
    refused(&file(path, pair, 2), "it has a twice");
    let whole =
        |from: u64, to: u64| format!(r#"{{"dtype":"U8","shape":[{}],"data_offsets":[{from},{to}]}}"#, to - from);
    let last = u64::MAX - 200;
    let around = format!(r#"{{"a":{},"b":{}}}"#, whole(0, last), whole(last, u64::MAX));
    refused(&file(path, &around, 8), "more numbers than");
    refused(&file(path, "\u{1b}[31m{\"\\ud800\":", 0), "header");
    for bytes in [vec![], vec![1, 2, 3], vec![255; 64], u64::to_le_bytes(1 << 40).to_vec()] {
        let path = path.join("short.safetensors");
        fs::write(&path, bytes).expect("written");
        refused(&path, "is not a safetensors file of weights");
    }
}

#[test]
fn names_in_errors_cannot_write_to_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = r#"{"\u001b[2Jx":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let path = file(folder.path(), header, 8);
    let error = load(&mut network(0, 3), &path).expect_err("it does not fit").to_string();
    assert!(error.contains("1 extra: \\u{1b}[2Jx"), "{error}");
}

#[test]
fn a_type_that_is_not_read_here_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = r#"{"a":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]}}"#;
    let error = read(&file(folder.path(), header, 8)).expect_err("no bools").to_string();
    assert!(error.contains("a has type BOOL, which is not read here"), "{error}");
}

/// What candle writes is the outsider: three tensors, of which one is quantized.
fn gguf(path: &Path) -> Tensor {
    use candle_core::quantized::gguf_file::{Value, write};
    use candle_core::quantized::{GgmlDType, QTensor};
    let weight = test_tensor(&[2, 3, 32], 5);
    let quantized = |dtype| QTensor::quantize(&weight, dtype).expect("quantized");
    let (plain, half, packed) = (quantized(GgmlDType::F32), quantized(GgmlDType::F16), quantized(GgmlDType::Q8_0));
    let words = Value::Array(vec![Value::String("a".into()), Value::String("bc".into())]);
    let pairs = [("general.name", &Value::String("x".into())), ("tokenizer.tokens", &words), ("n", &Value::U8(3))];
    let tensors = [("plain.weight", &plain), ("half.weight", &half), ("packed.weight", &packed)];
    write(&mut fs::File::create(path).expect("a file"), &pairs, &tensors).expect("written");
    weight
}

#[test]
fn gguf_files_are_read_with_names_and_shapes_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.gguf");
    let weight = gguf(&path);
    let shown: Vec<_> = describe(&path).expect("a header").into_iter().map(|t| (t.name, t.shape, t.dtype)).collect();
    let fact = |name: &str, dtype| (name.to_string(), vec![2, 3, 32], dtype);
    let facts = [("half.weight", Dtype::F16), ("packed.weight", Dtype::F32), ("plain.weight", Dtype::F32)];
    assert_eq!(shown, facts.map(|(name, dtype)| fact(name, dtype)));
    let tensors = read(&path).expect("tensors");
    assert_eq!(bits(&tensors["plain.weight"]), bits(&weight));
    let distance = (&tensors["packed.weight"] - &weight).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>());
    let largest = weight.abs().and_then(|w| w.max_all()?.to_scalar::<f32>()).expect("numbers");
    // Eight bits and a sign: half a step of 1/127 of the largest in the block.
    assert!(distance.expect("numbers") <= largest / 127.0 * 0.51);
}

#[test]
fn broken_and_hostile_gguf_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.gguf");
    gguf(&path);
    let good = fs::read(&path).expect("bytes");
    let refused = |bytes: Vec<u8>, words: &str| {
        fs::write(&path, bytes).expect("written");
        let error = describe(&path).expect_err(words).to_string();
        assert!(error.contains("model.gguf is not a GGUF file of weights: ") && error.contains(words), "{error}");
    };
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let find = |text: &str| good.windows(text.len()).position(|w| w == text.as_bytes()).expect("it is there");
    let after = |text: &str| find(text) + text.len();
    refused(with(4, &1u32.to_le_bytes()), "it has version 1; 2 and 3 are read");
    refused(with(4, &3u32.to_be_bytes()), "it is big-endian");
    refused(with(8, &u64::MAX.to_le_bytes()), "it announces 18446744073709551615 tensors");
    refused(with(16, &u64::MAX.to_le_bytes()), "18446744073709551615 pairs of key and value");
    refused(with(find("general.name") - 8, &u64::MAX.to_le_bytes()), "a name has 18446744073709551615 bytes");
    refused(with(after("general.name"), &77u32.to_le_bytes()), "a value has type 77, which does not exist");
    refused(with(after("tokenizer.tokens") + 8, &u64::MAX.to_le_bytes()), "it is cut off in its header");
    refused(with(after("plain.weight"), &9u32.to_le_bytes()), "plain.weight has 9 dimensions; at most 8");
    refused(with(after("plain.weight") + 4, &u64::MAX.to_le_bytes()), "more numbers than any disk");
    refused(with(after("plain.weight") + 28, &99u32.to_le_bytes()), "plain.weight has type 99, which is not read");
    refused(with(after("packed.weight") + 4, &31u64.to_le_bytes()), "quantized in blocks of 32");
    refused(with(after("half.weight") + 32, &0u64.to_le_bytes()), "begins within the tensor before it");
    refused(with(after("half.weight") + 32, &1u64.to_le_bytes()), "no multiple of 32");
    refused(with(after("half.weight") + 32, &(u64::MAX - 31).to_le_bytes()), "goes on after the end of the file");
    refused(good[..good.len() - 64].to_vec(), "goes on after the end of the file");
    (4..after("half.weight") + 40).for_each(|cut| refused(good[..cut].to_vec(), ""));
    // An alignment of nothing, which other readers divide by.
    let mut header = b"GGUF\x03\0\0\0".to_vec();
    [0u64, 1, 17].iter().for_each(|n| header.extend(n.to_le_bytes()));
    header.extend(b"general.alignment");
    [4u32, 0].iter().for_each(|n| header.extend(n.to_le_bytes()));
    refused(header, "`general.alignment` is 0, no power of 2");
    // Lists in lists in lists.
    let mut header = b"GGUF\x03\0\0\0".to_vec();
    [0u64, 1, 1].iter().for_each(|n| header.extend(n.to_le_bytes()));
    header.extend(b"x");
    header.extend(9u32.to_le_bytes());
    (0..1000).for_each(|_| header.extend([9u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec()].concat()));
    refused(header, "a value has lists more than 4 deep");
}
