//! Names of files and folders, for the texts that name one: `use "…"`, `weights "…"`, `cost(matrix: "…")`,
//! `data image_folder("…")`.

use super::completion::{Offer, Offers, statement_start};
use super::cursor::{Cursor, State};
use super::document::Document;
use crate::components::{Family, catalogue};
use lsp_types::CompletionItemKind as Kind;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Component, Path};

/// Files that are offered, and folders.
const MOST: usize = 1_000;

/// Files and folders of one folder that are looked at.
const MOST_SEEN: usize = 100_000;

/// What a text names.
enum Named {
    /// a file whose name ends like one of these
    File(&'static [&'static str]),
    Folder,
}

/// What lies in the folder that has been typed so far, where a file or folder is to be named at a byte of the program.
pub fn offers(doc: &Document, offset: usize) -> Option<Offers> {
    let text = doc.text();
    let cursor = Cursor::new(text, statement_start(&doc.analysis, doc.file(), offset), offset);
    let State::Text(quote) = cursor.state else { return None };
    let places = &doc.options.places;
    let (named, folders) = match cursor.level()?.callee {
        "use" => (Named::File(&["fsched"]), vec![places.program.clone()]),
        "weights" => (Named::File(&["safetensors", "gguf"]), vec![places.program.clone(), places.data.clone()]),
        "cost" => (Named::File(&["csv"]), vec![places.program.clone(), places.data.clone()]),
        data if catalogue::find(Family::Data, data).is_some() => {
            (Named::Folder, vec![places.program.clone(), places.data.clone()])
        }
        _ => return None,
    };
    let typed = &text[quote + 1..offset];
    let within = typed.rfind('/').map_or("", |slash| &typed[..=slash]);
    let start = quote + 1 + within.len();
    let below = Path::new(within);
    if !below.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Some(Offers { start, offers: Vec::new() });
    }
    let mut offers = Vec::new();
    for folder in folders.iter().filter(|f| f.is_absolute()) {
        offers.extend(listed(&folder.join(below), &named, &doc.path));
    }
    let mut seen = HashSet::new();
    offers.retain(|o| seen.insert(o.label.clone()));
    Some(Offers { start, offers })
}

/// What in a folder may be named, files before folders.
fn listed(folder: &Path, named: &Named, own: &Path) -> Vec<Offer> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let own = own.file_name().filter(|_| own.parent() == Some(folder));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_SEEN) {
        let Some(name) = writable(&entry.file_name()).filter(|name| own != Some(name.as_ref())) else { continue };
        match (is_folder(&entry), named) {
            (true, Named::Folder) => folders.push(name),
            (true, Named::File(_)) => folders.push(format!("{name}/")),
            (false, Named::File(endings)) if ends(&name, endings) => {
                files.push(name);
            }
            _ => {}
        }
    }
    let offers = |mut names: Vec<String>, kind: Kind| {
        names.sort();
        names.into_iter().take(MOST).map(move |name| Offer::file(kind, &name, &name))
    };
    offers(files, Kind::FILE).chain(offers(folders, Kind::FOLDER)).collect()
}

fn ends(name: &str, endings: &[&str]) -> bool {
    Path::new(name).extension().is_some_and(|e| endings.iter().any(|ending| e == *ending))
}

/// Only links need another look at the disk.
fn is_folder(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
        Ok(kind) => kind.is_dir(),
        Err(_) => false,
    }
}

/// The name of a file, if it is not hidden and can stand in quotes as it is.
fn writable(name: &OsStr) -> Option<String> {
    let name = name.to_str()?;
    let plain = !name.starts_with('.') && !name.contains(['"', '\\', '$']) && !name.contains(char::is_control);
    plain.then(|| name.to_string())
}
