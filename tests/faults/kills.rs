//! The process is killed: before each kind of operation, in the middle of writes, and at any moment.

use crate::child::Fault;
use crate::support::*;
use std::path::Path;
use std::time::{Duration, Instant};

/// A run without interruptions, and its operations.
struct Whole {
    name: &'static str,
    records: Records,
    operations: Vec<String>,
    seconds: f64,
}

impl Whole {
    fn of(name: &'static str, place: &Path) -> Whole {
        let began = Instant::now();
        let folder = place.join(format!("{name}-whole"));
        let operations = traced(&pipeline(name), &folder);
        let mut records = Records::of(&folder);
        if Whole::saves_by_clock(name) {
            records = records.without_steps();
        }
        Whole { name, records, operations, seconds: began.elapsed().as_secs_f64() }
    }

    fn saves_by_clock(name: &str) -> bool {
        std::fs::read_to_string(pipeline(name)).unwrap().contains("every: 0.2 s")
    }

    /// Interrupted so, resumed, compared; what it was interrupted at.
    fn survives(&self, place: &Path, fault: Fault) -> String {
        let folder = place.join("killed");
        let program = pipeline(self.name);
        let output = run_with(fault, &["run", text(&program), "--out", text(&folder), "--quiet"]);
        let what = format!("{} {}", self.name, fault.text());
        assert!(output.status.code().is_none_or(|s| s == 0 || s == 4), "{what}: {}", errors(&output));
        self.resumes(&folder, &what);
        what
    }

    fn resumes(&self, folder: &Path, what: &str) {
        resume(&pipeline(self.name), folder);
        assert_same(&self.records, folder, Whole::saves_by_clock(self.name), what);
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Killed from outside after so many seconds.
    fn survives_after(&self, place: &Path, seconds: f64) {
        let folder = place.join("killed");
        let program = pipeline(self.name);
        let mut child = command(&["run", text(&program), "--out", text(&folder), "--quiet"]).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(seconds));
        child.kill().unwrap();
        child.wait().unwrap();
        self.resumes(&folder, &format!("{} killed after {seconds} s", self.name));
    }

    /// So many operations, of each kind and kind of file in turn, spread over the run: their numbers from 1.
    fn points(&self, count: usize) -> Vec<u64> {
        let mut kinds: Vec<(String, Vec<u64>)> = Vec::new();
        for (i, operation) in self.operations.iter().enumerate() {
            let (kind, n) = (kind(operation), i as u64 + 1);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, places)) => places.push(n),
                None => kinds.push((kind, vec![n])),
            }
        }
        let mut points = Vec::new();
        for round in 0.. {
            for (k, (_, places)) in kinds.iter().enumerate() {
                // Neither always the first nor the last of a kind.
                let place = (round * 7 + k * 5 + 3) % places.len();
                if points.len() == count {
                    return points;
                }
                if round < places.len() {
                    points.push(places[place]);
                }
            }
            assert!(round < self.operations.len(), "fewer operations than points");
        }
        points
    }
}

/// What an operation does to which kind of file: `append events.jsonl`, `point evaluate …`.
fn kind(operation: &str) -> String {
    let mut parts = operation.split('\t');
    let (word, path) = (parts.next().unwrap(), parts.next().unwrap_or_default());
    let file = path.rsplit('/').next().unwrap();
    let file = file.trim_start_matches('.').trim_start_matches("new-").trim_start_matches("old-");
    let file = if file.starts_with("step-") { "step" } else { file };
    format!("{word} {file}")
}

/// A number in 0..1 that looks drawn, the same each time.
fn draw(n: u64) -> f64 {
    let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^= x >> 32;
    x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (x >> 11) as f64 / (1u64 << 53) as f64
}

fn kill_at_points(count: usize) {
    let place = tempfile::tempdir().unwrap();
    let mut killed = 0;
    for (i, name) in PIPELINES.into_iter().enumerate() {
        let whole = Whole::of(name, place.path());
        let share = count / PIPELINES.len() + usize::from(i < count % PIPELINES.len());
        for (j, n) in whole.points(share).into_iter().enumerate() {
            let fault = if j % 2 == 0 { Fault::Kill(n) } else { Fault::Half(n) };
            let at = whole.operations[n as usize - 1].split('\t').take(2).collect::<Vec<_>>().join(" ");
            println!("{}: {}", whole.survives(place.path(), fault), at.rsplit('/').next().unwrap());
            killed += 1;
        }
    }
    println!("{killed} of {killed} runs killed at named points were resumed to the same bytes");
    assert_eq!(killed, count);
}

fn kill_at_moments(count: usize) {
    let place = tempfile::tempdir().unwrap();
    for (i, name) in PIPELINES.into_iter().enumerate() {
        let whole = Whole::of(name, place.path());
        let share = count / PIPELINES.len() + usize::from(i < count % PIPELINES.len());
        for j in 0..share {
            // Not only within the run: also while it starts, and after its end.
            let after = draw((i * 1000 + j) as u64) * whole.seconds * 1.05;
            whole.survives_after(place.path(), after);
        }
        println!("{name}: a run of {:.1} s killed at {share} moments and resumed to the same bytes", whole.seconds);
    }
}

#[test]
fn runs_killed_at_named_points_resume_to_the_same_bytes() {
    kill_at_points(12);
}

#[test]
fn runs_killed_at_any_moment_resume_to_the_same_bytes() {
    kill_at_moments(8);
}

#[test]
#[ignore = "takes minutes: scripts/reliability.sh"]
fn a_hundred_named_points() {
    kill_at_points(100);
}

#[test]
#[ignore = "takes minutes: scripts/reliability.sh"]
fn a_hundred_moments() {
    kill_at_moments(100);
}

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_its_end() {
    let place = tempfile::tempdir().unwrap();
    let whole = Whole::of("triggers", place.path());
    let folder = place.path().join("killed");
    let program = pipeline("triggers");
    let arguments = ["run", text(&program), "--out", text(&folder), "--resume", "--quiet"];
    let mut sessions = 0;
    // Each session gets a little further: it dies after the writes of one checkpoint or two.
    while run_with(Fault::Kill(60), &arguments).status.code().is_none() {
        sessions += 1;
        assert!(sessions < 200, "it does not get on");
    }
    assert!(sessions > 3, "{sessions} sessions");
    assert_same(&whole.records, &folder, false, "killed again and again");
}
