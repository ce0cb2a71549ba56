//! 1,000 damaged files for each reader: no panic, and no more memory than the file honestly needs and 256 MB.

use crate::allocations::{peak, turn};
use crate::mutate::{Random, mutant};
use crate::readers::{Answer, READERS, Reader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

const MUTANTS: u64 = 1_000;

/// Above what a file honestly needs: its own bytes, and what is kept of it where it is read.
pub const SLACK: usize = 256_000_000;

/// Syntax trees and what is known of them take so many times the text.
pub const PROGRAM: u64 = 200;

/// What became of the files of one reader.
#[derive(Default)]
pub struct Tally {
    read: u32,
    refused: u32,
    /// the most memory above the need
    above: usize,
    /// panics, too much memory, errors without the name of the file
    pub wrong: Vec<String>,
}

impl Tally {
    pub fn take(&mut self, reader: &Reader, bytes: &[u8]) {
        let place = reader.place();
        let (answer, peak) = peak(|| catch_unwind(AssertUnwindSafe(|| reader.read(&place, bytes))));
        let Ok(answer) = answer else { return self.wrong.push(format!("a panic on {}", shown(bytes))) };
        let need = bytes.len() + kept(reader, &answer);
        self.above = self.above.max(peak.saturating_sub(need));
        if peak > need + SLACK {
            self.wrong.push(format!("{peak} bytes for a need of {need} on {}", shown(bytes)));
        }
        match answer {
            Ok(_) => self.read += 1,
            Err(error) => {
                self.refused += 1;
                if !error.contains(reader.shown) {
                    self.wrong.push(format!("the error names no file: {error}"));
                }
            }
        }
    }
}

fn kept(reader: &Reader, answer: &Answer) -> usize {
    let text = matches!(reader.name, "program" | "import" | "--set");
    answer.as_ref().map_or(0, |kept| *kept * if text { PROGRAM } else { 1 }) as usize
}

/// The beginning of a file, to be found again.
fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(300)].escape_ascii().to_string()
}

#[test]
fn a_thousand_damaged_files_of_each_kind_are_read_or_refused() {
    let _turn = turn();
    println!("{:<16} {:>6} {:>8} {:>16} {:>7}", "reader", "read", "refused", "above need, kB", "ms");
    let mut wrong = Vec::new();
    for (n, reader) in READERS.iter().enumerate() {
        let started = Instant::now();
        let mut tally = Tally::default();
        let files = (reader.honest)();
        files.iter().for_each(|file| tally.take(reader, file));
        let first = reader.read(&reader.place(), &files[0]);
        assert!(first.is_ok() && tally.wrong.is_empty(), "{}: {first:?} {:?}", reader.name, tally.wrong);
        tally = Tally::default();
        for seed in 0..MUTANTS {
            let mut random = Random((n as u64) << 32 | seed);
            let (file, other) = (random.below(files.len()), random.below(files.len()));
            let mut bytes = mutant(&mut random, &files[file], &files[other]);
            // Half of them get past a checksum.
            if random.below(2) == 0 {
                bytes = (reader.mend)(&bytes).unwrap_or(bytes);
            }
            tally.take(reader, &bytes);
        }
        let ms = started.elapsed().as_millis();
        println!("{:<16} {:>6} {:>8} {:>16} {:>7}", reader.name, tally.read, tally.refused, tally.above / 1000, ms);
        assert_eq!(u64::from(tally.read + tally.refused) + panics(&tally), MUTANTS);
        wrong.extend(tally.wrong.iter().map(|what| format!("{}: {what}", reader.name)));
    }
    assert!(wrong.is_empty(), "{} of them, first {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

fn panics(tally: &Tally) -> u64 {
    tally.wrong.iter().filter(|what| what.starts_with("a panic")).count() as u64
}
