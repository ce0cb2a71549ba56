//! The program as a run folder keeps it.

use super::failure::{Exit, Failure};
use crate::components::data::Places;
use crate::diagnostic::Code;
use crate::language::{Analysis, Files, Options, analyze};
use crate::reading::{self, limits};
use crate::record::Manifest;
use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The texts of a run folder, under the names that they had.
struct Texts(HashMap<PathBuf, Vec<u8>>);

impl Files for Texts {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the run has no such file"))
    }
}

/// Where the program's paths lead, as when the run began.
pub fn places(manifest: &Manifest) -> Places {
    let input = &manifest.input;
    Places {
        program: input.folder.clone().into(),
        data: input.data_dir.clone().into(),
        allowed: input.allow_path.iter().map(PathBuf::from).collect(),
    }
}

/// Checks the program of a run folder as it was when the run began.
///
/// # Errors
/// If a text of it can't be read.
pub fn analyze_stored(folder: &Path, manifest: &Manifest) -> Result<Analysis, Failure> {
    let program = &manifest.program;
    let mut texts = HashMap::new();
    let all = program.imports.iter().map(|import| (&import.name, import.file.as_str()));
    for (name, file) in all.chain([(&program.path, "program.fsched")]) {
        let path = folder.join(file);
        // A manifest that somebody else wrote may name any file.
        let stays = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
        let astray = || io::Error::other(format!("`{}` lies outside of the run's folder", path.display()));
        let bytes = if stays { reading::whole(&path, limits::TEXT_BYTES) } else { Err(astray()) };
        let bytes = bytes.map_err(|e| {
            Failure::new(Exit::RunFailed, e.to_string())
                .code(Code::BAD_RUN_FOLDER)
                .help("`fsched run FILE --resume --out DIR` goes on with the program that you have")
        })?;
        texts.insert(PathBuf::from(name), bytes);
    }
    let options = Options { sets: manifest.input.set.clone(), places: places(manifest), ..Options::default() };
    Ok(analyze(Path::new(&program.path), &Texts(texts), &options))
}
