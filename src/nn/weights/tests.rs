use super::*;
use crate::nn::architecture::testing::pooled;
use crate::nn::check::{bits, test_tensor};
use crate::nn::network::Mode;
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
    refused(path, "not a file");
    refused(&file(path, &tensor("[2]", "[0,8]"), 7), "8 bytes of tensors, 7 follow");
    refused(&file(path, &tensor("[2]", "[0,8]"), 9), "8 bytes of tensors, 9 follow");
    refused(&file(path, &tensor("[3]", "[0,8]"), 8), "header");
    refused(&file(path, &tensor("[2]", "[8,0]"), 8), "header");
    refused(&file(path, &tensor("[4294967296,4294967296]", "[0,8]"), 8), "header");
    refused(&file(path, &tensor("[2]", "[0,18446744073709551615]"), 8), "header");
    refused(&file(path, &tensor("[-1]", "[0,8]"), 8), "header");
    refused(&file(path, &"[".repeat(100_000), 0), "header");
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
