//! The memory: when it begins and follows, what teaches, and what becomes of it when weights are changed.

use crate::support::*;
use std::collections::BTreeMap;

type Weights = BTreeMap<String, Vec<f32>>;

const FINAL: &str = "final.safetensors";
const MEMORY: &str = "final_memory.safetensors";

/// The largest difference between two networks.
fn apart(a: &Weights, b: &Weights) -> f32 {
    let both = a.iter().flat_map(|(name, a)| a.iter().zip(&b[name]));
    both.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Weights and memory at the end of a run of these statements.
fn ends(statements: &str) -> (Weights, Weights) {
    let outcome = run_small(statements);
    outcome.result.as_ref().unwrap();
    (outcome.numbers(FINAL), outcome.numbers(MEMORY))
}

#[test]
fn it_begins_as_a_copy_at_the_first_consolidate_and_follows_there_alone() {
    // Weights before the step are the copy; a decay of 1 keeps it, one of 0 is the present network.
    let before = run_small("train 3 steps").numbers(FINAL);
    let (_, kept) = ends("memory ema(decay: 1.0)\ntrain 3 steps\nconsolidate 2 steps");
    assert_eq!(apart(&before, &kept), 0.0);
    let (present, followed) = ends("memory ema(decay: 0.0)\ntrain 3 steps\nconsolidate 2 steps");
    assert_eq!(apart(&present, &followed), 0.0);
    let (present, left) = ends("memory ema(decay: 0.0)\nconsolidate 2 steps\ntrain 2 steps\nrelearn 2 steps");
    let at = run_small("consolidate 2 steps").numbers(FINAL);
    assert_eq!(apart(&at, &left), 0.0);
    assert!(apart(&present, &left) > 0.0);
}

#[test]
fn what_follows_it_waits_until_it_begins() {
    let statements = "memory ema(decay: 0.5)\nmeasure clean, clean(of: memory) every: 1 epoch\n\
                      keep last: 0, best: [clean, loss(of: memory)]\ntrain 2\nconsolidate 1\ntrain 1";
    let outcome = run_small(statements);
    outcome.summary();
    assert_eq!(outcome.measured("validation.clean").len(), 4);
    assert_eq!(outcome.measured("validation.clean(of: memory)").len(), 2);
    assert_eq!(outcome.measured("validation.loss(of: memory)").len(), 2);
    assert_eq!(outcome.names("checkpoints"), ["best", "best-2"]);
}

#[test]
fn each_cadence_has_its_updates() {
    // A decay of 0 shows the weights at the last update.
    let last = |cadence: &str, steps: &str| ends(&format!("memory ema(decay: 0.0, cadence: {cadence})\n{steps}")).1;
    let at = |steps: &str| run_small(steps).numbers(FINAL);
    assert_eq!(apart(&last("phase", "consolidate 3 steps\nrelearn 2 steps"), &at("train 3 steps")), 0.0);
    let both = at("train 3 steps\ntrain 2 steps");
    assert_eq!(apart(&last("relearn", "consolidate 3 steps\nrelearn 2 steps\ntrain 1 step"), &both), 0.0);
    // Equal weights at steps 2 and 4: their mean.
    let mean = ends("memory swa(every: 2 steps)\nconsolidate 5 steps").1;
    let (two, four) = (at("train 2 steps"), at("train 4 steps"));
    for (name, mean) in &mean {
        for (i, mean) in mean.iter().enumerate() {
            let expected = (two[name][i] + four[name][i]) / 2.0;
            assert!((mean - expected).abs() < 1e-6, "{name}: {mean} for {expected}");
        }
    }
}

#[test]
fn updates_with_a_probability_are_some_of_them_and_training_is_the_same() {
    let (always, every) = ends("memory ema(decay: 0.5)\nconsolidate 8 steps");
    let (sometimes, some) = ends("memory ema(decay: 0.5, probability: 50%)\nconsolidate 8 steps");
    let (never, none) = ends("memory ema(decay: 0.5, probability: 0%)\nconsolidate 8 steps");
    assert_eq!((apart(&always, &sometimes), apart(&always, &never)), (0.0, 0.0));
    assert!(apart(&every, &some) > 0.0 && apart(&some, &none) > 0.0);
}

#[test]
fn teachers_speak_in_relearn_or_always_where_that_is_said() {
    let memory = "memory ema(decay: 0.5)\nconsolidate 3 steps\nforget head 50%\n";
    let run = |recall: &str, word: &str| ends(&format!("{recall}\n{memory}{word} 2 steps")).0;
    let plain = run("", "relearn");
    assert_eq!(apart(&plain, &run("recall kl(on: clean)", "train")), 0.0);
    assert!(apart(&plain, &run("recall kl(on: clean)", "relearn")) > 0.0);
    assert!(apart(&plain, &run("recall kl(on: clean, weight: 0.0)", "relearn")) == 0.0);
    let always = "train 1 step\ncheckpoint \"then\"\ntrain 2 steps";
    let taught = "train 1 step\ncheckpoint \"then\"\nrecall mse(teacher: \"then\", during: all)\ntrain 2 steps";
    assert!(apart(&run_small(always).numbers(FINAL), &run_small(taught).numbers(FINAL)) > 0.0);
}

#[test]
fn a_rollback_brings_the_memory_of_its_checkpoint_back() {
    let begun = "memory ema(decay: 0.5)\nconsolidate 3 steps\ncheckpoint \"then\"\n";
    let (_, then) = ends(begun);
    let (_, back) = ends(&format!("{begun}consolidate 3 steps\nrollback \"then\""));
    assert_eq!(apart(&then, &back), 0.0);
    // One that began later stays.
    let (_, stays) = ends("checkpoint \"first\"\nmemory ema(decay: 0.0)\nconsolidate 3 steps\nrollback \"first\"");
    assert_eq!(apart(&stays, &run_small("train 3 steps").numbers(FINAL)), 0.0);
}

#[test]
fn metrics_of_the_memory_are_measured_on_it_and_anew_when_it_has_changed() {
    let outcome = run_small(
        "memory ema(decay: 0.0, cadence: phase)\nmeasure clean at: forget\nconsolidate 2 epochs with { measure loss(of: memory) every: 1 epoch }\n\
         evaluate loss, loss(of: memory)",
    );
    let memory = outcome.measured("validation.loss(of: memory)");
    let model = outcome.measured("validation.loss");
    // Until the end of the phase it is the copy of the beginning.
    assert_eq!(memory[0].1, memory[1].1);
    assert_eq!(memory[2].1, model[0].1);
    assert_ne!(memory[2].1, memory[1].1);
}

#[test]
fn free_replays_each_batch_and_counts_an_epoch_with_all_of_them() {
    let outcome = run_small("train 1 epoch with { objective free(eps: 0.1, replays: 3) }");
    let summary = outcome.result.as_ref().unwrap();
    // 160 images in batches of 32, each three times.
    assert_eq!((summary.steps, summary.gradient_evaluations, summary.epochs), (15, 15, 1.0));
}

#[test]
fn a_block_between_replays_leaves_the_batch_as_it_was_changed() {
    let free = "augment crop(padding: 2)\nobjective free(eps: 0.1, replays: 2)\ntrain 2 steps";
    let still = "train 1 step with { objective cross_entropy; optimizer sgd(lr: 1e-30) }";
    let (alone, between) = (run_small(free), run_small(&format!("{free} {{ every 1 step {{ {still} }} }}")));
    assert_eq!((alone.summary().steps, between.summary().steps), (2, 4));
    let apart = apart(&alone.numbers(FINAL), &between.numbers(FINAL));
    assert!(apart < 1e-20, "{apart}");
}

#[test]
fn passes_of_objectives_and_teachers_are_counted_as_planned() {
    let attack = "pgd(eps: 0.1, iters: 2)";
    for objective in [
        format!("adversarial({attack})"),
        format!("trades({attack})"),
        format!("mart({attack})"),
        format!("awp(adversarial({attack}))"),
        format!("awp(trades({attack}))"),
        "free(eps: 0.1, replays: 2)".into(),
    ] {
        let text = format!(
            "objective {objective}\nmemory ema\nrecall kl(on: both), mse(on: clean)\nconsolidate 1 epoch\nrelearn 5 steps"
        );
        let program = small(&text);
        let planned = fsched::plan::totals::Counter::new(&program).body(&program.body).gradient_evaluations.exact();
        let found = run_program(&program).result.unwrap().gradient_evaluations;
        assert_eq!(planned, Some(found), "{objective}");
    }
}
