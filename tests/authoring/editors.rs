//! The words that editors colour come from the language's tables. `editors/templates` holds the files with places for
//! words, such as `@regex(steps, settings)@`; `FSCHED_BLESS=1 cargo test --test authoring editors` writes them out.

use fsched::language::vocabulary::Part;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Templates, and the file that each becomes under `editors`.
const GENERATED: [(&str, &str); 2] =
    [("textmate.json", "vscode/syntaxes/fsched.tmLanguage.json"), ("syntax.vim", "nvim/syntax/fsched.vim")];

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
    for (name, target) in GENERATED {
        let path = editors().join(target);
        let wanted = filled(&template(name));
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
    for (name, _) in GENERATED {
        let text = template(name);
        // Names of arguments are known by the colon behind them.
        for part in Part::ALL.into_iter().filter(|p| *p != Part::Parameter) {
            assert!(text.contains(part.plural()), "{name} has no place for {}", part.plural());
        }
    }
}

#[test]
fn places_are_filled_in_each_form() {
    assert_eq!(filled("a@b (@regex(operators)@) @words(splits)@."), "a@b (and|not|or|then) test train validation.");
    assert_eq!(filled("@strings(splits, constants)@"), r#""false" "none" "test" "train" "true" "validation""#);
    assert_eq!(filled("no place"), "no place");
}
