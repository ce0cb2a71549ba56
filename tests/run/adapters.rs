//! `adapt`: what is trained then, and what stands still.

use crate::support::*;
use std::collections::BTreeSet;

const MODEL: &str =
    "data digits(train: 160)\nmodel mlp(hidden: [16, 12])\nbatch 32\noptimizer sgd(lr: 0.1, momentum: 0.9)\n";

/// Tensors that are others at the end than at the checkpoint "start".
fn changed(outcome: &Outcome) -> BTreeSet<String> {
    let (start, end) = (outcome.numbers("checkpoints/start/weights.safetensors"), outcome.numbers("final.safetensors"));
    assert!(start.keys().eq(end.keys()));
    start.into_iter().filter(|(name, numbers)| &end[name] != numbers).map(|(name, _)| name).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_string()).collect()
}

#[test]
fn adapters_alone_are_trained_and_lower_the_loss() {
    let outcome = run_program(&program(&format!(
        "{MODEL}adapt lora(rank: 4)\ncheckpoint \"start\"\nmeasure train.loss every: 1 epoch\ntrain 6"
    )));
    let factors = ["fc1.lora_A.default.weight", "fc1.lora_B.default.weight"];
    let all = [&factors[..], &["fc2.lora_A.default.weight", "fc2.lora_B.default.weight"]].concat();
    assert_eq!(changed(&outcome), names(&all));
    let losses: Vec<f64> = outcome.measured("train.loss").iter().map(|m| m.1).collect();
    assert!(losses[5] < losses[0] - 0.05, "{losses:?}");
    // At the start an adapter changes nothing.
    let measured =
        |adapt: &str| run_program(&program(&format!("{MODEL}{adapt}\nevaluate loss on train\ntrain 1 step")));
    let (with, without) = (measured("adapt lora(rank: 4)"), measured(""));
    assert_eq!(with.measured("train.loss"), without.measured("train.loss"));
}

#[test]
fn what_is_thawed_is_trained_too_and_targets_are_followed() {
    let outcome = run_program(&program(&format!(
        "{MODEL}adapt lora(rank: 2, on: layers[1])\nthaw head\ncheckpoint \"start\"\ntrain 1"
    )));
    let expected = ["fc2.lora_A.default.weight", "fc2.lora_B.default.weight", "fc3.bias", "fc3.weight"];
    assert_eq!(changed(&outcome), names(&expected));
    let outcome = run_program(&program(&format!(
        "{MODEL}adapt lora(targets: [\"fc1\", \"fc3\"])\nfreeze params(\"fc1.*\")\ncheckpoint \"start\"\ntrain 1"
    )));
    assert_eq!(changed(&outcome), names(&["fc3.lora_A.default.weight", "fc3.lora_B.default.weight"]));
}

#[test]
fn adapters_are_forgotten_by_name_alone() {
    let with = |steps: &str| {
        run_program(&program(&format!(
            "{MODEL}adapt lora(rank: 2)\ntrain 1\ncheckpoint \"start\"\n{steps}\ntrain 1 step with {{ optimizer sgd(lr: 0) }}"
        )))
    };
    let weights = changed(&with("forget all 50%"));
    assert_eq!(weights, names(&["fc1.weight", "fc2.weight", "fc3.weight"]));
    let factors = changed(&with("forget adapters 50%"));
    assert!(factors.len() == 4 && factors.iter().all(|name| name.contains(".lora_")), "{factors:?}");
}
