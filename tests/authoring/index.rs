//! What `analyze` knows of each place of a text, also where the text has mistakes.

use fsched::language::index::{Index, Sense};
use fsched::language::{Analysis, Files, Options, analyze};
use fsched::source::FileId;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory.
pub struct Table(pub HashMap<PathBuf, String>);

impl Files for Table {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).map(|t| t.clone().into_bytes()).ok_or(io::ErrorKind::NotFound.into())
    }
}

pub fn analysis(text: &str) -> Analysis {
    let files = Table(HashMap::from([("program.fsched".into(), text.to_string())]));
    analyze(Path::new("program.fsched"), &files, &Options::default())
}

const ROOT: FileId = FileId(0);

fn place(text: &str, what: &str) -> usize {
    text.find(what).unwrap_or_else(|| panic!("{what:?} is not in the text"))
}

/// `name -> definition's line` of all uses.
fn uses(analysis: &Analysis) -> Vec<(String, usize)> {
    let of = |i: &Index| -> Vec<(String, usize)> {
        let used = i.uses(ROOT).iter();
        used.map(|u| (analysis.sources.text(u.span).to_string(), analysis.sources.place(u.definition).line)).collect()
    };
    of(&analysis.index)
}

#[test]
fn names_lead_to_their_definitions_once_each() {
    let text = "param share: Share = 30% \"how much\"\nphase polish(s: Share, n: Duration = 2) {\n  forget head s\n  train n\n}\n\
                let n = 3\nfor i in 0..2 { train i + 1 }\npolish(share); polish(s: 10%)\ncheckpoint \"a\"; train n; rollback \"a\"\n";
    let analysis = analysis(text);
    assert!(analysis.program.is_some(), "{:?}", analysis.diagnostics);
    let expected =
        [("s", 2), ("n", 2), ("i", 7), ("polish", 2), ("share", 1), ("polish", 2), ("s", 2), ("n", 6), ("\"a\"", 9)];
    let expected: Vec<_> = expected.map(|(n, l)| (n.to_string(), l)).to_vec();
    assert_eq!(uses(&analysis), expected);
    let definitions: Vec<_> =
        analysis.index.definitions().iter().map(|d| (d.name.as_str(), d.ty.as_str(), d.shown.as_str())).collect();
    let expected = [
        ("share", "Share", "30%"),
        ("polish", "", "(s: Share, n: Duration = 2)"),
        ("s", "Share", ""),
        ("n", "Duration", "2"),
        ("n", "Int", "3"),
        ("i", "Int", "each of 0..2 (2 values)"),
        ("a", "", ""),
    ];
    assert_eq!(definitions, expected);
    assert_eq!(analysis.index.definitions()[0].doc.as_deref(), Some("how much"));
}

#[test]
fn a_file_with_mistakes_is_known_all_the_same() {
    let text = "let attack = pgd(eps: 8/255)\nmodel convnt\nobjective adversarial(attack)\ntrain 5 {\nforget layers[-2..] 30%\n}\n";
    let analysis = analysis(text);
    assert!(analysis.program.is_none());
    assert!(uses(&analysis).contains(&("attack".to_string(), 1)), "{:?}", uses(&analysis));
    let word = |what: &str| analysis.index.sense_at(ROOT, place(text, what)).map(|s| s.1);
    assert!(matches!(word("pgd"), Some(Sense::Member(m)) if m.name == "pgd"));
    assert!(matches!(word("eps"), Some(Sense::Parameter(_, p)) if p.name == "eps"));
    assert!(matches!(word("objective"), Some(Sense::Word(w)) if w.name == "objective"));
    assert_eq!(analysis.index.number_at(ROOT, place(text, "8/255")).map(|n| n.1), Some(8.0 / 255.0));
}

#[test]
fn selectors_are_counted_without_a_weight() {
    let text = "forget layers[-2..] 30%\ntrain 1\nfrget head\n";
    let analysis = analysis(text);
    let found = analysis.index.selections_at(ROOT, place(text, "layers"));
    let hits = analysis.index.hits(found[0]).expect("the default model is known");
    assert_eq!(hits.tensors.len(), 2);
    let (all, gone) = (hits.selected(), hits.forgotten.expect("the share is known"));
    assert!(gone <= all * 3 / 10 && gone + 2 > all * 3 / 10, "{gone} of {all}");
    assert!(hits.to_string().starts_with("2 tensors, "), "{hits}");
}

#[test]
fn blocks_say_how_much_they_train() {
    let text = "repeat 5 {\n  train 2\n  for n in [1, 2, 3] { train n }\n}\nif clean > 50% { train 4 } else { train 1 }\ntrain 90 s\n";
    let analysis = analysis(text);
    let shown: Vec<String> = analysis.index.blocks(ROOT).iter().map(|b| b.amount.to_string()).collect();
    assert_eq!(shown, ["40 epochs", "6 epochs", "1 to 4 epochs"]);
    assert_eq!(analysis.index.total.to_string(), "41 to 44 epochs and 90 s");
}
