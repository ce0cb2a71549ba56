//! An editor that does anything: bytes become a text, edits and requests, in any order and at any place. What the server
//! says afterwards is what it says of the same text opened anew.

use fsched::lsp::{End, Settings, serve};
use lsp_server::{Connection, Message, Notification, Request, RequestId, ResponseError};
use serde_json::{Value, json};
use std::thread::JoinHandle;

const URI: &str = "file:///nowhere/session.fsched";

/// Requests that take a place, those that take a range, and those that take neither.
const AT_PLACE: [&str; 7] =
    ["hover", "completion", "signatureHelp", "definition", "references", "rename", "prepareRename"];
const OF_RANGE: [&str; 2] = ["inlayHint", "codeAction"];
const OF_TEXT: [&str; 6] =
    ["documentSymbol", "semanticTokens/full", "foldingRange", "codeLens", "formatting", "documentLink"];

/// What an edit may put in, besides characters of the input.
const FRAGMENTS: [&str; 16] = [
    "\n",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "train 1",
    "let n = ",
    "é漢😀",
    "\r\n",
    "#",
    "phase f(n: Int) { train n }",
    "f(2)",
    ".",
    ",",
    ":",
];

/// The client of a server in this process.
struct Editor {
    connection: Connection,
    server: JoinHandle<End>,
    utf16: bool,
    text: String,
    version: i64,
    requests: i32,
}

/// Runs the session that the bytes describe: a text, a zero, and a script.
pub fn session(bytes: &[u8]) {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (text, script) = (String::from_utf8_lossy(&bytes[..end]), bytes.get(end + 1..).unwrap_or_default());
    let mut script = script.iter().copied();
    let mut editor = Editor::new(script.next().unwrap_or(0) % 2 == 0, text.into_owned());
    let mut said = editor.open();
    while let Some(operation) = script.next() {
        let mut number = || usize::from(script.next().unwrap_or(0)) << 8 | usize::from(script.next().unwrap_or(0));
        match operation % 4 {
            0 | 1 => {
                let (from, length, what) = (number(), number() % 32, number());
                said = editor.edit(from, length, what);
            }
            2 => editor.ask_at_place(number(), number(), number()),
            _ => editor.ask_of_text(number(), number(), number()),
        }
    }
    assert_eq!(editor.reopen(), said, "a fresh analysis says something else of:\n{}", editor.text);
    editor.leave();
}

impl Editor {
    fn new(utf16: bool, text: String) -> Editor {
        let (server, connection) = Connection::memory();
        let server = std::thread::spawn(move || serve(&server, Settings::new("data".into(), vec![])));
        let mut editor = Editor { connection, server, utf16, text, version: 0, requests: 0 };
        let encoding = if utf16 { "utf-16" } else { "utf-8" };
        let capabilities = json!({ "general": { "positionEncodings": [encoding] } });
        editor.request("initialize", json!({ "capabilities": capabilities })).expect("the server starts");
        editor.notify("initialized", json!({}));
        editor
    }

    fn notify(&self, method: &str, params: Value) {
        let sent = self.connection.sender.send(Notification { method: method.into(), params }.into());
        sent.expect("the server is there");
    }

    fn hear(&self) -> Message {
        let message = self.connection.receiver.recv().expect("the server is there");
        if let Message::Notification(n) = &message {
            assert!(n.method != "window/logMessage" || n.params["type"] != 1, "{}", n.params["message"]);
        }
        message
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value, ResponseError> {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        let request = Request { id: id.clone(), method: method.into(), params };
        self.connection.sender.send(request.into()).expect("the server is there");
        loop {
            match self.hear() {
                Message::Response(r) if r.id == id => return r.response_result,
                _ => {}
            }
        }
    }

    /// What the server says of the present text.
    fn diagnostics(&self) -> Value {
        loop {
            match self.hear() {
                Message::Notification(n)
                    if n.method == "textDocument/publishDiagnostics" && n.params["version"] == self.version =>
                {
                    self.lies_in_text(&n.params["diagnostics"]);
                    return n.params["diagnostics"].clone();
                }
                _ => {}
            }
        }
    }

    fn open(&mut self) -> Value {
        self.version += 1;
        let document = json!({ "uri": URI, "languageId": "fsched", "version": self.version, "text": self.text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        self.diagnostics()
    }

    fn reopen(&mut self) -> Value {
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
        self.open()
    }

    /// Replaces so many characters from a place on.
    fn edit(&mut self, from: usize, length: usize, what: usize) -> Value {
        // Within a line break there is no place that a line and a character could name.
        let in_break = |i: &usize| self.text[..*i].ends_with('\r') && self.text[*i..].starts_with('\n');
        let all = self.text.char_indices().map(|(i, _)| i).chain([self.text.len()]);
        let places: Vec<usize> = all.filter(|i| !in_break(i)).collect();
        let from = from % places.len();
        let to = (from + length).min(places.len() - 1);
        let put = match what % 2 {
            0 => FRAGMENTS[what / 2 % FRAGMENTS.len()].to_string(),
            _ => char::from_u32(what as u32 / 2).unwrap_or('?').to_string(),
        };
        let range = json!({ "start": self.place(places[from]), "end": self.place(places[to]) });
        self.text.replace_range(places[from]..places[to], &put);
        self.version += 1;
        let document = json!({ "uri": URI, "version": self.version });
        let changes = json!([{ "range": range, "text": put }]);
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
        self.diagnostics()
    }

    /// Line and character of a byte, counted here and not by the server.
    fn place(&self, offset: usize) -> Value {
        let before = &self.text[..offset];
        let line = before.matches('\n').count();
        let last = &before[before.rfind('\n').map_or(0, |i| i + 1)..];
        json!({ "line": line, "character": self.length(last) })
    }

    fn length(&self, text: &str) -> usize {
        if self.utf16 { text.encode_utf16().count() } else { text.len() }
    }

    fn ask_at_place(&mut self, method: usize, line: usize, character: usize) {
        let method = AT_PLACE[method % AT_PLACE.len()];
        let place = json!({ "line": line % 64, "character": character % 256 });
        self.ask(method, json!({ "position": place, "newName": "other", "context": { "includeDeclaration": true } }));
    }

    fn ask_of_text(&mut self, method: usize, line: usize, character: usize) {
        let place = |n: usize| json!({ "line": n % 64, "character": n % 100 });
        let range = json!({ "start": place(line), "end": place(character) });
        match method % 2 {
            0 => self
                .ask(OF_TEXT[method / 2 % OF_TEXT.len()], json!({ "options": { "tabSize": 2, "insertSpaces": true } })),
            _ => self.ask(
                OF_RANGE[method / 2 % OF_RANGE.len()],
                json!({ "range": range, "context": { "diagnostics": [] } }),
            ),
        }
    }

    /// A request about the document; it may be refused, but not fail.
    fn ask(&mut self, method: &str, mut params: Value) {
        params["textDocument"] = json!({ "uri": URI });
        match self.request(&format!("textDocument/{method}"), params) {
            Ok(answer) => self.lies_in_text(&answer),
            Err(refusal) => assert_ne!(refusal.code, -32603, "{method}: {}", refusal.message),
        }
    }

    /// Whether each range in an answer lies in the text. (Documents of an answer are all this one.)
    fn lies_in_text(&self, answer: &Value) {
        match answer {
            Value::Object(fields) => {
                if let (Some(line), Some(character)) = (fields.get("line"), fields.get("character")) {
                    let (line, character) = (line.as_u64().expect("a number"), character.as_u64().expect("a number"));
                    let text = self.text.split('\n').nth(line as usize);
                    let fits = text.is_some_and(|t| character as usize <= self.length(t));
                    assert!(fits, "{line}:{character} is not in the text");
                }
                fields.values().for_each(|v| self.lies_in_text(v));
            }
            Value::Array(items) => items.iter().for_each(|v| self.lies_in_text(v)),
            _ => {}
        }
    }

    fn leave(mut self) {
        self.request("shutdown", Value::Null).expect("the server shuts down");
        self.notify("exit", Value::Null);
        assert_eq!(self.server.join().expect("the server did not panic"), End::Orderly);
    }
}
