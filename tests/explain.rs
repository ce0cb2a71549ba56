//! The texts of `fsched explain`: each code's bad example gets just that code, its good example nothing at all. Notes
//! apart: they say on what a program runs.

use fsched::diagnostic::{CODES, Severity};
use fsched::language::{Disk, Options, analyze};
use std::path::Path;

/// Codes that a running program raises, or the command line, or only a mistake of ours: their examples are prose.
fn is_shown_by_a_program(id: &str) -> bool {
    !["FS06", "FS07", "FS09"].iter().any(|band| id.starts_with(band))
}

/// The fenced `fsched` blocks of a section, and whether they are whole programs.
fn examples<'t>(text: &'t str, section: &str) -> Vec<&'t str> {
    let Some((_, rest)) = text.split_once(&format!("## {section}\n")) else { return Vec::new() };
    let section = rest.split("\n## ").next().unwrap_or_default();
    section.split("```fsched\n").skip(1).filter_map(|b| b.split("```").next()).collect()
}

fn diagnose(text: &str, sets: &[(String, String)]) -> Vec<(String, Severity, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.fsched");
    std::fs::write(&path, text).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut options = Options { sets: sets.to_vec(), ..Options::default() };
    options.places.program = root.to_path_buf();
    options.places.data = root.join("data");
    let analysis = analyze(&path, &Disk { root: None }, &options);
    analysis.diagnostics.iter().map(|d| (d.code.id().to_string(), d.severity, d.message.clone())).collect()
}

#[test]
fn bad_examples_get_their_code_and_good_ones_nothing() {
    let mut wrong = Vec::new();
    for code in CODES {
        if !code.text.starts_with(&format!("# {} {}", code.id, code.name)) {
            wrong.push(format!("{}: the text begins with another heading", code.id));
        }
        if code.text.len() < 200 {
            wrong.push(format!("{}: no text", code.id));
        }
        if !is_shown_by_a_program(code.id) {
            continue;
        }
        // `--set` and files that can't be shown in a block are described in words.
        let (bad, good) = (examples(code.text, "Bad"), examples(code.text, "Good"));
        if bad.is_empty() && !code.text.contains("```text") {
            wrong.push(format!("{}: no bad example", code.id));
        }
        for text in bad {
            let said = diagnose(text, &[]);
            if !said.iter().any(|(id, ..)| id == code.id) {
                wrong.push(format!("{}: the bad example gets {said:?}\n{text}", code.id));
            }
            let others: Vec<_> = said.iter().filter(|(id, s, _)| id != code.id && *s != Severity::Note).collect();
            if !others.is_empty() {
                wrong.push(format!("{}: the bad example also gets {others:?}", code.id));
            }
        }
        for text in good {
            let errors: Vec<_> =
                diagnose(text, &[]).into_iter().filter(|(id, s, _)| *s != Severity::Note || id == code.id).collect();
            if !errors.is_empty() {
                wrong.push(format!("{}: the good example gets {errors:?}\n{text}", code.id));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
