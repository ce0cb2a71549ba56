//! The invariants of ARCHITECTURE.md that can be read off the `use` lines.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// All files under `src/NAME`, with the part before their tests.
fn texts(name: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    assert!(!paths.is_empty(), "src/{name} has no files");
    let is_test = |p: &Path| p.file_stem().is_some_and(|s| s.to_string_lossy().ends_with("tests"));
    let read = |p: &PathBuf| {
        let text = std::fs::read_to_string(p).unwrap();
        let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default().to_string();
        (p.display().to_string(), code)
    };
    paths.iter().filter(|p| !is_test(p)).map(read).collect()
}

/// Lines of code (not comments) of these modules that mention one of the words.
fn mentions(modules: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in modules.iter().flat_map(|m| texts(m)) {
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            if words.iter().any(|w| line.contains(w)) {
                found.push(format!("{path}:{}: {}", i + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn each_library_is_known_where_it_belongs() {
    let none = |modules: &[&str], words: &[&str]| {
        let found = mentions(modules, words);
        assert!(found.is_empty(), "{words:?} in {modules:?}:\n{}", found.join("\n"));
    };
    none(&["source", "diagnostic", "syntax", "text", "language", "plan", "lsp"], &["candle"]);
    none(
        &["source", "diagnostic", "syntax", "text", "language", "plan", "nn", "components", "runtime", "record", "lsp"],
        &["miette"],
    );
    none(
        &["source", "diagnostic", "text", "language", "plan", "nn", "components", "runtime", "record", "lsp", "cli"],
        &["pest::", "pest_derive"],
    );
}

#[test]
fn programs_are_never_started_and_nothing_is_connected() {
    let all = [
        "reading",
        "source",
        "diagnostic",
        "syntax",
        "text",
        "nn",
        "components",
        "language",
        "plan",
        "disk",
        "runtime",
        "record",
        "lsp",
        "cli",
    ];
    // Who holds a run folder is asked of `hostname` and `ps` where the system has no /proc.
    let found = mentions(&all, &["process::Command", "process::{", "std::net", "TcpStream", "UnixStream"]);
    assert!(found.iter().all(|line| line.contains("record/lock.rs")), "{}", found.join("\n"));
}

#[test]
fn imports_follow_the_arrow() {
    let order = [
        "reading",
        "disk",
        "source",
        "diagnostic",
        "syntax",
        "text",
        "nn",
        "components",
        "language",
        "plan",
        "runtime",
        "record",
        "lsp",
        "cli",
    ];
    for (i, module) in order.iter().enumerate() {
        let later: Vec<String> = order[i + 1..].iter().map(|m| format!("crate::{m}::")).collect();
        let words: Vec<&str> = later.iter().map(String::as_str).collect();
        let found = mentions(&[module], &words);
        assert!(found.is_empty(), "`{module}` looks ahead:\n{}", found.join("\n"));
    }
    let found = mentions(&["nn"], &["crate::syntax", "crate::source", "crate::diagnostic", "crate::components"]);
    assert!(found.is_empty(), "`nn` knows the language:\n{}", found.join("\n"));
}

#[test]
fn files_stay_small() {
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    let mut lengths: Vec<(usize, PathBuf)> =
        paths.into_iter().map(|p| (std::fs::read_to_string(&p).unwrap().lines().count(), p)).collect();
    lengths.sort();
    let (longest, path) = lengths.last().unwrap();
    assert!(*longest <= 600, "{} has {longest} lines", path.display());
    let median = lengths[lengths.len() / 2].0;
    assert!(median < 200, "the median file has {median} lines");
}
