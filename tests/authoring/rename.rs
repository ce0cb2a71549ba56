//! `textDocument/rename`, references and inlay hints on texts.

use super::corpus;
use super::index::{Table, analysis};
use fsched::language::index::DefinitionKind;
use fsched::language::{Analysis, Disk, Files, Options, analyze};
use fsched::lsp::inlay_hints::{Hint, hints};
use fsched::lsp::rename::edits;
use fsched::plan::Plan;
use fsched::source::{FileId, Span};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROOT: FileId = FileId(0);

fn apply(text: &str, file: FileId, edits: &[(Span, String)]) -> String {
    let mut text = text.to_string();
    for (span, new) in edits.iter().rev().filter(|(span, _)| span.file == file) {
        text.replace_range(span.range(), new);
    }
    text
}

/// The text after renaming what stands at its `‸`, or why not.
fn renamed(marked: &str, new: &str) -> Result<String, String> {
    let (text, offset) = (marked.replace('‸', ""), marked.find('‸').expect("a cursor"));
    let edits = edits(&analysis(&text), ROOT, offset, new)?.ok_or("there is no name")?;
    Ok(apply(&text, ROOT, &edits))
}

#[test]
fn a_name_changes_wherever_it_is_meant() {
    let text = "let n‸ = 3\nphase f(m: Duration = 2) { train m }\nfor i in 0..n { f(m: n) }\ntrain n # n\n";
    let expected =
        "let rounds = 3\nphase f(m: Duration = 2) { train m }\nfor i in 0..rounds { f(m: rounds) }\ntrain rounds # n\n";
    assert_eq!(renamed(text, "rounds").as_deref(), Ok(expected));
    let text = "phase f(m: Duration = 2) { train m‸ }\nf(m: 3); f()\n";
    assert_eq!(renamed(text, "漢").as_deref(), Ok("phase f(漢: Duration = 2) { train 漢 }\nf(漢: 3); f()\n"));
    let text = "checkpoint \"a\"\ntrain 1\nforget head 10% to: rewind(\"a\")\nrollback \"‸a\"\ntrain 1\n\
                expect retention(split(fashion, by: class, size: 5), since: \"a\") > 90%\n";
    let expected = "checkpoint \"b c\"\ntrain 1\nforget head 10% to: rewind(\"b c\")\nrollback \"b c\"\ntrain 1\n\
                    expect retention(split(fashion, by: class, size: 5), since: \"b c\") > 90%\n";
    assert_eq!(renamed(text, "b c").as_deref(), Ok(expected));
}

#[test]
fn files_with_mistakes_are_renamed_in_too() {
    let text = "let größe = 30% # 🦀\nfrget head größe\nforget head grö‸ße\ntrain (";
    let expected = "let s = 30% # 🦀\nfrget head größe\nforget head s\ntrain (";
    let got = renamed(text, "s").expect("a name");
    assert!(got.contains("let s = 30%") && got.contains("forget head s\n"), "{got}, like {expected}");
}

#[test]
fn impossible_names_are_refused_with_a_reason() {
    let text = "let n‸ = 3\nlet m = 4\ntrain n\ntrain m\n";
    let refused = |new: &str| renamed(text, new).expect_err("refused");
    assert_eq!(refused("m"), "there is a `m` already, in line 2");
    assert!(refused("train").contains("a word of the language"), "{}", refused("train"));
    assert!(refused("pgd").contains("a word of the language"));
    assert!(refused("layers").contains("a word of the language"));
    assert!(refused("2n").contains("no name"));
    assert!(refused("").contains("no name"));
    assert!(refused("a b").contains("no name"));
    assert!(refused("and").contains("a word of the language"));
    assert!(renamed("train‸ 3", "x").expect_err("refused").contains("`train` is a word of the language"));
    let text = "checkpoint \"a‸\"\ncheckpoint \"b\"\ntrain 1\n";
    assert_eq!(renamed(text, "b").expect_err("refused"), "there is a checkpoint `b` already, in line 2");
    assert!(renamed(text, "a/b").expect_err("refused").contains("letters"));
    let text = "let name = \"a\"\ncheckpoint name\ncheckpoint \"a‸\"\ntrain 1\nrollback \"a\"\n";
    assert!(renamed(text, "b").expect_err("refused").starts_with("line 2 takes this checkpoint's name from a value"));
}

#[test]
fn names_of_other_blocks_are_no_clash() {
    let text = "repeat 2 { let a‸ = 1; train a }\nrepeat 2 { let b = 1; train b }\n";
    assert!(renamed(text, "b").is_ok());
    let text = "let b = 2\nrepeat 2 { let a‸ = 1; train a }\ntrain b\n";
    assert!(renamed(text, "b").is_err(), "it would hide the outer one");
}

#[test]
fn a_name_changes_across_files() {
    let files = Table(HashMap::from([
        (PathBuf::from("program.fsched"), "use \"common.fsched\"\npolish(n: rounds)\ntrain rounds\n".to_string()),
        (
            PathBuf::from("common.fsched"),
            "let rounds = 3\nphase polish(n: Duration) { train n; train rounds }\n".to_string(),
        ),
    ]));
    let before = analyze(Path::new("program.fsched"), &files, &Options::default());
    assert!(before.program.is_some(), "{:?}", before.diagnostics);
    let offset = before.sources.get(ROOT).text.find("train rounds").unwrap() + 7;
    let edits = edits(&before, ROOT, offset, "times").unwrap().unwrap();
    let text = |file: FileId| apply(&before.sources.get(file).text, file, &edits);
    assert_eq!(text(ROOT), "use \"common.fsched\"\npolish(n: times)\ntrain times\n");
    assert_eq!(text(FileId(1)), "let times = 3\nphase polish(n: Duration) { train n; train times }\n");
    assert!(edits.len() == 4);
}

/// One text in the place of its file, the others as they are.
struct Edited<'t>(&'t Path, &'t str);

impl Files for Edited<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if path == self.0 { Ok(self.1.as_bytes().to_vec()) } else { Disk { root: None }.read(path) }
    }
}

fn analysis_of(path: &Path, text: &str) -> Analysis {
    let mut options = Options::default();
    options.places.program = path.parent().unwrap().to_path_buf();
    analyze(path, &Edited(path, text), &options)
}

fn hash(analysis: &Analysis) -> String {
    let program = analysis.program.clone().unwrap_or_else(|| panic!("{:?}", analysis.diagnostics));
    Plan::new(Arc::new(program), &analysis.sources).hash
}

#[test]
fn renaming_every_name_of_the_corpus_changes_no_plan_and_renaming_back_restores_the_text() {
    let mut count = 0;
    for path in corpus::programs() {
        let text = std::fs::read_to_string(&path).unwrap();
        let before = analysis_of(&path, &text);
        let plan = hash(&before);
        for definition in before.index.definitions().iter().filter(|d| d.span.file == ROOT) {
            let there =
                edits(&before, ROOT, definition.span.start as usize, "renamed_漢").expect("a new name").unwrap();
            let changed = apply(&text, ROOT, &there);
            let after = analysis_of(&path, &changed);
            let what = format!("{} of {}", definition.name, path.display());
            assert!(after.program.is_some(), "{what}: {:?}\n{changed}", after.diagnostics);
            // The name of a checkpoint is part of what a run writes, so of its plan.
            if definition.kind != DefinitionKind::Checkpoint {
                assert_eq!(hash(&after), plan, "{what}");
            }
            let back = edits(&after, ROOT, there[0].0.start as usize, &definition.name).expect("its old name").unwrap();
            assert_eq!(apply(&changed, ROOT, &back), text, "{what}");
            count += 1;
        }
    }
    assert!(count > 20, "{count} names in the corpus");
}

/// A text with its hints written into it: `‹name:›`.
fn hinted(text: &str) -> String {
    let mut shown = text.to_string();
    for hint in hints(&analysis(text), ROOT, 0..text.len() + 1).into_iter().rev() {
        match hint {
            Hint::Parameter(at, name) => shown.insert_str(at, &format!("‹{name}:›")),
            Hint::Total(at, text) => shown.insert_str(at, &format!("‹{text}›")),
        }
    }
    shown
}

#[test]
fn hints_name_what_is_not_obvious_and_count_what_blocks_train() {
    let text = "forget layers[-2..] 30%\ntrain 5\nrepeat 3 { train 2 }\nobjective adversarial(pgd(0.1, iters: 3))\n\
                phase f(s: Share) { forget head s; train 1 }\nf(10%)\n";
    let expected = "forget layers[-2..] ‹share:›30%\ntrain 5\nrepeat 3 { train 2 }‹6 epochs›\n\
                    objective adversarial(pgd(‹eps:›0.1, iters: 3))\n\
                    phase f(s: Share) { forget head ‹share:›s; train 1 }\nf(‹s:›10%)‹1 epoch›\n";
    assert_eq!(hinted(text), expected);
}

#[test]
fn no_totals_where_mistakes_hide_some_of_them() {
    let text = "repeat 3 { train 2; trian 5 }\nrepeat 3 { train 1 }\n";
    assert_eq!(hinted(text), "repeat 3 { train 2; trian 5 }\nrepeat 3 { train 1 }‹3 epochs›\n");
}
