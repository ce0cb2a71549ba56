//! `fsched fmt`: what it does to every program we have, and to texts that nobody would write.

use super::corpus::programs;
use fsched::diagnostic::{Code, has_errors};
use fsched::language::fix::Overlay;
use fsched::language::{Disk, Options, analyze, format};
use fsched::plan::Plan;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The programs in the fenced blocks of our pages, each with the page.
fn blocks_of_pages() -> Vec<(PathBuf, String)> {
    let errors = std::fs::read_dir(root().join("docs/errors")).unwrap().map(|e| e.unwrap().path());
    let mut pages: Vec<_> =
        ["README.md", "docs/language.md"].map(|p| root().join(p)).into_iter().chain(errors).collect();
    pages.sort();
    let mut found = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks = text.split("```fsched\n").skip(1).filter_map(|b| b.split("```").next());
        found.extend(blocks.map(|b| (page.clone(), b.to_string())));
    }
    found
}

/// Hash of the plan of a text that stands in a folder; `None` where it has errors.
fn plan_hash(folder: &Path, text: &str) -> Option<String> {
    let path = folder.join("under_test.fsched");
    let disk = Disk { root: Some(folder.into()) };
    let files = Overlay { path: path.clone(), text: text.into(), below: &disk };
    let mut options = Options::default();
    options.places.program = folder.into();
    options.places.data = root().join("data");
    let analysis = analyze(&path, &files, &options);
    Some(Plan::new(Arc::new(analysis.program?), &analysis.sources).hash)
}

/// What formatting must not change, taken from the text by other means than the formatter's: characters other than
/// blanks and separators.
fn characters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !",;\u{feff}".contains(*c)).collect()
}

/// Checks all that holds for any text, and gives its canonical form if it has one.
fn check(text: &str) -> Option<String> {
    match format(text) {
        Ok(formatted) => {
            assert_eq!(characters(&formatted), characters(text), "{text}");
            assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "a second time changes it again:\n{text}");
            let in_lines = formatted.is_empty() || formatted.ends_with('\n') || formatted == "\u{feff}";
            assert!(in_lines && !formatted.contains("\n\n\n"), "{formatted:?}");
            assert!(formatted.lines().all(|l| l.trim_end() == l), "{formatted:?}");
            Some(formatted)
        }
        Err(found) => {
            assert!(found.iter().all(|d| d.code != Code::INTERNAL), "{found:?}\n{text}");
            assert!(has_errors(&found), "{text}");
            None
        }
    }
}

#[test]
fn every_program_keeps_its_plan() {
    for path in programs() {
        let text = std::fs::read_to_string(&path).unwrap();
        let formatted = check(&text).unwrap_or_else(|| panic!("{} is refused", path.display()));
        let folder = path.parent().unwrap();
        let before = plan_hash(folder, &text);
        assert!(before.is_some(), "{}", path.display());
        assert_eq!(plan_hash(folder, &formatted), before, "{}:\n{formatted}", path.display());
    }
}

#[test]
fn so_do_the_programs_of_our_pages() {
    let mut planned = 0;
    for (page, text) in blocks_of_pages() {
        let Some(formatted) = check(&text) else { continue };
        let before = plan_hash(&root(), &text);
        planned += usize::from(before.is_some());
        assert_eq!(plan_hash(&root(), &formatted), before, "{}:\n{formatted}", page.display());
    }
    assert!(planned > 40, "only {planned} programs with a plan");
}

#[test]
fn what_we_ship_and_show_first_is_in_canonical_form() {
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    let shipped = programs().into_iter().filter(|p| !p.starts_with(root().join("tests")));
    for path in shipped.chain([root().join("src/cli/starter.fsched")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        texts.push((path, text));
    }
    texts.extend(blocks_of_pages().into_iter().filter(|(page, _)| !page.starts_with(root().join("docs/errors"))));
    for (path, text) in texts {
        assert_eq!(format(&text).as_ref(), Ok(&text), "{}", path.display());
    }
}

#[test]
fn a_text_in_which_lines_would_be_joined_by_mistake_is_refused() {
    for broken in
        ["train 10 )\n", "f(\n", "data digits\nforget head 10% by:\nrelearn 3\n", "train 10 forget head 10%\n"]
    {
        let found = format(broken).unwrap_err();
        assert!(has_errors(&found), "{found:?}");
    }
    assert_eq!(format("nonsense  3 of: all").as_deref(), Ok("nonsense 3 of: all\n"), "what words mean does not matter");
}

#[test]
fn names_words_and_their_lists_come_from_the_language() {
    let formatted = format("evaluate clean loss, per_example: true on test\naugment flip crop(padding: 2)\n");
    assert_eq!(formatted.unwrap(), "evaluate clean, loss per_example: true on test\naugment flip, crop(padding: 2)\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_formatted_or_refused(parts in prop::collection::vec(super::random::fragment(), 0..20)) {
        check(&parts.concat());
    }

    #[test]
    fn changed_programs_are_formatted_or_refused(text in super::random::changed_program()) {
        check(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn other_blanks_lines_and_comments_leave_the_plan(text in super::random::respaced_program()) {
        if let Some(formatted) = check(&text) {
            let folder = root().join("tests/corpus");
            prop_assert_eq!(plan_hash(&folder, &formatted), plan_hash(&folder, &text), "{}\n---\n{}", text, formatted);
        }
    }
}
