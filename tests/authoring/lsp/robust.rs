//! Every request, on texts of every kind, at every kind of place: always an answer, and ranges that lie in the text.

use super::client::{Client, capabilities, position, range, uri_of};
use serde_json::{Value, json};
use std::path::Path;

/// Requests about a place, and about a whole document.
const AT_A_PLACE: [&str; 7] =
    ["hover", "completion", "signatureHelp", "definition", "references", "documentHighlight", "prepareRename"];
const OF_ALL: [&str; 5] = ["documentSymbol", "foldingRange", "codeLens", "semanticTokens/full", "formatting"];

const TEXTS: [&str; 14] = [
    "",
    "\n",
    "\u{feff}",
    "漢",
    "😀 😀\r\n😀",
    "\"😀",
    "# fsched: allow(",
    "train (",
    "forget layers[",
    "optimizer sgd(lr:",
    "phase p(x: ) {\r\n  forget layers[-2..] x\r\n",
    "let 漢字 = 3 epochs\ntrain 漢字 # 👩‍👩‍👧\nrepeat 3 { train 漢",
    "data digits; model mlp(hidden: [16]); optimizer sgd(lr: 0.1); train 3 epochs; forget layers[-2..] 30%\rx\t\u{0}",
    "use \"missing.fsched\"\nuse use use\n/* 漢\n 😀",
];

fn all_requests(client: &mut Client, uri: &str, line: u32, character: u32) -> Vec<(String, Value)> {
    let at = position(line, character);
    let here = range((line, character), (line, character + 5));
    let mut asked: Vec<(String, Value)> = Vec::new();
    for name in AT_A_PLACE {
        let more = json!({ "position": at, "context": { "includeDeclaration": true, "triggerKind": 1, "isRetrigger": false } });
        asked.push((name.into(), more));
    }
    for name in OF_ALL {
        asked.push((name.into(), json!({ "options": { "tabSize": 2, "insertSpaces": true } })));
    }
    asked.push(("rename".into(), json!({ "position": at, "newName": "neu" })));
    asked.push(("inlayHint".into(), json!({ "range": range((0, 0), (line, character)) })));
    asked.push(("semanticTokens/range".into(), json!({ "range": here })));
    asked.push(("selectionRange".into(), json!({ "positions": [at] })));
    asked.push(("codeAction".into(), json!({ "range": here, "context": { "diagnostics": [] } })));
    let answer = |client: &mut Client, (name, more): (String, Value)| {
        let answer = client.about(&format!("textDocument/{name}"), uri, more);
        // A rename may be refused, by a sentence; nothing may be unknown or break.
        let refused = |e: &lsp_server::ResponseError| e.code == -32803;
        if let Err(e) = &answer {
            assert!(refused(e), "{name} at {line}:{character}: {} {}", e.code, e.message);
        }
        (name, answer.unwrap_or_default())
    };
    asked.into_iter().map(|a| answer(client, a)).collect()
}

/// Every range in an answer.
fn ranges<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(map) => {
            if map.get("start").is_some_and(|s| s["line"].is_u64()) {
                found.push(value);
            }
            map.values().for_each(|v| ranges(v, found));
        }
        Value::Array(list) => list.iter().for_each(|v| ranges(v, found)),
        _ => {}
    }
}

fn assert_in_text(text: &str, utf16: bool, what: &str, answer: &Value) {
    let mut found = Vec::new();
    ranges(answer, &mut found);
    let lines: Vec<&str> = text.split('\n').collect();
    let columns = |line: &str| if utf16 { line.encode_utf16().count() } else { line.len() };
    for r in found {
        let (start, end) = (&r["start"], &r["end"]);
        let place = |p: &Value| (p["line"].as_u64().unwrap() as usize, p["character"].as_u64().unwrap() as usize);
        assert!(place(start) <= place(end), "{what}: {r}");
        for (line, column) in [place(start), place(end)] {
            let inside = line < lines.len() && column <= columns(lines[line]);
            assert!(inside, "{what}: {r} is outside of {text:?}");
        }
    }
}

#[test]
fn every_request_is_answered_for_every_text() {
    for utf16 in [false, true] {
        let encodings: &[&str] = if utf16 { &["utf-16"] } else { &["utf-8"] };
        let mut client = Client::ready(encodings);
        for (i, text) in TEXTS.iter().enumerate() {
            let uri = format!("untitled:{i}.fsched");
            let said = client.said_of(&uri, text);
            assert_in_text(text, utf16, "diagnostics", &json!(said));
            for (line, character) in
                [(0, 0), (0, 1), (0, 7), (0, 17), (1, 3), (2, 30), (99, 99), (u32::MAX - 9, u32::MAX - 9)]
            {
                for (name, answer) in all_requests(&mut client, &uri, line, character) {
                    assert_in_text(text, utf16, &name, &answer);
                }
            }
        }
    }
}

/// Typed letter by letter, with a question now and then.
#[test]
fn half_typed_programs_are_answered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello.fsched");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut client = Client::ready(&["utf-8"]);
    let uri = uri_of(&path);
    client.open(&uri, "");
    let (mut line, mut column) = (0, 0);
    for (i, c) in text.char_indices().take(700) {
        let place = range((line, column), (line, column));
        client.change(&uri, i as i64 + 2, json!([{ "range": place, "text": c.to_string() }]));
        (line, column) = if c == '\n' { (line + 1, 0) } else { (line, column + c.len_utf8() as u32) };
        if i % 17 == 0 {
            let typed = &text[..i + c.len_utf8()];
            for (name, answer) in all_requests(&mut client, &uri, line, column) {
                assert_in_text(typed, false, &name, &answer);
            }
        }
    }
}

#[test]
fn everything_that_is_answered_is_offered() {
    let mut client = Client::here();
    let offered = client.initialize(json!({ "capabilities": capabilities(&[]) }))["capabilities"].clone();
    for provider in [
        "hover",
        "completion",
        "signatureHelp",
        "definition",
        "references",
        "documentHighlight",
        "documentSymbol",
        "foldingRange",
        "codeLens",
        "semanticTokens",
        "documentFormatting",
        "rename",
        "inlayHint",
        "selectionRange",
        "codeAction",
        "executeCommand",
    ] {
        let offer = &offered[format!("{provider}Provider")];
        assert!(offer.is_object() || *offer == json!(true), "{provider}: {offer}");
    }
}
