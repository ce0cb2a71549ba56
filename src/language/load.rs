//! Reading: the root file, what it imports, and the overrides, each parsed once.

use super::joined;
use crate::components::data::Places;
use crate::diagnostic::{Code, Diagnostic};
use crate::reading::{
    self,
    limits::{PROGRAM_BYTES, TEXT_BYTES},
};
use crate::source::{FileId, Source, Sources, Span};
use crate::syntax::tree::{Expr, ExprKind, File, StatementKind};
use crate::syntax::{import_paths, parse, parse_expression};
use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The only door to files of programs: the disk, an editor's buffers, or a test's table.
pub trait Files {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// Files on the disk; links that lead out of the program's folder are refused.
#[derive(Debug)]
pub struct Disk {
    /// the folder that imports may not leave; `None` before the root file is known
    pub root: Option<PathBuf>,
}

/// Texts of one program. Files that import others twice each would double them again and again.
const MOST_TEXTS: usize = 1_000;

impl Disk {
    /// Whether a file may be read at all; one that isn't there can't be asked.
    pub fn admit(&self, path: &Path) -> io::Result<()> {
        self.root.as_ref().map_or(Ok(()), |root| within(path, [root]))
    }
}

/// Whether a file lies in one of some folders, links followed.
fn within<'a>(path: &Path, folders: impl IntoIterator<Item = &'a PathBuf>) -> io::Result<()> {
    let real = path.canonicalize()?;
    if folders.into_iter().any(|folder| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder))) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the link leads out of the program's folder"))
}

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.admit(path)?;
        reading::content(path, TEXT_BYTES)
    }
}

/// Files on the disk as a program may read them that its user named: that file whatever it is, also a link or a pipe,
/// and otherwise what lies in its folder or an allowed one.
#[derive(Clone, Debug, Default)]
pub struct ProgramFiles {
    pub program: PathBuf,
    /// imports stay in it
    pub folder: PathBuf,
    /// `--allow-path`: folders that links of imports may lead to
    pub allowed: Vec<PathBuf>,
}

impl ProgramFiles {
    /// As [`Disk::admit`].
    pub fn admit(&self, path: &Path) -> io::Result<()> {
        if path == self.program { Ok(()) } else { within(path, self.allowed.iter().chain([&self.folder])) }
    }
}

impl Files for ProgramFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.admit(path)?;
        if path != self.program || std::fs::metadata(path)?.is_dir() {
            return reading::content(path, TEXT_BYTES);
        }
        reading::from(std::fs::File::open(path)?, 0, TEXT_BYTES)
    }
}

/// What an analysis is given besides the files, parsed.
pub(super) struct Inputs {
    pub places: Places,
    pub overrides: Vec<Override>,
    pub memory: bool,
}

/// `--set name=expr`
pub(super) struct Override {
    pub name: String,
    pub value: Expr,
    pub span: Span,
}

/// A file brought in by `use`.
pub(super) struct Imported {
    pub file: File,
}

/// All texts of an analysis.
pub(super) struct Loaded {
    pub sources: Sources,
    pub root: File,
    /// by the span of the `use` statement
    pub imports: HashMap<Span, Imported>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the root file and everything it imports.
pub(super) fn load(path: &Path, files: &dyn Files) -> Loaded {
    let (sources, imports, diagnostics) = (Sources::default(), HashMap::new(), Vec::new());
    let mut loader = Loader { files, sources, imports, diagnostics, bytes: 0, full: false };
    let root = match files.read(path) {
        Ok(bytes) => loader.parse(path, bytes),
        Err(error) => {
            let source = loader.sources.add(Source::new(path.display().to_string(), ""));
            let d = Diagnostic::new(
                Code::MISSING_FILE,
                Span::new(source, 0, 0),
                format!("can't read {}: {error}", path.display()),
            );
            loader.diagnostics.push(d.help("give the path of an .fsched file"));
            File { source, statements: Vec::new(), comments: Vec::new() }
        }
    };
    let mut open = vec![path.to_path_buf()];
    loader.imports_of(&root, path, &mut open);
    Loaded { sources: loader.sources, root, imports: loader.imports, diagnostics: loader.diagnostics }
}

struct Loader<'f> {
    files: &'f dyn Files,
    sources: Sources,
    imports: HashMap<Span, Imported>,
    diagnostics: Vec<Diagnostic>,
    /// bytes of all texts so far
    bytes: u64,
    /// it has been told that there are too many texts
    full: bool,
}

impl Loader<'_> {
    /// Says once that no more is imported.
    fn too_much(&mut self, span: Span, most: String) {
        if !self.full {
            let d = Diagnostic::new(Code::IMPORT, span, format!("with this import the program has more than {most}"));
            self.diagnostics.push(d.help("import each file once, from the file that needs it"));
        }
        self.full = true;
    }

    fn parse(&mut self, path: &Path, bytes: Vec<u8>) -> File {
        self.bytes += bytes.len() as u64;
        let (text, broken) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(e) => {
                let at = e.utf8_error().valid_up_to();
                (String::from_utf8_lossy(e.as_bytes()).into_owned(), Some(at))
            }
        };
        let file = self.sources.add(Source::new(path.display().to_string(), text));
        if let Some(at) = broken {
            let replacement = char::REPLACEMENT_CHARACTER.len_utf8();
            let d = Diagnostic::new(Code::NOT_UTF8, Span::new(file, at, at + replacement), "this file is not UTF-8");
            self.diagnostics.push(d.at("no text from here").help("save it as UTF-8"));
            return File { source: file, statements: Vec::new(), comments: Vec::new() };
        }
        let text = &self.sources.get(file).text;
        let (mut tree, diagnostics) = parse(file, text);
        self.diagnostics.extend(diagnostics);
        joined::split(&mut tree, text, &mut self.diagnostics);
        tree
    }

    /// Follows the `use` statements of a file; `open` are the files on the way to it.
    fn imports_of(&mut self, file: &File, path: &Path, open: &mut Vec<PathBuf>) {
        for statement in &file.statements {
            let StatementKind::Use { path: expr } = &statement.kind else { continue };
            let Some(target) = self.target(expr, path) else { continue };
            if open.contains(&target) {
                let d = Diagnostic::new(Code::IMPORT, expr.span, "these files import each other in a circle");
                self.diagnostics.push(d.help("move what both need into a third file"));
                continue;
            }
            if self.sources.len() >= MOST_TEXTS {
                return self.too_much(expr.span, format!("{MOST_TEXTS} texts"));
            }
            if open.len() > 32 {
                self.diagnostics.push(Diagnostic::new(Code::IMPORT, expr.span, "imports are nested more than 32 deep"));
                continue;
            }
            let bytes = match self.files.read(&target) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let code = match error.kind() {
                        io::ErrorKind::PermissionDenied => Code::FORBIDDEN_PATH,
                        _ => Code::MISSING_FILE,
                    };
                    let d = Diagnostic::new(code, expr.span, format!("can't read {}: {error}", target.display()));
                    self.diagnostics.push(d.help("the path is relative to the file that has the `use`"));
                    continue;
                }
            };
            if self.bytes + bytes.len() as u64 > PROGRAM_BYTES {
                return self.too_much(expr.span, format!("{} MiB of text", PROGRAM_BYTES >> 20));
            }
            let imported = self.parse(&target, bytes);
            open.push(target.clone());
            self.imports_of(&imported, &target, open);
            open.pop();
            self.imports.insert(statement.span, Imported { file: imported });
        }
    }

    /// The file that `use "…"` in `from` names; outside of its folder is refused.
    fn target(&mut self, expr: &Expr, from: &Path) -> Option<PathBuf> {
        let ExprKind::Text(text) = &expr.kind else {
            if !matches!(expr.kind, ExprKind::Error) {
                let d = Diagnostic::new(Code::IMPORT, expr.span, "`use` takes the path of a file in quotes");
                self.diagnostics.push(d.help("for example `use \"common.fsched\"`"));
            }
            return None;
        };
        let found = target(text, from);
        if found.is_none() {
            let d = Diagnostic::new(Code::FORBIDDEN_PATH, expr.span, "imports stay inside the folder of their file");
            self.diagnostics.push(d.help("use a relative path without `..`"));
        }
        found
    }
}

/// The file that `use "written"` in `from` names, if it stays in the folder of that.
fn target(written: &str, from: &Path) -> Option<PathBuf> {
    let path = Path::new(written);
    let stays = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if written.contains('\0') || written.is_empty() || !stays {
        return None;
    }
    let folder = from.parent().unwrap_or(Path::new(""));
    Some(folder.join(path.components().filter(|c| matches!(c, Component::Normal(_))).collect::<PathBuf>()))
}

/// The files that the text of `path` imports, and perhaps some more, found without reading the rest of it.
pub fn imports_at_a_glance(path: &Path, text: &str) -> Vec<PathBuf> {
    import_paths(text).iter().filter_map(|written| target(written, path)).collect()
}

/// Parses the overrides, each as a virtual file of its own.
pub(super) fn overrides(
    sets: &[(String, String)],
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Override> {
    let mut parsed = Vec::new();
    for (name, text) in sets {
        let file: FileId = sources.add(Source::new(format!("<--set {name}>"), text.clone()));
        let (value, found) = parse_expression(file, text);
        diagnostics.extend(found);
        parsed.push(Override { name: name.clone(), value, span: Span::new(file, 0, text.len()) });
    }
    parsed
}
