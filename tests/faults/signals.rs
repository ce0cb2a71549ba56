//! Signals, budgets, and two processes at one folder.

use crate::child::Fault;
use crate::support::*;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Starts a run and waits for its first checkpoint.
fn started(program: &Path, folder: &Path) -> Child {
    let child = command(&["run", text(program), "--out", text(folder), "--quiet"]).spawn().unwrap();
    let began = Instant::now();
    let saved = || std::fs::read_dir(folder.join("checkpoints")).is_ok_and(|mut entries| entries.next().is_some());
    while !saved() {
        assert!(began.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn a_signal_ends_a_run_with_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("tasks");
    let whole = reference(&program, &place.path().join("whole")).without_steps();
    for name in ["-TERM", "-INT"] {
        let folder = place.path().join(name);
        let child = started(&program, &folder);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        expect_status(&output, &[130]);
        assert_eq!(manifest(&folder)["status"], "stopped");
        assert!(!folder.join("lock").exists());
        let sessions = std::fs::read_to_string(folder.join("sessions.jsonl")).unwrap();
        let lines: Vec<&str> = sessions.lines().collect();
        assert!(lines[lines.len() - 2].contains("\"kind\":\"save\""), "{sessions}");
        resume(&program, &folder);
        assert_same(&whole, &folder, true, name);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("tasks");
    let folder = place.path().join("run");
    let child = started(&program, &folder);
    signal(&child, "-TERM");
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    expect_status(&output, &[130]);
    resume(&program, &folder);
}

#[test]
fn a_second_process_is_refused_and_a_dead_one_is_not_minded() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("tasks");
    let folder = place.path().join("run");
    let mut child = started(&program, &folder);
    for arguments in [
        &["run", text(&program), "--out", text(&folder)][..],
        &["run", text(&program), "--out", text(&folder), "--resume"],
        &["resume", text(&folder)],
    ] {
        let output = run(arguments);
        expect_status(&output, &[5]);
        assert!(errors(&output).contains("is being written by process"), "{}", errors(&output));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(folder.join("lock").exists(), "the dead remove nothing");
    let output = run(&["run", text(&program), "--out", text(&folder), "--quiet"]);
    expect_status(&output, &[5]);
    assert!(errors(&output).contains("--resume"), "{}", errors(&output));
    resume(&program, &folder);
}

#[test]
fn a_budget_ends_each_session_with_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let text_of = std::fs::read_to_string(pipeline("tasks")).unwrap();
    let (free, tight) = (place.path().join("tasks.fsched"), place.path().join("tight.fsched"));
    std::fs::write(&free, &text_of).unwrap();
    let began = Instant::now();
    let whole = reference(&free, &place.path().join("whole")).without_steps();
    // A few sessions, on a slow machine too.
    let budget = began.elapsed().as_secs_f64() / 8.0;
    std::fs::write(&tight, format!("budget {budget:.3} s\n{text_of}")).unwrap();
    let folder = place.path().join("run");
    let arguments = ["run", text(&tight), "--out", text(&folder), "--resume", "--quiet"];
    let mut sessions = 1;
    loop {
        let output = run(&arguments);
        if output.status.code() == Some(0) {
            break;
        }
        expect_status(&output, &[130]);
        let manifest = manifest(&folder);
        assert_eq!((&manifest["status"], &manifest["finished"]), (&"stopped".into(), &false.into()));
        assert!(manifest["reason"].as_str().unwrap().contains("budget"), "{manifest}");
        sessions += 1;
        assert!(sessions < 300, "it does not get on");
    }
    assert!(sessions > 1);
    // The text has a line more, and each place is one line further down; of that the states know by the ledger's hash.
    let mut differences = whole.differences(&Records::of(&folder).without_steps());
    differences.retain(|file| !file.ends_with("state.json"));
    assert_eq!(differences, ["events.jsonl", "ledger.jsonl", "manifest.json", "plan.json", "program.fsched"]);
}

#[test]
fn a_run_killed_while_it_stops_is_resumed() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("triggers");
    let whole = reference(&program, &place.path().join("whole"));
    let folder = place.path().join("run");
    // In the middle of a checkpoint's files.
    run_with(Fault::Half(40), &["run", text(&program), "--out", text(&folder), "--quiet"]);
    assert!(folder.join("lock").exists());
    let output = run(&["resume", text(&folder), "--quiet"]);
    expect_status(&output, &[0, 4]);
    assert_same(&whole, &folder, false, "killed in the middle of a file");
}
