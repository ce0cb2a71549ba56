//! `fsched fix`: it comes to an end, never adds errors, and leaves nothing undone that it could do.

use super::corpus::programs;
use fsched::diagnostic::{Applicability, Severity, applicable};
use fsched::language::fix::{Fixed, Overlay, fix};
use fsched::language::{Analysis, Disk, Options, analyze};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// What is given to the engine with a text that stands in the corpus' folder.
fn with<T>(text: &str, f: impl FnOnce(&Path, &Overlay<'_>, &Options) -> T) -> T {
    let path = folder().join("under_test.fsched");
    let mut options = Options::default();
    options.places.program = folder();
    let disk = Disk { root: Some(folder()) };
    f(&path, &Overlay { path: path.clone(), text: text.into(), below: &disk }, &options)
}

fn fixed(text: &str, level: Applicability) -> Fixed {
    with(text, |path, files, options| fix(path, files, options, level))
}

fn errors(analysis: &Analysis) -> usize {
    analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
}

/// Checks what holds for every text.
fn check(text: &str) {
    let before = with(text, |path, files, options| errors(&analyze(path, files, options)));
    for level in [Applicability::Safe, Applicability::Unsafe] {
        let first = fixed(text, level);
        assert!(errors(&first.analysis) <= before, "{before} errors became more:\n{text}\n---\n{}", first.text);
        assert_eq!(first.applied.is_empty(), first.text == text, "{text}");
        let second = fixed(&first.text, level);
        assert_eq!(second.text, first.text, "not at its end after:\n{text}");
    }
}

#[test]
fn mistakes_are_fixed_in_rounds_until_none_is_left() {
    let text = "data digits // small\nmodel mlp(hidden=[16])\nlet n := 3\ntrian n\nforget head | layers[0] 30 % overall=True\n";
    let done = fixed(text, Applicability::Safe);
    assert_eq!(
        done.text,
        "data digits # small\nmodel mlp(hidden: [16])\nlet n = 3\ntrain n\nforget head | layers[0] 30% overall: true\n"
    );
    let lines: Vec<_> = done.applied.iter().map(|a| a.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 5, 5], "of two fixes that touch, the second waits for the next round");
    assert_eq!(errors(&done.analysis), 1, "{:?}", done.analysis.diagnostics);
    // `|` may mean two things.
    let done = fixed(text, Applicability::Unsafe);
    assert!(done.text.ends_with("\nforget head + layers[0] 30% overall: true\n"), "{}", done.text);
    assert_eq!(errors(&done.analysis), 0, "{:?}", done.analysis.diagnostics);
}

#[test]
fn an_allow_whose_lint_waits_for_errors_to_be_mended_stays() {
    let text = "data digits\ntrain 1\nrelern 2\nforget head 50%  # fsched: allow(forgets-last)\n";
    assert_eq!(fixed(text, Applicability::Safe).text, text.replace("relern", "relearn"));
}

#[test]
fn names_that_say_more_than_ours_are_not_replaced_unasked() {
    let text = "data digits\noptimizer nesterov(lr: 0.1)\ntrain 1\n";
    assert_eq!(fixed(text, Applicability::Safe).text, text);
    assert_eq!(fixed(text, Applicability::Unsafe).text, text.replace("nesterov", "sgd"));
}

#[test]
fn line_ends_stay_as_they_are() {
    let text = "data digits\r\ntrain 1\r\nforget head 30%\r\nrelearn 1\r\nrepeat 3\r\n";
    let after = fixed(text, Applicability::Safe).text;
    assert!(
        after.contains("repeat 3 {\r\n") && after.matches('\n').count() == after.matches("\r\n").count(),
        "{after:?}"
    );
}

#[test]
fn a_program_without_mistakes_stays_as_it_is() {
    for path in programs() {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut options = Options::default();
        options.places.program = path.parent().unwrap().to_path_buf();
        let files = Disk { root: path.parent().map(Path::to_path_buf) };
        let done = fix(&path, &files, &options, Applicability::Safe);
        assert_eq!(errors(&done.analysis), 0, "{}", path.display());
        let left = applicable(&done.analysis.diagnostics, done.analysis.file.source, Applicability::Safe);
        assert_eq!(left, [], "{}", path.display());
        assert_eq!(done.applied.is_empty(), done.text == text);
    }
}

#[test]
fn imported_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (main, part) = (dir.path().join("main.fsched"), dir.path().join("part.fsched"));
    std::fs::write(&main, "use \"part.fsched\"\ndata digits // x\nmodel mlp\ntrain n\n").unwrap();
    std::fs::write(&part, "let n := 3\n").unwrap();
    let files = Disk { root: Some(dir.path().into()) };
    let done = fix(&main, &files, &Options::default(), Applicability::Safe);
    assert_eq!(done.text, "use \"part.fsched\"\ndata digits # x\nmodel mlp\ntrain n\n");
    assert_eq!(std::fs::read_to_string(&part).unwrap(), "let n := 3\n");
    assert_eq!(errors(&done.analysis), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_to_its_end(parts in prop::collection::vec(super::random::fragment(), 0..12)) {
        check(&parts.concat());
    }

    #[test]
    fn changed_programs_come_to_their_end(text in super::random::changed_program()) {
        check(&text);
    }
}
