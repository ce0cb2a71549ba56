//! The imports of a text, found without reading the rest of it.

use super::report::Report;
use super::tokens::{TextForm, TokenKind, tokens};
use super::{foreign, strings};
use crate::source::Span;

/// Paths in quotes that follow a `use`, or what is read as one, in their order: all that the text imports, if it is read
/// to its end, and perhaps some more.
pub fn import_paths(text: &str) -> Vec<String> {
    let (mut paths, mut awaited) = (Vec::new(), false);
    for token in tokens(text) {
        let written = token.text(text);
        match token.kind {
            TokenKind::Word => awaited |= written == "use" || foreign::is_read_as(written, "use"),
            TokenKind::Text(form) if awaited => {
                paths.push(said(written, form));
                awaited = false;
            }
            _ => {}
        }
    }
    paths
}

/// What a string says, whatever its quotes.
fn said(written: &str, form: TextForm) -> String {
    let literal = match form {
        TextForm::Plain => written.to_string(),
        TextForm::Unterminated => format!("{written}\""),
        TextForm::OtherQuotes => strings::requoted(inner(written)),
    };
    strings::decode(&literal, |_, _| Span::default(), &Report::default())
}

/// A string without its first and last character.
fn inner(written: &str) -> &str {
    let mut characters = written.chars();
    let _quotes = (characters.next(), characters.next_back());
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::import_paths;

    #[test]
    fn paths_after_use_are_found_however_they_are_written() {
        let text = "# because \"no\", use \"no\"\nlet used = \"no\"\nuse \"a\"; use\t'b' # use \"no\"\nimport \"c\"\n\
                    use “d”\nuse /* … */ \"\\u{65}\\\"\"\nuse\u{a0}\"f\"\nuse \"g\ntrain 1\n";
        assert_eq!(import_paths(text), ["a", "b", "c", "d", "e\"", "f", "g"]);
        assert!(import_paths("\"use\" house \"no\"\nuse").is_empty());
    }
}
