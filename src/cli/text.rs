//! Programs that commands change: read whole, written whole.

use super::failure::{Exit, Failure};
use crate::diagnostic::Code;
use crate::disk;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The text of a program and where it came from.
pub struct Program {
    /// as people should see it
    pub name: String,
    /// `None`: stdin
    pub path: Option<PathBuf>,
    pub text: String,
}

/// Larger files are no programs, and are not read to their end.
const LARGEST: u64 = 64 << 20;

/// Reads a file, or stdin where it is `-`.
pub fn read(path: &Path) -> Result<Program, Failure> {
    let (name, path) = match path.to_str() {
        Some("-") => ("<stdin>".to_string(), None),
        _ => (path.display().to_string(), Some(path.to_path_buf())),
    };
    let bytes = match &path {
        Some(path) => bytes(path),
        None => all(std::io::stdin().lock()),
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

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before it is opened: a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "this is no file"));
    }
    all(std::fs::File::open(path)?)
}

fn all(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts another text in a file's place, whole or not at all.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    disk::replace(path, text.as_bytes()).map_err(|e| Failure::new(Exit::RunFailed, e.to_string()))
}
