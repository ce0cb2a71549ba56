//! The programs that everything about authoring is tried on: small, varied, without errors.

use fsched::components::Family;
use fsched::components::catalogue::members;
use fsched::diagnostic::Severity;
use fsched::language::statements::WORDS;
use fsched::language::{Analysis, Disk, Options, analyze};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// All programs of `tests/corpus`, `examples` and `pipelines`, in order.
pub fn programs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = ["examples", "pipelines", "tests/corpus"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let mut paths: Vec<_> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "fsched"));
    paths.sort();
    paths
}

/// What is said of the program in a file.
pub fn check(path: &Path) -> Analysis {
    let mut options = Options::default();
    options.places.program = path.parent().unwrap().to_path_buf();
    analyze(path, &Disk { root: path.parent().map(Path::to_path_buf) }, &options)
}

#[test]
fn there_are_forty_programs_without_errors() {
    let programs = programs();
    assert!(programs.len() >= 40, "there are only {}", programs.len());
    let mut wrong = Vec::new();
    for path in programs {
        let analysis = check(&path);
        let errors = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        wrong.extend(
            errors
                .map(|d| format!("{}:{}: {}", path.display(), analysis.sources.place(d.primary.span).line, d.message)),
        );
        assert!(analysis.program.is_some() || !wrong.is_empty(), "{} gave no program", path.display());
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn they_use_every_word_of_the_language_and_every_component_that_needs_no_files() {
    let texts: String = programs().iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    let used: HashSet<&str> = texts.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let words = WORDS.iter().flat_map(|w| w.name.split(' '));
    let families = Family::ALL.iter().filter(|f| **f != Family::Data);
    let members = families.flat_map(|f| members(*f)).map(|m| m.name);
    let missing: Vec<_> = words.chain(members).filter(|name| !used.contains(name)).collect();
    assert!(missing.is_empty(), "no program uses {missing:?}");
}
