//! Disks that are full, away, read-only, or gone.

use crate::child::Fault;
use crate::support::*;
use std::io::ErrorKind;
use std::path::Path;

#[test]
fn what_passes_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("tiny");
    let whole = reference(&program, &place.path().join("whole"));
    let operations = traced(&program, &place.path().join("traced")).len() as u64;
    for kind in [ErrorKind::StorageFull, ErrorKind::StaleNetworkFileHandle, ErrorKind::QuotaExceeded] {
        // From the first events on, all over the run.
        for from in (40..operations - 8).step_by(37) {
            let folder = place.path().join("run");
            let fault = Fault::Refuse { from, count: 5, kind };
            let output = run_with(fault, &["run", text(&program), "--out", text(&folder), "--quiet"]);
            let case = format!("{kind:?} at {from} of {operations}");
            assert!(output.status.code() == Some(0), "{case}: {}", errors(&output));
            assert_same(&whole, &folder, false, &case);
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}

/// The run fails, clearly; what it left can be gone on with.
fn fails_and_resumes(fault: Fault, place: &Path, said: &str) {
    let program = pipeline("tiny");
    let whole = reference(&program, &place.join("whole"));
    let folder = place.join("run");
    let arguments = ["run", text(&program), "--out", text(&folder), "--quiet", "--wait-for-disk", "0"];
    let output = run_with(fault, &arguments);
    expect_status(&output, &[3]);
    assert!(errors(&output).contains(said), "{}", errors(&output));
    resume(&program, &folder);
    assert_same(&whole, &folder, false, said);
}

#[test]
fn a_disk_that_stays_full_ends_the_run_with_its_last_checkpoint_whole() {
    let place = tempfile::tempdir().unwrap();
    let fault = Fault::Refuse { from: 100, count: u64::MAX / 2, kind: ErrorKind::StorageFull };
    fails_and_resumes(fault, place.path(), "no storage space");
}

#[test]
fn a_disk_that_became_read_only_ends_the_run_at_once() {
    let place = tempfile::tempdir().unwrap();
    let fault = Fault::Refuse { from: 130, count: u64::MAX / 2, kind: ErrorKind::ReadOnlyFilesystem };
    fails_and_resumes(fault, place.path(), "read-only");
}

#[test]
fn a_folder_that_vanished_is_told_and_not_made_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let child = command(&["run", text(&pipeline("tasks")), "--out", text(&folder), "--quiet"]).spawn().unwrap();
    while !folder.join("checkpoints/base").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::fs::rename(&folder, place.path().join("elsewhere")).unwrap();
    let output = child.wait_with_output().unwrap();
    expect_status(&output, &[3]);
    assert!(errors(&output).contains("run") && errors(&output).contains("No such file"), "{}", errors(&output));
    assert!(!folder.join("events.jsonl").exists());
    resume(&pipeline("tasks"), &place.path().join("elsewhere"));
}
