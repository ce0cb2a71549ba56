//! The same program and seed give the same bytes, on any number of threads.

use crate::support::*;
use fsched::runtime::event::Kind;

const MIXED: &str = "augment crop(padding: 1), flip\n\
    objective adversarial(pgd(eps: 0.1, step: 0.05, iters: 2))\n\
    measure clean, robust every: 1 epoch\n\
    repeat 2 { train 1 epoch; forget layers[-1..] 30% }\n\
    train 3 steps\n\
    evaluate clean, robust on test";

fn convnet() -> fsched::language::program::Program {
    program(&format!(
        "seed 5\ndata digits(train: 120, validation: 25%)\nmodel convnet(blocks: 2, width: 4)\nbatch 32\n\
         optimizer sgd(lr: 0.05, momentum: 0.9, weight_decay: 5e-4)\n{MIXED}"
    ))
}

#[test]
fn two_runs_are_alike_bit_for_bit() {
    let (first, second) = (run_program(&convnet()), run_program(&convnet()));
    assert_eq!(first.bytes("final.safetensors"), second.bytes("final.safetensors"));
    assert_eq!(first.kinds(), second.kinds());
    assert!(first.events.iter().any(|e| matches!(&e.kind, Kind::Measure { .. })));
}

#[test]
fn threads_change_nothing() {
    let (one, two) = (run_with(&convnet(), 1, |_| {}), run_with(&convnet(), 2, |_| {}));
    assert_eq!(one.bytes("final.safetensors"), two.bytes("final.safetensors"));
    assert_eq!(one.kinds(), two.kinds());
}

#[test]
fn another_seed_gives_another_network() {
    let (first, second) = (run_small("train 2 steps"), run_small("seed 1\ntrain 2 steps"));
    assert_ne!(first.bytes("final.safetensors"), second.bytes("final.safetensors"));
}

#[test]
fn looking_changes_nothing() {
    let plain = run_small("train 1 epoch\nforget head 50%\ntrain 1 epoch");
    let watched = run_small(
        "measure loss, clean every: 2 steps\ntrain 1 epoch\nevaluate clean on test\ncheckpoint \"here\"\n\
         forget head 50%\nexpect clean > 0.1%\ntrain 1 epoch",
    );
    assert_eq!(plain.bytes("final.safetensors"), watched.bytes("final.safetensors"));
}
