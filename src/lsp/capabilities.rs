//! What the client can do, and what we say that we can.

use super::position::Encoding;
use super::{code_actions, code_lens, semantic_tokens};
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
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(code_actions::KINDS.to_vec()),
            ..Default::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: None }),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![code_lens::PLAN.into()],
            ..Default::default()
        }),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(
            SemanticTokensOptions {
                legend: semantic_tokens::legend(),
                range: Some(true),
                full: Some(SemanticTokensFullOptions::Bool(true)),
                ..Default::default()
            },
        )),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", ":", "(", "[", "\"", "/", " "].map(String::from).to_vec()),
            ..Default::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(["(", ",", " "].map(String::from).to_vec()),
            ..Default::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        inlay_hint_provider: Some(OneOf::Left(true)),
        ..Default::default()
    }
}
