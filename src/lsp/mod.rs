//! The language server: what editors ask about open programs, answered from [`crate::language::analyze`] alone.
//!
//! One thread takes one message after the other ([`server`]); open texts and their analyses lie in the [`workspace`];
//! each request is a function over an analysed [`Document`], in a file of its own, with a line in [`requests`] and what
//! it offers in [`capabilities`].

mod capabilities;
mod code_actions;
mod code_lens;
pub mod completion;
mod cursor;
mod definition;
mod describe;
mod diagnostics;
mod document;
mod edits;
mod expected;
mod files;
mod folding;
mod formatting;
mod highlight;
pub mod hover;
mod importers;
pub mod inlay_hints;
mod position;
pub mod rename;
mod requests;
mod selection;
mod semantic_tokens;
mod server;
mod settings;
pub mod signature_help;
mod snippet;
mod symbols;
mod transport;
mod workspace;

pub use document::Document;
pub use position::Encoding;
pub use server::{End, serve};
pub use settings::Settings;

/// Serves the editor at the other end of standard input and output until it leaves.
pub fn stdio(settings: Settings) -> std::io::Result<End> {
    let (connection, writer) = transport::stdio()?;
    let end = serve(&connection, settings);
    drop(connection);
    let _ = writer.join();
    Ok(end)
}
