//! Diagnostics as SARIF 2.1.0, the form in which code hosts take the findings of any tool; with what GitHub asks for besides
//! (docs.github.com, "SARIF support for code scanning").

use super::render::severity_word;
use crate::diagnostic::{Code, Diagnostic, Fix, Severity};
use crate::disk::sha256;
use crate::source::{FileId, Sources, Span};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One log for all that was checked.
pub fn log(checked: &[(Sources, Vec<Diagnostic>)]) -> String {
    let codes: BTreeSet<Code> = checked.iter().flat_map(|(_, found)| found).map(|d| d.code).collect();
    let codes: Vec<Code> = codes.into_iter().collect();
    let results: Vec<Value> = checked.iter().flat_map(|(sources, found)| results(sources, found, &codes)).collect();
    let driver = json!({
        "name": "fsched",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": codes.iter().map(|c| rule(*c)).collect::<Vec<_>>(),
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    });
    format!("{log:#}\n")
}

/// What a code means, from its page.
fn rule(code: Code) -> Value {
    let text = code.info().text;
    let page = text.split_once("\n\n").map_or(text, |(_, page)| page);
    let paragraph = page.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = paragraph.split_inclusive(". ").next().unwrap_or_default().trim_end();
    json!({
        "id": code.id(),
        "name": code.name(),
        "shortDescription": { "text": sentence },
        "fullDescription": { "text": paragraph },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": level(code.severity()) },
        "properties": { "tags": [if code.is_lint() { "lint" } else { "correctness" }] },
    })
}

fn level(severity: Severity) -> &'static str {
    severity_word(severity)
}

fn results(sources: &Sources, found: &[Diagnostic], codes: &[Code]) -> Vec<Value> {
    let mut seen = BTreeMap::new();
    let mut results = Vec::with_capacity(found.len());
    for d in found {
        let help = d.help.iter().map(|h| format!("\nhelp: {h}")).collect::<String>();
        let label = if d.primary.text.is_empty() { String::new() } else { format!(" ({})", d.primary.text) };
        let mut result = json!({
            "ruleId": d.code.id(),
            "ruleIndex": codes.partition_point(|c| *c < d.code),
            "level": level(d.severity),
            "message": { "text": format!("{}{label}{help}", d.message) },
            "locations": [{ "physicalLocation": place(sources, d.primary.span) }],
            "partialFingerprints": { "fsched/v1": fingerprint(sources, d, &mut seen) },
        });
        if !d.labels.is_empty() {
            let related = d.labels.iter().enumerate().map(|(id, label)| {
                json!({
                    "id": id, "message": { "text": label.text }, "physicalLocation": place(sources, label.span),
                })
            });
            result["relatedLocations"] = related.collect();
        }
        if !d.fixes.is_empty() {
            result["fixes"] = d.fixes.iter().map(|f| fix(sources, f)).collect();
        }
        results.push(result);
    }
    results
}

/// The same for the same mistake when other lines of the file change.
fn fingerprint(sources: &Sources, d: &Diagnostic, seen: &mut BTreeMap<String, usize>) -> String {
    let source = sources.get(d.primary.span.file);
    let line = source.lines.line(d.primary.span.start as usize);
    let text = source.text[source.lines.start(line)..].lines().next().unwrap_or_default();
    let program = &sources.get(FileId::default()).name;
    let what = format!("{}\n{program}\n{}\n{}", d.code.id(), source.name, text.trim());
    let count = seen.entry(what.clone()).or_insert(0);
    *count += 1;
    sha256(format!("{what}\n{count}").as_bytes())[..16].to_string()
}

fn fix(sources: &Sources, fix: &Fix) -> Value {
    let mut changes: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        let name = sources.get(edit.span.file).name.as_str();
        let replacement = json!({
            "deletedRegion": region(sources, edit.span), "insertedContent": { "text": edit.text },
        });
        changes.entry(name).or_default().push(replacement);
    }
    let changes = changes
        .into_iter()
        .map(|(name, replacements)| json!({ "artifactLocation": artifact(name), "replacements": replacements }));
    json!({ "description": { "text": fix.title }, "artifactChanges": changes.collect::<Vec<_>>() })
}

/// A place in a file. What stands on the command line (`--set`) is no file: the program is named instead.
fn place(sources: &Sources, span: Span) -> Value {
    let root = FileId::default();
    if span.file != root && sources.get(span.file).name.starts_with('<') {
        return place(sources, Span::new(root, 0, 0));
    }
    json!({ "artifactLocation": artifact(&sources.get(span.file).name), "region": region(sources, span) })
}

/// Lines and columns from 1, columns in Unicode scalar values; the end is exclusive.
fn region(sources: &Sources, span: Span) -> Value {
    let (start, end) = (sources.place(span), sources.place(span.after()));
    json!({
        "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
    })
}

/// A relative path is one below the root of the sources, which whoever reads the log knows.
fn artifact(name: &str) -> Value {
    let path = name.replace('\\', "/");
    let path = path.trim_start_matches("./");
    match path.strip_prefix('/') {
        Some(absolute) => json!({ "uri": format!("file:///{}", encoded(absolute)) }),
        None => json!({ "uri": encoded(path), "uriBaseId": "%SRCROOT%" }),
    }
}

/// Percent-encoded but for what a path in a URI may hold.
fn encoded(path: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(b);
    path.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        let uri = |name: &str| artifact(name)["uri"].as_str().map(String::from);
        assert_eq!(uri("a b/é#1%.fsched").as_deref(), Some("a%20b/%C3%A9%231%25.fsched"));
        assert_eq!(uri("./x\\y.fsched").as_deref(), Some("x/y.fsched"));
        assert_eq!(uri("/tmp/x:y").as_deref(), Some("file:///tmp/x%3Ay"));
    }
}
