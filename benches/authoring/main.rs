//! How long authoring takes: the analysis of files of 1,000 and of 100,000 lines of each kind, as a Markdown table.
//!
//! `cargo bench --bench authoring [-- WORDS]`: only the kinds whose names hold one of these words.

mod texts;

use fsched::language::{Analysis, Files, Options, analyze};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// One text in memory.
struct Buffer(String);

impl Files for Buffer {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

fn check(buffer: &Buffer) -> Analysis {
    analyze(Path::new("bench.fsched"), buffer, &Options::default())
}

/// The median time of `rounds` calls.
fn median<T>(rounds: usize, mut call: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(call());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    println!("| kind | 1,000 lines, ms | 100,000 lines, ms | ratio | diagnostics |");
    println!("|---|---|---|---|---|");
    for kind in texts::KINDS {
        if !words.is_empty() && !words.iter().any(|w| kind.name.contains(w.as_str())) {
            continue;
        }
        let small = Buffer((kind.text)(1_000));
        let large = Buffer((kind.text)(100_000));
        let short = median(11, || check(&small));
        let long = median(3, || check(&large));
        let found = check(&large);
        assert_eq!(kind.clean, found.program.is_some(), "{}: {:?}", kind.name, found.diagnostics.first());
        println!(
            "| {} | {} | {} | {:.0} | {} |",
            kind.name,
            milliseconds(short),
            milliseconds(long),
            long.as_secs_f64() / short.as_secs_f64(),
            found.diagnostics.len()
        );
    }
}
