//! The programs of the documentation, and the examples in the descriptions, have no errors.

use fsched::components::{Family, catalogue};
use fsched::diagnostic::Severity;
use fsched::language::{Disk, Options, analyze, statements};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Codes and messages of the errors of a program.
fn errors(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.fsched");
    std::fs::write(&path, text).unwrap();
    let mut options = Options::default();
    options.places.program = root();
    options.places.data = root().join("data");
    let analysis = analyze(&path, &Disk { root: None }, &options);
    let errors = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| format!("{:?}: {}", d.code, d.message)).collect()
}

#[test]
fn programs_in_the_readme_and_the_manual() {
    let mut seen = 0;
    for page in ["README.md", "docs/language.md", "docs/authoring.md", "docs/robustness.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for program in text.split("```fsched\n").skip(1).filter_map(|b| b.split("```").next()) {
            assert_eq!(errors(program), Vec::<String>::new(), "{page}:\n{program}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "the README has programs");
}

#[test]
fn every_example_and_pipeline() {
    let mut seen = 0;
    for folder in ["examples", "pipelines"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path: &Path = &entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "fsched") {
                assert_eq!(errors(&std::fs::read_to_string(path).unwrap()), Vec::<String>::new(), "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 4);
}

#[test]
fn examples_of_statements() {
    for word in statements::WORDS {
        // These name files that a reader would have.
        if matches!(word.name, "use" | "weights") {
            continue;
        }
        let tail = if word.example.starts_with("lr") { "\ntrain 1" } else { "" };
        let text = format!("{}{tail}", word.example);
        assert_eq!(errors(&text), Vec::<String>::new(), "{}: {text}", word.name);
        assert!(!word.doc.is_empty() && !word.doc.ends_with('.'), "{}", word.name);
    }
}

#[test]
fn examples_of_components() {
    for family in Family::ALL {
        for member in catalogue::members(*family) {
            let example = member.example;
            let text = match family {
                Family::Layer => format!("model sequential([{}])\ntrain 1", around(member.name, example)),
                Family::Schedule => setting("lr", example),
                family => setting(family.name(), example),
            };
            let found = errors(&text);
            // Folders of data that a reader would have.
            let found: Vec<_> = found.into_iter().filter(|e| !e.starts_with("FS0401")).collect();
            assert!(found.is_empty(), "{} {}:\n{text}\n{found:?}", family.name(), member.name);
        }
    }
}

/// A network in which that layer fits.
fn around(name: &str, layer: &str) -> String {
    match name {
        "flatten" | "global_pool" => format!("conv(32, 3), {layer}, linear(10)"),
        "linear" => format!("flatten, {layer}"),
        _ => format!("conv(32, 3), {layer}, global_pool, linear(10)"),
    }
}

/// The example as a statement: some show only the component.
fn setting(word: &str, example: &str) -> String {
    let first = example.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    match statements::find(first) {
        Some(_) => format!("{example}\ntrain 1"),
        None => format!("{word} {example}\ntrain 1"),
    }
}
