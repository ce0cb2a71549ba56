//! Against PyTorch (tests/goldens/make_regularizers.py), and finite differences.

use super::key_elements::{Duplicates, KeyElements};
use super::*;
use crate::components::testing::Golden;
use crate::nn::architecture::{Architecture, Init, Input, Layer};
use crate::nn::check::numbers;
use candle_core::Device;

const NAMES: [&str; 3] = ["first", "second", "now"];

/// Layers of 144 → 24 → 10 with the factors of three tasks.
fn network(golden: &Golden) -> Network {
    let linear = |name: &str, input, output| {
        let (name, bias, init) = (name.to_string(), None, Init::Default);
        Layer::Linear(Linear { name, input, output, bias, init, adapters: vec![] })
    };
    let layers = vec![Layer::Flatten, linear("fc1", 144, 24), Layer::Relu, linear("fc2", 24, 10)];
    let mut architecture = Architecture { input: Input::Image([1, 12, 12]), classes: 10, layers };
    for name in NAMES {
        let adapter = Adapter { name: name.into(), rank: 3, scale: 2.0, dropout: 0.0, experts: 1 };
        architecture = architecture.adapted(&adapter, |_| true).0;
    }
    let mut network = Network::new(architecture, 0, &Device::Cpu).unwrap();
    for (task, name) in NAMES.iter().enumerate() {
        for layer in ["fc1", "fc2"] {
            for (which, key) in [("lora_A", "a"), ("lora_B", "b")] {
                let tensor = golden.get(&format!("{task}.{layer}.{key}"));
                network.take_over(&format!("{layer}.{which}.{name}.weight"), tensor).unwrap();
            }
        }
    }
    network
}

fn golden() -> Golden {
    Golden::of(include_bytes!("../../../tests/goldens/regularizers.safetensors"))
}

/// Loss and gradients against those of a golden, relative to the largest.
fn compare(network: &Network, penalty: &Penalty, golden: &Golden, kind: &str) {
    let expected = numbers(golden.get(&format!("{kind}.loss"))).unwrap()[0];
    assert!((penalty.value - expected).abs() < 1e-6 * expected, "{kind}: {} {expected}", penalty.value);
    assert_eq!(penalty.gradients.len(), 4);
    for (place, gradient) in &penalty.gradients {
        let name = &network.parameters()[*place].part.name;
        let (layer, which) = name.split_once(".lora_").unwrap();
        let key = format!("{kind}.{layer}.d{}", which[..1].to_lowercase());
        let (found, expected) = (numbers(gradient).unwrap(), numbers(golden.get(&key)).unwrap());
        let size = expected.iter().fold(0f64, |m, x| m.max(x.abs()));
        let off = found.iter().zip(&expected).fold(0f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(off < 1e-5 * size, "{key}: {off} of {size}");
    }
}

#[test]
fn key_elements_and_their_penalty_are_those_of_the_published_code() {
    let golden = golden();
    let network = network(&golden);
    for (kind, duplicates) in [("keep", Duplicates::Keep), ("unique", Duplicates::Unique)] {
        let mut elements = KeyElements::default();
        assert_eq!(elements.penalty(&network, "now", 2500.0).unwrap().value, 0.0);
        for name in &NAMES[..2] {
            elements.add(&network, name, 0.05, duplicates).unwrap();
        }
        for (layer, places) in elements.places() {
            let expected = golden.labels(&format!("{kind}.{layer}.places"));
            assert_eq!(places, &expected, "{kind} {layer}");
        }
        compare(&network, &elements.penalty(&network, "now", 2500.0).unwrap(), &golden, kind);
        assert_eq!(KeyElements::of(elements.places().clone()), elements);
    }
}

#[test]
fn orthogonal_adapters_pay_for_amounts() {
    let golden = golden();
    let network = network(&golden);
    let mut earlier = std::collections::BTreeMap::<String, Tensor>::new();
    for (layer, rows) in NAMES[..2].iter().flat_map(|name| orthogonal::directions(&network, name).unwrap()) {
        let all = earlier.remove(&layer).map_or(rows.clone(), |before| Tensor::cat(&[&before, &rows], 0).unwrap());
        earlier.insert(layer, all);
    }
    compare(&network, &orthogonal::penalty(&network, &earlier, "now", 0.5, 0.1).unwrap(), &golden, "orthogonal");
}

#[test]
fn a_new_adapter_pays_nothing_and_has_no_slope() {
    let golden = golden();
    let network = network(&golden);
    let mut elements = KeyElements::default();
    elements.add(&network, "first", 0.05, Duplicates::Keep).unwrap();
    let fresh = Adapter { name: "fresh".into(), rank: 2, scale: 1.0, dropout: 0.0, experts: 1 };
    let architecture = network.architecture().clone().adapted(&fresh, |_| true).0;
    let network = network.rebuilt(architecture, 1).unwrap();
    let penalty = elements.penalty(&network, "fresh", 2500.0).unwrap();
    assert_eq!(penalty.value, 0.0);
    for (_, gradient) in &penalty.gradients {
        assert!(numbers(gradient).unwrap().iter().all(|x| *x == 0.0));
    }
}

#[test]
fn importance_is_the_sum_over_tasks_of_weighted_squares() {
    let golden = golden();
    let mut network = network(&golden);
    let shapes: Vec<Tensor> = network.parameters().iter().map(|p| p.tensor.clone()).collect();
    let squares = |shift: f64| -> Vec<Option<Tensor>> {
        shapes.iter().map(|t| Some(((t.sqr().unwrap() + shift).unwrap()).copy().unwrap())).collect()
    };
    let before: Vec<Vec<f64>> = shapes.iter().map(|t| numbers(t).unwrap()).collect();
    let (mut importance, mut expected) = (fisher::Importance::default(), 0.0);
    let first: Vec<Vec<f64>> = squares(0.5).iter().map(|f| numbers(f.as_ref().unwrap()).unwrap()).collect();
    importance.add(&network, &squares(0.5)).unwrap();
    assert!(importance.penalty(&network, 3.0).unwrap().value < 1e-3, "nothing has moved");
    for index in 0..shapes.len() {
        network
            .write(index, |numbers| {
                numbers.iter_mut().for_each(|x| *x += 0.25);
                Ok(())
            })
            .unwrap();
    }
    for (f, x) in first.iter().zip(&before) {
        expected += f.iter().zip(x).map(|(f, x)| f * (x + 0.25 - x).powi(2)).sum::<f64>();
    }
    let penalty = importance.penalty(&network, 3.0).unwrap();
    assert!((penalty.value - 1.5 * expected).abs() < 1e-4 * penalty.value, "{} {}", penalty.value, 1.5 * expected);
    for ((place, gradient), f) in
        penalty.gradients.iter().zip(penalty.gradients.iter().map(|(place, _)| &first[*place]))
    {
        let found = numbers(gradient).unwrap();
        let off = found.iter().zip(f).fold(0f64, |m, (d, f)| m.max((d - 3.0 * f * 0.25).abs()));
        assert!(off < 1e-4, "{place}: {off}");
    }
}
