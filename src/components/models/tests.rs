//! What a user gets told when a model doesn't fit.

use super::*;
use crate::components::testing::{components, reals, spec, word};

fn member(name: &str) -> &'static Member {
    MODELS.iter().find(|(m, _)| m.name == name).expect("a model of that name").0
}

fn refused(name: &str, args: &[(&str, Value)], input: [usize; 3]) -> Problem {
    let problem = of_images(&spec(member(name), args), input, 10).expect_err("refused");
    assert_eq!(problem.kind, ProblemKind::DoesNotFit);
    assert!(problem.help.is_some(), "{problem:?}");
    problem
}

fn out(layer: &'static Member, out: i64) -> Spec {
    spec(layer, &[("out", Value::Int(out))])
}

fn sequential(layers: Vec<Spec>) -> Problem {
    let problem = refused("sequential", &[("layers", components(layers))], [1, 28, 28]);
    assert_eq!(problem.argument, Some("layers"));
    problem
}

#[test]
fn too_many_blocks_for_the_image() {
    let problem = refused("convnet", &[("blocks", Value::Int(6))], [1, 28, 28]);
    assert_eq!(problem.argument, Some("blocks"));
    assert!(problem.message.starts_with("block 5 of 6 does not fit: a 2x2 max-pool"), "{problem}");
    assert_eq!(problem.help.as_deref(), Some("use blocks: 4 or fewer, or larger images"));
    assert_eq!(refused("convnet", &[], [1, 1, 1]).help.as_deref(), Some("use larger images"));
    // 28 → 14 → 7 → 3 → 1: instance norm of a single value means nothing.
    let problem = refused("convnet", &[("blocks", Value::Int(5)), ("norm", word("instance"))], [1, 28, 28]);
    assert!(problem.message.contains("instance norm"), "{problem}");
}

#[test]
fn a_depth_that_wide_residual_networks_cannot_have() {
    let problem = refused("wide_resnet", &[("depth", Value::Int(30))], [3, 32, 32]);
    assert_eq!((problem.argument, problem.help.as_deref()), (Some("depth"), Some("use 28 or 34")));
}

#[test]
fn normalization_that_does_not_fit_the_channels() {
    let mean = || ("mean", reals(&[0.5]));
    assert_eq!(refused("mlp", &[mean()], [1, 8, 8]).argument, Some("mean"));
    assert_eq!(refused("mlp", &[("std", reals(&[0.5]))], [1, 8, 8]).argument, Some("std"));
    assert_eq!(refused("mlp", &[mean(), ("std", reals(&[0.0]))], [1, 8, 8]).argument, Some("std"));
    let problem = refused("resnet18", &[mean(), ("std", reals(&[0.5]))], [3, 8, 8]);
    assert_eq!(problem.message, "mean has 1 numbers, but images have 3 channels");
}

#[test]
fn a_sequence_must_end_in_the_classifier() {
    let flatten = || spec(&layers::FLATTEN, &[]);
    let problem = sequential(vec![flatten(), out(&layers::LINEAR, 7)]);
    assert_eq!(problem.message, "the last linear layer has 7 outputs, but the data has 10 classes");
    assert_eq!(problem.help.as_deref(), Some("end with linear(10)"));
    let problem = sequential(vec![flatten(), out(&layers::LINEAR, 10), spec(&layers::RELU, &[])]);
    assert!(problem.message.starts_with("the last layer is not linear"), "{problem}");
    assert!(sequential(vec![]).message.starts_with("the last layer is not linear"));
}

#[test]
fn layers_that_do_not_fit_are_named_with_their_place() {
    let conv = || out(&layers::CONV, 8);
    let problem = sequential(vec![conv(), out(&layers::LINEAR, 10)]);
    let expected =
        "layer 1 (linear): it takes a vector, but gets 8 channels of 28x28; put flatten or global_pool before it";
    assert_eq!(problem.message, expected);
    let problem = sequential(vec![spec(&layers::GLOBAL_POOL, &[]), conv()]);
    assert_eq!(problem.message, "layer 1 (conv): it takes an image, but gets a vector of 1");
    let inner = spec(&layers::RESIDUAL, &[("body", components(vec![spec(&layers::FLATTEN, &[]), conv()]))]);
    assert_eq!(
        sequential(vec![conv(), inner]).message,
        "layer 1.body.1 (conv): it takes an image, but gets a vector of 6272"
    );
    let grown = spec(&layers::RESIDUAL, &[("body", components(vec![conv()]))]);
    let problem = sequential(vec![grown]);
    assert!(
        problem.message.starts_with("layer 0 (residual): the body of a residual block gives 8 channels"),
        "{problem}"
    );
    let even = spec(&layers::CONV, &[("out", Value::Int(3)), ("kernel", Value::Int(2))]);
    assert_eq!(sequential(vec![even]).message, "layer 0 (conv): padding same needs an odd kernel, not 2");
    let wide = spec(&layers::MAX_POOL, &[("kernel", Value::Int(99))]);
    assert!(sequential(vec![wide]).message.contains("does not fit on what is left of the image there, 28x28"));
}

#[test]
fn residual_blocks_are_what_blocks_counts() {
    let residual = || spec(&layers::RESIDUAL, &[("body", components(vec![out(&layers::CONV, 1)]))]);
    let ends = vec![spec(&layers::FLATTEN, &[]), out(&layers::LINEAR, 10)];
    let spec = spec(member("sequential"), &[("layers", components([vec![residual(), residual()], ends].concat()))]);
    let network = of_images(&spec, [1, 4, 4], 10).expect("it fits");
    assert_eq!((network.blocks(), network.layers().len()), (2, 3));
    assert_eq!(network.parts()[2].block, Some(1));
}
