//! Forgetting, zapping, going back, loading.

use crate::support::*;
use candle_core::Device;
use fsched::runtime::store;

const CHECKPOINTS: &str = "train 1 epoch\ncheckpoint \"before\"\n";

#[test]
fn forgetting_replaces_the_exact_share_and_nothing_else() {
    let outcome = run_small(&format!("{CHECKPOINTS}forget layers[0] 30%"));
    let change = outcome.changes()[0];
    assert_eq!((change.what, change.ordinal), ("forget", 1));
    let tensor = &change.tensors[0];
    let all = 64 * 16;
    assert_eq!((tensor.name.as_str(), tensor.selected, tensor.changed), ("fc1.weight", all, all * 3 / 10));
    let (before, after) =
        (outcome.weights("checkpoints/before/weights.safetensors"), outcome.weights("final.safetensors"));
    for (name, before) in &before {
        let differ = before.iter().zip(&after[name]).filter(|(a, b)| a != b).count();
        // A fresh draw may give the same bits again, but hardly three times.
        let expected = if name == "fc1.weight" { all * 3 / 10 } else { 0 };
        assert!(differ <= expected && differ + 2 >= expected, "{name}: {differ} of {expected}");
    }
    let norm = |numbers: &[f32]| numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let after = outcome.numbers("final.safetensors");
    assert!((tensor.norm_after - norm(&after["fc1.weight"])).abs() < 1e-9);
}

#[test]
fn forgetting_is_measured_before_and_after() {
    let outcome = run_small("measure clean at: forget\ntrain 4 epochs\nforget all 100% to: zero\nevaluate clean");
    let measured = &outcome.changes()[0].measured;
    let (name, before, after) = &measured[0];
    assert_eq!(name, "validation.clean");
    assert!(before > after, "{before} to {after}");
    assert_eq!(outcome.measured("validation.clean")[0].1, *after);
}

#[test]
fn every_event_of_forgetting_draws_anew() {
    let outcome = run_small("train 1 step\nrepeat 2 { forget head 50% }");
    let changes = outcome.changes();
    assert_eq!(changes.iter().map(|c| c.ordinal).collect::<Vec<_>>(), [1, 2]);
    assert_ne!(changes[0].tensors[0].mask, changes[1].tensors[0].mask);
}

#[test]
fn cleared_moments_make_a_difference_and_kept_ones_are_the_default() {
    let run = |moments: &str| run_small(&format!("train 1 epoch\nforget head 100%{moments}\ntrain 1 step"));
    let (default, keep, clear) = (run(""), run(" moments: keep"), run(" moments: clear"));
    assert_eq!(default.bytes("final.safetensors"), keep.bytes("final.safetensors"));
    let (keep, clear) = (keep.weights("final.safetensors"), clear.weights("final.safetensors"));
    assert_ne!(keep["fc2.weight"], clear["fc2.weight"]);
    // All else is the same at the first step: gradients are taken before any weight moves.
    assert_eq!(keep["fc1.weight"], clear["fc1.weight"]);
}

#[test]
fn a_reset_memory_is_that_of_a_new_optimizer() {
    // All of it goes, also of weights that were not forgotten: forgetting nothing shows it alone.
    let run = |changed: &str| run_small(&format!("train 1 epoch\n{changed}\nbatch all\ntrain 1 step"));
    let reset = run("forget head 0% moments: reset");
    let fresh = run("optimizer sgd(lr: 0.1, momentum: 0.9) fresh: true");
    assert_ne!(reset.bytes("final.safetensors"), run("forget head 0%").bytes("final.safetensors"));
    assert_eq!(reset.bytes("final.safetensors"), fresh.bytes("final.safetensors"));
}

#[test]
fn norms_of_the_layers_that_are_hit_are_told_of_and_start_anew() {
    let head = "data fashion(train: 60)\nmodel convnet(blocks: 2, width: 4)\nbatch 20\n";
    let forgotten = "forget layers[1] 30% by: kels reset_norms: as_published";
    let outcome = run_program(&program(&format!("{head}{CHECKPOINTS}{forgotten}")));
    let names: Vec<(&str, usize)> = outcome.changes()[0].tensors.iter().map(|t| (t.name.as_str(), t.changed)).collect();
    // ceil(0.7 * 4) = 3 of 4 channels stay: 144 - 3 * 3 * 9.
    let norm = "encoder.block2.norm";
    let (scale, shift) = (format!("{norm}.weight"), format!("{norm}.bias"));
    assert_eq!(names, [("encoder.block2.conv.weight", 63), (scale.as_str(), 4), (shift.as_str(), 4)]);
    let (before, after) =
        (outcome.numbers("checkpoints/before/weights.safetensors"), outcome.numbers("final.safetensors"));
    assert_eq!(
        (after[&scale].as_slice(), after[&format!("{norm}.running_var")].as_slice()),
        (&[1.0; 4][..], &[0.0; 4][..])
    );
    assert_ne!(before[&scale], after[&scale]);
    let other = "encoder.block1.norm.running_var";
    assert_eq!(before[other], after[other]);
}

#[test]
fn saliency_ranks_by_gradients_and_moves_nothing_else() {
    let outcome = run_small(&format!("{CHECKPOINTS}forget head 20% by: saliency(batches: 2) to: zero"));
    let change = outcome.changes()[0];
    assert_eq!(change.tensors[0].changed, 32);
    let (before, after) =
        (outcome.weights("checkpoints/before/weights.safetensors"), outcome.weights("final.safetensors"));
    assert_eq!(before["fc1.weight"], after["fc1.weight"]);
    assert_eq!(after["fc2.weight"].iter().filter(|bits| **bits == 0).count(), 32);
}

#[test]
fn a_rollback_restores_weights_and_optimizer_but_not_the_clock() {
    let outcome = run_small(&format!("{CHECKPOINTS}train 1 epoch\nforget head 50%\nrollback \"before\""));
    assert_eq!(outcome.weights("checkpoints/before/weights.safetensors"), outcome.weights("final.safetensors"));
    assert_eq!(outcome.summary().steps, 10);
    let change = outcome.changes()[1];
    assert_eq!((change.what, change.ordinal), ("rollback", 2));
    assert!(change.tensors.iter().any(|t| t.name == "fc1.weight" && t.changed > 0));
    // The momentum too: from there on, the same step is made as if nothing had happened in between.
    let tail = "batch all\ntrain 1 step";
    let detour = run_small(&format!("{CHECKPOINTS}train 1 epoch\nrollback \"before\"\n{tail}"));
    let straight = run_small(&format!("{CHECKPOINTS}{tail}"));
    assert_eq!(detour.bytes("final.safetensors"), straight.bytes("final.safetensors"));
}

#[test]
fn rewinding_takes_values_from_a_checkpoint() {
    let outcome = run_small("checkpoint \"start\"\ntrain 1 epoch\nforget layers[0] 100% to: rewind(\"start\")");
    let (start, end) = (outcome.weights("checkpoints/start/weights.safetensors"), outcome.weights("final.safetensors"));
    assert_eq!(start["fc1.weight"], end["fc1.weight"]);
    assert_ne!(start["fc2.weight"], end["fc2.weight"]);
}

#[test]
fn a_loop_rewinds_to_each_checkpoint_in_turn() {
    let body = |to: &str| format!("forget layers[0] 100% to: {to}; evaluate loss on test");
    let made = "checkpoint \"start\"\ntrain 1 epoch\ncheckpoint \"end\"\n";
    let looped = run_small(&format!("{made}for c in [\"start\", \"end\"] {{ {} }}", body("rewind(c)")));
    let (start, end) = (body("rewind(\"start\")"), body("rewind(\"end\")"));
    let written_out = run_small(&format!("{made}{start}\n{end}"));
    let losses = looped.measured("test.loss").into_iter().map(|(_, loss)| loss).collect::<Vec<_>>();
    assert_eq!(losses, written_out.measured("test.loss").into_iter().map(|(_, loss)| loss).collect::<Vec<_>>());
    assert!(losses.len() == 2 && losses[0] != losses[1], "{losses:?}");
}

#[test]
fn zapping_the_head_leaves_the_rest() {
    let outcome = run_small(&format!("{CHECKPOINTS}zap head"));
    let (before, after) =
        (outcome.weights("checkpoints/before/weights.safetensors"), outcome.weights("final.safetensors"));
    for (name, before) in &before {
        assert_eq!(*before != after[name], name == "fc2.weight", "{name}");
    }
    assert_eq!(outcome.changes()[0].tensors[0].changed, 160);
}

#[test]
fn zapping_one_row_in_a_loop_draws_that_row() {
    let outcome = run_small("train 1 step\nfor c in [2, 7] { checkpoint \"before\"; zap head[c] }");
    let (before, after) =
        (outcome.weights("checkpoints/before/weights.safetensors"), outcome.weights("final.safetensors"));
    let rows = |weights: &[u32]| weights.chunks(16).map(<[u32]>::to_vec).collect::<Vec<_>>();
    let (before, after) = (rows(&before["fc2.weight"]), rows(&after["fc2.weight"]));
    let changed: Vec<usize> = (0..10).filter(|row| before[*row] != after[*row]).collect();
    assert_eq!(changed, [7]);
}

#[test]
fn other_classes_resize_the_head_when_it_is_zapped() {
    let folder = tempfile::tempdir().unwrap();
    idx(&folder.path().join("four"), 40, 4);
    let text = "model mlp(hidden: [8])\nbatch 10\noptimizer sgd(lr: 0.1, momentum: 0.9)\n\
                data digits(train: 50)\ntrain 1 epoch\ncheckpoint \"ten\"\ndata idx(\"four\")\nzap head\ntrain 1 epoch\n\
                checkpoint \"four\"\nrollback \"ten\"";
    let program = program_in(folder.path(), text);
    let outcome = run_with(&program, 1, |world| world.places.program = folder.path().to_path_buf());
    assert_eq!(outcome.summary().steps, 9);
    let sizes = |name: &str| {
        let weights = outcome.weights(&format!("checkpoints/{name}/weights.safetensors"));
        (weights["fc1.weight"].len(), weights["fc2.weight"].len(), weights["fc2.bias"].len())
    };
    assert_eq!(sizes("ten"), (512, 80, 10));
    assert_eq!(sizes("four"), (512, 32, 4));
    let zapped: Vec<_> = outcome.changes()[0].tensors.iter().map(|t| (t.name.as_str(), t.changed)).collect();
    assert_eq!(zapped, [("fc2.weight", 32), ("fc2.bias", 4)]);
    assert_eq!(outcome.weights("checkpoints/ten/weights.safetensors"), outcome.weights("final.safetensors"));
    for name in ["ten", "four"] {
        let folder = outcome.path(&format!("checkpoints/{name}"));
        let state = store::load(&folder, &program.model, program.precision, &Device::Cpu).unwrap();
        assert_eq!(state.state.network.architecture().classes, if name == "ten" { 10 } else { 4 });
    }
}

#[test]
fn a_memory_that_began_after_a_checkpoint_has_its_rows_after_a_rollback() {
    let folder = tempfile::tempdir().unwrap();
    idx(&folder.path().join("four"), 40, 4);
    let text = "model mlp(hidden: [8])\nbatch 10\nmemory ema\nrecall kl(on: clean)\n\
                data digits(train: 50)\ncheckpoint \"ten\"\ndata idx(\"four\")\nzap head\nconsolidate 1 epoch\n\
                rollback \"ten\"\ndata digits(train: 50)\nrelearn 1 epoch\nevaluate loss(of: memory)";
    let program = program_in(folder.path(), text);
    let outcome = run_with(&program, 1, |world| world.places.program = folder.path().to_path_buf());
    assert_eq!(outcome.summary().steps, 9);
    assert_eq!(outcome.weights("final_memory.safetensors")["fc2.weight"].len(), 80);
}

/// A folder of 8x8 images in `classes` classes, in the format of MNIST.
fn idx(folder: &std::path::Path, images: u32, classes: u32) {
    std::fs::create_dir(folder).unwrap();
    for split in ["train", "test"] {
        let header = |magic: u32, sizes: &[u32]| -> Vec<u8> {
            [&[magic], sizes].concat().iter().flat_map(|n| n.to_be_bytes()).collect()
        };
        let mut pixels = header(0x803, &[images, 8, 8]);
        pixels.extend((0..images * 64).map(|i| (i * 37 % 251) as u8));
        let mut labels = header(0x801, &[images]);
        labels.extend((0..images).map(|i| (i % classes) as u8));
        std::fs::write(folder.join(format!("{split}-images-idx3-ubyte")), pixels).unwrap();
        std::fs::write(folder.join(format!("{split}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn weights_are_loaded_from_a_file() {
    let first = run_small("train 1 epoch");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(first.path("final.safetensors"), folder.path().join("trained.safetensors")).unwrap();
    let text = format!("{SMALL}weights \"trained.safetensors\"\ntrain 1 step with {{ optimizer sgd(lr: 0) }}");
    let program = program_in(folder.path(), &text);
    let second = run_with(&program, 1, |world| world.places.program = folder.path().to_path_buf());
    assert_eq!(first.weights("final.safetensors"), second.weights("final.safetensors"));
    assert_eq!(second.changes()[0].what, "load");
}
