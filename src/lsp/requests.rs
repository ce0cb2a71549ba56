//! The table of requests about a document: one line each, `LSP's request => our function`. The function takes the
//! analysed document and the request's parameters, and gives an `Option`, or a `Result` of one with a sentence for the
//! user that says why not. What the server offers is listed in `capabilities.rs`.

use super::code_lens::{PLAN, plan};
use super::document::Document;
use super::workspace::Workspace;
use lsp_server::{ErrorCode, Request, ResponseError};
use lsp_types::Uri;
use lsp_types::request as lsp;
use lsp_types::request::Request as Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

macro_rules! requests {
    ($($kind:ident => $handler:path,)*; with importers: $($wide:ident => $wide_handler:path,)*) => {
        /// Answers a request about a document.
        pub fn answer(workspace: &mut Workspace, request: &Request) -> Result<Value, ResponseError> {
            match request.method.as_str() {
                $(<lsp::$kind as Kind>::METHOD => {
                    let params = read::<<lsp::$kind as Kind>::Params>(request)?;
                    $handler(document(workspace, request)?, &params).answer()
                })*
                lsp::ExecuteCommand::METHOD => execute(workspace, request),
                $(<lsp::$wide as Kind>::METHOD => {
                    let mut params = read::<<lsp::$wide as Kind>::Params>(request)?;
                    let at = document(workspace, request)?.defined_at(&params.text_document_position);
                    let uri = at.text_document.uri.clone();
                    params.text_document_position = at;
                    let closed = workspace.closed_importers(&uri);
                    let views = workspace.views(&uri, &closed);
                    $wide_handler(&views, &params).answer()
                })*
                method => Err(refused(ErrorCode::MethodNotFound, format!("this server does not answer `{method}`"))),
            }
        }
    };
}

requests! {
    CodeActionRequest => super::code_actions::actions,
    CodeLensRequest => super::code_lens::lenses,
    Completion => super::completion::completion,
    DocumentHighlightRequest => super::highlight::highlight,
    DocumentSymbolRequest => super::symbols::symbols,
    FoldingRangeRequest => super::folding::folding,
    Formatting => super::formatting::formatting,
    GotoDefinition => super::definition::definition,
    HoverRequest => super::hover::hover,
    InlayHintRequest => super::inlay_hints::inlay_hints,
    PrepareRenameRequest => super::rename::prepare,
    SelectionRangeRequest => super::selection::selection,
    SemanticTokensFullRequest => super::semantic_tokens::full,
    SemanticTokensRangeRequest => super::semantic_tokens::range,
    SignatureHelpRequest => super::signature_help::signature_help,
    ; with importers:
    References => super::definition::references,
    Rename => super::rename::rename,
}

/// Runs a command, `workspace/executeCommand`; its first argument is the document.
fn execute(workspace: &mut Workspace, request: &Request) -> Result<Value, ResponseError> {
    let params: lsp_types::ExecuteCommandParams = read(request)?;
    if params.command != PLAN {
        return Err(refused(ErrorCode::InvalidParams, format!("there is no command `{}`", params.command)));
    }
    let uri = params.arguments.first().and_then(Value::as_str).unwrap_or_default();
    plan(open(workspace, uri)?).map(Some).answer()
}

/// An error that a request is answered with.
pub fn refused(code: ErrorCode, message: impl Into<String>) -> ResponseError {
    ResponseError { code: code as i32, message: message.into(), data: None }
}

/// Parameters of a request.
pub fn read<P: DeserializeOwned>(request: &Request) -> Result<P, ResponseError> {
    P::deserialize(&request.params).map_err(|e| refused(ErrorCode::InvalidParams, e.to_string()))
}

fn document<'w>(workspace: &'w mut Workspace, request: &Request) -> Result<&'w Document, ResponseError> {
    open(workspace, request.params.pointer("/textDocument/uri").and_then(Value::as_str).unwrap_or_default())
}

fn open<'w>(workspace: &'w mut Workspace, uri: &str) -> Result<&'w Document, ResponseError> {
    let open = uri.parse::<Uri>().ok().and_then(|uri| workspace.document(&uri));
    open.ok_or_else(|| refused(ErrorCode::InvalidParams, format!("`{uri}` is not open")))
}

/// What a function of the table may return.
trait Answer {
    fn answer(self) -> Result<Value, ResponseError>;
}

impl<T: Serialize> Answer for Option<T> {
    fn answer(self) -> Result<Value, ResponseError> {
        serde_json::to_value(self).map_err(|e| refused(ErrorCode::InternalError, e.to_string()))
    }
}

impl<T: Serialize> Answer for Result<Option<T>, String> {
    fn answer(self) -> Result<Value, ResponseError> {
        self.map_err(|why| refused(ErrorCode::RequestFailed, why))?.answer()
    }
}
