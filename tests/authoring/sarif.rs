//! `check --format sarif`: the structure that GitHub's code scanning asks for, and places that mean what they say.

use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

/// The log of these arguments, and the exit status.
fn log(folder: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
    let output = command.args(["check", "--format", "sarif"]).args(arguments).current_dir(folder).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {shown}")), output.status.code())
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
    found.unwrap_or_else(|| panic!("no text at {pointer} in {value:#}"))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Bytes of a region: lines and columns from 1, columns in characters without the byte order mark.
fn bytes(source: &str, region: &Value) -> std::ops::Range<usize> {
    let number = |key: &str| region[key].as_u64().unwrap_or_else(|| panic!("no {key} in {region}")) as usize;
    let offset = |line: usize, column: usize| {
        let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let mut left = column - 1;
        let behind = source[start..].char_indices().find(|(_, c)| {
            let here = left == 0 && *c != '\u{feff}';
            left -= usize::from(!here && *c != '\u{feff}');
            here
        });
        behind.map_or(source.len(), |(i, _)| start + i)
    };
    offset(number("startLine"), number("startColumn"))..offset(number("endLine"), number("endColumn"))
}

/// Checks a place's structure; what it covers.
fn covered(folder: &Path, place: &Value) -> String {
    assert_eq!(text(place, "/artifactLocation/uriBaseId"), "%SRCROOT%");
    let source = std::fs::read_to_string(folder.join(text(place, "/artifactLocation/uri"))).unwrap();
    source[bytes(&source, &place["region"])].to_string()
}

/// Checks everything in a log that is the same for all.
fn check(folder: &Path, log: &Value) {
    assert_eq!(text(log, "/version"), "2.1.0");
    assert!(text(log, "/$schema").contains("sarif-2.1.0"));
    let run = &log["runs"][0];
    assert_eq!(text(run, "/columnKind"), "unicodeCodePoints");
    assert_eq!(text(run, "/tool/driver/name"), "fsched");
    let rules = list(&run["tool"]["driver"], "rules");
    for rule in rules {
        let page = format!("docs/errors/{}.md", text(rule, "/id"));
        let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        for pointer in ["/help/text", "/help/markdown"] {
            assert!(page.ends_with(text(rule, pointer)), "{rule:#}");
        }
        for pointer in ["/name", "/shortDescription/text", "/fullDescription/text"] {
            assert!((4..1024).contains(&text(rule, pointer).len()), "{pointer} in {rule:#}");
        }
        assert!(["error", "warning", "note"].contains(&text(rule, "/defaultConfiguration/level")));
    }
    let mut fingerprints = HashSet::new();
    for result in list(run, "results") {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(text(rule, "/id"), text(result, "/ruleId"));
        assert!(["error", "warning", "note"].contains(&text(result, "/level")));
        text(result, "/message/text");
        covered(folder, &result["locations"][0]["physicalLocation"]);
        for related in list(result, "relatedLocations") {
            text(related, "/message/text");
            covered(folder, &related["physicalLocation"]);
        }
        assert!(fingerprints.insert(text(result, "/partialFingerprints/fsched~1v1").to_string()), "{result:#}");
    }
}

#[test]
fn all_mistakes_of_the_ui_tests_in_one_log() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder.join("tests/ui")).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<String> = files
        .filter(|p| p.extension().is_some_and(|e| e == "fsched"))
        .map(|p| p.strip_prefix(folder).unwrap().display().to_string())
        .collect();
    files.sort();
    let (log, status) = log(folder, &files.iter().map(String::as_str).collect::<Vec<_>>());
    check(folder, &log);
    assert_eq!(status, Some(1));
    assert!(list(&log["runs"][0], "results").len() > 50);
}

#[test]
fn a_clean_file_gives_a_log_without_results() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (log, status) = log(folder, &["examples/hello.fsched"]);
    check(folder, &log);
    assert_eq!((list(&log["runs"][0], "results").len(), status), (0, Some(0)));
}

#[test]
fn columns_are_characters_and_fixes_say_what_to_replace() {
    let dir = tempfile::tempdir().unwrap();
    let source = "\u{feff}data digits # 漢字 🎉\r\nmodel mlp; let 🎉é = 3\r\n/* 漢🎉 */ train 3; trian 10\r\n";
    std::fs::write(dir.path().join("a é#.fsched"), source).unwrap();
    let (log, status) = log(dir.path(), &["./a é#.fsched"]);
    assert_eq!(status, Some(1));
    let results = list(&log["runs"][0], "results");
    assert!(
        results
            .iter()
            .all(|r| text(&r["locations"][0], "/physicalLocation/artifactLocation/uri") == "a%20%C3%A9%23.fsched")
    );
    let misspelt: Vec<&Value> = results.iter().filter(|r| r["ruleId"] == "FS0102").collect();
    assert_eq!(misspelt.len(), 1, "{results:#?}");
    for result in misspelt {
        assert_eq!(&source[bytes(source, &result["locations"][0]["physicalLocation"]["region"])], "trian");
        let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(&source[bytes(source, &replacement["deletedRegion"])], "trian");
        assert_eq!(text(replacement, "/insertedContent/text"), "train");
    }
}

#[test]
fn what_stands_on_the_command_line_is_told_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.fsched"), "param n = 3\ntrain n\n").unwrap();
    let (log, status) = log(dir.path(), &["a.fsched", "--set", "n=)"]);
    assert_eq!(status, Some(1));
    check(dir.path(), &log);
}
