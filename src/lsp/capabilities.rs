//! What the client can do, and what we say that we can.

use super::position::Encoding;
use lsp_types::*;
use serde_json::Value;

/// What an editor understands beyond the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// places of a diagnostic other than its own
    pub related_information: bool,
    /// completions with places to fill in
    pub snippets: bool,
    /// texts in Markdown, on hover and beside completions
    pub markdown: bool,
    /// symbols inside of symbols
    pub nested_symbols: bool,
    /// code actions as edits, not only as commands
    pub code_action_literals: bool,
    /// edits that name the version of the document
    pub document_changes: bool,
    /// folding of whole lines only
    pub line_folding_only: bool,
    /// files can be watched for us
    pub watches_files: bool,
}

impl Client {
    /// Reads `capabilities` of the `initialize` request. What is missing or misshapen is not there.
    pub fn new(capabilities: &Value) -> Client {
        let yes = |path: &str| capabilities.pointer(path).and_then(Value::as_bool).unwrap_or(false);
        let says = |path: &str, word: &str| {
            let list = capabilities.pointer(path).and_then(Value::as_array);
            list.is_some_and(|l| l.iter().any(|v| v == word))
        };
        Client {
            related_information: yes("/textDocument/publishDiagnostics/relatedInformation"),
            snippets: yes("/textDocument/completion/completionItem/snippetSupport"),
            markdown: says("/textDocument/hover/contentFormat", "markdown"),
            nested_symbols: yes("/textDocument/documentSymbol/hierarchicalDocumentSymbolSupport"),
            code_action_literals: capabilities.pointer("/textDocument/codeAction/codeActionLiteralSupport").is_some(),
            document_changes: yes("/workspace/workspaceEdit/documentChanges"),
            line_folding_only: yes("/textDocument/foldingRange/lineFoldingOnly"),
            watches_files: yes("/workspace/didChangeWatchedFiles/dynamicRegistration"),
        }
    }
}

/// What the server offers; each request of `requests.rs` has its line here.
pub fn server(encoding: Encoding) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::Supported(true)),
            ..Default::default()
        })),
        document_symbol_provider: Some(OneOf::Left(true)),
        ..Default::default()
    }
}
