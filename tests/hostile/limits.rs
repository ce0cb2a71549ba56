//! The limits in SECURITY.md are those of the code, with its reasons.

use std::fs;
use std::path::PathBuf;

const SOURCE: &str = include_str!("../../src/reading/limits.rs");

/// The table of `src/reading/limits.rs`: a row for each constant, with the comment above it.
fn table() -> String {
    let mut rows = "| limit | value | of what, and why |\n|---|---|---|\n".to_string();
    let mut comment: Vec<&str> = Vec::new();
    for line in SOURCE.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if let Some((name, value)) = line.strip_prefix("pub const ").and_then(|l| l.split_once(": ")) {
            let value = value.split_once("= ").and_then(|(_, value)| value.strip_suffix(';')).expect("a constant");
            let text = comment.join(" ").replace("[`", "`").replace("`]", "`");
            rows += &format!("| `{name}` | {} | {text} |\n", shown(value));
            comment.clear();
        }
    }
    rows
}

/// `4 << 20` as `4 MiB`, other numbers as they are.
fn shown(value: &str) -> String {
    let scaled = value.split_once(" << ").map(|(n, shift)| n.parse::<u64>().unwrap() << shift.parse::<u32>().unwrap());
    let number = scaled.unwrap_or_else(|| value.replace('_', "").parse().expect("a number"));
    match number {
        n if n >= 1 << 30 && n % (1 << 30) == 0 => format!("{} GiB", n >> 30),
        n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
        n => n.to_string(),
    }
}

/// `FSCHED_BLESS=1` writes it anew.
#[test]
fn security_md_lists_them() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- limits -->\n").expect("a mark before the table");
    let (listed, after) = rest.split_once("<!-- end of limits -->\n").expect("a mark after the table");
    if std::env::var_os("FSCHED_BLESS").is_some() {
        let new = format!("{before}<!-- limits -->\n{}<!-- end of limits -->\n{after}", table());
        return fs::write(path, new).unwrap();
    }
    assert_eq!(listed, table());
}
