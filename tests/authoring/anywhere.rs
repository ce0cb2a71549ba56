//! No place of any text makes a request panic, or answer with a range outside of the text.

use super::corpus;
use super::index::analysis;
use fsched::language::Analysis;
use fsched::language::index::Index;
use fsched::lsp::{completion, hover, inlay_hints, rename, signature_help};
use fsched::source::{FileId, Span};

const ROOT: FileId = FileId(0);

fn ask_everything(analysis: &Analysis, text: &str, offset: usize) {
    let inside = |span: Span| {
        let fine = text.get(span.range()).is_some() || span.file != ROOT;
        assert!(fine, "{span:?} at {offset} of {text:?}");
    };
    if let Some((span, said)) = hover::at(analysis, ROOT, offset) {
        inside(span);
        assert!(!said.trim().is_empty(), "something is said at {offset} of {text:?}");
    }
    let offers = completion::at(analysis, ROOT, offset);
    assert!(text.get(offers.start..offset).is_some(), "what is replaced at {offset} of {text:?}");
    if let Some(signature) = signature_help::at(analysis, ROOT, offset) {
        assert!(signature.active.is_none_or(|i| i < signature.parameters.len()));
    }
    if let Ok(Some(edits)) = rename::edits(analysis, ROOT, offset, "new_name") {
        edits.iter().for_each(|(span, _)| inside(*span));
        assert!(edits.windows(2).all(|w| w[0].0.end <= w[1].0.start || w[0].0.file != w[1].0.file), "edits overlap");
    }
}

fn ask_everywhere(text: &str) {
    let analysis = analysis(text);
    let index: &Index = &analysis.index;
    for definition in index.definitions() {
        assert!(text.get(definition.span.range()).is_some());
        assert!(index.uses_of(definition.span).iter().all(|u| text.get(u.span.range()).is_some()));
    }
    inlay_hints::hints(&analysis, ROOT, 0..text.len() + 1);
    for offset in (0..=text.len()).filter(|o| text.is_char_boundary(*o)) {
        ask_everything(&analysis, text, offset);
    }
}

#[test]
fn every_place_of_every_program_is_answered() {
    for path in corpus::programs() {
        ask_everywhere(&std::fs::read_to_string(path).unwrap());
    }
}

#[test]
fn every_half_typed_program_is_answered_at_its_end() {
    for path in corpus::programs().into_iter().step_by(4) {
        let text = std::fs::read_to_string(path).unwrap();
        for end in (0..=text.len()).filter(|o| text.is_char_boundary(*o)).step_by(3) {
            ask_everything(&analysis(&text[..end]), &text[..end], end);
        }
    }
}

#[test]
fn texts_that_are_no_programs_are_answered() {
    let texts = [
        "",
        "\u{feff}",
        "((((",
        "]]}}",
        "let",
        "let =",
        "for in in in { }",
        "phase (",
        "param p: in \"",
        "\"\"\"\"",
        "漢 = 🦀(🦀",
        "repeat { repeat { repeat {",
        "checkpoint \"\"\nrollback \"\"\n",
        "checkpoint \"a\nrollback \"a\"",
        "# fsched: allow(",
        "use \"\"\nuse \"x\"\n",
        "let a = a\nlet a = a\n",
        "phase f(f: f = f) { f(f) }\nf(f: f)",
        "for c in 0..3 { zap head[c] ",
        "forget layers[layers[layers[",
        "lr a then b then",
        "evaluate .clean on",
        "train 5 with { with { with",
        "\r\n\r\n\r",
        "a:b:c:d",
        "if { } else { } else if",
        "x(y(z(1, 2), 3), named: [4, {5}]",
        "train 1_000_000_000 epochs",
        "let é́ = 1; train é́",
    ];
    texts.iter().for_each(|t| ask_everywhere(t));
}
