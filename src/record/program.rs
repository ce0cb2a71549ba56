//! The program's texts in the run folder.

use super::manifest::{Import, Program};
use crate::disk;
use crate::source::{Source, Sources};
use std::io;
use std::path::{Component, Path, PathBuf};

/// `program.fsched`, and beside it the files that it brings in, under the names that it calls them by.
pub fn write_program(folder: &Path, sources: &Sources) -> io::Result<Program> {
    let mut files = sources.iter().map(|(_, source)| source);
    let Some(root) = files.next() else { return Err(io::Error::other("there is no program")) };
    disk::write_whole(&folder.join("program.fsched"), root.text.as_bytes())?;
    let mut imports = Vec::new();
    // Names in angle brackets are texts of the command line.
    for (n, source) in files.filter(|s| !s.name.starts_with('<')).enumerate() {
        let relative = beside_root(root, source).unwrap_or_else(|| PathBuf::from(format!("imports/{n}.fsched")));
        let path = folder.join(&relative);
        if let Some(parent) = path.parent() {
            disk::make_folder(parent)?;
        }
        disk::write_whole(&path, source.text.as_bytes())?;
        imports.push(Import { name: source.name.clone(), file: relative.display().to_string() });
    }
    Ok(Program { path: root.name.clone(), sha256: disk::sha256(root.text.as_bytes()), imports })
}

/// Before another program takes their place: the text, plan and manifest so far stay below `earlier/1`, `earlier/2` …
pub fn keep_earlier(folder: &Path) -> io::Result<()> {
    let free = (1..).map(|n: u32| folder.join("earlier").join(n.to_string())).find(|path| !path.exists());
    let Some(kept) = free else { return Ok(()) };
    disk::replace_folder(&kept, |fresh| {
        for name in ["program.fsched", "plan.json", "manifest.json"] {
            if folder.join(name).exists() {
                disk::link(&folder.join(name), &fresh.join(name)).map_err(|e| disk::named("keep", &kept, e))?;
            }
        }
        Ok(())
    })
}

/// The path of an imported file as seen from the root's folder, where it lies in there and takes no record's name.
fn beside_root(root: &Source, import: &Source) -> Option<PathBuf> {
    let folder = Path::new(&root.name).parent()?;
    let relative = Path::new(&import.name).strip_prefix(folder).ok()?;
    let inside = relative.components().all(|c| matches!(c, Component::Normal(_)));
    let first = relative.components().next()?.as_os_str().to_string_lossy().to_lowercase();
    let taken = RECORDS.contains(&first.as_str()) || relative.extension().is_none_or(|e| e != "fsched");
    (inside && !taken).then(|| relative.to_path_buf())
}

/// Files whose hashes the manifest holds once a run is over.
pub const HASHED: [&str; 5] =
    ["program.fsched", "plan.json", "events.jsonl", "final.safetensors", "final_memory.safetensors"];

/// What the folder of a run holds itself; files that a program brings in take none of these names, nor, on disks that
/// don't tell large letters from small ones, any that differ in this alone.
pub const RECORDS: [&str; 15] = [
    "program.fsched",
    "earlier",
    "imports",
    "manifest.json",
    "plan.json",
    "events.jsonl",
    "ledger.jsonl",
    "sessions.jsonl",
    "checkpoints",
    "evaluations",
    "final.safetensors",
    "final_memory.safetensors",
    "report.html",
    "tensorboard",
    "lock",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_never_take_the_place_of_a_record() {
        let dir = tempfile::tempdir().unwrap();
        let mut sources = Sources::default();
        let names = ["a.fsched", "program.fsched", "Final.safetensors/b.fsched", "imports/0.fsched", "lib.fsched", "x"];
        names.into_iter().for_each(|name| {
            sources.add(Source::new(name, name));
        });
        let program = write_program(dir.path(), &sources).unwrap();
        let written = ["imports/0.fsched", "imports/1.fsched", "imports/2.fsched", "lib.fsched", "imports/4.fsched"];
        let files: Vec<&str> = program.imports.iter().map(|import| import.file.as_str()).collect();
        assert_eq!(files, written);
        for (name, written) in names.iter().zip(["program.fsched"].iter().chain(&written)) {
            assert_eq!(std::fs::read_to_string(dir.path().join(written)).unwrap(), **name);
        }
    }
}
