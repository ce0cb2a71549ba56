//! The loop: one message after the other, and what is left to do when there is none.

use super::Settings;
use super::capabilities::{self, Client};
use super::position::Encoding;
use super::requests::{self, refused};
use super::workspace::{Workspace, path_of};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use lsp_types::notification as lsp;
use lsp_types::notification::Notification as Kind;
use lsp_types::{FileSystemWatcher, GlobPattern, InitializeResult, ServerInfo};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a client left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `shutdown`, then `exit`
    Orderly,
    /// without asking for a shutdown
    Abrupt,
}

enum State {
    /// before `initialize`
    New(Settings),
    Running(Workspace),
    /// after `shutdown`
    Closed,
}

struct Server<'c> {
    connection: &'c Connection,
    state: State,
    /// what has come and waits its turn
    queue: VecDeque<Message>,
}

/// Serves one client until it leaves.
pub fn serve(connection: &Connection, settings: Settings) -> End {
    let mut server = Server { connection, state: State::New(settings), queue: VecDeque::new() };
    while let Some(message) = server.next() {
        match message {
            Message::Request(request) => server.request(request),
            Message::Notification(n) if n.method == lsp::Exit::METHOD => {
                return if matches!(server.state, State::Closed) { End::Orderly } else { End::Abrupt };
            }
            Message::Notification(notification) => server.notification(&notification),
            // Answers to what we ask need no reaction.
            Message::Response(_) => {}
        }
    }
    End::Abrupt
}

impl Server<'_> {
    /// The next message. Programs are analysed while none waits, so that old texts are not.
    fn next(&mut self) -> Option<Message> {
        loop {
            self.queue.extend(self.connection.receiver.try_iter());
            if let Some(message) = self.queue.pop_front() {
                return Some(message);
            }
            let State::Running(workspace) = &mut self.state else { break };
            let Some(uri) = workspace.untold() else { break };
            let checked = guarded(|| workspace.check(&uri));
            self.publish(checked);
        }
        self.connection.receiver.recv().ok()
    }

    fn send(&self, message: impl Into<Message>) {
        // A client that has gone needs no answer; the loop ends by itself.
        let _ = self.connection.sender.send(message.into());
    }

    fn publish(&self, publications: Result<Vec<lsp_types::PublishDiagnosticsParams>, ResponseError>) {
        match publications {
            Ok(all) => all.into_iter().for_each(|p| self.tell::<lsp::PublishDiagnostics>(p)),
            Err(bug) => self.log(lsp_types::MessageType::ERROR, bug.message),
        }
    }

    fn tell<N: Kind>(&self, params: N::Params)
    where
        N::Params: serde::Serialize,
    {
        self.send(Notification::new(N::METHOD.to_string(), params));
    }

    fn log(&self, typ: lsp_types::MessageType, message: String) {
        self.tell::<lsp::LogMessage>(lsp_types::LogMessageParams { typ, message });
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        let result = if self.is_cancelled(&id) {
            Err(refused(ErrorCode::RequestCanceled, "cancelled"))
        } else {
            self.answer(&request)
        };
        self.send(Response { id, response_result: result });
    }

    /// Whether the client has taken a request back before its turn came.
    fn is_cancelled(&self, id: &RequestId) -> bool {
        self.queue.iter().any(|m| match m {
            Message::Notification(n) if n.method == lsp::Cancel::METHOD => {
                RequestId::deserialize(&n.params["id"]).is_ok_and(|cancelled| cancelled == *id)
            }
            _ => false,
        })
    }

    fn answer(&mut self, request: &Request) -> Result<Value, ResponseError> {
        match (&mut self.state, request.method.as_str()) {
            (State::New(settings), "initialize") => {
                let (workspace, result, wrong) = initialize(std::mem::take(settings), &request.params);
                self.state = State::Running(workspace);
                wrong.into_iter().for_each(|w| self.log(lsp_types::MessageType::WARNING, w));
                serde_json::to_value(result).map_err(|e| refused(ErrorCode::InternalError, e.to_string()))
            }
            (State::New(_), _) => Err(refused(ErrorCode::ServerNotInitialized, "`initialize` comes first")),
            (State::Running(_), "initialize") => {
                Err(refused(ErrorCode::InvalidRequest, "`initialize` comes only once"))
            }
            (_, "shutdown") => {
                self.state = State::Closed;
                Ok(Value::Null)
            }
            (State::Running(workspace), _) => guarded(|| requests::answer(workspace, request)).flatten(),
            (State::Closed, _) => Err(refused(ErrorCode::InvalidRequest, "the server is shut down")),
        }
    }

    fn notification(&mut self, notification: &Notification) {
        let State::Running(workspace) = &mut self.state else { return };
        let read = guarded(|| notify(workspace, notification));
        match read {
            Ok(Ok(publications)) => self.publish(Ok(publications)),
            Ok(Err(error)) => self.log(
                lsp_types::MessageType::WARNING,
                format!("`{}` is not as it should be: {error}", notification.method),
            ),
            Err(bug) => self.log(lsp_types::MessageType::ERROR, bug.message),
        }
        if notification.method == lsp::Initialized::METHOD {
            self.watch_files();
        }
    }

    /// Asks to be told of programs that change on the disk.
    fn watch_files(&self) {
        let State::Running(workspace) = &self.state else { return };
        if !workspace.client.watches_files {
            return;
        }
        let watcher = FileSystemWatcher { glob_pattern: GlobPattern::String("**/*.fsched".into()), kind: None };
        let registration = json!({ "registrations": [{
            "id": "programs",
            "method": lsp::DidChangeWatchedFiles::METHOD,
            "registerOptions": { "watchers": [watcher] },
        }]});
        self.send(Request::new(RequestId::from("watch".to_string()), "client/registerCapability".into(), registration));
    }
}

/// Runs something that must not end the server. A panic is our bug; the user is told so.
fn guarded<T>(f: impl FnOnce() -> T) -> Result<T, ResponseError> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let message = format!("a bug in fsched, please report it: {}", said.unwrap_or("no more is known"));
        refused(ErrorCode::InternalError, message)
    })
}

/// What the client tells us of the documents. Other notifications, and settings, which we have none of, mean nothing.
fn notify(
    workspace: &mut Workspace,
    notification: &Notification,
) -> Result<Vec<lsp_types::PublishDiagnosticsParams>, serde_json::Error> {
    match notification.method.as_str() {
        lsp::DidOpenTextDocument::METHOD => {
            let opened = params::<lsp::DidOpenTextDocument>(notification)?.text_document;
            workspace.open(opened.uri, opened.version, opened.text);
        }
        lsp::DidChangeTextDocument::METHOD => {
            let changed = params::<lsp::DidChangeTextDocument>(notification)?;
            workspace.change(&changed.text_document.uri, changed.text_document.version, changed.content_changes);
        }
        lsp::DidCloseTextDocument::METHOD => {
            let closed = params::<lsp::DidCloseTextDocument>(notification)?;
            return Ok(workspace.close(&closed.text_document.uri));
        }
        lsp::DidSaveTextDocument::METHOD => workspace.touched_all(),
        lsp::DidChangeWatchedFiles::METHOD => {
            for change in params::<lsp::DidChangeWatchedFiles>(notification)?.changes {
                workspace.touched(&path_of(&change.uri));
            }
        }
        _ => {}
    }
    Ok(vec![])
}

fn params<N: Kind>(notification: &Notification) -> Result<N::Params, serde_json::Error>
where
    N::Params: DeserializeOwned,
{
    N::Params::deserialize(&notification.params)
}

/// Agrees with the client on what both can do. Whatever it leaves out or gets wrong has a default.
fn initialize(settings: Settings, params: &Value) -> (Workspace, InitializeResult, Vec<String>) {
    let offered = params.pointer("/capabilities/general/positionEncodings").and_then(Value::as_array);
    let encoding = Encoding::negotiate(offered.into_iter().flatten().filter_map(Value::as_str));
    let (settings, wrong) = settings.of_client(params);
    let client = Client::new(&params["capabilities"]);
    let info = ServerInfo { name: "fsched".into(), version: Some(env!("CARGO_PKG_VERSION").into()) };
    let result = InitializeResult {
        capabilities: capabilities::server(encoding),
        server_info: Some(info),
        ..Default::default()
    };
    (Workspace::new(settings, encoding, client), result, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_answer() {
        let error = guarded(|| -> u8 { panic!("at {}", 7) }).unwrap_err();
        assert_eq!(error.code, ErrorCode::InternalError as i32);
        assert!(error.message.contains("bug in fsched") && error.message.ends_with("at 7"), "{}", error.message);
        assert_eq!(guarded(|| 3).unwrap(), 3);
    }

    #[test]
    fn what_a_client_leaves_out_or_gets_wrong_has_a_default() {
        for params in [json!(null), json!([]), json!({ "capabilities": 3, "rootUri": "%", "workspaceFolders": [{}] })] {
            let (workspace, result, _) = initialize(Settings::default(), &params);
            assert_eq!((workspace.encoding, workspace.client), (Encoding::Utf16, Client::default()));
            assert!(result.capabilities.text_document_sync.is_some());
        }
    }
}
