//! `fsched new NAME`

use super::failure::{Exit, Failure};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Write a commented starter file
#[derive(clap::Args, Debug)]
pub struct New {
    /// file to write; `.fsched` is added where it is missing
    name: PathBuf,
}

const STARTER: &str = include_str!("starter.fsched");

impl New {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let path = match self.name.extension() {
            Some(e) if e == "fsched" => self.name.clone(),
            _ => PathBuf::from(format!("{}.fsched", self.name.display())),
        };
        let shown = path.display();
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Failure::usage(format!("`{shown}` exists already")).help("choose another name")
            }
            _ => Failure::usage(format!("cannot write `{shown}`: {e}")),
        })?;
        file.write_all(STARTER.as_bytes()).map_err(|e| Failure::usage(format!("cannot write `{shown}`: {e}")))?;
        writeln!(out, "wrote {shown}; next: `fsched plan {shown}`, then `fsched run {shown}`")?;
        Ok(Exit::Done)
    }
}
