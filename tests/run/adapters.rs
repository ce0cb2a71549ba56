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

/// Numbers of one tensor at a checkpoint.
fn at(outcome: &Outcome, checkpoint: &str, tensor: &str) -> Vec<f32> {
    outcome.numbers(&format!("checkpoints/{checkpoint}/weights.safetensors"))[tensor].clone()
}

#[test]
fn merging_changes_no_answer_and_begins_afresh() {
    let outcome = run_program(&program(&format!(
        "{MODEL}adapt lora(rank: 2)\ntrain 2\ncheckpoint \"start\"\nevaluate loss on train\nmerge adapters\ncheckpoint \"merged\"\nevaluate loss on train\ntrain 1"
    )));
    let losses: Vec<f64> = outcome.measured("train.loss").iter().map(|m| m.1).collect();
    assert!((losses[0] - losses[1]).abs() < 1e-6, "{losses:?}");
    let (a, b) = ("fc1.lora_A.default.weight", "fc1.lora_B.default.weight");
    assert!(at(&outcome, "start", b).iter().any(|x| *x != 0.0) && at(&outcome, "merged", b).iter().all(|x| *x == 0.0));
    assert_ne!(at(&outcome, "start", a), at(&outcome, "merged", a));
    // w + scale · b a, alpha being twice the rank.
    let [w, merged] = ["start", "merged"].map(|checkpoint| at(&outcome, checkpoint, "fc1.weight"));
    let (a, b) = (at(&outcome, "start", a), at(&outcome, "start", b));
    let inputs = w.len() / 16;
    for (place, merged) in merged.iter().enumerate() {
        let (row, column) = (place / inputs, place % inputs);
        let update: f32 = (0..2).map(|k| b[row * 2 + k] * a[k * inputs + column]).sum();
        assert!((w[place] + 2.0 * update - merged).abs() < 1e-6);
    }
}

#[test]
fn protected_elements_are_held_at_zero() {
    let update = |weight: &str| {
        let outcome = run_program(&program(&format!(
            "{MODEL}adapt lora(rank: 2)\ntrain 3\ncheckpoint \"first\"\nprotect adapters top: 5%, weight: {weight}\nmerge adapters\n\
             train 10 with {{ optimizer adam(lr: 0.01) }}\ncheckpoint \"second\""
        )));
        let product = |checkpoint: &str| -> Vec<f32> {
            let [a, b] = ["A", "B"].map(|which| at(&outcome, checkpoint, &format!("fc1.lora_{which}.default.weight")));
            let inputs = a.len() / 2;
            let one = |place: usize| (0..2).map(|k| b[place / inputs * 2 + k] * a[k * inputs + place % inputs]).sum();
            (0..16 * inputs).map(one).collect()
        };
        let (first, second) = (product("first"), product("second"));
        let mut order: Vec<usize> = (0..first.len()).collect();
        order.sort_by(|x, y| first[*y].abs().total_cmp(&first[*x].abs()));
        let mean = |places: &[usize]| places.iter().map(|i| second[*i].abs()).sum::<f32>() / places.len() as f32;
        let chosen = first.len() / 20;
        (mean(&order[..chosen]), mean(&order[chosen..]))
    };
    let (free, free_elsewhere) = update("0");
    let (held, held_elsewhere) = update("20");
    assert!(held < free / 5.0, "{held} {free}");
    assert!(held_elsewhere > free_elsewhere / 5.0, "{held_elsewhere} {free_elsewhere}");
}
