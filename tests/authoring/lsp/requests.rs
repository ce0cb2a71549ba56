//! What each request gives back, as an editor would show it.

use super::client::{Client, capabilities, position, range, uri_of};
use super::edits::programs;
use serde_json::{Value, json};

const URI: &str = "untitled:a.fsched";

const GOOD: &str = "# 漢字 😀
# two lines
data digits  # 😀 é
model mlp(hidden: [16])
optimizer sgd(lr: 0.1, momentum: 0.9)
param rate: Share = 30%
let n = 5 epochs

phase polish(p: Share) {
  forget layers[-2..] p
  relearn n
}
repeat 3 {
  polish(rate)
  train 2 epochs
}
checkpoint \"end\"
expect test.clean > 10%
";

fn opened(text: &str) -> Client {
    let mut client = Client::ready(&["utf-16"]);
    client.said_of(URI, text);
    client
}

/// The text with edits in it, as an editor that counts UTF-16 puts them there.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |p: &Value| {
        let start: usize = text.split_inclusive('\n').take(p["line"].as_u64().unwrap() as usize).map(str::len).sum();
        let mut units = p["character"].as_u64().unwrap() as usize;
        let mut at = start;
        for c in text[start..].chars() {
            if units == 0 {
                break;
            }
            units -= c.len_utf16();
            at += c.len_utf8();
        }
        at
    };
    let list = edits.as_array().unwrap();
    let place = |e: &Value| {
        (offset(&e["range"]["start"]), offset(&e["range"]["end"]), e["newText"].as_str().unwrap().to_string())
    };
    let mut places: Vec<_> = list.iter().map(place).collect();
    places.sort();
    assert!(places.windows(2).all(|w| w[0].1 <= w[1].0), "edits overlap: {places:?}");
    let mut out = text.to_string();
    for (a, b, new) in places.into_iter().rev() {
        out.replace_range(a..b, &new);
    }
    out
}

#[test]
fn formatting_replaces_blanks_alone_and_leaves_broken_texts() {
    let text = "# 😀\r\ndata   digits\r\nmodel mlp( hidden:[16] )\r\n\r\n\r\n\r\noptimizer sgd(lr: 0.1)  # 漢\r\ntrain 3   epochs";
    let mut client = opened(text);
    let options = json!({ "options": { "tabSize": 8, "insertSpaces": false } });
    let edits = client.about("textDocument/formatting", URI, options.clone()).unwrap();
    let formatted = edited(text, &edits);
    assert_eq!(formatted, fsched::language::format(text).unwrap());
    assert!(formatted.ends_with("train 3 epochs\r\n"), "{formatted:?}");
    let blank = |e: &Value| e["newText"].as_str().unwrap().trim().is_empty();
    assert!(edits.as_array().unwrap().len() > 3 && edits.as_array().unwrap().iter().all(blank), "{edits}");
    client.change(URI, 2, json!([{ "text": formatted }]));
    assert_eq!(client.about("textDocument/formatting", URI, options.clone()).unwrap(), json!([]));
    client.change(URI, 3, json!([{ "text": "train (3  epochs\n" }]));
    assert_eq!(client.about("textDocument/formatting", URI, options).unwrap(), Value::Null);
}

/// Symbols lie in their parents, and names in their symbols.
fn assert_nested(symbols: &Value, outer: &Value) {
    let place = |p: &Value| (p["line"].as_u64().unwrap(), p["character"].as_u64().unwrap());
    let holds = |a: &Value, b: &Value| place(&a["start"]) <= place(&b["start"]) && place(&b["end"]) <= place(&a["end"]);
    for symbol in symbols.as_array().into_iter().flatten() {
        assert!(holds(outer, &symbol["range"]) && holds(&symbol["range"], &symbol["selectionRange"]), "{symbol}");
        assert_nested(&symbol["children"], &symbol["range"]);
    }
}

#[test]
fn every_program_is_coloured_outlined_and_formatted() {
    let mut client = Client::here();
    let result = client.initialize(json!({ "capabilities": capabilities(&["utf-16"]) }));
    let legend = &result["capabilities"]["semanticTokensProvider"]["legend"];
    for path in programs() {
        let (text, uri) = (std::fs::read_to_string(&path).unwrap(), uri_of(&path));
        client.said_of(&uri, &text);
        let full = client.about("textDocument/semanticTokens/full", &uri, json!({})).unwrap();
        let tokens = coloured(&text, legend, &full);
        let mut rest = text.as_str();
        for (token, _, _) in &tokens {
            let at = rest.find(token.as_str()).unwrap_or_else(|| panic!("{}: no `{token}`", path.display()));
            rest = &rest[at + token.len()..];
        }
        let symbols = client.about("textDocument/documentSymbol", &uri, json!({})).unwrap();
        assert_nested(&symbols, &range((0, 0), (u32::MAX, 0)));
        let edits =
            client.about("textDocument/formatting", &uri, json!({ "options": { "tabSize": 2, "insertSpaces": true } }));
        match fsched::language::format(&text) {
            Ok(formatted) => assert_eq!(edited(&text, &edits.unwrap()), formatted, "{}", path.display()),
            Err(_) => assert_eq!(edits.unwrap(), Value::Null, "{}", path.display()),
        }
        client.close(&uri);
    }
}

/// Code actions at a place, with what else the editor says of the moment.
fn actions(client: &mut Client, at: (u32, u32), context: Value) -> Vec<Value> {
    let params = json!({ "range": range(at, at), "context": context });
    let answer = client.about("textDocument/codeAction", URI, params).unwrap();
    answer.as_array().unwrap().clone()
}

fn applied(text: &str, action: &Value) -> String {
    let change = &action["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({ "uri": URI, "version": 1 }), "{action}");
    edited(text, &change["edits"])
}

#[test]
fn fixes_become_actions_and_the_sure_one_is_preferred() {
    let text = "# 😀\ndata digits; model mlp(hidden: [16]); optimizer sgd(lr: 0.1)\nrelern 3 epochs\n";
    let mut client = opened(text);
    let found = actions(&mut client, (2, 2), json!({ "diagnostics": [] }));
    let fix = found.iter().find(|a| a["title"].as_str().unwrap().contains("relearn")).unwrap();
    assert_eq!((&fix["kind"], &fix["isPreferred"]), (&json!("quickfix"), &json!(true)));
    assert_eq!(fix["diagnostics"][0]["code"], "FS0102");
    assert_eq!(applied(text, fix), text.replace("relern", "relearn"));
    assert_eq!(actions(&mut client, (0, 1), json!({ "diagnostics": [], "triggerKind": 2 })), [Value::Null; 0]);
    assert_eq!(actions(&mut client, (2, 1), json!({ "diagnostics": [], "only": ["refactor"] })), [Value::Null; 0]);
}

#[test]
fn all_sure_fixes_are_one_action() {
    let text = "data digits\nmodel mlp(hiden: [16])\noptimizer sgd(lr: 0.1)\nrelern 3 epochs\n";
    let mut client = opened(text);
    for only in ["source", "source.fixAll", ""] {
        let found = actions(&mut client, (0, 0), json!({ "diagnostics": [], "only": [only] }));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["kind"], "source.fixAll");
        assert_eq!(applied(text, &found[0]), text.replace("hiden", "hidden").replace("relern", "relearn"));
    }
}

#[test]
fn a_lint_can_be_allowed_where_it_is_raised() {
    let base = "data digits\nmodel mlp(hidden: [16])\noptimizer sgd(lr: 0.1)\n";
    for (line, expected) in [
        ("  let x = 3", "  let x = 3  # fsched: allow(unused-name)"),
        ("let x = 3   ", "let x = 3  # fsched: allow(unused-name)   "),
        ("  let x = 3  # why", "  # fsched: allow(unused-name)\n  let x = 3  # why"),
        ("let x = 3  # fsched: allow(FS1003) ", "let x = 3  # fsched: allow(FS1003, unused-name) "),
        (
            "let x = 3  # fsched: allow(FS1003), warn(FS1004)",
            "# fsched: allow(unused-name)\nlet x = 3  # fsched: allow(FS1003), warn(FS1004)",
        ),
    ] {
        let text = format!("{base}{line}\ntrain 3 epochs\n");
        let mut client = opened(&text);
        let column = line.find('x').unwrap() as u32;
        let found = actions(&mut client, (3, column), json!({ "diagnostics": [] }));
        let allow = found.iter().find(|a| a["title"] == "allow unused-name (FS1002) here").unwrap();
        let after = applied(&text, allow);
        assert_eq!(after, text.replace(line, expected));
        client.change(URI, 2, json!([{ "text": after }]));
        assert!(client.diagnostics(URI, 2).iter().all(|d| d["code"] != "FS1002"));
    }
}

#[test]
fn allowing_a_lint_in_the_first_statement_leaves_the_rest_of_the_file_alone() {
    for (line, expected) in [
        ("let x = 3", "let x = 3  # fsched: allow(unused-name)"),
        ("let x = 3  # why", "let x = 3  # fsched: allow(unused-name) why"),
        ("let x = 3  #why", "let x = 3  # fsched: allow(unused-name) why"),
        ("let x = 3  #", "let x = 3  # fsched: allow(unused-name)"),
        (
            "let x = 3  # fsched: allow(FS1003), warn(FS1004)",
            "let x = 3  # fsched: allow(unused-name), allow(FS1003), warn(FS1004)",
        ),
        ("let x = [\n  3,  # why\n]", "let x = [  # fsched: allow(unused-name)\n  3,  # why\n]"),
    ] {
        let text = format!("{line}\nlet y = 3\ndata digits\nmodel mlp(hidden: [16])\ntrain 3 epochs\n");
        let mut client = opened(&text);
        let found = actions(&mut client, (0, 4), json!({ "diagnostics": [] }));
        let allow = found.iter().find(|a| a["title"] == "allow unused-name (FS1002) here").unwrap();
        let after = applied(&text, allow);
        assert_eq!(after, text.replace(line, expected));
        client.change(URI, 2, json!([{ "text": after }]));
        let unused = client.diagnostics(URI, 2).iter().filter(|d| d["code"] == "FS1002").count();
        assert_eq!(unused, 1, "`y` is still told: {after}");
    }
}

#[test]
fn an_editor_without_literals_gets_no_actions_and_one_without_versions_gets_changes() {
    let text = "relern 3 epochs\n";
    let mut said = capabilities(&[]);
    said["workspace"] = json!({});
    let mut client = Client::here();
    client.initialize(json!({ "capabilities": said }));
    client.said_of(URI, text);
    let found = actions(&mut client, (0, 1), json!({ "diagnostics": [] }));
    assert_eq!(edited(text, &found[0]["edit"]["changes"][URI]), "relearn 3 epochs\n");
    let mut client = Client::here();
    client.initialize(json!({ "capabilities": {} }));
    client.said_of(URI, text);
    let params = json!({ "range": range((0, 0), (0, 0)), "context": { "diagnostics": [] } });
    assert_eq!(client.about("textDocument/codeAction", URI, params).unwrap(), Value::Null);
}

/// The tokens as `(text, type, modifiers)`, by the legend.
fn coloured(text: &str, legend: &Value, data: &Value) -> Vec<(String, String, u64)> {
    let numbers: Vec<u64> = data["data"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let lines: Vec<Vec<u16>> = text.split('\n').map(|l| l.encode_utf16().collect()).collect();
    let (mut line, mut column) = (0, 0);
    let mut found = Vec::new();
    for token in numbers.chunks(5) {
        line += token[0];
        column = if token[0] == 0 { column + token[1] } else { token[1] };
        let units = &lines[line as usize][column as usize..(column + token[2]) as usize];
        let kind = legend["tokenTypes"][token[3] as usize].as_str().unwrap().to_string();
        found.push((String::from_utf16(units).unwrap(), kind, token[4]));
    }
    found
}

#[test]
fn semantic_tokens_say_what_words_mean() {
    let mut client = Client::here();
    let result = client.initialize(json!({ "capabilities": capabilities(&["utf-16"]) }));
    let legend = &result["capabilities"]["semanticTokensProvider"]["legend"];
    client.said_of(URI, GOOD);
    let full = client.about("textDocument/semanticTokens/full", URI, json!({})).unwrap();
    let tokens = coloured(GOOD, legend, &full);
    let has = |text: &str, kind: &str, modifiers: u64| {
        assert!(tokens.contains(&(text.into(), kind.into(), modifiers)), "{text} {kind} {modifiers}: {tokens:#?}");
    };
    has("# 漢字 😀", "comment", 0);
    has("# 😀 é", "comment", 0);
    has("data", "keyword", 0);
    has("digits", "function", 4);
    has("mlp", "function", 4);
    has("hidden", "property", 0);
    has("0.1", "number", 0);
    has("param", "keyword", 0);
    has("rate", "variable", 3);
    has("rate", "variable", 2);
    has("Share", "type", 4);
    has("30%", "number", 0);
    has("epochs", "enumMember", 0);
    has("polish", "function", 1);
    has("polish", "function", 0);
    has("p", "parameter", 1);
    has("p", "parameter", 0);
    has("layers", "namespace", 4);
    has("..", "operator", 0);
    has("\"end\"", "string", 0);
    has("test", "enumMember", 0);
    has("clean", "method", 4);
    has(">", "operator", 0);
    let part =
        client.about("textDocument/semanticTokens/range", URI, json!({ "range": range((2, 3), (3, 2)) })).unwrap();
    let words: Vec<String> = coloured(GOOD, legend, &part).into_iter().map(|t| t.0).collect();
    assert_eq!(words, ["data", "digits", "# 😀 é", "model"]);
}

#[test]
fn blocks_between_training_steps_are_coloured_outlined_and_folded() {
    let text = "checkpoint \"a\"\nmeasure clean\nconsolidate 12 {\n  every 4 epochs {\n    forget head 10%\n    train 1\n  }\n  \
                when gap(clean) > 5% { stop }\n}\nrepeat until clean > 90% max: 3 {\n  train 1\n}\n\
                guard clean > 50% else rollback \"a\"\n";
    let mut client = Client::here();
    let result = client.initialize(json!({ "capabilities": capabilities(&["utf-16"]) }));
    let legend = &result["capabilities"]["semanticTokensProvider"]["legend"];
    client.said_of(URI, text);
    let full = client.about("textDocument/semanticTokens/full", URI, json!({})).unwrap();
    let tokens = coloured(text, legend, &full);
    for word in ["every", "when", "stop", "repeat", "until", "guard", "else", "rollback"] {
        assert!(tokens.contains(&(word.into(), "keyword".into(), 0)), "{word}: {tokens:#?}");
    }
    assert!(tokens.contains(&("max".into(), "property".into(), 0)), "{tokens:#?}");
    let symbols = client.about("textDocument/documentSymbol", URI, json!({})).unwrap();
    let names = |symbols: &Value| -> Vec<String> {
        symbols.as_array().into_iter().flatten().map(|s| s["name"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names(&symbols)[2..], ["consolidate", "repeat until clean > 90%", "guard clean > 50%"]);
    assert_eq!(names(&symbols[2]["children"]), ["every 4 epochs", "when gap(clean) > 5%"]);
    assert_eq!(names(&symbols[2]["children"][0]["children"]), ["forget", "train"]);
    let folds = client.about("textDocument/foldingRange", URI, json!({})).unwrap();
    let starts: Vec<_> = folds.as_array().unwrap().iter().map(|f| f["startLine"].as_u64().unwrap()).collect();
    assert_eq!(starts, [2, 3, 9]);
    let hint = client.about("textDocument/inlayHint", URI, json!({ "range": range((0, 0), (99, 0)) })).unwrap();
    let labels: Vec<_> = hint.as_array().unwrap().iter().map(|h| h["label"].as_str().unwrap().to_string()).collect();
    assert_eq!(labels, ["share:", "1 to 15 epochs", "1 to 3 epochs"]);
}

#[test]
fn tokens_of_broken_texts_stay_within_their_lines() {
    let text = "/* a\r\n 漢 */ train 3 epochs\r\n\"open\r\nzap (\r\n\u{feff}if 3 {\r\n";
    let mut client = Client::here();
    let result = client.initialize(json!({ "capabilities": capabilities(&["utf-16"]) }));
    client.said_of(URI, text);
    let full = client.about("textDocument/semanticTokens/full", URI, json!({})).unwrap();
    let tokens = coloured(text, &result["capabilities"]["semanticTokensProvider"]["legend"], &full);
    let words: Vec<&str> = tokens.iter().map(|t| t.0.as_str()).collect();
    assert!(words.starts_with(&["/* a", " 漢 */", "train", "3", "epochs", "\"open", "zap"]), "{words:?}");
}

#[test]
fn folding_hides_blocks_comments_and_imports() {
    let text = "use \"a.fsched\"\nuse \"b.fsched\"\n# one\n# two\n\n# alone\nrepeat 3 {\n  sweep (\n    3\n  )\n}\nlet x = [1, 2]\nlet y = { (\n";
    let mut client = opened(text);
    let found = client.about("textDocument/foldingRange", URI, json!({})).unwrap();
    let lines = |f: &Value| {
        (f["startLine"].as_u64().unwrap(), f["endLine"].as_u64().unwrap(), f["kind"].as_str().map(str::to_string))
    };
    let lines: Vec<_> = found.as_array().unwrap().iter().map(lines).collect();
    let kind = |k: &str| Some(k.to_string());
    assert_eq!(lines, [(0, 1, kind("imports")), (2, 3, kind("comment")), (6, 10, None), (7, 9, None)]);
    let mut client = Client::here();
    client.initialize(json!({ "capabilities": { "textDocument": { "foldingRange": { "lineFoldingOnly": true } } } }));
    client.said_of(URI, text);
    let found = client.about("textDocument/foldingRange", URI, json!({})).unwrap();
    assert_eq!(found[2], json!({ "startLine": 6, "endLine": 9 }));
}

#[test]
fn the_outline_has_names_and_steps_with_what_is_in_them() {
    let mut client = opened(GOOD);
    let found = client.about("textDocument/documentSymbol", URI, json!({})).unwrap();
    let outline = |s: &Value| format!("{} | {}", s["name"].as_str().unwrap(), s["detail"].as_str().unwrap_or_default());
    let all: Vec<String> = found.as_array().unwrap().iter().map(outline).collect();
    let expected = [
        "data | digits",
        "model | mlp(hidden: [16])",
        "optimizer | sgd(lr: 0.1, momentum: 0.9)",
        "rate | : Share = 30%",
        "n | = 5 epochs",
        "polish | (p: Share)",
        "repeat 3 | ",
        "checkpoint \"end\" | ",
        "expect | test.clean > 10%",
    ];
    assert_eq!(all, expected);
    let inside: Vec<String> = found[6]["children"].as_array().unwrap().iter().map(outline).collect();
    assert_eq!(inside, ["polish | (rate)", "train | 2 epochs"]);
    assert_eq!(found[7]["selectionRange"], range((16, 0), (16, 16)));
    let mut client = Client::here();
    client.initialize(json!({ "capabilities": {} }));
    client.said_of(URI, GOOD);
    let flat = client.about("textDocument/documentSymbol", URI, json!({})).unwrap();
    let inner = flat.as_array().unwrap().iter().find(|s| s["containerName"] == "repeat 3").unwrap();
    assert_eq!(inner["location"]["uri"], URI);
}

#[test]
fn the_lens_says_how_much_training_it_is_and_its_command_gives_the_plan() {
    let mut client = opened(GOOD);
    let lenses = client.about("textDocument/codeLens", URI, json!({})).unwrap();
    let command = &lenses[0]["command"];
    let title = command["title"].as_str().unwrap();
    assert!(title.starts_with("21 epochs · ") && title.ends_with(" steps · show plan"), "{title}");
    assert_eq!(lenses[0]["range"], range((2, 0), (2, 0)));
    let params = json!({ "command": command["command"], "arguments": command["arguments"] });
    let plan = client.request("workspace/executeCommand", params.clone()).unwrap();
    assert!(plan.as_str().unwrap().contains("forget events"), "{plan}");
    let nothing = client.request("workspace/executeCommand", json!({ "command": "rm", "arguments": [] })).unwrap_err();
    assert_eq!(nothing.code, -32602);
    client.change(URI, 2, json!([{ "text": "relern 3\n" }]));
    assert_eq!(client.about("textDocument/codeLens", URI, json!({})).unwrap(), Value::Null);
    let broken = client.request("workspace/executeCommand", params).unwrap_err();
    assert!(broken.message.contains("has errors"), "{}", broken.message);
}

#[test]
fn selections_grow_from_words_to_the_text() {
    let mut client = opened("repeat 3 {\n  zap head\n}\n");
    let params = json!({ "positions": [position(1, 3), position(99, 99)] });
    let found = client.about("textDocument/selectionRange", URI, params).unwrap();
    let mut ranges = Vec::new();
    let mut next = &found[0];
    while next.is_object() {
        ranges.push(next["range"].clone());
        next = &next["parent"];
    }
    let expected = [
        range((1, 2), (1, 5)),
        range((1, 2), (1, 10)),
        range((0, 10), (2, 0)),
        range((0, 9), (2, 1)),
        range((0, 0), (2, 1)),
        range((0, 0), (3, 0)),
    ];
    assert_eq!(ranges, expected);
    assert_eq!(found.as_array().unwrap().len(), 2);
}
