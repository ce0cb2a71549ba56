//! A scripted editor: speaks with the server in this process, or with the binary over its standard input and output.

use fsched::lsp::{End, Settings, serve};
use lsp_server::{Connection, Message, Notification, Request, RequestId, Response, ResponseError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// What an editor of today says that it can do.
pub fn capabilities(encodings: &[&str]) -> Value {
    json!({
        "general": { "positionEncodings": encodings },
        "textDocument": {
            "publishDiagnostics": { "relatedInformation": true, "tagSupport": { "valueSet": [1] }, "versionSupport": true },
            "completion": { "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown"] } },
            "hover": { "contentFormat": ["markdown", "plaintext"] },
            "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
            "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": [] } } },
        },
        "workspace": { "workspaceEdit": { "documentChanges": true } },
    })
}

/// A server that says nothing for so long has lost something.
const PATIENCE: Duration = Duration::from_secs(20);

enum Server {
    Here(JoinHandle<End>),
    Process(Box<Child>),
}

pub struct Client {
    send: Option<Box<dyn FnMut(Message)>>,
    receive: Box<dyn FnMut() -> Option<Message>>,
    server: Server,
    requests: i32,
    answers: BTreeMap<RequestId, Result<Value, ResponseError>>,
    /// what was last published of each document: version and diagnostics
    pub published: BTreeMap<String, (Option<i64>, Vec<Value>)>,
    /// everything else that the server said
    pub heard: Vec<Message>,
}

impl Client {
    /// A server in this process.
    pub fn here() -> Client {
        let (server, client) = Connection::memory();
        let thread = std::thread::spawn(move || serve(&server, Settings::new("data".into(), vec![])));
        let (to, from) = (client.sender, client.receiver);
        let send = Box::new(move |message| drop(to.send(message)));
        Client::new(send, Box::new(move || from.recv_timeout(PATIENCE).ok()), Server::Here(thread))
    }

    /// The binary, as editors start it.
    pub fn process() -> Client {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
        command.args(["lsp", "--stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let send = Box::new(move |message: Message| drop(message.write(&mut to)));
        Client::new(send, Box::new(move || Message::read(&mut from).unwrap()), Server::Process(Box::new(child)))
    }

    fn new(send: Box<dyn FnMut(Message)>, receive: Box<dyn FnMut() -> Option<Message>>, server: Server) -> Client {
        let (answers, published) = (BTreeMap::new(), BTreeMap::new());
        Client { send: Some(send), receive, server, requests: 0, answers, published, heard: vec![] }
    }

    /// A server in this process that is ready.
    pub fn ready(encodings: &[&str]) -> Client {
        let mut client = Client::here();
        client.initialize(json!({ "capabilities": capabilities(encodings) }));
        client
    }

    pub fn initialize(&mut self, params: Value) -> Value {
        let result = self.request("initialize", params).unwrap();
        self.notify("initialized", json!({}));
        result
    }

    fn send(&mut self, message: Message) {
        (self.send.as_mut().expect("the connection is open"))(message);
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(Notification { method: method.into(), params }.into());
    }

    /// Sends a request; [`Client::answer`] waits for what comes of it.
    pub fn ask(&mut self, method: &str, params: Value) -> RequestId {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        self.send(Request { id: id.clone(), method: method.into(), params }.into());
        id
    }

    pub fn answer(&mut self, id: &RequestId) -> Result<Value, ResponseError> {
        while !self.answers.contains_key(id) {
            assert!(self.hear(), "the server ended without an answer");
        }
        self.answers.remove(id).unwrap()
    }

    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, ResponseError> {
        let id = self.ask(method, params);
        self.answer(&id)
    }

    /// A request about a document, with further parameters.
    pub fn about(&mut self, method: &str, uri: &str, more: Value) -> Result<Value, ResponseError> {
        let mut params = more;
        params["textDocument"] = json!({ "uri": uri });
        self.request(method, params)
    }

    /// Takes one message; `false` when the server has gone.
    fn hear(&mut self) -> bool {
        match (self.receive)() {
            None => return false,
            Some(Message::Response(Response { id, response_result })) => {
                assert!(self.answers.insert(id, response_result).is_none(), "answered twice");
            }
            Some(Message::Notification(n)) if n.method == "textDocument/publishDiagnostics" => {
                let uri = n.params["uri"].as_str().unwrap().to_string();
                let diagnostics = n.params["diagnostics"].as_array().unwrap().clone();
                self.published.insert(uri, (n.params["version"].as_i64(), diagnostics));
            }
            Some(other) => self.heard.push(other),
        }
        true
    }

    pub fn open(&mut self, uri: &str, text: &str) {
        self.published.remove(uri);
        let document = json!({ "uri": uri, "languageId": "fsched", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub fn change(&mut self, uri: &str, version: i64, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    pub fn close(&mut self, uri: &str) {
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }

    /// Waits until the diagnostics of that version have come.
    pub fn diagnostics(&mut self, uri: &str, version: i64) -> Vec<Value> {
        while self.published.get(uri).is_none_or(|(v, _)| *v != Some(version)) {
            assert!(self.hear(), "the server ended without diagnostics");
        }
        self.published[uri].1.clone()
    }

    /// Waits until the errors of a document are these codes.
    pub fn until_errors(&mut self, uri: &str, codes: &[&str]) {
        let is_error = |d: &&Value| d["severity"] == 1;
        loop {
            let said = self.published.get(uri).map(|(_, said)| said.iter().filter(is_error).map(|d| &d["code"]));
            if said.is_some_and(|said| said.eq(codes)) {
                return;
            }
            assert!(self.hear(), "{uri} never got {codes:?}, but {:?}", self.published.get(uri));
        }
    }

    /// Opens a text under a name of its own and gives what is said of it.
    pub fn said_of(&mut self, uri: &str, text: &str) -> Vec<Value> {
        self.open(uri, text);
        self.diagnostics(uri, 1)
    }

    /// Waits until everything sent so far has been dealt with.
    pub fn settle(&mut self) {
        let unknown = self.request("fsched/none", Value::Null).unwrap_err();
        assert_eq!(unknown.code, -32601);
    }

    /// Leaves as an editor does; the end of a server in this process.
    pub fn leave(mut self) -> End {
        assert_eq!(self.request("shutdown", Value::Null).unwrap(), Value::Null);
        self.notify("exit", Value::Null);
        match self.server {
            Server::Here(thread) => thread.join().unwrap(),
            Server::Process(mut child) => {
                assert!(child.wait().unwrap().success());
                End::Orderly
            }
        }
    }

    /// Closes the connection without a word; the status of a server that is a process.
    pub fn vanish(mut self) -> ExitStatus {
        self.send = None;
        match self.server {
            Server::Process(mut child) => child.wait().unwrap(),
            Server::Here(_) => panic!("only a process has a status"),
        }
    }
}

/// Bytes to a process, as they are: for what no well-behaved client sends.
pub fn raw(input: &[u8]) -> (String, ExitStatus) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
    command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status)
}

pub fn uri_of(path: &Path) -> String {
    lsp_types::Uri::from_file_path(path).unwrap().as_str().to_string()
}

pub fn position(line: u32, character: u32) -> Value {
    json!({ "line": line, "character": character })
}

pub fn range(a: (u32, u32), b: (u32, u32)) -> Value {
    json!({ "start": position(a.0, a.1), "end": position(b.0, b.1) })
}
