//! Runs, and what must be the same of two of them.

use crate::child::{ARGUMENTS, FAULT, Fault, TRACE};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The pipelines: adversarial training with a memory, a loop of tasks, triggers, adapters, conversations.
pub const PIPELINES: [&str; 5] = ["adversarial", "tasks", "triggers", "adapters", "conversations"];

/// A program of this suite.
pub fn pipeline(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(format!("{name}.fsched"))
}

/// The process under test with these arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child::program", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    // Test threads have less stack than the main thread of a program.
    command.env("RUST_MIN_STACK", "8388608").env(ARGUMENTS, arguments.join("\n"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub fn run_with(fault: Fault, arguments: &[&str]) -> Output {
    command(arguments).env(FAULT, fault.text()).output().unwrap()
}

/// Runs a program to its end in a new folder.
pub fn reference(program: &Path, folder: &Path) -> Records {
    let output = run(&["run", text(program), "--out", text(folder), "--quiet"]);
    expect_status(&output, &[0, 4]);
    Records::of(folder)
}

/// The operations of a run, one a line.
pub fn traced(program: &Path, folder: &Path) -> Vec<String> {
    let trace = folder.with_extension("trace");
    let arguments = ["run", text(program), "--out", text(folder), "--quiet"];
    let output = command(&arguments).env(TRACE, &trace).output().unwrap();
    expect_status(&output, &[0, 4]);
    std::fs::read_to_string(trace).unwrap().lines().map(str::to_string).collect()
}

/// Goes on with a run on another number of threads; whether anything was left to do.
pub fn resume(program: &Path, folder: &Path) -> Output {
    let output = run(&["run", text(program), "--out", text(folder), "--resume", "--quiet", "--threads", "1"]);
    expect_status(&output, &[0, 4]);
    output
}

pub fn expect_status(output: &Output, allowed: &[i32]) {
    let status = output.status.code();
    assert!(status.is_some_and(|s| allowed.contains(&s)), "{status:?}\n{}", errors(output));
}

pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All that must not depend on interruptions: file by file, without times.
#[derive(PartialEq, Eq)]
pub struct Records(BTreeMap<String, Vec<u8>>);

impl Records {
    /// Of a finished run.
    pub fn of(folder: &Path) -> Records {
        let mut files = BTreeMap::new();
        gather(folder, folder, &mut files);
        Records(files)
    }

    /// Names of the files that differ, or that only one of the two has.
    pub fn differences(&self, other: &Records) -> Vec<String> {
        let names = self.0.keys().chain(other.0.keys().filter(|name| !self.0.contains_key(*name)));
        names.filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }

    /// The same without the unnamed checkpoints, where a clock decides which there are.
    pub fn without_steps(mut self) -> Records {
        self.0.retain(|name, _| !name.starts_with("checkpoints/step-"));
        self
    }
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = text(path.strip_prefix(root).unwrap()).to_string();
        if path.is_dir() {
            gather(root, &path, files);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let kept = match name.rsplit('/').next().unwrap() {
            // These say when and how, and nothing else.
            "sessions.jsonl" | "time.json" => continue,
            "manifest.json" => timeless_manifest(&bytes),
            "events.jsonl" => timeless_events(&bytes),
            _ => bytes,
        };
        files.insert(name, kept);
    }
}

fn timeless_manifest(bytes: &[u8]) -> Vec<u8> {
    let mut manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    for key in ["command", "threads", "started", "ended", "seconds", "files", "seal"] {
        assert!(manifest.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    manifest.to_string().into_bytes()
}

/// The lines without the number behind `"t":`.
fn timeless_events(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    let timeless = text.split_inclusive('\n').map(|line| {
        let (time, rest) = line.split_once(',').unwrap();
        assert!(time.starts_with("{\"t\":"), "{line}");
        rest
    });
    timeless.collect::<String>().into_bytes()
}

/// A resumed run must be the one that was never interrupted.
pub fn assert_same(reference: &Records, folder: &Path, clocked_saves: bool, what: &str) {
    let found = Records::of(folder);
    let found = if clocked_saves { found.without_steps() } else { found };
    let differences = reference.differences(&found);
    assert!(differences.is_empty(), "{what}: {differences:?} differ");
}
