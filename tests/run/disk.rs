//! Checkpoints: which there are, and that they hold everything.

use crate::support::*;
use candle_core::Device;
use fsched::runtime::store::{self, Loaded};

#[test]
fn where_no_newest_checkpoints_are_kept_only_the_best_and_the_named_ones_stay() {
    let named = "train 2 steps\ncheckpoint \"a\"\ntrain 1";
    assert_eq!(run_small(&format!("keep last: 0, every: 1 step\n{named}")).names("checkpoints"), ["a"]);
    let best = run_small(&format!("keep last: 0, every: 1 step, best: clean\n{named}"));
    assert_eq!(best.names("checkpoints"), ["a", "best"]);
    assert_eq!(run_small(&format!("keep last: 1, every: 7 steps\n{named}")).names("checkpoints").len(), 2);
}

#[test]
fn the_last_checkpoints_stay_and_older_ones_go() {
    let outcome = run_small("keep last: 2, every: 1 epoch\ntrain 4 epochs");
    assert_eq!(outcome.names("checkpoints"), ["step-00000015", "step-00000020"]);
    assert_eq!(
        outcome.names("checkpoints/step-00000020"),
        ["state.json", "state.safetensors", "time.json", "weights.safetensors"]
    );
    assert_eq!(outcome.weights("checkpoints/step-00000020/weights.safetensors"), outcome.weights("final.safetensors"));
}

#[test]
fn the_best_checkpoint_is_that_of_the_best_value() {
    // The rate is far too high in the second half, so the best comes before the end.
    let outcome = run_small(
        "keep last: 1, best: clean\ntrain 4 epochs\ntrain 4 epochs with { optimizer sgd(lr: 3, momentum: 0.9) }",
    );
    let clean = outcome.measured("validation.clean");
    assert_eq!(clean.len(), 8, "measured after each epoch");
    let best = clean.iter().fold((0, -1.0), |best, now| if now.1 > best.1 { *now } else { best });
    let state: serde_json::Value = serde_json::from_slice(&outcome.bytes("checkpoints/best/state.json")).unwrap();
    assert_eq!(state["journal"]["clock"], best.0);
    assert!(best.0 < 40, "{clean:?}");
}

#[test]
fn named_checkpoints_are_replaced_when_made_again() {
    let outcome = run_small("repeat 2 { train 1 step; checkpoint \"again\" }");
    assert_eq!(outcome.names("checkpoints"), ["again"]);
    assert_eq!(outcome.weights("checkpoints/again/weights.safetensors"), outcome.weights("final.safetensors"));
}

#[test]
fn a_state_comes_back_byte_for_byte() {
    let program = small(
        "optimizer adam(lr: 1e-3)\nlr cosine\nkeep last: 1, every: 3 steps, best: clean\n\
         measure clean, gap(clean) every: 1 epoch\ncheckpoint \"start\"\nexpect clean > 99.9%\n\
         repeat 2 { train 1 epoch with { optimizer sgd(lr: 0.1, momentum: 0.9) }; forget head 30% }\n\
         checkpoint \"middle\"\ntrain 7 steps",
    );
    let outcome = run_program(&program);
    outcome.summary();
    let all = outcome.names("checkpoints");
    assert_eq!(all, ["best", "middle", "start", "step-00000015"]);
    for name in all {
        let folder = outcome.path(&format!("checkpoints/{name}"));
        let loaded = store::load(&folder, &program.model, program.precision, &Device::Cpu).unwrap();
        let Loaded { state, plan, seconds } = loaded;
        let own = state.named.contains_key(&name).then_some(name.as_str()).filter(|_| !name.starts_with("step"));
        store::prepare(&state, &plan, own).unwrap().write(&outcome.path("checkpoints"), "again", seconds).unwrap();
        assert_eq!(files(&folder), files(&outcome.path("checkpoints/again")), "{name}");
    }
}

fn files(folder: &std::path::Path) -> Vec<Vec<u8>> {
    ["state.json", "state.safetensors", "weights.safetensors"].map(|f| std::fs::read(folder.join(f)).unwrap()).into()
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name() {
    let program = small("train 1 step; checkpoint \"a\"");
    let outcome = run_program(&program);
    let path = outcome.path("checkpoints/a/weights.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let failure =
        store::load(&outcome.path("checkpoints/a"), &program.model, program.precision, &Device::Cpu).unwrap_err();
    assert!(failure.message.contains("weights.safetensors"), "{}", failure.message);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let program = small("train 1 step; checkpoint \"a\"");
    let outcome = run_with(&program, 1, |world| {
        std::fs::write(world.folder.clone().unwrap().join("checkpoints"), "").unwrap();
    });
    let error = outcome.error();
    assert!(error.message.contains("checkpoints"), "{}", error.message);
    assert!(error.span.is_some());
    let outcome = run_with(&program, 1, |world| {
        let file = world.folder.clone().unwrap().join("occupied");
        std::fs::write(&file, "").unwrap();
        world.folder = Some(file);
    });
    assert!(outcome.error().message.contains("occupied"), "{}", outcome.error().message);
}

#[test]
fn without_a_folder_nothing_is_written_and_all_else_is_the_same() {
    let text = "keep last: 1, every: 1 epoch, best: clean\ntrain 2 epochs\ncheckpoint \"a\"\nforget head 50%\nrollback \"a\"\nevaluate clean";
    let with = run_small(text);
    let without = run_with(&small(text), 1, |world| world.folder = None);
    assert_eq!(without.names("."), Vec::<String>::new());
    assert_eq!(with.measured("validation.clean"), without.measured("validation.clean"));
}
