//! The open programs. Texts change at once; they are analysed when somebody asks or when nothing else is to be done, so
//! that of several changes in a row only the last one is.

use super::capabilities::Client;
use super::diagnostics;
use super::document::{Document, View, Views};
use super::importers;
use super::position::Encoding;
use super::settings::Settings;
use crate::language::{Files, Options, ProgramFiles, analyze};
use crate::source::Source;
use lsp_types::{Diagnostic, PublishDiagnosticsParams, TextDocumentContentChangeEvent, Uri};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open text, as the editor last sent it.
struct Buffer {
    uri: Uri,
    version: i32,
    source: Arc<Source>,
    /// the analysis of this text; `None` if it or a file that it reads has changed since
    document: Option<Document>,
    /// whether the editor has been told what is said of this text
    told: bool,
    /// files that the last analysis read, or looked for
    reads: BTreeSet<PathBuf>,
    /// what the last analysis said of each file
    said: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

/// All open programs, by the path where each lies.
pub struct Workspace {
    settings: Settings,
    pub encoding: Encoding,
    pub client: Client,
    buffers: BTreeMap<PathBuf, Buffer>,
    /// what the editor was last told of each file
    published: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

/// Programs that import one and aren't open, analysed for one question.
pub struct ClosedImporters {
    documents: Vec<Document>,
    /// the limit that others may have been left out for
    left_out: Option<String>,
}

impl Workspace {
    /// No program is open yet.
    pub fn new(settings: Settings, encoding: Encoding, client: Client) -> Workspace {
        let (buffers, published) = (BTreeMap::new(), BTreeMap::new());
        Workspace { settings, encoding, client, buffers, published }
    }

    /// Takes in a text that the editor opened; it hides the file of its path.
    pub fn open(&mut self, uri: Uri, version: i32, text: String) {
        let path = path_of(&uri);
        let source = Arc::new(Source::new(path.display().to_string(), text));
        let old = self.buffers.remove(&path);
        let said = old.map(|b| b.said).unwrap_or_default();
        let buffer = Buffer { uri, version, source, document: None, told: false, reads: BTreeSet::new(), said };
        self.buffers.insert(path.clone(), buffer);
        self.touched(&path);
    }

    /// Applies changes in their order; each is meant for the text that the one before it left.
    pub fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let path = path_of(uri);
        let encoding = self.encoding;
        let Some(buffer) = self.buffers.get_mut(&path) else { return };
        buffer.version = version;
        for change in changes {
            let source = &buffer.source;
            let text = match change.range {
                None => change.text,
                Some(range) => {
                    let (a, b) = (encoding.offset(source, range.start), encoding.offset(source, range.end));
                    let mut text = source.text.clone();
                    text.replace_range(a.min(b)..a.max(b), &change.text);
                    text
                }
            };
            buffer.source = Arc::new(Source::new(source.name.clone(), text));
        }
        self.touched(&path);
    }

    /// Forgets a text; what is said of its file is then said of the file on the disk, if a program reads it.
    pub fn close(&mut self, uri: &Uri) -> Vec<PublishDiagnosticsParams> {
        let path = path_of(uri);
        let Some(closed) = self.buffers.remove(&path) else { return vec![] };
        self.touched(&path);
        let mut stale: BTreeSet<PathBuf> = closed.said.into_keys().collect();
        stale.insert(path.clone());
        let mut publications = self.publish(&stale);
        for p in publications.iter_mut().filter(|p| path_of(&p.uri) == path) {
            // The editor knows the document by the name that it gave it.
            p.uri = closed.uri.clone();
        }
        publications
    }

    /// A file was changed, on the disk or in the editor: whatever reads it is to be analysed anew.
    pub fn touched(&mut self, path: &Path) {
        for (own, buffer) in &mut self.buffers {
            if own == path || buffer.reads.contains(path) {
                buffer.document = None;
                buffer.told = false;
            }
        }
    }

    /// Whatever lies on the disk may have changed: data, weights, imports.
    pub fn touched_all(&mut self) {
        for buffer in self.buffers.values_mut() {
            buffer.document = None;
            buffer.told = false;
        }
    }

    /// A program of which the editor has not been told yet.
    pub fn untold(&self) -> Option<Uri> {
        self.buffers.values().find(|b| !b.told).map(|b| b.uri.clone())
    }

    /// The program, analysed as it is now.
    pub fn document(&mut self, uri: &Uri) -> Option<&Document> {
        let path = path_of(uri);
        if self.buffers.get(&path)?.document.is_none() {
            let buffer = self.buffers.get(&path)?;
            let analysed = self.analyse(&path, buffer.uri.clone(), buffer.version);
            let buffer = self.buffers.get_mut(&path)?;
            buffer.reads = analysed.reads;
            buffer.document = Some(analysed.document);
        }
        self.buffers.get(&path)?.document.as_ref()
    }

    /// Programs that aren't open and import this one, beside it or above it in the editor's folders.
    pub fn closed_importers(&self, uri: &Uri) -> ClosedImporters {
        let path = path_of(uri);
        let found = importers::find(&path, self.settings.folders(), &self.texts());
        let analysed = found.programs.iter().filter_map(|p| Some(self.analyse(p, Uri::from_file_path(p)?, 0)));
        let documents = analysed.filter(|a| a.reads.contains(&path)).map(|a| a.document).collect();
        ClosedImporters { documents, left_out: found.left_out }
    }

    /// The program, and the programs that import it, open or closed, each as it is now.
    pub fn views<'w>(&'w mut self, uri: &Uri, closed: &'w ClosedImporters) -> Views<'w> {
        let path = path_of(uri);
        let others: Vec<Uri> = self.buffers.values().map(|b| b.uri.clone()).collect();
        for other in &others {
            // Only its analysis says what it imports.
            self.document(other);
        }
        let own = self.buffers.get(&path);
        let importers = self.buffers.iter().filter(|(p, b)| **p != path && b.reads.contains(&path)).map(|(_, b)| b);
        let documents = own.into_iter().chain(importers).filter_map(|b| b.document.as_ref()).chain(&closed.documents);
        let views = documents.flat_map(|doc| doc.files_of(uri).map(move |file| View { doc, file })).collect();
        Views { views, left_out: closed.left_out.as_deref() }
    }

    fn texts(&self) -> BTreeMap<PathBuf, Arc<Source>> {
        self.buffers.iter().map(|(path, b)| (path.clone(), b.source.clone())).collect()
    }

    /// Analyses a program if need be, and gives what the editor must be told of it and of the files it reads.
    pub fn check(&mut self, uri: &Uri) -> Vec<PublishDiagnosticsParams> {
        let path = path_of(uri);
        if let Some(buffer) = self.buffers.get_mut(&path) {
            // First, so that a program that we can't cope with is not tried again before it changes.
            buffer.told = true;
        }
        let Some(said) = self.document(uri).map(said_by_file) else { return vec![] };
        let Some(buffer) = self.buffers.get_mut(&path) else { return vec![] };
        let before = std::mem::replace(&mut buffer.said, said);
        let mut files: BTreeSet<PathBuf> = before.into_keys().chain(buffer.said.keys().cloned()).collect();
        files.insert(path.clone());
        self.published.remove(&path);
        self.publish(&files)
    }

    /// What has changed of what is said of these files: all that open programs say of them, each thing once.
    fn publish(&mut self, files: &BTreeSet<PathBuf>) -> Vec<PublishDiagnosticsParams> {
        let mut publications = Vec::new();
        for file in files {
            let all = merged(self.buffers.values().filter_map(|b| b.said.get(file)));
            if self.published.get(file) == Some(&all) {
                continue;
            }
            let open = self.buffers.get(file);
            let uri = open.map(|b| b.uri.clone()).or_else(|| Uri::from_file_path(file));
            if let Some(uri) = uri {
                let version = open.map(|b| b.version);
                publications.push(PublishDiagnosticsParams { uri, diagnostics: all.clone(), version });
            }
            self.published.insert(file.clone(), all);
        }
        publications
    }

    fn analyse(&self, path: &Path, uri: Uri, version: i32) -> Analysed {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let (places, levels) = (self.settings.places(folder.clone()), self.settings.levels());
        let disk = ProgramFiles { program: path.to_path_buf(), folder, allowed: places.allowed.clone() };
        let files = Overlay { texts: self.texts(), disk, reads: RefCell::default() };
        let options = Options { places, levels, ..Options::default() };
        let analysis = analyze(path, &files, &options);
        let uri_of = |name: &str| {
            let path = PathBuf::from(name);
            let open = self.buffers.get(&path).map(|b| b.uri.clone());
            open.or_else(|| path.is_absolute().then(|| Uri::from_file_path(&path)).flatten())
        };
        let uris = analysis.sources.iter().map(|(_, source)| uri_of(&source.name)).collect();
        let document = Document {
            uri,
            path: path.to_path_buf(),
            version,
            encoding: self.encoding,
            client: self.client,
            analysis,
            uris,
            options,
            files,
        };
        let reads = document.files.reads.take();
        Analysed { document, reads }
    }
}

/// What several programs say of one file, each thing once.
fn merged<'d>(mut lists: impl Iterator<Item = &'d Vec<Diagnostic>>) -> Vec<Diagnostic> {
    let mut all = lists.next().cloned().unwrap_or_default();
    let key = |d: &Diagnostic| (d.range.start, d.range.end, d.message.clone());
    for list in lists {
        let known: HashSet<_> = all.iter().map(key).collect();
        all.extend(list.iter().filter(|d| !known.contains(&key(d))).cloned());
    }
    all
}

struct Analysed {
    document: Document,
    reads: BTreeSet<PathBuf>,
}

fn said_by_file(doc: &Document) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
    let mut said: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
    for (file, d) in diagnostics::diagnostics(doc) {
        said.entry(PathBuf::from(&doc.analysis.sources.get(file).name)).or_default().push(d);
    }
    said
}

/// Open texts, as they were at one moment, before files on the disk. It notes what was read.
#[derive(Debug)]
pub struct Overlay {
    texts: BTreeMap<PathBuf, Arc<Source>>,
    disk: ProgramFiles,
    reads: RefCell<BTreeSet<PathBuf>>,
}

impl Files for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.reads.borrow_mut().insert(path.to_path_buf());
        match self.texts.get(path) {
            // A text that was never saved has no link to follow; what may not be read from the disk may not be read here.
            Some(source) => match self.disk.admit(path) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Err(e),
                _ => Ok(source.text.clone().into_bytes()),
            },
            None => self.disk.read(path),
        }
    }
}

/// Where a document lies; one without a file has a path of its own that is none on the disk.
pub fn path_of(uri: &Uri) -> PathBuf {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    let path = if is_file { uri.to_file_path().map(|p| p.into_owned()) } else { None };
    path.unwrap_or_else(|| PathBuf::from(uri.as_str()))
}
