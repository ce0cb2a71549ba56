//! What programs mean as trees, and what is said of bad ones.

use super::{dump, parse, parse_expression};
use crate::source::FileId;

/// The programs of the language's design, as they must read.
pub const PROGRAMS: [&str; 8] = [
    include_str!("testdata/minute.fsched"),
    include_str!("testdata/forgetting.fsched"),
    include_str!("testdata/zapping.fsched"),
    include_str!("testdata/memorization.fsched"),
    include_str!("testdata/sharpness.fsched"),
    include_str!("testdata/multimodal.fsched"),
    include_str!("testdata/rollout.fsched"),
    include_str!("testdata/control.fsched"),
];

/// The tree of a text that has nothing wrong.
fn tree(text: &str) -> String {
    let (file, diagnostics) = parse(FileId(0), text);
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
    dump::file(&file)
}

#[test]
fn the_programs_of_the_design_have_nothing_wrong() {
    for program in PROGRAMS {
        println!("{}\n", tree(program));
    }
}

#[test]
fn an_expression_alone() {
    let (e, d) = parse_expression(FileId(0), " -30% ");
    assert_eq!((dump::expr(&e).as_str(), d.len()), ("(- 30%)", 0));
}
