//! Names of files and folders, for the texts that name one: `use "…"`, `weights "…"`, `data image_folder("…")`.

use super::completion::{Offer, Offers, statement_start};
use super::cursor::{Cursor, State};
use super::document::Document;
use crate::components::{Family, catalogue};
use lsp_types::CompletionItemKind as Kind;
use std::collections::HashSet;
use std::path::{Component, Path};

/// Files and folders that are offered.
const MOST: usize = 1_000;

/// What a text names.
enum Named {
    /// a file whose name ends like this
    File(&'static str),
    Folder,
}

/// What lies in the folder that has been typed so far, where a file or folder is to be named at a byte of the program.
pub fn offers(doc: &Document, offset: usize) -> Option<Offers> {
    let text = doc.text();
    let cursor = Cursor::new(text, statement_start(&doc.analysis, doc.file(), offset), offset);
    let State::Text(quote) = cursor.state else { return None };
    let places = &doc.options.places;
    let (named, folders) = match cursor.level()?.callee {
        "use" => (Named::File("fsched"), vec![places.program.clone()]),
        "weights" => (Named::File("safetensors"), vec![places.program.clone(), places.data.clone()]),
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
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    for path in entries.filter(|p| p != own).take(MOST) {
        let Some(name) = writable(&path) else { continue };
        match (path.is_dir(), named) {
            (true, Named::Folder) => folders.push(Offer::file(Kind::FOLDER, &name, &name)),
            (true, Named::File(_)) => folders.push(Offer::file(Kind::FOLDER, &format!("{name}/"), &format!("{name}/"))),
            (false, Named::File(ending)) if path.extension().is_some_and(|e| e == *ending) => {
                files.push(Offer::file(Kind::FILE, &name, &name));
            }
            _ => {}
        }
    }
    files.sort_by(|a, b| a.label.cmp(&b.label));
    folders.sort_by(|a, b| a.label.cmp(&b.label));
    files.into_iter().chain(folders).collect()
}

/// The name of a file, if it is not hidden and can stand in quotes as it is.
fn writable(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let plain = !name.starts_with('.') && !name.contains(['"', '\\', '$']) && !name.contains(char::is_control);
    plain.then(|| name.to_string())
}
