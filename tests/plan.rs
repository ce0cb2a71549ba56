//! Plans of programs as text, as JSON and by their hashes.

use fsched::language::{Files, Options, analyze};
use fsched::plan::{Plan, Profile};
use std::path::Path;
use std::sync::Arc;

/// One program, in memory.
struct Text(String);

impl Files for Text {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

fn plan(text: &str) -> Plan {
    plan_with(text, &[])
}

fn plan_with(text: &str, sets: &[(&str, &str)]) -> Plan {
    let sets = sets.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    let options = Options { sets, ..Options::default() };
    let analysis = analyze(Path::new("a.fsched"), &Text(text.into()), &options);
    let errors: Vec<&str> = analysis.diagnostics.iter().map(|d| d.message.as_str()).collect();
    let program = analysis.program.unwrap_or_else(|| panic!("{text}\n{errors:?}"));
    Plan::new(Arc::new(program), &analysis.sources)
}

const CYCLES: &str = "consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5";

const MAIN_JOB: &str = include_str!("goldens/plan/main_job.fsched");

const EPISODES: &str = include_str!("goldens/plan/episodes.fsched");

/// Compares with `tests/goldens/plan/NAME.txt`; `FSCHED_BLESS=1` writes it instead.
fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/plan").join(format!("{name}.txt"));
    if std::env::var_os("FSCHED_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "{} is out of date; look at it, then bless it with FSCHED_BLESS=1", path.display());
}

#[test]
fn the_listing_of_the_one_line_program() {
    golden("cycles", &plan(CYCLES).listing(None));
}

#[test]
fn the_listing_of_a_whole_job_with_an_estimate_of_time() {
    let profile = Profile { training: 4e9, attacks: 5e9, evaluation: 8e9 };
    golden("main_job", &plan(MAIN_JOB).listing(Some(&profile)));
}

#[test]
fn the_listing_of_loops_phases_and_choices() {
    golden("episodes", &plan(EPISODES).listing(None));
}

#[test]
fn listings_are_at_most_a_hundred_columns_wide() {
    for text in [CYCLES, MAIN_JOB, EPISODES] {
        for line in plan(text).listing(None).lines() {
            assert!(line.chars().count() <= 100, "{line}");
            assert_eq!(line, line.trim_end());
        }
    }
}
