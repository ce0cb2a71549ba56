//! Programs that commands change: read whole, written whole.

use super::failure::{Exit, Failure};
use crate::diagnostic::Code;
use crate::disk;
use crate::reading::{self, limits::TEXT_BYTES};
use std::path::{Path, PathBuf};

/// The text of a program and where it came from.
pub struct Program {
    /// as people should see it
    pub name: String,
    /// `None`: stdin
    pub path: Option<PathBuf>,
    pub text: String,
}

/// Reads a file, or stdin where it is `-`.
pub fn read(path: &Path) -> Result<Program, Failure> {
    let (name, path) = match path.to_str() {
        Some("-") => ("<stdin>".to_string(), None),
        _ => (path.display().to_string(), Some(path.to_path_buf())),
    };
    let bytes = match &path {
        Some(path) => reading::content(path, TEXT_BYTES),
        None => reading::from(std::io::stdin().lock(), 0, TEXT_BYTES),
    };
    let missing = |e| Failure::new(Exit::FileHasErrors, format!("can't read {name}: {e}")).code(Code::MISSING_FILE);
    let text = String::from_utf8(bytes.map_err(missing)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        let message = format!("{name} is not UTF-8 from line {line} on");
        Failure::new(Exit::FileHasErrors, message).code(Code::NOT_UTF8).help("save it as UTF-8")
    })?;
    Ok(Program { name, path, text })
}

/// Puts another text in a file's place, whole or not at all.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    disk::replace(path, text.as_bytes()).map_err(|e| Failure::new(Exit::RunFailed, e.to_string()))
}
