//! What the server answers about names and words, as an editor sees it: JSON in, JSON out, in each encoding.

use super::client::{Client, position, range, uri_of};
use serde_json::{Value, json};

const URI: &str = "untitled:names.fsched";

/// `größe` and what stands before it on its line take other numbers of units in each encoding.
const TEXT: &str = "let größe = 30%\ntrain 1; forget head größe # 🦀\nrepeat 2 { train 3 }\nforget \"🦀漢\" gr";

fn at(line: u32, character: u32) -> Value {
    json!({ "position": position(line, character) })
}

fn open(encoding: &str) -> Client {
    let mut client = Client::ready(&[encoding]);
    client.open(URI, TEXT);
    client
}

#[test]
fn hover_and_definition_speak_of_ranges_in_the_agreed_units() {
    for (encoding, column, length) in [("utf-16", 21, 5), ("utf-8", 21, 7), ("utf-32", 21, 5)] {
        let mut client = open(encoding);
        let hover = client.about("textDocument/hover", URI, at(1, column + 2)).unwrap();
        assert_eq!(hover["range"], range((1, column), (1, column + length)), "{encoding}");
        assert!(hover["contents"]["value"].as_str().unwrap().contains("let größe = 30%"), "{hover}");
        let definition = client.about("textDocument/definition", URI, at(1, column + 1)).unwrap();
        assert_eq!(definition["range"], range((0, 4), (0, 4 + length)), "{encoding}");
        let highlights = client.about("textDocument/documentHighlight", URI, at(0, 5)).unwrap();
        let kinds: Vec<i64> = highlights.as_array().unwrap().iter().map(|h| h["kind"].as_i64().unwrap()).collect();
        assert_eq!(kinds, [3, 2], "written, then read");
        client.leave();
    }
}

#[test]
fn completion_replaces_what_is_typed_and_fills_in_places() {
    for (encoding, before) in [("utf-16", 13), ("utf-8", 17), ("utf-32", 12)] {
        let mut client = open(encoding);
        let answer = client.about("textDocument/completion", URI, at(3, before + 2)).unwrap();
        let items = answer.as_array().unwrap();
        let name = items.iter().find(|i| i["label"] == "größe").unwrap_or_else(|| panic!("{encoding}: {answer}"));
        assert_eq!(name["textEdit"]["range"], range((3, before), (3, before + 2)), "{encoding}");
        assert_eq!(name["textEdit"]["newText"], "größe");
        let order: Vec<&str> = items.iter().map(|i| i["sortText"].as_str().unwrap()).collect();
        assert!(order.is_sorted());
        let answer = client.about("textDocument/completion", URI, at(2, 0)).unwrap();
        let item = answer.as_array().unwrap().iter().find(|i| i["label"] == "train").unwrap();
        assert_eq!(
            (item["textEdit"]["newText"].as_str(), item["insertTextFormat"].as_i64()),
            (Some("train ${1:10}"), Some(2))
        );
        assert!(item["documentation"]["value"].as_str().unwrap().contains("plain training"));
        client.leave();
    }
}

#[test]
fn editors_that_know_little_get_plain_text() {
    let mut client = Client::here();
    client.initialize(json!({ "capabilities": {} }));
    client.open(URI, TEXT);
    let hover = client.about("textDocument/hover", URI, at(1, 1)).unwrap();
    assert_eq!(hover["contents"]["kind"], "plaintext");
    let said = hover["contents"]["value"].as_str().unwrap();
    assert!(said.starts_with("train · step\n") && !said.contains("```"), "{said}");
    let answer = client.about("textDocument/completion", URI, at(2, 0)).unwrap();
    let item = answer.as_array().unwrap().iter().find(|i| i["label"] == "train").unwrap();
    assert_eq!((item["textEdit"]["newText"].as_str(), item["insertTextFormat"].as_i64()), (Some("train 10"), Some(1)));
    client.leave();
}

#[test]
fn signatures_and_hints_are_placed() {
    let mut client = open("utf-16");
    let help = client.about("textDocument/signatureHelp", URI, at(1, 21)).unwrap();
    assert_eq!(help["activeParameter"], 1);
    assert!(
        help["signatures"][0]["label"].as_str().unwrap().starts_with("forget selector, share, by: random"),
        "{help}"
    );
    assert_eq!(help["signatures"][0]["parameters"][1]["label"], json!([17, 22]));
    let hints = client.about("textDocument/inlayHint", URI, json!({ "range": range((0, 0), (9, 0)) })).unwrap();
    let shown: Vec<(u64, String)> = hints
        .as_array()
        .unwrap()
        .iter()
        .map(|h| (h["position"]["line"].as_u64().unwrap(), h["label"].as_str().unwrap().to_string()))
        .collect();
    assert!(shown.contains(&(2, "6 epochs".into())), "{shown:?}");
    let above = client.about("textDocument/inlayHint", URI, json!({ "range": range((0, 0), (1, 0)) })).unwrap();
    assert_eq!(above, json!([]), "hints of other lines were not asked for");
    client.change(URI, 2, json!([{ "text": "data digits\nmodel mlp(hidden: [16])\nrepeat 3 { train 2 }" }]));
    let last = client.about("textDocument/inlayHint", URI, json!({ "range": range((0, 0), (2, 20)) })).unwrap();
    assert_eq!(last[0]["label"], "6 epochs", "behind a block that ends the text");
    client.leave();
}

#[test]
fn renaming_is_prepared_refused_with_a_reason_and_done() {
    let mut client = open("utf-16");
    let prepared = client.about("textDocument/prepareRename", URI, at(1, 23)).unwrap();
    assert_eq!(prepared, json!({ "range": range((1, 21), (1, 26)), "placeholder": "größe" }));
    let refused = client.about("textDocument/prepareRename", URI, at(1, 1)).unwrap_err();
    assert_eq!(refused.message, "`train` is a word of the language, not a name that a program makes");
    let mut to = at(1, 23);
    to["newName"] = json!("head");
    let refused = client.about("textDocument/rename", URI, to.clone()).unwrap_err();
    assert_eq!(refused.message, "`head` is a word of the language, and cannot be a name here");
    to["newName"] = json!("s");
    let edit = client.about("textDocument/rename", URI, to).unwrap();
    let new = |a, b| json!({ "range": range(a, b), "newText": "s" });
    assert_eq!(edit["changes"][URI], json!([new((0, 4), (0, 9)), new((1, 21), (1, 26))]));
    client.leave();
}

#[test]
fn names_of_imported_files_lead_there_and_are_renamed_there() {
    let folder = tempfile::tempdir().unwrap();
    let (main, common) = (folder.path().join("main.fsched"), folder.path().join("common.fsched"));
    std::fs::write(&common, "# 漢\nlet rounds = 3\n").unwrap();
    let text = "use \"common.fsched\"\ntrain rounds\n";
    std::fs::write(&main, text).unwrap();
    let (main, common) = (uri_of(&main), uri_of(&common));
    let mut client = Client::ready(&["utf-16"]);
    client.open(&main, text);
    let definition = client.about("textDocument/definition", &main, at(1, 8)).unwrap();
    assert_eq!(definition, json!({ "uri": common, "range": range((1, 4), (1, 10)) }));
    let file = client.about("textDocument/definition", &main, at(0, 8)).unwrap();
    assert_eq!(file["uri"], json!(common));
    let mut asked = at(1, 8);
    asked["context"] = json!({ "includeDeclaration": true });
    let places = client.about("textDocument/references", &main, asked).unwrap();
    let uris: Vec<&str> = places.as_array().unwrap().iter().map(|l| l["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, [common.as_str(), main.as_str()]);
    let mut to = at(1, 8);
    to["newName"] = json!("times");
    let edit = client.about("textDocument/rename", &main, to).unwrap();
    assert_eq!(edit["changes"][&common], json!([{ "range": range((1, 4), (1, 10)), "newText": "times" }]));
    assert_eq!(edit["changes"][&main], json!([{ "range": range((1, 6), (1, 12)), "newText": "times" }]));
    client.leave();
}

#[test]
fn renaming_in_an_imported_file_reaches_the_programs_that_import_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
        uri_of(&folder.join(name))
    };
    let shared = "let rounds = 3\n";
    let common = write("common.fsched", shared);
    let texts =
        ["use \"common.fsched\"\ntrain rounds\n", "use \"common.fsched\"\nlet times = 2\ntrain rounds + times\n"];
    let first = write("first.fsched", texts[0]);
    let mut client = Client::ready(&["utf-8"]);
    client.open(&common, shared);
    client.open(&first, texts[0]);
    let ask = |client: &mut Client| {
        let mut to = at(0, 5);
        to["newName"] = json!("times");
        client.about("textDocument/rename", &common, to)
    };
    let edit = ask(&mut client).unwrap();
    assert_eq!(edit["changes"][&common].as_array().map(Vec::len), Some(1));
    assert_eq!(edit["changes"][&first], json!([{ "range": range((1, 6), (1, 12)), "newText": "times" }]));
    let second = write("second.fsched", texts[1]);
    client.open(&second, texts[1]);
    let refused = ask(&mut client).unwrap_err();
    assert!(refused.message.starts_with("there is a `times` already, in line 2 of "), "{}", refused.message);
    let mut asked = at(0, 5);
    asked["context"] = json!({ "includeDeclaration": false });
    let places = client.about("textDocument/references", &common, asked).unwrap();
    let uris: Vec<&str> = places.as_array().unwrap().iter().map(|l| l["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, [first.as_str(), second.as_str()]);
    client.leave();
}

#[test]
fn places_outside_of_the_text_get_an_answer() {
    let mut client = open("utf-16");
    let requests = ["hover", "definition", "completion", "signatureHelp", "documentHighlight", "prepareRename"];
    for method in requests.map(|r| format!("textDocument/{r}")) {
        for (line, character) in [(0, u32::MAX), (u32::MAX, 0), (3, 8), (3, 9), (u32::MAX, u32::MAX)] {
            let answer = client.about(&method, URI, at(line, character));
            assert!(answer.is_ok(), "{method} at {line}:{character}: {answer:?}");
        }
    }
    client.leave();
}
