//! `fsched audit` tells what was forgotten, and finds every edit short of writing the whole chain anew.

use crate::support::*;
use std::path::{Path, PathBuf};

fn audit(folder: &Path) -> (i32, String) {
    let output = run(&["audit", text(folder)]);
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// A finished run with four changes: two draws, one by size, one going back.
fn finished(place: &Path) -> PathBuf {
    let program = place.join("p.fsched");
    let text_of = "data digits(train: 200, validation: 20%)\nmodel mlp(hidden: [16])\nbatch 20\n\
                   optimizer sgd(lr: 0.1)\nkeep last: 0\ntrain 1\nfor c in [2, 5] { zap head[c]; train 1 step }\n\
                   checkpoint \"a\"\nforget head 30% by: smallest\ntrain 2 steps\nrollback \"a\"\ntrain 1 step\n";
    std::fs::write(&program, text_of).unwrap();
    let folder = place.join("run");
    reference(&program, &folder);
    folder
}

#[test]
fn it_tells_each_change_and_does_again_what_it_can() {
    let place = tempfile::tempdir().unwrap();
    let (status, said) = audit(&finished(place.path()));
    assert_eq!(status, 0, "{said}");
    for sentence in [
        "4 changes of weights other than by gradient",
        "step 2.for[1].1 on line 7 drew 16 weights of the classifier anew (per_row), from the random stream `zap: seed 0, event 1`",
        "forgot 48 of 160 selected weights of fc2.weight: 30 %, by smallest, to init",
        "went back to checkpoint \"a\"",
        "Drawn again from its random stream: the same weights.",
        "Done again from the checkpoint before it: the same to the last bit.",
        "Not done again: no checkpoint from right before it is kept.",
        "The ledger's chain is whole",
    ] {
        assert!(said.contains(sentence), "{sentence}\n{said}");
    }
}

#[test]
fn it_tells_what_merged_weights_were_rounded_to() {
    for (how, told) in [("", "and began"), (" dtype: bfloat16", "rounded to bfloat16, and began")] {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("p.fsched");
        let text_of = format!(
            "data digits(train: 100)\nmodel mlp(hidden: [16])\nbatch 20\noptimizer sgd(lr: 0.1)\nadapt lora(rank: 2, on: layers[0])\n\
             train 1\nmerge adapters{how}\ntrain 1 step\n"
        );
        std::fs::write(&program, text_of).unwrap();
        let folder = place.path().join("run");
        reference(&program, &folder);
        let (status, said) = audit(&folder);
        assert_eq!(status, 0, "{said}");
        let sentence = said.lines().find(|line| line.contains("merged the adapters into")).unwrap_or(&said);
        assert!(
            sentence.contains("weights of 3 tensors, fc1.weight to")
                && sentence.contains(&format!(", {told} fresh ones")),
            "{said}"
        );
    }
}

fn edited(folder: &Path, file: &str, edit: impl Fn(&str) -> String) -> (i32, String) {
    let path = folder.join(file);
    let before = std::fs::read_to_string(&path).unwrap();
    let after = edit(&before);
    assert!(before != after, "{file}: nothing was edited");
    std::fs::write(&path, after).unwrap();
    let found = audit(folder);
    std::fs::write(&path, before).unwrap();
    found
}

#[test]
fn every_edit_is_found() {
    let place = tempfile::tempdir().unwrap();
    let folder = finished(place.path());
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    let join = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect::<String>();
    for line in 0..4 {
        // Every number and every hash of the line.
        let text_of = std::fs::read_to_string(folder.join("ledger.jsonl")).unwrap();
        let old = lines(&text_of)[line].clone();
        for at in (0..old.len()).filter(|at| old.as_bytes()[*at].is_ascii_digit()).step_by(7) {
            let mut new = old.clone().into_bytes();
            new[at] = if new[at] == b'7' { b'3' } else { b'7' };
            let new = String::from_utf8(new).unwrap();
            let (status, said) = edited(&folder, "ledger.jsonl", |text| text.replace(&old, &new));
            assert_eq!(status, 3, "line {line}, byte {at}\n{said}");
        }
        let (status, said) = edited(&folder, "ledger.jsonl", |text| {
            join(lines(text).into_iter().enumerate().filter(|(n, _)| *n != line).map(|(_, l)| l).collect())
        });
        assert_eq!(status, 3, "without line {line}\n{said}");
    }
    for (what, file, edit) in [
        (
            "two lines swapped",
            "ledger.jsonl",
            (|text: &str| {
                let lines: Vec<&str> = text.lines().collect();
                format!("{}\n{}\n{}\n{}\n", lines[1], lines[0], lines[2], lines[3])
            }) as fn(&str) -> String,
        ),
        ("emptied", "ledger.jsonl", |_| String::new()),
        ("an event's count", "events.jsonl", |text| text.replacen("\"changed\":16", "\"changed\":17", 1)),
        ("an event's step", "events.jsonl", |text| text.replacen("2.for[1].1", "2.for[2].1", 1)),
        ("the program", "program.fsched", |text| text.replace("30%", "20%")),
        ("a value measured", "events.jsonl", |text| text.replacen("\"loss\":", "\"loss\":1", 1)),
        ("an event taken out", "events.jsonl", |text| text.split_inclusive('\n').skip(1).collect()),
        ("the plan", "plan.json", |text| text.replacen("\"seed\": 0", "\"seed\": 1", 1)),
        ("the status", "manifest.json", |text| text.replacen("\"done\"", "\"failed\"", 1)),
        ("the manifest's head", "manifest.json", |text| text.replacen("\"lines\": 4", "\"lines\": 3", 1)),
        ("a checkpoint", "checkpoints/a/state.json", |text| text.replacen("\"lines\": 2", "\"lines\": 1", 1)),
    ] {
        let (status, said) = edited(&folder, file, edit);
        assert_eq!(status, 3, "{what}\n{said}");
    }
    for file in ["final.safetensors", "checkpoints/a/weights.safetensors", "checkpoints/a/state.safetensors"] {
        let path = folder.join(file);
        let before = std::fs::read(&path).unwrap();
        let mut after = before.clone();
        *after.last_mut().unwrap() ^= 1;
        std::fs::write(&path, after).unwrap();
        assert_eq!(audit(&folder).0, 3, "{file}");
        std::fs::write(&path, before).unwrap();
    }
    assert_eq!(audit(&folder).0, 0, "all was put back");
}

#[test]
fn a_memory_that_was_changed_is_found() {
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("p.fsched");
    let text = "data digits(train: 40)\nmodel mlp(hidden: [4])\nkeep last: 0\nmemory ema\nconsolidate 1 step\n";
    std::fs::write(&program, text).unwrap();
    let folder = place.path().join("run");
    reference(&program, &folder);
    assert_eq!(audit(&folder).0, 0);
    let path = folder.join("final_memory.safetensors");
    let mut changed = std::fs::read(&path).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&path, changed).unwrap();
    let (status, said) = audit(&folder);
    assert!(status == 3 && said.contains("final_memory.safetensors"), "{said}");
}

#[test]
fn a_last_line_written_anew_with_its_hashes_is_found_by_doing_it_again() {
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("p.fsched");
    std::fs::write(
        &program,
        "data digits(train: 100)\nmodel mlp(hidden: [8])\nkeep last: 0\ntrain 1\nforget head 30%\ntrain 1 step\n",
    )
    .unwrap();
    let folder = place.path().join("run");
    reference(&program, &folder);
    let ledger = std::fs::read_to_string(folder.join("ledger.jsonl")).unwrap();
    let mut entry: serde_json::Value = serde_json::from_str(ledger.trim_end()).unwrap();
    entry["tensors"][0]["mask"] = "00".repeat(32).into();
    let line = entry.to_string();
    std::fs::write(folder.join("ledger.jsonl"), format!("{line}\n")).unwrap();
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let sum = |text: &str| fsched::disk::sha256(text.as_bytes());
    std::fs::write(folder.join("manifest.json"), manifest.replace(&sum(ledger.trim_end()), &sum(&line))).unwrap();
    // Sealed anew, as somebody would who reads this.
    let manifest = fsched::record::Manifest::read(&folder).unwrap();
    manifest.write(&folder).unwrap();
    let (status, said) = audit(&folder);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("Done again: it is another change.") && said.contains("change 1 (step 2)"), "{said}");
}
