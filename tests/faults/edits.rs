//! Programs that were edited between two sessions.

use crate::child::Fault;
use crate::support::*;
use std::path::{Path, PathBuf};

const PROGRAM: &str = "data digits(train: 300, validation: 20%)\nmodel mlp(hidden: [16])\nbatch 20\nlet rate = 0.1\n\
                       optimizer sgd(lr: rate)\nkeep last: 2, every: 4 steps\nphase more(n: Duration) { train n }\n\
                       train 2\nmore(1)\nforget head 30%\ntrain 1\n";

/// A run of [`PROGRAM`] that was killed within its second training statement.
fn killed(place: &Path) -> (PathBuf, PathBuf) {
    let (program, folder) = (place.join("p.fsched"), place.join("run"));
    std::fs::write(&program, PROGRAM).unwrap();
    let operations = traced(&program, &place.join("traced"));
    let last = operations.iter().rposition(|line| line.starts_with("point\ttrain")).unwrap() as u64;
    let output = run_with(Fault::Kill(last * 3 / 4), &["run", text(&program), "--out", text(&folder), "--quiet"]);
    assert!(output.status.code().is_none());
    (program, folder)
}

#[test]
fn comments_layout_and_names_do_not_count() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    let whole = Records::of(&place.path().join("traced"));
    let other = PROGRAM.replace("rate", "r").replace("train 2\n", "# long\ntrain    2 epochs\n");
    std::fs::write(&program, other).unwrap();
    resume(&program, &folder);
    assert_same(&whole, &folder, false, "the same plan");
}

#[test]
fn a_phase_written_out_does_not_count() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    let whole = Records::of(&place.path().join("traced"));
    let other = PROGRAM.replace("phase more(n: Duration) { train n }\n", "").replace("more(1)", "train 1");
    std::fs::write(&program, other).unwrap();
    resume(&program, &folder);
    assert_same(&whole, &folder, false, "the same plan");
}

#[test]
fn a_changed_plan_is_refused_with_what_changed_and_where() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    std::fs::write(&program, PROGRAM.replace("forget head 30%", "forget head 50%")).unwrap();
    let arguments = ["run", text(&program), "--out", text(&folder), "--resume"];
    let before = std::fs::read(folder.join("events.jsonl")).unwrap();
    let output = run(&arguments);
    expect_status(&output, &[5]);
    let said = errors(&output);
    assert!(said.contains("FS0703") && said.contains("share 0.3 → 0.5") && said.contains("line 10"), "{said}");
    assert_eq!(std::fs::read(folder.join("events.jsonl")).unwrap(), before);
    let output = run(&[&arguments[..], &["--accept-changes", "--quiet"]].concat());
    expect_status(&output, &[0]);
    let ledger = std::fs::read_to_string(folder.join("ledger.jsonl")).unwrap();
    assert!(ledger.contains("\"share\":0.5"), "{ledger}");
    let plan = std::fs::read_to_string(folder.join("program.fsched")).unwrap();
    assert!(plan.contains("50%"));
}

#[test]
fn a_step_that_is_gone_cannot_be_gone_on_from() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    let other = "data digits(train: 300, validation: 20%)\nmodel mlp(hidden: [16])\nbatch 20\noptimizer sgd(lr: 0.1)\n";
    std::fs::write(&program, format!("{other}train 2\n")).unwrap();
    let output = run(&["run", text(&program), "--out", text(&folder), "--resume", "--accept-changes", "--quiet"]);
    expect_status(&output, &[3]);
    assert!(errors(&output).contains("which the program does not have"), "{}", errors(&output));
}

#[test]
fn without_a_folder_the_unfinished_run_of_the_file_is_found() {
    let place = tempfile::tempdir().unwrap();
    let (program, _) = killed(place.path());
    let whole = Records::of(&place.path().join("traced"));
    let within = |arguments: &[&str], fault: Option<Fault>| {
        let mut command = command(arguments);
        command.current_dir(place.path());
        fault.into_iter().for_each(|fault| {
            command.env(crate::child::FAULT, fault.text());
        });
        command.output().unwrap()
    };
    within(&["run", "p.fsched", "--quiet"], Some(Fault::Kill(90)));
    std::fs::write(&program, PROGRAM.replace("30%", "60%")).unwrap();
    let output = within(&["run", "p.fsched", "--resume"], None);
    expect_status(&output, &[5]);
    assert!(errors(&output).contains("0.3 → 0.6"), "{}", errors(&output));
    std::fs::write(&program, PROGRAM).unwrap();
    let output = within(&["run", "p.fsched", "--resume", "--quiet"], None);
    expect_status(&output, &[0]);
    let folder = std::fs::read_dir(place.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let differences = whole.differences(&Records::of(&folder));
    // The path of the program is another one here.
    assert_eq!(differences, ["manifest.json"]);
    // A finished run is told of, not run again.
    let output = within(&["resume", text(&folder)], None);
    expect_status(&output, &[0]);
}
