//! How long authoring takes, as Markdown tables: the analysis of files of each kind, formatting, an editor's edits and
//! questions, and the way from the start of the process to the first diagnostic.
//!
//! `cargo bench --bench authoring [-- WORDS]`: of the kinds only those whose names hold one of these words.

mod editor;
mod texts;

use editor::Editor;
use fsched::language::{Files, Options, analyze, format};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The binary's.
#[global_allocator]
static ALLOCATOR: fsched::allocator::MiMalloc = fsched::allocator::MiMalloc;

/// One text in memory.
struct Buffer(String);

impl Files for Buffer {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

/// The median time of so many calls, in milliseconds.
fn median(rounds: usize, mut call: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<Duration> = (0..rounds).map(|_| call()).collect();
    times.sort();
    times[rounds / 2].as_secs_f64() * 1e3
}

fn timed<T>(call: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = std::hint::black_box(call());
    (start.elapsed(), result)
}

fn kinds(words: &[String]) {
    println!("| analysis of | 1,000 lines, ms | 100,000 lines, ms | ratio |");
    println!("|---|---|---|---|");
    let asked = |k: &&texts::Kind| words.is_empty() || words.iter().any(|w| k.name.contains(w.as_str()));
    for kind in texts::KINDS.iter().filter(asked) {
        let [short, long] = [(11, 1_000), (3, 100_000)].map(|(rounds, lines)| {
            let buffer = Buffer((kind.text)(lines));
            median(rounds, || {
                let (time, found) = timed(|| analyze(Path::new("a.fsched"), &buffer, &Options::default()));
                assert_eq!(kind.clean, found.program.is_some(), "{}: {:?}", kind.name, found.diagnostics.first());
                time
            })
        });
        println!("| {} | {short:.2} | {long:.0} | {:.0} |", kind.name, long / short);
    }
}

fn bad_parts() {
    println!("\n| analysis of nothing but | 128 KiB, ms | 512 KiB, ms | ratio |");
    println!("|---|---|---|---|");
    for part in texts::BAD_PARTS {
        let [short, long] = [(5, 1 << 17), (3, 1 << 19)].map(|(rounds, bytes)| {
            let buffer = Buffer(part.repeat(bytes / part.len()));
            median(rounds, || timed(|| analyze(Path::new("a.fsched"), &buffer, &Options::default())).0)
        });
        println!("| `{}` | {short:.1} | {long:.1} | {:.1} |", part.escape_debug(), long / short);
    }
}

fn others() {
    println!("\n| | 1,000 lines, ms | 100,000 lines, ms |");
    println!("|---|---|---|");
    let sizes = [(21, 1_000), (3, 100_000)];
    let row = |name: &str, times: [f64; 2]| println!("| {name} | {:.2} | {:.1} |", times[0], times[1]);
    row(
        "formatting",
        sizes.map(|(rounds, lines)| {
            let text = texts::steps(lines);
            median(rounds, || timed(|| format(&text).expect("it has no errors")).0)
        }),
    );
    let mut editors = sizes.map(|(rounds, lines)| (rounds, Editor::with(&texts::steps(lines))));
    for (name, act) in [
        ("edit to diagnostics", Editor::edit as fn(&mut Editor)),
        ("hover", Editor::hover),
        ("completion", Editor::complete),
    ] {
        row(name, editors.each_mut().map(|(rounds, editor)| median(*rounds, || timed(|| act(editor)).0)));
    }
}

/// From the start of the process until it has said what is wrong with a file of one mistake.
fn first_diagnostic() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("mistake.fsched");
    std::fs::write(&path, "data fashion\nmodel convnet\ntrian 10\n").expect("the folder can be written");
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_fsched")).arg("check").arg(&path).stdin(Stdio::null()).output();
        assert_eq!(output.expect("the binary runs").status.code(), Some(1));
    };
    run();
    println!("\nstart of the process to its end after the first diagnostic: {:.1} ms", median(31, || timed(run).0));
}

fn main() {
    fsched::allocator::keep_freed_pages();
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    kinds(&words);
    if words.is_empty() {
        bad_parts();
        others();
        first_diagnostic();
    }
}
