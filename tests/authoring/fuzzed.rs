//! The properties of `properties.rs` and `sessions.rs` on random inputs, and on those that fuzzing found wrong once.

use super::random::{changed_program, fragment};
use super::{properties, sessions};
use proptest::prelude::*;
use std::path::Path;

/// Inputs that were wrong once: `fuzz/crashes/TARGET-what.fsched`.
#[test]
fn what_fuzzing_found_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/crashes");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let text = || std::str::from_utf8(&bytes).unwrap();
        eprintln!("{name}");
        match name.split(['-', '.']).next() {
            Some("analyze") => properties::analyze(text()),
            Some("format") => properties::format(text()),
            Some("fix") => properties::fix(text()),
            Some("lsp") => sessions::session(&bytes),
            _ => panic!("{name} names no target"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_texts_are_analysed(parts in prop::collection::vec(fragment(), 0..30)) {
        properties::analyze(&parts.concat());
    }

    #[test]
    fn changed_programs_are_analysed(text in changed_program()) {
        properties::analyze(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_programs_are_formatted(text in changed_program()) {
        properties::format(&text);
    }

    #[test]
    fn changed_programs_are_fixed(text in changed_program()) {
        properties::fix(&text);
    }

    #[test]
    fn editors_may_do_anything(text in changed_program(), script in prop::collection::vec(any::<u8>(), 0..80)) {
        sessions::session(&[text.as_bytes(), b"\0", &script].concat());
    }
}
