//! Runs that are interrupted within an evaluation go on within it.

use crate::child::Fault;
use crate::support::*;
use std::path::Path;

/// Whether a checkpoint was made within an evaluation. What a kill left half made has no state yet.
fn stands_within(folder: &Path) -> bool {
    let checkpoints = std::fs::read_dir(folder.join("checkpoints")).unwrap();
    let states = checkpoints.map(|entry| std::fs::read_to_string(entry.unwrap().path().join("state.json")));
    states.flatten().any(|state| state.contains("\"measuring\": true") && state.contains("\"evaluations\""))
}

#[test]
fn an_evaluation_that_is_killed_goes_on_where_it_was() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("evaluations");
    let operations = traced(&program, &place.path().join("whole"));
    let whole = Records::of(&place.path().join("whole")).without_steps();
    let between = |(i, line): (usize, &String)| line.starts_with("point\tevaluate: between").then_some(i as u64 + 1);
    let points: Vec<u64> = operations.iter().enumerate().filter_map(between).collect();
    assert!(points.len() > 12, "{} points", points.len());
    let mut within = 0;
    let step = points.len() / 6;
    for n in points.into_iter().step_by(step).take(6) {
        let folder = place.path().join("killed");
        let output = run_with(Fault::Kill(n), &["run", text(&program), "--out", text(&folder), "--quiet"]);
        assert!(output.status.code().is_none_or(|s| s == 0), "{n}: {}", errors(&output));
        within += usize::from(stands_within(&folder));
        resume(&program, &folder);
        assert_same(&whole, &folder, true, &format!("killed at {n}"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    assert!(within > 3, "{within} runs were killed within an evaluation that was saved");
}

#[test]
fn each_session_gets_on_within_its_evaluation() {
    let place = tempfile::tempdir().unwrap();
    let program = pipeline("evaluations");
    let whole = reference(&program, &place.path().join("whole")).without_steps();
    let folder = place.path().join("killed");
    let mut sessions = 0;
    // A session that lasts for one checkpoint: a run that began evaluations anew would never get through them.
    let arguments = ["run", text(&program), "--out", text(&folder), "--resume", "--quiet"];
    while run_with(Fault::Kill(60), &arguments).status.code().is_none() {
        sessions += 1;
        assert!(sessions < 200, "it does not get on");
    }
    assert!(sessions > 3, "{sessions} sessions");
    assert_same(&whole, &folder, true, "killed again and again");
}
