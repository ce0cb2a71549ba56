//! Programs with mistakes: each line says in a comment which codes it gets (`#~ FS0102 FS0201`), and gets no others.
//! Where every error has a sure fix, applying the fixes leaves a program without errors. Beside each program lie what
//! people see of it (`.stderr`), what programs read (`.json`), and what `fsched fix` makes of it (`.fixed`).

use fsched::diagnostic::{Applicability, Diagnostic, applicable};
use fsched::language::fix::fix;
use fsched::language::{Analysis, Disk, Options, analyze};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn programs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "fsched"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn check(path: &Path) -> Analysis {
    let mut options = Options::default();
    options.places.program = path.parent().unwrap().to_path_buf();
    analyze(path, &Disk { root: path.parent().map(Path::to_path_buf) }, &options)
}

/// `(line, code)` of everything that is said.
fn said(analysis: &Analysis) -> BTreeSet<(usize, String)> {
    let place = |d: &Diagnostic| (analysis.sources.place(d.primary.span).line, d.code.id().to_string());
    analysis.diagnostics.iter().map(place).collect()
}

fn expected(text: &str) -> BTreeSet<(usize, String)> {
    let marks = text.lines().enumerate().filter_map(|(i, l)| Some((i + 1, l.split_once("#~")?.1)));
    marks.flat_map(|(line, codes)| codes.split_whitespace().map(move |c| (line, c.to_string()))).collect()
}

#[test]
fn each_program_gets_what_it_says() {
    let mut wrong = Vec::new();
    for path in programs() {
        let analysis = check(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        let (said, expected) = (said(&analysis), expected(&text));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (line, code) in expected.difference(&said) {
            wrong.push(format!("{name}:{line}: {code} was not reported"));
        }
        for d in &analysis.diagnostics {
            let line = analysis.sources.place(d.primary.span).line;
            if said.contains(&(line, d.code.id().into())) && !expected.contains(&(line, d.code.id().into())) {
                wrong.push(format!("{name}:{line}: unexpected {:?}: {} ({:?})", d.code, d.message, d.help));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_diagnostic_has_a_place_and_says_what_to_do() {
    for path in programs() {
        let analysis = check(&path);
        for d in &analysis.diagnostics {
            let text = &analysis.sources.get(d.primary.span.file).text;
            for span in d.labels.iter().map(|l| l.span).chain([d.primary.span]) {
                let text = &analysis.sources.get(span.file).text;
                assert!(text.get(span.range()).is_some(), "{}: {d:?} points outside of its text", path.display());
            }
            assert!(!d.message.ends_with('.') && !d.message.is_empty(), "{d:?}");
            assert!(!text.is_empty());
        }
    }
}

#[test]
fn safe_fixes_never_add_errors_so_all_of_them_are_applied() {
    for path in programs() {
        let mut options = Options::default();
        options.places.program = path.parent().unwrap().to_path_buf();
        let files = Disk { root: path.parent().map(Path::to_path_buf) };
        let fixed = fix(&path, &files, &options, Applicability::Safe);
        let left = applicable(&fixed.analysis.diagnostics, fixed.analysis.file.source, Applicability::Safe);
        assert_eq!(left, [], "{}: these are left, because there would be more errors after them", path.display());
    }
}

/// What `fsched` says of a program: on stderr for people, on stdout for programs.
fn shown(path: &Path, arguments: &[&str]) -> (String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fsched"))
        .args(arguments)
        .arg(path.file_name().unwrap())
        .current_dir(path.parent().unwrap())
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env("LANG", "C.UTF-8")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("FSCHED_DATA")
        .env_remove("LC_ALL")
        .env_remove("LC_CTYPE")
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The program after all safe fixes; `None` where there are none.
fn fixed(path: &Path) -> Option<String> {
    let mut options = Options::default();
    options.places.program = path.parent().unwrap().to_path_buf();
    let fixed = fix(path, &Disk { root: path.parent().map(Path::to_path_buf) }, &options, Applicability::Safe);
    (!fixed.applied.is_empty()).then_some(fixed.text)
}

#[test]
fn what_is_shown_is_what_lies_beside() {
    let bless = std::env::var_os("FSCHED_BLESS").is_some();
    let mut stale = Vec::new();
    for path in programs() {
        let goldens = [
            ("stderr", Some(shown(&path, &["check"]).1)),
            ("json", Some(shown(&path, &["check", "--format", "json"]).0)),
            ("fixed", fixed(&path)),
        ];
        for (extension, now) in goldens {
            let golden = path.with_extension(extension);
            let before = std::fs::read_to_string(&golden).ok();
            if before == now {
                continue;
            }
            match (bless, now) {
                (true, Some(now)) => std::fs::write(&golden, now).unwrap(),
                (true, None) => std::fs::remove_file(&golden).unwrap(),
                (false, _) => stale.push(golden.file_name().unwrap().to_string_lossy().into_owned()),
            }
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} show something else now; `FSCHED_BLESS=1 cargo test --test ui` writes them anew"
    );
}
