//! Nothing is left out: every code, lint, statement and component is documented and shown, and lints are right where they
//! speak of programs that are meant as they are.

use fsched::components::{Family, catalogue};
use fsched::diagnostic::{CODES, Severity};
use fsched::language::lints::LINTS;
use fsched::language::statements::{WORDS, WordKind};
use fsched::language::{Analysis, Disk, Options, analyze};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn programs(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "fsched"));
    paths.sort();
    assert!(!paths.is_empty(), "{folder}");
    paths
}

fn check(path: &Path) -> Analysis {
    let mut options = Options::default();
    options.places.program = path.parent().unwrap().to_path_buf();
    analyze(path, &Disk { root: path.parent().map(Path::to_path_buf) }, &options)
}

/// `line: code` of what is said, notes apart.
fn said(path: &Path) -> Vec<String> {
    let analysis = check(path);
    let loud = analysis.diagnostics.iter().filter(|d| d.severity != Severity::Note);
    loud.map(|d| format!("{}: {} {}", analysis.sources.place(d.primary.span).line, d.code.id(), d.code.name()))
        .collect()
}

/// Codes that no text of a program gets: the command line, a run or the bytes of a file raise them.
fn is_raised_elsewhere(id: &str) -> bool {
    let elsewhere = ["FS0012", "FS0108", "FS0405"];
    elsewhere.contains(&id) || ["FS06", "FS07", "FS09"].iter().any(|band| id.starts_with(band))
}

#[test]
fn every_code_has_a_program_that_gets_it() {
    let mut shown = BTreeSet::new();
    for path in programs("tests/ui") {
        let text = std::fs::read_to_string(path).unwrap();
        let marks = text.lines().filter_map(|l| Some(l.split_once("#~")?.1.to_string()));
        shown.extend(marks.flat_map(|m| m.split_whitespace().map(String::from).collect::<Vec<_>>()));
    }
    let missing: Vec<_> =
        CODES.iter().map(|c| c.id).filter(|id| !is_raised_elsewhere(id) && !shown.contains(*id)).collect();
    assert!(missing.is_empty(), "no program in tests/ui gets {missing:?}");
}

#[test]
fn the_table_of_lints_is_whole_and_in_order() {
    let table: Vec<_> = LINTS.iter().map(|l| l.code).collect();
    let codes: Vec<_> = CODES.iter().map(|c| c.code).filter(|c| c.is_lint()).collect();
    assert_eq!(table, codes);
}

#[test]
fn programs_that_are_meant_as_they_are_get_no_lint() {
    let mut paths = [programs("pipelines"), programs("examples")].concat();
    paths.push(root().join("src/cli/starter.fsched"));
    for path in paths {
        assert_eq!(said(&path), Vec::<String>::new(), "{}", path.display());
    }
}

/// The corpus uses every word, in ways that nobody would train; what lints say of it was read and is right.
#[test]
fn lints_of_the_corpus() {
    let mut all = String::new();
    for path in programs("tests/corpus") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        said(&path).iter().for_each(|line| all += &format!("{name}:{line}\n"));
    }
    let golden = root().join("tests/corpus/lints.txt");
    if std::env::var_os("FSCHED_BLESS").is_some() {
        std::fs::write(&golden, &all).unwrap();
    }
    assert_eq!(all, std::fs::read_to_string(&golden).unwrap_or_default(), "read what is new before you bless it");
}

/// What is said of a text by itself, notes apart.
fn said_of(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.fsched");
    std::fs::write(&path, text).unwrap();
    said(&path)
}

#[test]
fn every_statement_is_documented_and_its_example_is_clean() {
    for word in WORDS {
        assert!(!word.doc.is_empty() && !word.example.is_empty(), "{}", word.name);
        assert!(word.params.iter().all(|p| !p.doc.is_empty()), "{}", word.name);
        let example = word.example;
        let text = match (word.name, word.kind) {
            // These name files that a reader would have.
            ("use" | "weights", _) => continue,
            ("let", _) => format!("{example}\ntrain 1\nevaluate robust(attack) on test"),
            ("param", _) => format!("{example}\ntrain 1\nforget head share\ntrain 1"),
            ("phase", _) => format!("{example}\npolish()"),
            ("learn", _) => format!("model tiny_llava\n{example}"),
            ("thaw", _) => format!("train_only layers[0]\ntrain 1\n{example}\ntrain 1"),
            ("measure", _) => format!("objective adversarial(pgd(eps: 8/255))\n{example}\ntrain 1"),
            // Adapters come before the first step.
            ("protect" | "merge", _) => format!("{example}\ntrain 1"),
            (_, WordKind::Setting) => format!("{example}\ntrain 1"),
            _ => format!("data fashion(validation: 10%)\ntrain 1\n{example}\ntrain 1"),
        };
        let text = match word.name {
            "keep" => format!("data fashion(validation: 10%)\n{text}"),
            _ => text,
        };
        assert_eq!(said_of(&text), Vec::<String>::new(), "{}:\n{text}", word.name);
    }
}

#[test]
fn every_component_is_documented() {
    for family in Family::ALL {
        for member in catalogue::members(*family) {
            assert!(!member.doc.is_empty() && !member.example.is_empty(), "{} {}", family.name(), member.name);
            assert!(member.params.iter().all(|p| !p.doc.is_empty()), "{} {}", family.name(), member.name);
        }
    }
}

/// The table of lints in docs/language.md, from the first sentences of their texts.
#[test]
fn the_manual_lists_all_lints() {
    let table: String = CODES
        .iter()
        .filter(|c| c.code.is_lint())
        .map(|c| format!("| [{}](errors/{}.md) | `{}` | {} |\n", c.id, c.id, c.name, c.summary()))
        .collect();
    let path = root().join("docs/language.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- lints -->\n").expect("the table begins behind `<!-- lints -->`");
    let (_, after) = rest.split_once("<!-- end -->").expect("the table ends at `<!-- end -->`");
    let new =
        format!("{before}<!-- lints -->\n| code | name | what is told |\n|---|---|---|\n{table}<!-- end -->{after}");
    if std::env::var_os("FSCHED_BLESS").is_some() {
        std::fs::write(&path, &new).unwrap();
    }
    assert!(page == new || std::env::var_os("FSCHED_BLESS").is_some(), "FSCHED_BLESS=1 writes the table anew");
}
