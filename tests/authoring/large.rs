//! Long programs of each kind are read to their end. How fast is a matter of `benches/authoring`.

#[path = "../../benches/authoring/texts.rs"]
mod texts;

use fsched::language::{Analysis, Files, Options, analyze};
use std::io;
use std::path::Path;
use texts::Kind;

struct Buffer(String);

impl Files for Buffer {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

fn check(kind: &Kind, lines: usize) -> Analysis {
    analyze(Path::new("large.fsched"), &Buffer((kind.text)(lines)), &Options::default())
}

#[test]
fn programs_of_a_thousand_lines_of_each_kind_are_read() {
    for kind in texts::KINDS {
        let found = check(kind, 1_000);
        assert_eq!(found.program.is_some(), kind.clean, "{}: {:?}", kind.name, found.diagnostics.first());
        assert!(found.diagnostics.len() <= 1_100, "{}: {} diagnostics", kind.name, found.diagnostics.len());
    }
}

#[test]
fn texts_of_nothing_but_mistakes_are_told_in_so_many_words_only() {
    for part in texts::BAD_PARTS {
        let text = Buffer(part.repeat((1 << 16) / part.len()));
        let found = analyze(Path::new("bad.fsched"), &text, &Options::default());
        assert!((1..=700).contains(&found.diagnostics.len()) || *part == "# \n", "{part:?}");
    }
}

/// `p0: Int = 0, p1: Int = 1, …`
fn parameters(count: usize) -> String {
    (0..count).map(|i| format!("p{i}: Int = {i}, ")).collect()
}

#[test]
fn arguments_that_stand_apart_may_be_many() {
    let before = "data digits\nmodel mlp(hidden: [16])\n";
    let many = |part: &str| part.repeat(20_000);
    for text in [
        format!("{before}freeze {}\ntrain 1\n", many("head ")),
        format!("{before}train {}3\n", many("for ")),
        format!("{before}optimizer sgd {}\n", many("lr: 1 ")),
        format!("{before}freeze {}\n", many("layer 1 ")),
        format!("{before}freeze {}\n", many("layer 1, ")),
        format!("{before}measure {}clean\ntrain 1\n", many("layer 3, ")),
        format!("{before}phase f({}a: Int) {{ train [{}2] }}\nf(a: 1)", parameters(20_000), many("1, ").repeat(5)),
    ] {
        let found = analyze(Path::new("apart.fsched"), &Buffer(text), &Options::default());
        assert!(found.program.is_none() && found.diagnostics.len() <= 1_100, "{}", found.diagnostics.len());
    }
}

/// What grows with a text must be the heap, not the stack.
#[test]
fn very_long_ones_of_those_that_might_nest_too() {
    for kind in texts::KINDS.iter().filter(|k| ["list", "sum", "one line", "bad line", "strings"].contains(&k.name)) {
        let found = check(kind, 20_000);
        assert_eq!(found.program.is_some(), kind.clean, "{}: {:?}", kind.name, found.diagnostics.first());
    }
}

/// Phases that call others twice double with each; a loop in a loop multiplies.
#[test]
fn programs_that_are_long_when_written_out_are_refused_or_counted() {
    let mut doubling = String::from("data digits\nmodel mlp(hidden: [16])\nphase p0 { train 1 }\n");
    (1..60).for_each(|i| doubling += &format!("phase p{i} {{ p{0}; p{0} }}\n", i - 1));
    doubling += "p59\n";
    let found = analyze(Path::new("a.fsched"), &Buffer(doubling), &Options::default());
    assert_eq!(found.diagnostics[0].code.name(), "plan-too-large", "{:?}", found.diagnostics);

    let mut loops = String::from("data digits\nmodel mlp(hidden: [16])\nlr cosine\n");
    (0..30).for_each(|i| loops += &format!("for v{i} in 1..10 {{ "));
    let sum: Vec<String> = (0..30).map(|i| format!("v{i}")).collect();
    loops += &format!("train ({}) steps {}", sum.join(" + "), "}".repeat(30));
    let found = analyze(Path::new("a.fsched"), &Buffer(loops), &Options::default());
    assert!(found.program.is_none() || found.diagnostics.is_empty(), "{:?}", found.diagnostics);
}

/// Every file imports the next one twice.
struct Doubling;

impl Files for Doubling {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let next = path.display().to_string().trim_end_matches(".fsched").len();
        Ok(format!("use \"{0}.fsched\"\nuse \"{0}.fsched\"\n", "a".repeat(next + 1)).into_bytes())
    }
}

#[test]
fn imports_that_double_are_told_once() {
    let found = analyze(Path::new("a.fsched"), &Doubling, &Options::default());
    let full: Vec<_> = found.diagnostics.iter().filter(|d| d.message.contains("more than 1000 texts")).collect();
    assert_eq!((full.len(), full[0].code.name()), (1, "bad-import"), "{:?}", found.diagnostics);
    assert_eq!(found.sources.iter().count(), 1_000);
}
