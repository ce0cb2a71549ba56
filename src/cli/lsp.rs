//! `fsched lsp`

use super::failure::{Exit, Failure};
use super::input::Folders;
use super::lints::Lints;
use crate::lsp::{End, Settings, stdio};

/// Answer an editor: the language server, on standard input and output
#[derive(clap::Args, Debug)]
pub struct Lsp {
    #[command(flatten)]
    folders: Folders,
    #[command(flatten)]
    lints: Lints,
    /// Speak on standard input and output, which is the only way there is; editors say so
    #[arg(long)]
    stdio: bool,
}

impl Lsp {
    pub fn run(&self) -> Result<Exit, Failure> {
        let settings = Settings::new(self.folders.data(), self.folders.allow_path.clone());
        let settings = settings.with_levels(self.lints.levels());
        match stdio(settings) {
            Ok(End::Orderly) => Ok(Exit::Done),
            Ok(End::Abrupt) => Ok(Exit::FileHasErrors),
            Err(error) => Err(Failure::new(Exit::RunFailed, format!("cannot start the server: {error}"))),
        }
    }
}
