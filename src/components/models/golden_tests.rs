//! The models against PyTorch: `tests/goldens/make_models.py` writes the numbers.

use super::*;
use crate::components::testing::{components, ints, reals, spec, word};
use crate::nn::architecture::PartKind;
use crate::nn::check::{numbers, pattern};
use crate::nn::network::{Forward, Mode, Network, Trainable};
use crate::nn::ops::{Reduction, cross_entropy};
use crate::nn::precision::Precision;
use crate::nn::tape::Value as Recorded;
use crate::nn::weights;
use candle_core::{Device, Tensor};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// Errors are relative to the largest element of a tensor or to its norm.
const TOLERANCE: f64 = 1e-5;

fn golden() -> Json {
    let text = include_str!("../../../tests/goldens/models.json");
    serde_json::from_str(text).expect("the golden file is JSON")
}

fn floats(json: &Json) -> Vec<f64> {
    json.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn member(name: &str) -> &'static Member {
    MODELS.iter().find(|(m, _)| m.name == name).expect("a model of that name").0
}

fn layer(member: &'static Member, args: &[(&str, Value)]) -> Spec {
    spec(member, args)
}

fn convolution(out: i64, kernel: i64, more: &[(&str, Value)]) -> Spec {
    let mut args = vec![("out", Value::Int(out)), ("kernel", Value::Int(kernel))];
    args.extend_from_slice(more);
    layer(&layers::CONV, &args)
}

/// The same layers as `sequential()` of make_models.py.
fn layers_of_sequential() -> Value {
    let out = |n: i64| ("out", Value::Int(n));
    let body = vec![
        convolution(8, 3, &[("stride", Value::Int(2)), ("bias", Value::Bool(false))]),
        layer(&layers::NORM, &[("kind", word("instance"))]),
        layer(&layers::RELU, &[]),
        convolution(8, 1, &[]),
    ];
    let shortcut = vec![layer(&layers::AVG_POOL, &[]), convolution(8, 1, &[])];
    components(vec![
        convolution(6, 3, &[]),
        layer(&layers::NORM, &[]),
        layer(&layers::RELU, &[]),
        layer(&layers::RESIDUAL, &[("body", components(body)), ("shortcut", components(shortcut))]),
        layer(&layers::RELU, &[]),
        convolution(5, 2, &[("padding", Value::Int(0))]),
        layer(&layers::RESIDUAL, &[("body", components(vec![convolution(5, 5, &[])]))]),
        layer(&layers::MAX_POOL, &[("kernel", Value::Int(3)), ("stride", Value::Int(2))]),
        layer(&layers::FLATTEN, &[]),
        layer(&layers::LINEAR, &[out(7)]),
        layer(&layers::RELU, &[]),
        layer(&layers::LINEAR, &[out(4)]),
    ])
}

/// The small networks of make_models.py.
fn small(name: &str) -> Architecture {
    let int = Value::Int;
    let (model, args, input, classes) = match name {
        "mlp" => ("mlp", vec![("hidden", ints(&[7, 5]))], [1, 6, 5], 3),
        "convnet_batch" => ("convnet", vec![("width", int(5))], [2, 12, 13], 4),
        "convnet_instance" => {
            let args = vec![("blocks", int(2)), ("width", int(6)), ("norm", word("instance")), ("padding", int(0))];
            ("convnet", args, [1, 13, 12], 3)
        }
        "convnet_none" => {
            let args = vec![("blocks", int(2)), ("width", int(4)), ("norm", word("none"))];
            ("convnet", [args, vec![("pool_last", Value::Bool(false))]].concat(), [3, 9, 9], 4)
        }
        "resnet18" => ("resnet18", vec![("width", int(4))], [3, 16, 16], 5),
        "preact_resnet18" => ("preact_resnet18", vec![("width", int(4))], [1, 20, 20], 4),
        "wide_resnet" => {
            let args = vec![("depth", int(10)), ("widen", int(1)), ("mean", reals(&[0.5, 0.4, 0.3]))];
            ("wide_resnet", [args, vec![("std", reals(&[0.25, 0.2, 0.3]))]].concat(), [3, 12, 12], 3)
        }
        "sequential" => ("sequential", vec![("layers", layers_of_sequential())], [2, 12, 12], 4),
        other => unreachable!("{other}"),
    };
    of_images(&spec(member(model), &args), input, classes).expect("the model fits")
}

const SMALL: [&str; 8] = [
    "mlp",
    "convnet_batch",
    "convnet_instance",
    "convnet_none",
    "resnet18",
    "preact_resnet18",
    "wide_resnet",
    "sequential",
];

/// `name [shape]` of every tensor in PyTorch's order: a norm's running statistics follow its bias.
fn state_dict_lines(architecture: &Architecture) -> Vec<String> {
    let buffers = architecture.buffers();
    let mut lines = Vec::new();
    for part in architecture.parts() {
        lines.push(format!("{} {:?}", part.name, part.shape));
        if let Some(norm) = part.name.strip_suffix(".bias").filter(|_| part.kind == PartKind::NormBias) {
            let own = buffers.iter().filter(|b| b.name.rsplit_once('.').is_some_and(|(layer, _)| layer == norm));
            lines.extend(own.map(|b| format!("{} {:?}", b.name, b.shape)));
        }
    }
    lines
}

/// `fill` of make_models.py.
fn filled(architecture: Architecture) -> Network {
    let mut network = Network::new(architecture, 0, &Device::Cpu).expect("the network can be made");
    let mut tensors = network.state_dict().expect("its tensors");
    let tensor = |values: Vec<f64>, shape: &[usize]| {
        let values: Vec<f32> = values.into_iter().map(|x| x as f32).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).expect("as many numbers as elements")
    };
    for (i, part) in network.architecture().parts().into_iter().enumerate() {
        let add = if part.kind == PartKind::NormWeight { 1.0 } else { 0.0 };
        let scale = if part.shape.len() > 1 { (6.0 / part.fan_in as f64).sqrt() } else { 0.3 };
        let values = pattern(part.count(), i as u64).into_iter().map(|x| x * scale + add).collect();
        tensors.insert(part.name, tensor(values, &part.shape));
    }
    for (i, buffer) in network.architecture().buffers().into_iter().enumerate() {
        let values = pattern(buffer.shape.iter().product(), 1000 + i as u64).into_iter();
        if buffer.name.ends_with("running_mean") {
            tensors.insert(buffer.name, tensor(values.map(|x| x * 0.2).collect(), &buffer.shape));
        } else if buffer.name.ends_with("running_var") {
            tensors.insert(buffer.name, tensor(values.map(|x| 1.0 + x * 0.5).collect(), &buffer.shape));
        }
    }
    network.load_state_dict(&tensors).expect("its own names and shapes");
    network
}

fn images([c, h, w]: [usize; 3], scale: f32) -> Tensor {
    let values = pattern(5 * c * h * w, 77).into_iter().map(|x| ((x + 1.0) / 2.0) as f32 * scale).collect();
    Tensor::from_vec(values, (5, c, h, w), &Device::Cpu).expect("as many numbers as elements")
}

fn close(what: &str, found: &[f64], expected: &[f64], size: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        // Written so that NaN fails.
        assert!((f - e).abs() <= TOLERANCE * size.max(1e-6), "{what}: {f}, PyTorch has {e} (size {size})");
    }
}

/// Norm, projection and five entries, as `summary` of make_models.py.
fn summary(tensor: &Tensor, seed: u64) -> Vec<f64> {
    let flat = numbers(tensor).expect("numbers");
    let norm = flat.iter().map(|x| x * x).sum::<f64>().sqrt();
    let dot = flat.iter().zip(pattern(flat.len(), seed)).map(|(a, b)| a * b).sum();
    let entries = (0..5).map(|i| flat[i * (flat.len() - 1) / 4]);
    [norm, dot].into_iter().chain(entries).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |a, b| a.max(b.abs()))
}

/// Compares logits, loss and all gradients of one mode; returns the pass.
fn compare_pass(name: &str, network: &Network, mode: Mode, expected: &Json) -> Forward {
    let tape = network.tape();
    let x = tape.leaf(&images(network.architecture().input.picture(), 1.0));
    let forward = network.forward(&tape, &x, mode, Trainable::All).expect("a pass");
    let classes = network.architecture().classes as u32;
    let labels: Vec<u32> = (0..5).map(|i| i % classes).collect();
    let loss = cross_entropy(&tape, &forward.logits, &labels, 0.0, Reduction::Mean).expect("a loss");
    let what = format!("{name} in mode {mode:?}");
    let logits = floats(&expected["logits"]);
    close(&what, &numbers(forward.logits.tensor()).expect("numbers"), &logits, largest(&logits));
    let expected_loss = expected["loss"].as_f64().expect("a number");
    close(&what, &numbers(loss.tensor()).expect("a number"), &[expected_loss], expected_loss);
    let gradients = tape.backward(&loss).expect("gradients");
    let norms: Vec<f64> =
        expected["gradients"].as_array().expect("a list").iter().map(|gradient| floats(gradient)[0]).collect();
    let largest_norm = largest(&norms);
    let compare = |what: String, leaf: &Recorded, seed: u64, expected: &Json| {
        let expected = floats(expected);
        let gradient = gradients.get(leaf).expect("a gradient");
        // A bias before a batch norm has no effect; its gradient is rounding, small beside the others.
        let size = if expected[0] < 1e-12 { largest_norm } else { expected[0] };
        close(&what, &summary(gradient, seed), &expected, size);
    };
    compare(format!("{what}, input"), &x, 500, &expected["input"]);
    let expected = expected["gradients"].as_array().expect("a list");
    assert_eq!(forward.leaves.len(), expected.len(), "{what}");
    for (i, (leaf, expected)) in forward.leaves.iter().zip(expected).enumerate() {
        let part = &network.parameters()[i].part.name;
        compare(format!("{what}, {part}"), leaf.as_ref().expect("all are trainable"), i as u64, expected);
    }
    forward
}

#[test]
fn logits_gradients_and_running_statistics_are_those_of_pytorch() {
    let golden = golden();
    for (name, precision) in SMALL.iter().flat_map(|name| [(name, Precision::Fast), (name, Precision::Exact)]) {
        let expected = &golden["small"][name];
        let mut network = filled(small(name)).with_precision(precision);
        compare_pass(name, &network, Mode::Eval, &expected["eval"]);
        let forward = compare_pass(name, &network, Mode::Train, &expected["train"]);
        network.apply_statistics(forward.statistics, |_| false);
        let x = Recorded::constant(images(network.architecture().input.picture(), 0.5));
        let second = network.forward(&network.tape(), &x, Mode::Train, Trainable::None).expect("a pass");
        network.apply_statistics(second.statistics, |_| false);
        let tensors = network.state_dict().expect("its tensors");
        for (buffer, expected) in expected["running"].as_object().expect("a table") {
            let expected = floats(expected);
            let found = numbers(&tensors[buffer]).expect("numbers");
            close(&format!("{name}: {buffer}"), &found, &expected, largest(&expected));
        }
    }
}

#[test]
fn names_shapes_and_order_are_those_of_pytorch() {
    let golden = golden();
    for name in SMALL {
        let expected: Vec<&str> =
            golden["small"][name]["state_dict"].as_array().expect("a list").iter().flat_map(Json::as_str).collect();
        assert_eq!(state_dict_lines(&small(name)), expected, "{name}");
    }
}

#[test]
fn full_size_models_have_pytorchs_tensors() {
    let golden = golden();
    for (name, input) in [
        ("mlp", [1, 28, 28]),
        ("convnet", [1, 28, 28]),
        ("resnet18", [3, 32, 32]),
        ("preact_resnet18", [3, 32, 32]),
        ("wide_resnet", [3, 32, 32]),
    ] {
        let architecture = of_images(&spec(member(name), &[]), input, 10).expect("the model fits");
        let count: usize = architecture.parts().iter().map(|p| p.count()).sum();
        assert_eq!(Some(count as u64), golden["full"][name]["parameters"].as_u64(), "{name}");
        let text: String = state_dict_lines(&architecture).iter().map(|line| format!("{line}\n")).collect();
        let digest = Sha256::digest(text.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Some(digest.as_str()), golden["full"][name]["state_dict_sha256"].as_str(), "{name}");
    }
}

#[test]
fn a_state_dict_saved_by_pytorch_loads_and_round_trips() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/convnet.safetensors");
    let mut network = Network::new(small("convnet_batch"), 5, &Device::Cpu).expect("the network can be made");
    weights::load(&mut network, &path).expect("PyTorch's file loads");
    compare_pass("loaded", &network, Mode::Eval, &golden()["small"]["convnet_batch"]["eval"]);
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.safetensors");
    weights::save(&network, &copy).expect("it is saved");
    assert_eq!(weights::describe(&path).expect("a header"), weights::describe(&copy).expect("a header"));
    let saved = std::fs::read(&copy).expect("the copy");
    assert_eq!(std::fs::read(&path).expect("the file"), saved, "the very bytes that PyTorch's safetensors writes");
}
