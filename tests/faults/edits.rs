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

/// Nothing of the folder may be another file after a refusal.
fn refused_untouched(arguments: &[&str], folder: &Path, said: &str) {
    let records = ["program.fsched", "plan.json", "manifest.json", "events.jsonl", "ledger.jsonl"];
    let read = || records.map(|name| std::fs::read(folder.join(name)).ok());
    let before = read();
    let output = run(arguments);
    expect_status(&output, &[5]);
    assert!(errors(&output).contains(said), "{}", errors(&output));
    assert!(before == read(), "something was changed");
}

#[test]
fn a_step_that_is_gone_cannot_be_gone_on_from_and_nothing_is_touched() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    let whole = Records::of(&place.path().join("traced"));
    let other = "data digits(train: 300, validation: 20%)\nmodel mlp(hidden: [16])\nbatch 20\noptimizer sgd(lr: 0.1)\n";
    std::fs::write(&program, format!("{other}train 2\n")).unwrap();
    let arguments = ["run", text(&program), "--out", text(&folder), "--resume", "--accept-changes", "--quiet"];
    refused_untouched(&arguments, &folder, "which the program does not have");
    expect_status(&run(&["resume", text(&folder), "--quiet"]), &[0]);
    assert_same(&whole, &folder, false, "after a refusal");
}

/// Optimizer steps of a run.
fn steps(folder: &Path) -> u64 {
    let events = std::fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    last["clock"].as_u64().unwrap()
}

#[test]
fn the_place_is_found_where_steps_before_it_came_and_went() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    let all = steps(&place.path().join("traced"));
    for (n, edited) in [
        PROGRAM.replace("train 2\n", ""),
        PROGRAM.replace("train 2\n", "evaluate clean\ntrain 2\nevaluate loss\n"),
        PROGRAM.replace("sgd(lr: rate)", "adam(lr: 1e-3)").replace("let rate = 0.1\n", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = place.path().join(format!("copy{n}"));
        assert!(std::process::Command::new("cp").arg("-r").arg(&folder).arg(&copy).status().unwrap().success());
        std::fs::write(&program, &edited).unwrap();
        let arguments = ["run", text(&program), "--out", text(&copy), "--resume", "--accept-changes", "--quiet"];
        expect_status(&run(&arguments), &[0]);
        assert_eq!(steps(&copy), all, "{edited}");
    }
}

#[test]
fn a_loop_that_became_too_short_cannot_be_gone_on_from() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = (place.path().join("p.fsched"), place.path().join("run"));
    let text_of = "data digits(train: 100)\nmodel mlp(hidden: [8])\nbatch 20\nkeep last: 1, every: 1 step\n\
                   for n in [1, 2, 3, 4] { train n; forget head 10% }\ntrain 1\n";
    std::fs::write(&program, text_of).unwrap();
    let operations = traced(&program, &place.path().join("traced")).len() as u64;
    run_with(Fault::Kill(operations / 2), &["run", text(&program), "--out", text(&folder), "--quiet"]);
    std::fs::write(&program, text_of.replace("[1, 2, 3, 4]", "[1, 2]")).unwrap();
    let arguments = ["run", text(&program), "--out", text(&folder), "--resume", "--accept-changes", "--quiet"];
    refused_untouched(&arguments, &folder, "which the program does not have");
}

#[test]
fn an_accepted_change_keeps_the_earlier_program_and_is_resumed_by_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = (place.path().join("p.fsched"), place.path().join("run"));
    let text_of = "param n: Duration = 40 steps\ndata digits(train: 100)\nmodel mlp(hidden: [8])\nbatch 20\n\
                   keep last: 1, every: 1 step\ntrain n\nforget head 10%\ntrain 1\n";
    std::fs::write(&program, text_of).unwrap();
    let arguments =
        |n: &'static str| ["run", text(&program), "--out", text(&folder), "--quiet", "--set", n].map(String::from);
    let call = |arguments: &[String], more: &[&str], fault: Fault| {
        let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        run_with(fault, &all)
    };
    call(&arguments("n=50 steps"), &[], Fault::Kill(400));
    refused_untouched(
        &["run", text(&program), "--out", text(&folder), "--resume", "--set", "n=60 steps"],
        &folder,
        "50 steps → 60 steps",
    );
    call(&arguments("n=60 steps"), &["--resume", "--accept-changes"], Fault::Kill(200));
    let earlier = std::fs::read_to_string(folder.join("earlier/1/manifest.json")).unwrap();
    assert!(earlier.contains("50 steps"), "{earlier}");
    expect_status(&run(&["resume", text(&folder), "--quiet"]), &[0]);
    expect_status(&run(&["audit", text(&folder)]), &[0]);
}

#[test]
fn without_a_manifest_another_program_is_refused_all_the_same() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = killed(place.path());
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    std::fs::write(&program, PROGRAM.replace("30%", "40%")).unwrap();
    refused_untouched(&["run", text(&program), "--out", text(&folder), "--resume"], &folder, "0.3 → 0.4");
}

#[test]
fn a_finished_run_is_finished_whatever_lock_lies_there() {
    let place = tempfile::tempdir().unwrap();
    let (program, folder) = (place.path().join("p.fsched"), place.path().join("run"));
    std::fs::write(&program, "data digits(train: 40)\nmodel mlp(hidden: [4])\ntrain 1\n").unwrap();
    let whole = reference(&program, &folder);
    let holder = "{\"host\":\"far\",\"boot\":null,\"pid\":1,\"started\":null}";
    std::fs::write(folder.join("lock"), "{\"ho").unwrap();
    expect_status(&run(&["resume", text(&folder), "--quiet"]), &[0]);
    assert!(!folder.join("lock").exists());
    std::fs::write(folder.join("lock"), holder).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(600);
    std::fs::File::options().write(true).open(folder.join("lock")).unwrap().set_modified(long_ago).unwrap();
    let output = run(&["resume", text(&folder), "--quiet"]);
    assert!([Some(0), Some(5)].contains(&output.status.code()), "{}", errors(&output));
    std::fs::remove_file(folder.join("lock")).ok();
    assert_same(&whole, &folder, false, "a finished run");
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
