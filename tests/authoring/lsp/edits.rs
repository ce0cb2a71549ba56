//! Sequences of edits end where a fresh look at the text does, and editors see what `fsched check` says.

use super::client::{Client, range, uri_of};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn programs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/ui", "tests/corpus", "examples", "pipelines"].map(|f| root.join(f));
    let entries = folders.iter().flat_map(|f| std::fs::read_dir(f).unwrap().map(|e| e.unwrap().path()));
    let mut programs: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == "fsched")).collect();
    programs.sort();
    assert!(programs.len() > 50, "{}", programs.len());
    programs
}

/// What two tools must agree on: code, severity, first byte's line and column in bytes, and the words.
type Said = (String, String, u64, u64, String);

/// What `fsched check` says, file by file.
fn check(programs: &[PathBuf]) -> Vec<(String, Said)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
    let output = command.args(["check", "--format", "json"]).args(programs).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| of_check(&serde_json::from_str(line).unwrap())).collect()
}

fn of_check(d: &Value) -> (String, Said) {
    let text = |key: &str| d[key].as_str().unwrap().to_string();
    let file = text("file");
    let source = std::fs::read_to_string(&file).unwrap();
    let start = d["start"].as_u64().unwrap() as usize;
    let line = source[..start].matches('\n').count();
    let column = start - source[..start].rfind('\n').map_or(0, |i| i + 1);
    let at_place = Some(text("text")).filter(|text| !text.is_empty());
    let help = d["help"].as_str().map(|help| format!("help: {help}"));
    let message: Vec<String> = [Some(text("message")), at_place, help].into_iter().flatten().collect();
    (file, (text("code"), text("severity"), line as u64, column as u64, message.join("\n")))
}

fn of_server(file: &str, d: &Value) -> (String, Said) {
    let severity = ["", "error", "warning", "note"][d["severity"].as_u64().unwrap() as usize];
    let start = &d["range"]["start"];
    let message = d["message"].as_str().unwrap().to_string();
    let code = d["code"].as_str().unwrap().to_string();
    let (line, column) = (start["line"].as_u64().unwrap(), start["character"].as_u64().unwrap());
    (file.to_string(), (code, severity.to_string(), line, column, message))
}

#[test]
fn editors_see_what_check_says() {
    let programs = programs();
    let mut checked = check(&programs);
    let mut served = Vec::new();
    for path in &programs {
        // Each alone, as `check` reads them: open programs would be read in place of files.
        let mut client = Client::ready(&["utf-8"]);
        let text = std::fs::read_to_string(path).unwrap();
        client.said_of(&uri_of(path), &text);
        client.settle();
        for (uri, (_, said)) in &client.published {
            let uri: lsp_types::Uri = uri.parse().unwrap();
            let file = uri.to_file_path().unwrap().display().to_string();
            served.extend(said.iter().map(|d| of_server(&file, d)));
        }
    }
    checked.sort();
    served.sort();
    assert!(checked.len() > 100);
    for (c, s) in checked.iter().zip(&served) {
        assert_eq!(c, s);
    }
    assert_eq!(checked.len(), served.len());
}

/// A small generator, so that each run makes the same edits.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

const PIECES: [&str; 14] =
    ["", " ", "\n", "\r\n", "{", "}", "\"", "漢", "😀", "# 👩‍👩‍👧 é\n", "train 3 epochs\n", "30%", "layers[", "\u{feff}"];

/// Where a position really is, by its definition: lines, then units, clamped.
fn offset(text: &str, line: usize, character: usize, utf16: bool) -> usize {
    let Some(start) = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).nth(line) else {
        return text.len();
    };
    let line = text[start..].split('\n').next().unwrap_or_default();
    let line =
        if text[start + line.len()..].starts_with('\n') { line.strip_suffix('\r').unwrap_or(line) } else { line };
    let mut units = 0;
    for (at, c) in line.char_indices() {
        units += if utf16 { c.len_utf16() } else { c.len_utf8() };
        if units > character {
            return start + at;
        }
    }
    start + line.len()
}

#[test]
fn edits_one_by_one_end_like_the_whole_text_at_once() {
    for (seed, utf16) in [(1, false), (2, true), (3, true)] {
        let mut random = Random(seed);
        let encodings: &[&str] = if utf16 { &["utf-16"] } else { &["utf-8"] };
        let (mut edited, mut fresh) = (Client::ready(encodings), Client::ready(encodings));
        let mut text = include_str!("../../corpus/unicode.fsched").to_string();
        edited.open("untitled:edited", &text);
        for version in 2..60 {
            let mut changes = Vec::new();
            for _ in 0..=random.below(3) {
                let lines = text.matches('\n').count() + 1;
                let mut place = || (random.below(lines + 2), random.below(30));
                let (mut a, mut b) = (place(), place());
                if a > b {
                    std::mem::swap(&mut a, &mut b);
                }
                if random.below(3) > 0 {
                    b = (a.0, a.1 + random.below(6));
                }
                let piece = PIECES[random.below(PIECES.len())];
                let (from, to) = (offset(&text, a.0, a.1, utf16), offset(&text, b.0, b.1, utf16));
                text.replace_range(from..to.max(from), piece);
                let place = |p: (usize, usize)| (p.0 as u32, p.1 as u32);
                changes.push(json!({ "range": range(place(a), place(b)), "text": piece }));
            }
            edited.change("untitled:edited", version, json!(changes));
            let after = edited.diagnostics("untitled:edited", version);
            let at_once = fresh.said_of("untitled:edited", &text);
            assert_eq!(after, at_once, "seed {seed}, version {version}:\n{text}");
        }
    }
}

#[test]
fn changes_of_the_whole_text_and_places_outside_of_it_are_taken() {
    let mut client = Client::ready(&["utf-16"]);
    let uri = "untitled:a.fsched";
    client.open(uri, "train\n");
    client.change(
        uri,
        2,
        json!([
            { "text": "# 😀" },
            { "range": range((7, 0), (9, 4)), "text": "\nrelern 3 epochs" },
            { "range": range((1, 99), (0, 4)), "text": "\n" },
        ]),
    );
    client.change(uri, 3, json!([{ "range": range((0, 4), (0, 4)), "text": "\nrelern 3 epochs" }]));
    let said = client.diagnostics(uri, 3);
    assert!(said.iter().any(|d| d["code"] == "FS0102" && d["range"] == range((1, 0), (1, 6))), "{said:?}");
}
