//! Files of a run folder that were damaged while nobody ran.

use crate::child::Fault;
use crate::support::*;
use std::path::{Path, PathBuf};

/// A run that was killed late, and its newest checkpoint.
fn killed(place: &Path) -> (PathBuf, PathBuf) {
    let folder = place.join("run");
    let program = pipeline("triggers");
    let operations = traced(&program, &place.join("traced")).len() as u64;
    run_with(Fault::Kill(operations * 3 / 4), &["run", text(&program), "--out", text(&folder), "--quiet"]);
    let mut steps = names(&folder.join("checkpoints"));
    steps.retain(|name| name.starts_with("step-"));
    let newest = steps.pop().unwrap();
    assert!(!steps.is_empty(), "there must be one to fall back to");
    (folder.clone(), folder.join("checkpoints").join(newest))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).unwrap() }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = names(folder).into_iter().map(|name| folder.join(name));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

type Damage = fn(&Path);

fn truncate(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

const DAMAGES: [(&str, Damage); 3] = [("truncated", truncate), ("a bit flipped", flip), ("removed", remove)];

#[test]
fn a_damaged_checkpoint_is_passed_over_for_the_one_before() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("triggers");
    let whole = reference(&program, &place.path().join("whole"));
    let (folder, newest) = killed(place.path());
    let within: Vec<PathBuf> =
        files(&newest).iter().map(|path| path.strip_prefix(&folder).unwrap().to_path_buf()).collect();
    assert!(within.len() >= 6, "{within:?}");
    for file in within {
        for (what, damage) in DAMAGES {
            let case = format!("{} {what}", file.display());
            let damaged = place.path().join("damaged");
            copy(&folder, &damaged);
            damage(&damaged.join(&file));
            let output = resume(&program, &damaged);
            assert!(errors(&output).contains("a checkpoint is passed over"), "{case}: {}", errors(&output));
            let kept = names(&damaged.join("checkpoints")).into_iter().find(|name| name.starts_with("damaged-"));
            std::fs::remove_dir_all(damaged.join("checkpoints").join(kept.expect(&case))).unwrap();
            assert_same(&whole, &damaged, false, &case);
            std::fs::remove_dir_all(&damaged).unwrap();
        }
    }
}

#[test]
fn where_no_checkpoint_is_whole_nothing_is_touched() {
    let place = tempfile::tempdir().unwrap();
    let (folder, _) = killed(place.path());
    for checkpoint in names(&folder.join("checkpoints")) {
        flip(&folder.join("checkpoints").join(checkpoint).join("weights.safetensors"));
    }
    // What the killed process had written aside goes with the first try.
    expect_status(&run(&["resume", text(&folder), "--quiet"]), &[5]);
    let before: Vec<(PathBuf, Vec<u8>)> =
        files(&folder).into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
    let output = run(&["resume", text(&folder), "--quiet"]);
    expect_status(&output, &[5]);
    assert!(errors(&output).contains("FS0704"), "{}", errors(&output));
    let after: Vec<(PathBuf, Vec<u8>)> =
        files(&folder).into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
    let without_lock = |files: Vec<(PathBuf, Vec<u8>)>| -> Vec<(PathBuf, Vec<u8>)> {
        files.into_iter().filter(|(path, _)| !path.ends_with("lock")).collect()
    };
    assert!(without_lock(before) == without_lock(after));
}

#[test]
fn torn_and_lengthened_logs_are_cut_back() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("triggers");
    let whole = reference(&program, &place.path().join("whole"));
    let (folder, _) = killed(place.path());
    for log in ["events.jsonl", "ledger.jsonl", "sessions.jsonl"] {
        for rest in ["{\"t\":1.5,\"st", "{\"t\":1.5}\n{}\n", "\0\0\0\0"] {
            let damaged = place.path().join("damaged");
            copy(&folder, &damaged);
            let mut bytes = std::fs::read(damaged.join(log)).unwrap();
            bytes.extend_from_slice(rest.as_bytes());
            std::fs::write(damaged.join(log), bytes).unwrap();
            resume(&program, &damaged);
            assert_same(&whole, &damaged, false, &format!("{log} with {rest:?} behind it"));
            std::fs::remove_dir_all(&damaged).unwrap();
        }
    }
}

#[test]
fn a_ledger_that_was_changed_is_not_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let (folder, _) = killed(place.path());
    let path = folder.join("ledger.jsonl");
    let text_of = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text_of.replacen("\"changed\":", "\"changed\":1", 1)).unwrap();
    let output = run(&["resume", text(&folder), "--quiet"]);
    // The first checkpoint was made before the first change, so it can be gone back to.
    let said = errors(&output);
    assert!(said.contains("ledger.jsonl"), "{said}");
}

#[test]
fn without_its_manifest_a_run_goes_on_with_the_program_at_hand() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("triggers");
    let whole = reference(&program, &place.path().join("whole"));
    let (folder, _) = killed(place.path());
    truncate(&folder.join("manifest.json"));
    let output = run(&["resume", text(&folder)]);
    expect_status(&output, &[3]);
    assert!(errors(&output).contains("manifest.json") && errors(&output).contains("--resume"), "{}", errors(&output));
    resume(&program, &folder);
    assert_same(&whole, &folder, false, "a new manifest");
}
