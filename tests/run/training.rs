//! Epochs, batches, accumulation, schedules, frozen layers, measurements that are due.

use crate::support::*;
use fsched::runtime::event::{Event, Kind};

/// 160 examples are trained on, 32 in a step.
const STEPS_PER_EPOCH: u64 = 5;

#[test]
fn epochs_are_counted_in_steps_and_told() {
    let outcome = run_small("train 2 epochs\ntrain 0.5 epochs");
    let epochs: Vec<(u64, u64)> = outcome
        .events
        .iter()
        .filter_map(|e| if let Kind::Epoch { steps, .. } = e.kind { Some((e.clock, steps)) } else { None })
        .collect();
    assert_eq!(epochs, [(5, 5), (10, 5), (13, 3)]);
    assert_eq!(outcome.summary().epochs, 2.6);
    let losses: Vec<f64> = outcome
        .events
        .iter()
        .filter_map(|e| if let Kind::Epoch { loss, .. } = e.kind { Some(loss) } else { None })
        .collect();
    assert!(losses[1] < losses[0], "training lowers the loss: {losses:?}");
}

#[test]
fn each_epoch_meets_all_examples_in_another_order() {
    // Weights that stand still: a step's loss depends on its examples alone.
    let outcome = run_small("train 2 epochs with { optimizer sgd(lr: 0) }");
    let loss = |e: &Event| if let Kind::Progress { loss, .. } = e.kind { Some(loss) } else { None };
    let losses: Vec<f64> = outcome.events.iter().filter_map(loss).collect();
    let (first, second) = losses.split_at(STEPS_PER_EPOCH as usize);
    assert!(first.iter().zip(second).all(|(a, b)| a != b), "{losses:?}");
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!((mean(first) - mean(second)).abs() < 1e-6, "{losses:?}");
}

#[test]
fn step_loss_is_the_loss_that_the_step_was_taken_by() {
    // 160 examples in steps of 96 and 64.
    let outcome = run_small("batch 32; accumulate 3\naugment none\nmeasure step_loss every: 1 step\ntrain 2");
    let told = |e: &Event| match &e.kind {
        Kind::Measure { metric, split, value, n, .. } if metric == "step_loss" => Some((split.name(), *value, *n)),
        _ => None,
    };
    let progress = |e: &Event| if let Kind::Progress { loss, .. } = e.kind { Some(loss) } else { None };
    let losses: Vec<f64> = outcome.events.iter().filter_map(progress).collect();
    let told: Vec<(&str, f64, usize)> = outcome.events.iter().filter_map(told).collect();
    let expected: Vec<(&str, f64, usize)> =
        losses.iter().zip([96, 64, 96, 64]).map(|(l, n)| ("train", *l, n)).collect();
    assert_eq!(told, expected);
}

#[test]
fn gradient_evaluations_count_the_passes_of_attacks() {
    let outcome = run_small("objective adversarial(pgd(eps: 0.1, iters: 3))\ntrain 2 steps");
    assert_eq!(outcome.summary().gradient_evaluations, 2 * (3 + 1));
}

#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    let run = |batch: &str| {
        run_program(&program(&format!(
            "data digits(train: 150)\nmodel mlp(hidden: [16])\n{batch}\noptimizer sgd(lr: 0.1, momentum: 0.9)\ntrain 3 epochs"
        )))
    };
    // 150 examples: the last step has 54 of 96, in chunks of 32 and 22.
    let (large, small) = (run("batch 96"), run("batch 32; accumulate 3"));
    assert_eq!(large.summary().steps, small.summary().steps);
    let (large, small) = (large.numbers("final.safetensors"), small.numbers("final.safetensors"));
    for (name, large) in &large {
        let scale = large.iter().fold(0f32, |m, x| m.max(x.abs()));
        let off = large.iter().zip(&small[name]).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(off <= 1e-6 * scale, "{name}: {off} of {scale}");
    }
}

#[test]
fn batch_all_takes_the_data_as_they_are() {
    let outcome = run_program(&program("data digits(train: 100)\nmodel mlp(hidden: [16])\nbatch all\ntrain 3 epochs"));
    assert_eq!(outcome.summary().steps, 3);
}

#[test]
fn the_learning_rate_follows_the_schedule_of_the_innermost_block() {
    // Cosine over the 10 steps of each turn, 0.5 (1 + cos(pi t / T)), started again by the second turn.
    let outcome = run_small("repeat 2 { lr cosine\n train 1 epoch\n train 1 epoch }\ntrain 1 step");
    let cosine = |t: u64| 0.1 * 0.5 * (1.0 + (std::f64::consts::PI * t as f64 / 10.0).cos());
    let expected: Vec<f64> = (0..10).chain(0..10).map(cosine).chain([0.1]).collect();
    let rates = outcome.rates();
    assert_eq!(rates.len(), expected.len());
    for (t, (rate, expected)) in rates.iter().zip(&expected).enumerate() {
        assert!((rate - expected).abs() < 1e-12, "step {t}: {rate}, expected {expected}");
    }
}

#[test]
fn an_outer_schedule_goes_on_under_an_inner_one() {
    let outcome = run_small("lr drop(at: [50%], by: 0.1)\ntrain 1 epoch with { lr warmup(5 steps) }\ntrain 1 epoch");
    let rates = outcome.rates();
    let expected: Vec<f64> = (1..=5).map(|t| 0.1 * t as f64 / 5.0).chain([0.01; 5]).collect();
    for (t, (rate, expected)) in rates.iter().zip(&expected).enumerate() {
        assert!((rate - expected).abs() < 1e-12, "step {t}: {rate}, expected {expected}");
    }
}

#[test]
fn training_that_a_measurement_decides_runs_at_the_present_rate() {
    let outcome = run_small("lr cosine\ntrain 1 epoch\nif clean > 0.1% { train 3 steps }\ntrain 1 epoch");
    let cosine = |t: u64| 0.1 * 0.5 * (1.0 + (std::f64::consts::PI * t as f64 / 10.0).cos());
    let expected: Vec<f64> = (0..5).chain([5; 3]).chain(5..10).map(cosine).collect();
    let rates = outcome.rates();
    assert_eq!(rates.len(), expected.len());
    for (t, (rate, expected)) in rates.iter().zip(&expected).enumerate() {
        assert!((rate - expected).abs() < 1e-12, "step {t}: {rate}, expected {expected}");
    }
}

#[test]
fn a_calibration_finds_speeds_that_a_machine_can_have() {
    let program = small("train 1 epoch");
    let profile = fsched::runtime::calibrate(&program, &candle_core::Device::Cpu, 1).unwrap();
    for speed in [profile.training, profile.attacks, profile.evaluation] {
        assert!((1e5..1e14).contains(&speed), "{profile:?}");
    }
}

#[test]
fn frozen_layers_stay_bit_for_bit() {
    let text = "model convnet(blocks: 2, width: 4)\ncheckpoint \"start\"\n\
                train 1 epoch with { freeze layers[..1] statistics: true }";
    let outcome = run_program(&program(&format!("data digits(train: 100)\nbatch 32\n{text}")));
    let (before, after) =
        (outcome.weights("checkpoints/start/weights.safetensors"), outcome.weights("final.safetensors"));
    for (name, before) in &before {
        let first = name.contains("block1");
        assert_eq!(*before == after[name], first, "{name} should {}change", if first { "not " } else { "" });
    }
}

#[test]
fn measurements_come_when_they_are_due() {
    let outcome = run_small(
        "measure clean every: 1 epoch\nmeasure train.loss every: 2 steps\ntrain 2 epochs\nmeasure none\ntrain 1 epoch",
    );
    let clocks = |name: &str| outcome.measured(name).iter().map(|m| m.0).collect::<Vec<_>>();
    assert_eq!(clocks("validation.clean"), [STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH]);
    assert_eq!(clocks("train.loss"), [2, 4, 6, 8, 10]);
}

#[test]
fn a_gap_is_the_distance_from_the_best_so_far() {
    let outcome = run_small(
        "measure clean, gap(clean) every: 1 epoch\ntrain 3 epochs\nforget all 100%\nevaluate clean, gap(clean)\n\
         train 1 step with { optimizer sgd(lr: 1e-12) }",
    );
    let clean = outcome.measured("validation.clean");
    let gaps = outcome.measured("validation.gap(clean)");
    assert_eq!(clean.len(), gaps.len());
    let mut best = 0f64;
    for ((_, clean), (_, gap)) in clean.iter().zip(&gaps) {
        best = best.max(*clean);
        assert!((gap - (best - clean)).abs() < 1e-12, "{gap}, best {best}, now {clean}");
    }
    assert!(gaps.last().unwrap().1 > 0.2, "forgetting everything shows: {gaps:?}");
}
