//! The optimizers against PyTorch: `tests/goldens/make_optimizers.py` writes the numbers.

use super::*;
use crate::components::models;
use crate::components::testing::{ints, reals, spec};
use crate::components::{Spec, Value};
use crate::nn::check::{max_error, numbers, same_bits_for_any_threads, test_tensor};
use candle_core::{Device, Result};
use serde_json::Value as Json;

/// mlp(hidden: [hidden]) on 1x2x2 images of two classes, its weights by formula.
fn network(hidden: i64) -> Network {
    let (mlp, _) = models::MODELS.iter().find(|(m, _)| m.name == "mlp").expect("mlp is a model");
    let architecture = models::of_images(&spec(mlp, &[("hidden", ints(&[hidden]))]), [1, 2, 2], 2).expect("it fits");
    let mut network = Network::new(architecture, 0, &Device::Cpu).expect("it can be made");
    let parts = network.architecture().parts();
    let tensors = parts.into_iter().enumerate().map(|(i, part)| (part.name, test_tensor(&part.shape, i as u64)));
    network.load_state_dict(&tensors.collect()).expect("its own names and shapes");
    network
}

/// Gradients of step t; the first weight has none in every third step.
fn gradients(network: &Network, t: u64) -> Vec<Option<Tensor>> {
    let shapes = network.parameters().iter().map(|p| p.part.shape.clone()).enumerate();
    shapes.map(|(i, s)| (i > 0 || t % 3 != 2).then(|| test_tensor(&s, 100 + 10 * t + i as u64))).collect()
}

fn optimizer(name: &str, args: &[(&str, Value)]) -> Box<dyn Optimizer> {
    build(&spec_of(name, args)).expect("the settings fit each other")
}

fn spec_of(name: &str, args: &[(&str, Value)]) -> Spec {
    spec(OPTIMIZERS.iter().find(|(m, _)| m.name == name).expect("an optimizer of that name").0, args)
}

fn run(optimizer: &dyn Optimizer, network: &mut Network, steps: std::ops::Range<u64>, state: &mut OptimizerState) {
    for t in steps {
        let factor = 1.0 / (1.0 + t as f64 / 10.0);
        let gradients = gradients(network, t);
        optimizer.step(network, &gradients, Trainable::All, factor, state).expect("a step");
    }
}

fn weights(network: &Network) -> Vec<Tensor> {
    network.parameters().iter().map(|p| p.tensor.clone()).collect()
}

fn cases() -> Vec<(&'static str, Box<dyn Optimizer>)> {
    let real = Value::Real;
    let sgd = |args: &[(&str, Value)]| optimizer("sgd", &[&[("lr", real(0.1))], args].concat());
    let adam = |name: &str, args: &[(&str, Value)]| optimizer(name, &[&[("lr", real(0.02))], args].concat());
    let (momentum, decay) = (("momentum", real(0.9)), ("weight_decay", real(0.05)));
    let nesterov = [("momentum", real(0.8)), ("nesterov", Value::Bool(true)), ("weight_decay", real(0.01))];
    let decoupled = [momentum.clone(), ("decoupled", Value::Bool(true)), ("weight_decay", real(0.2))];
    let adam_decay = [("betas", reals(&[0.8, 0.95])), ("eps", real(1e-4)), ("weight_decay", real(0.1))];
    vec![
        ("plain", sgd(&[])),
        ("momentum", sgd(std::slice::from_ref(&momentum))),
        ("momentum_decay", sgd(&[momentum.clone(), decay.clone()])),
        ("nesterov", sgd(&nesterov)),
        ("decoupled", sgd(&decoupled)),
        ("clip", sgd(&[momentum, decay, ("clip", real(0.7))])),
        ("clip_wide", sgd(&[("clip", real(100.0))])),
        ("adam", adam("adam", &[])),
        ("adam_decay", adam("adam", &adam_decay)),
        ("adamw", adam("adamw", &[("weight_decay", real(0.3))])),
        ("adamw_clip", adam("adamw", &[("clip", real(0.5))])),
    ]
}

#[test]
fn twenty_steps_end_where_pytorchs_do() {
    let golden: Json = serde_json::from_str(include_str!("../../../tests/goldens/optimizers.json")).expect("JSON");
    for (name, optimizer) in cases() {
        let mut network = network(3);
        run(&*optimizer, &mut network, 0..20, &mut OptimizerState::default());
        let expected = golden["optimizers"][name].as_array().expect("a list of weights");
        assert_eq!(expected.len(), 4);
        for (found, expected) in weights(&network).iter().zip(expected) {
            let values = expected.as_array().expect("numbers").iter().flat_map(Json::as_f64);
            let expected =
                Tensor::from_iter(values, &Device::Cpu).expect("a tensor").reshape(found.dims()).expect("shape");
            let error = max_error(found, &expected);
            assert!(error <= 1e-6, "{name}: relative error {error}");
        }
    }
}

#[test]
fn a_state_saved_and_restored_goes_on_as_if_never_interrupted() {
    for (name, optimizer) in cases() {
        let (mut whole, mut cut) = (network(3), network(3));
        run(&*optimizer, &mut whole, 0..9, &mut OptimizerState::default());
        let mut state = OptimizerState::default();
        run(&*optimizer, &mut cut, 0..5, &mut state);
        let saved: Vec<(String, TensorState)> = state.iter().map(|(n, s)| (n.to_string(), s.clone())).collect();
        assert!(saved.iter().all(|(_, s)| s.moments.len() == optimizer.remembers().len()), "{name}");
        let mut restored = OptimizerState::restore(saved).expect("copies");
        // Later steps of the old state must not reach the restored one.
        run(&*optimizer, &mut network(3), 5..7, &mut state);
        run(&*optimizer, &mut cut, 5..9, &mut restored);
        for (a, b) in weights(&whole).iter().zip(weights(&cut)) {
            assert_eq!(numbers(a).expect("numbers"), numbers(&b).expect("numbers"), "{name}");
        }
    }
}

#[test]
fn frozen_weights_stay_and_get_no_decay() {
    for (name, optimizer) in cases() {
        let mut network = network(3);
        let before: Vec<Vec<f64>> = weights(&network).iter().map(|w| numbers(w).expect("numbers")).collect();
        let mut state = OptimizerState::default();
        let gradients = gradients(&network, 0);
        let wanted = [true, false, false, true];
        optimizer.step(&mut network, &gradients, Trainable::Only(&wanted), 1.0, &mut state).expect("a step");
        for ((weight, before), wanted) in weights(&network).iter().zip(before).zip(wanted) {
            assert_eq!(numbers(weight).expect("numbers") != before, wanted, "{name}");
        }
        assert!(state.iter().all(|(weight, _)| weight == "fc1.weight" || weight == "fc2.bias"), "{name}");
    }
}

#[test]
fn a_step_has_the_same_bits_for_any_number_of_threads() {
    for (name, optimizer) in cases().into_iter().filter(|(name, _)| ["clip", "adamw_clip"].contains(name)) {
        same_bits_for_any_threads(|| {
            let mut network = network(20_000);
            run(&*optimizer, &mut network, 0..3, &mut OptimizerState::default());
            assert!(network.parameters()[0].part.count() > 2 * elementwise::PIECE, "{name}");
            weights(&network)
        });
    }
}

#[test]
fn a_gradient_that_is_the_weight_itself_works() -> Result<()> {
    let sgd = optimizer("sgd", &[("lr", Value::Real(0.5)), ("momentum", Value::Real(0.5))]);
    let mut network = network(3);
    let before = weights(&network).iter().map(numbers).collect::<Result<Vec<_>>>()?;
    let gradients: Vec<Option<Tensor>> = weights(&network).into_iter().map(Some).collect();
    sgd.step(&mut network, &gradients, Trainable::All, 1.0, &mut OptimizerState::default())?;
    for (weight, before) in weights(&network).iter().zip(before) {
        assert_eq!(numbers(weight)?, before.iter().map(|w| w * 0.5).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn clearing_zeroes_the_forgotten_entries_only() -> Result<()> {
    let adam = optimizer("adam", &[("lr", Value::Real(0.1))]);
    let (mut network, mut state) = (network(3), OptimizerState::default());
    run(&*adam, &mut network, 0..2, &mut state);
    state.clear("fc1.bias", &[0, 2])?;
    state.clear("never.seen", &[7])?;
    for (name, memory) in state.iter() {
        assert_eq!(memory.step, 2);
        for moment in &memory.moments {
            let zeros: Vec<bool> = numbers(moment)?.iter().map(|x| *x == 0.0).collect();
            let expected = if name == "fc1.bias" { vec![true, false, true] } else { vec![false; zeros.len()] };
            assert_eq!(zeros, expected, "{name}");
        }
    }
    assert!(state.clear("fc1.bias", &[3]).is_err());
    Ok(())
}

#[test]
fn the_memory_of_a_resized_head_keeps_the_rows_that_stay() -> Result<()> {
    let sgd = optimizer("sgd", &[("lr", Value::Real(0.1)), ("momentum", Value::Real(0.9))]);
    let (mut network, mut state) = (network(3), OptimizerState::default());
    run(&*sgd, &mut network, 0..1, &mut state);
    let old = moment(&state, "fc2.weight")?;
    network.resize_head(4, &mut crate::nn::rng::Stream::new(0, "zap", &[]))?;
    let gradients = gradients(&network, 0);
    assert!(sgd.step(&mut network, &gradients, Trainable::All, 1.0, &mut state).is_err(), "of two rows, not four");
    for name in ["fc2.weight", "fc2.bias"] {
        state.resize_rows(name, 4)?;
    }
    assert_eq!(moment(&state, "fc2.weight")?, [old, vec![0.0; 6]].concat());
    sgd.step(&mut network, &gradients, Trainable::All, 1.0, &mut state)
}

fn moment(state: &OptimizerState, name: &str) -> Result<Vec<f64>> {
    let (_, memory) = state.iter().find(|(n, _)| *n == name).expect("it was updated");
    numbers(&memory.moments[0])
}

#[test]
fn a_gradient_that_is_not_a_number_reaches_the_weights_through_the_clip() -> Result<()> {
    let sgd = optimizer("sgd", &[("lr", Value::Real(0.1)), ("clip", Value::Real(1.0))]);
    let mut network = network(3);
    let mut gradients = gradients(&network, 0);
    gradients[3] = Some(Tensor::new(&[f32::NAN, 0.0], &Device::Cpu)?);
    sgd.step(&mut network, &gradients, Trainable::All, 1.0, &mut OptimizerState::default())?;
    assert!(weights(&network).iter().all(|w| numbers(w).is_ok_and(|n| n.iter().all(|x| x.is_nan()))));
    Ok(())
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let refused = |name: &str, args: &[(&str, Value)]| build(&spec_of(name, args)).expect_err("refused");
    let lr = ("lr", Value::Real(0.1));
    let problem = refused("sgd", &[lr.clone(), ("nesterov", Value::Bool(true))]);
    assert_eq!(problem.argument, Some("nesterov"));
    assert!(problem.help.is_some_and(|h| h.contains("momentum: 0.9")));
    for betas in [&[0.9][..], &[0.9, 1.0], &[0.9, 0.99, 0.999]] {
        assert_eq!(refused("adam", &[lr.clone(), ("betas", reals(betas))]).argument, Some("betas"));
    }
}

#[test]
fn misshapen_gradients_are_an_error() {
    let sgd = optimizer("sgd", &[("lr", Value::Real(0.1))]);
    let mut network = network(3);
    let mut state = OptimizerState::default();
    let mut gradients = gradients(&network, 0);
    gradients[0] = gradients[1].clone();
    assert!(sgd.step(&mut network, &gradients, Trainable::All, 1.0, &mut state).is_err());
    assert!(sgd.step(&mut network, &gradients[1..], Trainable::All, 1.0, &mut state).is_err());
}
