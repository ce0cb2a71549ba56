//! The words that editors colour come from the language's tables. `editors/templates` holds the files with places for
//! words, such as `@regex(steps, settings)@`; `FSCHED_BLESS=1 cargo test --test authoring editors` writes them out.

use fsched::language::vocabulary::Part;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A file that is made of a template.
struct Generated {
    template: &'static str,
    /// Under `editors`.
    target: &'static str,
    /// Captures that this editor calls otherwise.
    captures: &'static [(&'static str, &'static str)],
}

const fn generated(template: &'static str, target: &'static str) -> Generated {
    Generated { template, target, captures: &[] }
}

const GENERATED: [Generated; 5] = [
    generated("textmate.json", "vscode/syntaxes/fsched.tmLanguage.json"),
    generated("syntax.vim", "nvim/syntax/fsched.vim"),
    generated("highlights.scm", "tree-sitter-fsched/queries/highlights.scm"),
    generated("highlights.scm", "nvim/queries/fsched/highlights.scm"),
    Generated {
        template: "highlights.scm",
        target: "helix/queries/fsched/highlights.scm",
        captures: &[
            ("boolean", "constant.builtin.boolean"),
            ("comment", "comment.line"),
            ("function.call", "function"),
            ("keyword.conditional", "keyword.control.conditional"),
            ("keyword.repeat", "keyword.control.repeat"),
            ("number", "constant.numeric"),
            ("string.documentation", "string"),
            ("string.escape", "constant.character.escape"),
        ],
    },
];

impl Generated {
    /// What the file should be today.
    fn text(&self) -> String {
        let mut text = filled(&template(self.template));
        for (ours, theirs) in self.captures {
            for end in [" ", ")", "\n"] {
                text = text.replace(&format!("@{ours}{end}"), &format!("@{theirs}{end}"));
            }
        }
        text
    }
}

fn editors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("editors")
}

fn template(name: &str) -> String {
    std::fs::read_to_string(editors().join("templates").join(name)).unwrap()
}

/// The words of `steps, settings`.
fn words(parts: &str) -> BTreeSet<&'static str> {
    let part = |name: &str| {
        let found = Part::ALL.into_iter().find(|p| p.plural() == name);
        found.unwrap_or_else(|| panic!("no words are called `{name}`"))
    };
    parts.split(',').flat_map(|name| part(name.trim()).words()).collect()
}

/// The words of a place, in the form that it asks for.
fn listed(form: &str, parts: &str) -> String {
    let words: Vec<&str> = words(parts).into_iter().collect();
    match form {
        "regex" => words.join("|"),
        "words" => words.join(" "),
        "strings" => words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" "),
        _ => panic!("no form is called `{form}`"),
    }
}

/// A template with its places filled.
fn filled(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, form, parts, after)) = next_place(rest) {
        out.push_str(before);
        out.push_str(&listed(form, parts));
        rest = after;
    }
    out + rest
}

/// The first place: what stands before it, its form, its parts, and what follows. An `@` alone is none.
fn next_place(text: &str) -> Option<(&str, &str, &str, &str)> {
    ["@regex(", "@words(", "@strings("].into_iter().filter_map(|open| Some((text.find(open)?, open))).min().map(
        |(at, open)| {
            let (parts, after) = text[at + open.len()..].split_once(")@").expect("a place ends with `)@`");
            (&text[..at], &open[1..open.len() - 1], parts, after)
        },
    )
}

#[test]
fn generated_files_have_the_words_of_the_language() {
    for file in GENERATED {
        let Generated { template: name, target, .. } = file;
        let (path, wanted) = (editors().join(target), file.text());
        if std::env::var_os("FSCHED_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        let help = "write it anew: FSCHED_BLESS=1 cargo test --test authoring editors";
        assert!(
            found == wanted,
            "editors/{target} is not what editors/templates/{name} gives with today's words\n{help}"
        );
    }
}

#[test]
fn every_part_is_coloured_everywhere() {
    for Generated { template: name, .. } in GENERATED {
        let text = template(name);
        // Names of arguments are known by the colon behind them.
        for part in Part::ALL.into_iter().filter(|p| *p != Part::Parameter) {
            assert!(text.contains(part.plural()), "{name} has no place for {}", part.plural());
        }
    }
}

/// Statements with a form of their own, and words within statements, are tokens of the tree-sitter grammar.
#[test]
fn the_tree_sitter_grammar_has_the_words_with_forms_of_their_own() {
    let folder = editors().join("tree-sitter-fsched");
    let grammar = std::fs::read_to_string(folder.join("grammar.js")).unwrap();
    let highlights = std::fs::read_to_string(folder.join("queries/highlights.scm")).unwrap();
    // The words of a training step's block have the form of all others.
    let own = |word: &&str| !["every", "when"].contains(word);
    for word in words("declarations, control, particles, operators").into_iter().filter(own) {
        let token = format!("\"{word}\"");
        assert!(grammar.contains(&token), "grammar.js has no {token}");
        assert!(highlights.contains(&format!("\n  {token}\n")), "highlights.scm gives {token} no colour");
    }
    for word in words("units") {
        assert!(grammar.contains(&format!("\"{word}\"")), "grammar.js has no unit `{word}`");
    }
}

#[test]
fn places_are_filled_in_each_form() {
    assert_eq!(filled("a@b (@regex(operators)@) @words(splits)@."), "a@b (and|not|or|then) test train validation.");
    assert_eq!(filled("@strings(splits, constants)@"), r#""false" "none" "test" "train" "true" "validation""#);
    assert_eq!(filled("no place"), "no place");
}
