//! An editor with one open program, and the server in this process.

use fsched::lsp::{Settings, serve};
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};

const URI: &str = "file:///nowhere/bench.fsched";

pub struct Editor {
    connection: Connection,
    version: i64,
    requests: i32,
}

impl Editor {
    /// Opens a text and waits for what is said of it.
    pub fn with(text: &str) -> Editor {
        let (server, connection) = Connection::memory();
        std::thread::spawn(move || serve(&server, Settings::new("data".into(), vec![])));
        let mut editor = Editor { connection, version: 1, requests: 0 };
        editor.ask("initialize", json!({ "capabilities": {} }));
        editor.tell("initialized", json!({}));
        let document = json!({ "uri": URI, "languageId": "fsched", "version": 1, "text": text });
        editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
        editor.until_diagnostics();
        editor
    }

    fn tell(&self, method: &str, params: Value) {
        let message = Notification { method: method.into(), params };
        self.connection.sender.send(message.into()).expect("the server is there");
    }

    fn ask(&mut self, method: &str, params: Value) {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        let request = Request { id: id.clone(), method: method.into(), params };
        self.connection.sender.send(request.into()).expect("the server is there");
        while !matches!(self.hear(), Message::Response(r) if r.id == id && r.response_result.is_ok()) {}
    }

    fn hear(&self) -> Message {
        self.connection.receiver.recv().expect("the server is there")
    }

    fn until_diagnostics(&self) {
        let ours =
            |n: &Notification| n.method == "textDocument/publishDiagnostics" && n.params["version"] == self.version;
        while !matches!(self.hear(), Message::Notification(n) if ours(&n)) {}
    }

    /// Types a character and waits for the diagnostics of the new text.
    pub fn edit(&mut self) {
        self.version += 1;
        let place = json!({ "line": 2, "character": 6 });
        let changes = json!([{ "range": { "start": place, "end": place }, "text": "1" }]);
        // Now and then the number is made short again.
        let all = json!({ "start": place, "end": { "line": 2, "character": 12 } });
        let changes = if self.version % 6 == 0 { json!([{ "range": all, "text": "1" }]) } else { changes };
        let document = json!({ "uri": URI, "version": self.version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
        self.until_diagnostics();
    }

    /// Asks what a selector hits, in the middle of the text.
    pub fn hover(&mut self) {
        let place = json!({ "line": 503, "character": 9 });
        self.ask("textDocument/hover", json!({ "textDocument": { "uri": URI }, "position": place }));
    }

    /// Asks for words behind the bracket of an attack.
    pub fn complete(&mut self) {
        let place = json!({ "line": 505, "character": 27 });
        self.ask("textDocument/completion", json!({ "textDocument": { "uri": URI }, "position": place }));
    }
}
