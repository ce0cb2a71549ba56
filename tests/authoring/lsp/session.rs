//! From the first message to the last.

use super::client::{Client, capabilities, range, raw, uri_of};
use fsched::lsp::{End, Settings, serve};
use lsp_server::{Connection, Message, Notification, Request};
use serde_json::{Value, json};

const URI: &str = "untitled:a.fsched";
const BROKEN: &str = "data digits\nmodel mlp(hidden: [16])\noptimizer sgd(lr: 0.1)\nrelern 3 epochs\n";

#[test]
fn a_whole_session_with_the_binary() {
    let mut client = Client::process();
    let result = client.initialize(json!({ "capabilities": capabilities(&["utf-8", "utf-16"]), "processId": null }));
    assert_eq!(result["capabilities"]["positionEncoding"], "utf-8");
    assert_eq!(result["serverInfo"]["name"], "fsched");
    let said = client.said_of(URI, BROKEN);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0]["code"], "FS0102");
    assert_eq!(said[0]["source"], "fsched");
    assert_eq!(said[0]["severity"], 1);
    assert_eq!(said[0]["range"], range((3, 0), (3, 6)));
    let message = said[0]["message"].as_str().unwrap();
    assert!(message.contains("relern") && message.contains("\nhelp: ") && message.contains("relearn"), "{message}");
    client.change(URI, 2, json!([{ "range": range((3, 0), (3, 6)), "text": "relearn" }]));
    assert_eq!(client.diagnostics(URI, 2).iter().filter(|d| d["severity"] == 1).count(), 0);
    assert_eq!(client.leave(), End::Orderly);
}

#[test]
fn a_client_that_vanishes_ends_the_server() {
    let mut client = Client::process();
    client.initialize(json!({ "capabilities": {} }));
    assert_eq!(client.vanish().code(), Some(1));
}

#[test]
fn utf16_is_what_is_spoken_unless_the_client_offers_better() {
    for (offered, agreed) in [
        (json!({}), "utf-16"),
        (json!({ "general": {} }), "utf-16"),
        (capabilities(&["utf-16"]), "utf-16"),
        (capabilities(&["utf-32", "utf-8"]), "utf-8"),
        (Value::Null, "utf-16"),
    ] {
        let mut client = Client::here();
        let result = client.initialize(json!({ "capabilities": offered }));
        assert_eq!(result["capabilities"]["positionEncoding"], agreed);
        client.leave();
    }
}

#[test]
fn folders_of_data_come_from_the_options_and_relative_ones_from_the_editors_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let text = "data idx(\"nowhere\")\n";
    for (options, looked_in) in [(Value::Null, root.join("data")), (json!({ "dataDir": "sets" }), root.join("sets"))] {
        let mut client = Client::here();
        client.initialize(json!({
            "capabilities": {},
            "workspaceFolders": [{ "uri": uri_of(&root), "name": "x" }],
            "initializationOptions": options,
        }));
        let said = client.said_of(&uri_of(&root.join("a.fsched")), text);
        let message = said.iter().find(|d| d["code"] == "FS0401").unwrap()["message"].as_str().unwrap();
        assert!(message.contains(looked_in.to_str().unwrap()), "{message}");
    }
}

#[test]
fn lints_are_as_loud_as_the_options_say_and_unknown_options_are_named() {
    let text = "data digits\nmodel mlp(hidden: [16])\noptimizer sgd(lr: 0.1)\nlet x = 3\ntrain 3 epochs\n";
    let severity = |options: Value| {
        let mut client = Client::here();
        client.initialize(json!({ "capabilities": {}, "initializationOptions": options }));
        let said = client.said_of(URI, text);
        let logs = client.heard.iter().map(|m| serde_json::to_string(m).unwrap()).collect::<String>();
        (said.iter().find(|d| d["code"] == "FS1002").map(|d| d["severity"].clone()), logs)
    };
    assert_eq!(severity(Value::Null).0, Some(json!(2)));
    assert_eq!(severity(json!({ "deny": ["unused-name"] })).0, Some(json!(1)));
    assert_eq!(severity(json!({ "allow": "FS1002" })).0, None);
    let (unchanged, logs) = severity(json!({ "allow": ["unused-nam"], "datadir": "x" }));
    assert_eq!(unchanged, Some(json!(2)));
    assert!(logs.contains("did you mean `unused-name`?") && logs.contains("no setting `datadir`"), "{logs}");
}

#[test]
fn an_editor_that_can_is_asked_to_watch_programs() {
    let mut client = Client::here();
    let watched = json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    client.initialize(json!({ "capabilities": watched }));
    client.settle();
    let asked = client.heard.iter().find_map(|m| match m {
        Message::Request(r) => Some((&r.method, &r.params["registrations"][0])),
        _ => None,
    });
    let (method, registration) = asked.unwrap();
    assert_eq!(
        (method.as_str(), &registration["method"]),
        ("client/registerCapability", &json!("workspace/didChangeWatchedFiles"))
    );
    assert_eq!(registration["registerOptions"]["watchers"][0]["globPattern"], "**/*.fsched");
    client.leave();
}

#[test]
fn requests_out_of_order_and_unknown_ones_are_refused() {
    let mut client = Client::here();
    assert_eq!(client.request("textDocument/hover", json!({})).unwrap_err().code, -32002);
    client.initialize(json!({ "capabilities": {} }));
    assert_eq!(client.request("initialize", json!({})).unwrap_err().code, -32600);
    assert_eq!(client.request("textDocument/moniker", json!({})).unwrap_err().code, -32601);
    assert_eq!(client.request("textDocument/documentSymbol", json!({ "textDocument": 3 })).unwrap_err().code, -32602);
    assert_eq!(client.about("textDocument/documentSymbol", "file:///none.fsched", json!({})).unwrap_err().code, -32602);
    client.notify("workspace/didChangeConfiguration", json!({ "settings": { "fsched": { "x": 1 } } }));
    client.notify("$/setTrace", json!({ "value": "verbose" }));
    client.notify("textDocument/didOpen", json!("nonsense"));
    client.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": URI, "version": 2 }, "contentChanges": [] }),
    );
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    client.settle();
    assert_eq!(client.request("shutdown", Value::Null).unwrap(), Value::Null);
    assert_eq!(client.request("textDocument/documentSymbol", json!({})).unwrap_err().code, -32600);
}

/// Everything lies in the queue before the server starts, so that nothing depends on who is faster.
#[test]
fn what_waits_can_be_cancelled_and_only_the_newest_text_is_analysed() {
    let (server, client) = Connection::memory();
    let request = |id: i32, method: &str, params: Value| Message::from(Request::new(id.into(), method.into(), params));
    let notification = |method: &str, params: Value| Message::from(Notification::new(method.into(), params));
    let symbols = json!({ "textDocument": { "uri": URI } });
    let document = json!({ "uri": URI, "languageId": "fsched", "version": 1, "text": BROKEN });
    let mut messages = vec![
        request(1, "initialize", json!({ "capabilities": {} })),
        notification("textDocument/didOpen", json!({ "textDocument": document })),
        request(2, "textDocument/documentSymbol", symbols.clone()),
        request(3, "textDocument/documentSymbol", symbols),
        notification("$/cancelRequest", json!({ "id": 3 })),
    ];
    for version in 2..50 {
        let change = json!({ "range": range((0, 0), (0, 0)), "text": "# 漢\n" });
        let document = json!({ "uri": URI, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": [change] });
        messages.push(notification("textDocument/didChange", params));
    }
    messages.into_iter().for_each(|m| client.sender.send(m).unwrap());
    let thread = std::thread::spawn(move || serve(&server, Settings::default()));
    let mut published = vec![];
    let mut answers = vec![];
    while published.is_empty() {
        match client.receiver.recv().unwrap() {
            Message::Notification(n) => published.push(n.params),
            Message::Response(r) => answers.push((r.id, r.response_result.map_err(|e| e.code).is_ok())),
            Message::Request(_) => {}
        }
    }
    assert_eq!(answers, [(1.into(), true), (2.into(), true), (3.into(), false)]);
    assert_eq!((&published[0]["version"], published.len()), (&json!(49), 1));
    assert_eq!(published[0]["diagnostics"][0]["range"], range((51, 0), (51, 6)));
    drop(client);
    assert_eq!(thread.join().unwrap(), End::Abrupt);
}

#[test]
fn bytes_that_are_no_messages_are_answered_and_skipped() {
    let frame = |text: &str| format!("Content-Length: {}\r\n\r\n{text}", text.len());
    let input = [
        frame("{"),
        frame(r#"{"jsonrpc":"2.0","id":5,"what":1}"#),
        "garbage\r\n\r\n".into(),
        frame(r#"{"jsonrpc":"2.0","id":6,"method":"initialize","params":{"capabilities":{}}}"#),
        frame(r#"{"jsonrpc":"2.0","id":7,"method":"shutdown"}"#),
        frame(r#"{"jsonrpc":"2.0","method":"exit"}"#),
    ];
    let (out, status) = raw(input.concat().as_bytes());
    assert!(status.success(), "{out}");
    assert!(out.contains("-32700") && out.contains(r#""id":null"#), "{out}");
    assert!(out.contains("-32600") && out.contains(r#""id":5"#), "{out}");
    assert!(out.contains("positionEncoding") && out.contains(r#""id":7"#), "{out}");
}
