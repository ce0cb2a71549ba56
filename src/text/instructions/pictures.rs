//! Which file a picture of an instruction is.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// The folder below which pictures lie. A file of instructions may be a stranger's, so none outside of it is meant: not by
/// an absolute path, not by `..`, not by a link.
#[derive(Debug)]
pub struct Pictures {
    root: PathBuf,
    real: Option<PathBuf>,
    /// whether the files are looked for
    sought: bool,
    /// many questions are about the same one
    found: HashMap<String, PathBuf>,
}

impl Pictures {
    pub fn below(root: &Path) -> Pictures {
        Pictures { root: root.into(), real: root.canonicalize().ok(), sought: true, found: HashMap::new() }
    }

    /// Names as they stand in the file, whether anything is there or not: for who changes texts and opens no picture.
    pub fn unsought() -> Pictures {
        Pictures { root: PathBuf::new(), real: None, sought: false, found: HashMap::new() }
    }

    /// The file, which is there, by its name below the folder.
    ///
    /// # Errors
    /// If it is not, or lies outside; a sentence without the field.
    pub fn find(&mut self, text: &str) -> Result<PathBuf, String> {
        if text.is_empty() {
            return Err("the name is empty".into());
        }
        if !self.sought {
            return Ok(text.into());
        }
        if let Some(path) = self.found.get(text) {
            return Ok(path.clone());
        }
        let shown = text.escape_debug();
        let root = self.root.display();
        let path = Path::new(text);
        if path.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("`{shown}` leads out of `{root}`"));
        }
        let real = match self.root.join(path).canonicalize() {
            Ok(real) => real,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(format!("there is no `{shown}` in `{root}`"));
            }
            Err(e) => return Err(format!("cannot open `{shown}` in `{root}`: {e}")),
        };
        if self.real.as_ref().is_none_or(|root| !real.starts_with(root)) {
            return Err(format!("`{shown}` is a link that leads out of `{root}`"));
        }
        if !real.is_file() {
            return Err(format!("`{shown}` in `{root}` is no file"));
        }
        let named = self.root.join(path);
        self.found.insert(text.into(), named.clone());
        Ok(named)
    }
}
