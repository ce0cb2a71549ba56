//! Programs with one mistake each, made from all programs of the corpus: what is said of them, and how often it is good.
//!
//! The figures are printed (`cargo test --release --test authoring mutation -- --nocapture`), and the mutants that are
//! still programs are written, each with what its plan differs in, to `target/tmp/mutants.txt`.

mod judge;
mod mutants;

use super::corpus::programs;
use fsched::components::catalogue::members;
use fsched::components::{Family, Param, Type};
use fsched::language::statements::WORDS;
use judge::{Judge, Verdict};
use mutants::{Kind, Mistake, mutants};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::path::Path;

/// What is asked of the answers, as shares of those mutants that are no programs (the last: of the misspelt ones).
const NEAR: f64 = 0.98;
const FEW: f64 = 0.98;
const SUGGESTED: f64 = 0.90;

#[test]
fn mistakes_are_found_where_they_are() {
    check(1);
}

#[test]
#[ignore = "eight misspellings of each word: a minute"]
fn mistakes_are_found_where_they_are_with_more_misspellings() {
    check(8);
}

fn check(spellings: usize) {
    let known = vocabulary();
    let verdicts: Vec<Verdict> = programs()
        .par_iter()
        .enumerate()
        .flat_map(|(i, path)| {
            let judge = Judge::new(path);
            let all = mutants(&judge.text, &known, i as u64, spellings);
            all.into_par_iter().map(|mutant| judge.judge(mutant)).collect::<Vec<_>>()
        })
        .collect();
    let figures = Figures::of(&verdicts);
    let report = report(&verdicts, &figures);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants.txt");
    std::fs::write(&file, listing(&verdicts)).unwrap();
    println!("{report}\nevery mutant that is a program, and every answer that is not good: {}", file.display());
    assert_eq!(figures.panics, 0, "{report}");
    assert_eq!(figures.accepted_misspellings, 0, "a misspelt word was accepted\n{report}");
    assert!(figures.near >= NEAR, "{report}");
    assert!(figures.few >= FEW, "{report}");
    assert!(figures.suggested >= SUGGESTED, "{report}");
}

/// All words that mean something: a misspelling that hits one is another mistake.
fn vocabulary() -> HashSet<String> {
    let mut known: HashSet<String> = HashSet::new();
    let mut params = |params: &[Param]| {
        for param in params {
            known.insert(param.name.to_string());
            words_of(&param.ty, &mut known);
        }
    };
    let all: Vec<_> = Family::ALL.iter().flat_map(|f| members(*f)).collect();
    all.iter().for_each(|m| params(m.params));
    WORDS.iter().for_each(|w| params(w.params));
    known.extend(all.iter().map(|m| m.name.to_string()));
    known.extend(WORDS.iter().map(|w| w.name.to_string()));
    for path in programs() {
        let text = std::fs::read_to_string(path).unwrap();
        known.extend(mutants::tokens(&text).into_iter().map(|t| text[t.range].to_string()));
    }
    known
}

fn words_of(ty: &Type, into: &mut HashSet<String>) {
    match ty {
        Type::Word(words) => into.extend(words.iter().map(|w| w.to_string())),
        Type::OneOf(types) => types.iter().for_each(|t| words_of(t, into)),
        Type::List(entry) => words_of(entry, into),
        _ => {}
    }
}

/// What the answers to some mutants come to.
#[derive(Clone, Debug, Default)]
struct Figures {
    mutants: usize,
    refused: usize,
    near: f64,
    few: f64,
    misspelt: usize,
    suggested: f64,
    accepted_misspellings: usize,
    panics: usize,
}

impl Figures {
    fn of<'v>(verdicts: impl IntoIterator<Item = &'v Verdict>) -> Figures {
        let all: Vec<&Verdict> = verdicts.into_iter().collect();
        let count = |test: &dyn Fn(&Verdict) -> bool| all.iter().filter(|v| test(v)).count();
        let refused = count(&|v| v.refused());
        let misspelt = count(&|v| v.is_misspelt() && v.refused());
        let share = |n: usize, of: usize| if of == 0 { 1.0 } else { n as f64 / of as f64 };
        Figures {
            mutants: all.len(),
            refused,
            near: share(count(&|v| v.refused() && v.near), refused),
            few: share(count(&|v| v.refused() && v.errors.len() <= 3), refused),
            misspelt,
            suggested: share(count(&|v| v.is_misspelt() && v.refused() && v.suggested), misspelt),
            accepted_misspellings: count(&|v| v.is_misspelt() && !v.refused()),
            panics: count(&|v| v.panicked),
        }
    }

    fn line(&self) -> String {
        let percent = |share: f64| format!("{:6.2} %", share * 100.0);
        let suggested = if self.misspelt == 0 { String::new() } else { percent(self.suggested) };
        format!(
            "{:8} {:9} {:8} {:>9} {:>9} {suggested:>10}",
            self.mutants,
            self.mutants - self.refused,
            self.panics,
            percent(self.near),
            percent(self.few),
        )
    }
}

/// The table of figures, by kind and in all.
fn report(verdicts: &[Verdict], all: &Figures) -> String {
    let mut kinds: BTreeMap<(Mistake, Kind), Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        kinds.entry((verdict.mutant.mistake, verdict.mutant.kind)).or_default().push(verdict);
    }
    let mut out = format!(
        "{:9} {:15} {:>8} {:>9} {:>8} {:>9} {:>9} {:>10}\n",
        "mistake", "of", "mutants", "accepted", "panics", "on line", "few", "suggested"
    );
    for ((mistake, kind), verdicts) in &kinds {
        writeln!(out, "{mistake:9} {kind:15} {}", Figures::of(verdicts.iter().copied()).line()).unwrap();
    }
    writeln!(out, "{:25} {}", "all", all.line()).unwrap();
    out
}

/// Each mutant that is a program, with its plan's differences; then each answer that is not good.
fn listing(verdicts: &[Verdict]) -> String {
    let mut out = String::new();
    let mut accepted: Vec<&Verdict> = verdicts.iter().filter(|v| !v.refused()).collect();
    accepted.sort_by_key(|v| (v.mutant.mistake, v.mutant.kind));
    writeln!(out, "== accepted: {}", accepted.len()).unwrap();
    accepted.iter().for_each(|v| writeln!(out, "{v}").unwrap());
    let mut bad = |title: &str, wrong: &dyn Fn(&Verdict) -> bool| {
        let wrong: Vec<_> = verdicts.iter().filter(|v| v.refused() && wrong(v)).collect();
        writeln!(out, "\n== {title}: {}", wrong.len()).unwrap();
        wrong.iter().for_each(|v| writeln!(out, "{v}").unwrap());
    };
    bad("no error on the line or its neighbours", &|v| !v.near);
    bad("more than three errors", &|v| v.errors.len() > 3);
    bad("the word that was meant is not among the suggestions", &|v| v.is_misspelt() && !v.suggested);
    out
}
