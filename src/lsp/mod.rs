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
mod folding;
mod formatting;
mod highlight;
pub mod hover;
pub mod inlay_hints;
mod position;
pub mod rename;
mod requests;
mod selection;
mod semantic_tokens;
mod server;
pub mod signature_help;
mod snippet;
mod symbols;
mod transport;
mod workspace;

pub use document::Document;
pub use position::Encoding;
pub use server::{End, serve};

use crate::components::data::Places;
use std::path::PathBuf;

/// Where programs may read files, as the flags of `fsched lsp` say; `initializationOptions` may say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// named data sets are looked for here; a relative path starts at the editor's folder
    pub data_dir: PathBuf,
    /// further folders that programs may read from
    pub allow_path: Vec<PathBuf>,
    /// the editor's folder
    root: PathBuf,
}

impl Settings {
    pub fn new(data_dir: PathBuf, allow_path: Vec<PathBuf>) -> Settings {
        Settings { data_dir, allow_path, root: PathBuf::new() }
    }

    /// Places of a program in `folder`; one that was never saved is taken to lie in the editor's folder.
    fn places(&self, folder: PathBuf) -> Places {
        let program = if folder.as_os_str().is_empty() { self.root.clone() } else { folder };
        let allowed = self.allow_path.iter().map(|p| self.root.join(p)).collect();
        Places { program, data: self.root.join(&self.data_dir), allowed }
    }
}

/// Serves the editor at the other end of standard input and output until it leaves.
pub fn stdio(settings: Settings) -> std::io::Result<End> {
    let (connection, writer) = transport::stdio()?;
    let end = serve(&connection, settings);
    drop(connection);
    let _ = writer.join();
    Ok(end)
}
