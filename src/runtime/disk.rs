//! Files that are there whole or not at all: written aside, flushed, renamed.

use super::error::Failure;
use crate::reading;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// SHA-256 of some bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A folder whose files `fill` writes: made beside `folder` and then put in its place. What stood there is gone
/// afterwards.
///
/// If the machine stops half-way, either the old or the new folder is there whole, under its own name or under
/// `.old-…` or `.new-…` beside it.
pub fn replace_folder(folder: &Path, fill: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let (fresh, old) = (beside(folder, "new"), beside(folder, "old"));
    remove_folder(&fresh)?;
    remove_folder(&old)?;
    fs::create_dir_all(&fresh).map_err(|e| Failure::file("make the folder", &fresh, &e))?;
    fill(&fresh)?;
    flush_folder(&fresh)?;
    if folder.exists() {
        rename(folder, &old)?;
    }
    rename(&fresh, folder)?;
    flush_parent(folder)?;
    remove_folder(&old)
}

/// A file, flushed to the disk.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| Failure::file("write", path, &e))
}

/// Removes a folder and all in it, if it is there.
pub fn remove_folder(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::file("remove", folder, &e)),
        _ => Ok(()),
    }
}

/// SHA-256 of a file, in hex.
pub fn sum(path: &Path) -> Result<String, Failure> {
    reading::sha256(path).map_err(|e| Failure::new(e.to_string()))
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{what}-{name}"))
}

fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).map_err(|e| Failure::file("write", to, &e))
}

fn flush_parent(path: &Path) -> Result<(), Failure> {
    path.parent().map_or(Ok(()), flush_folder)
}

/// A rename is only safe from a power cut once its folder has been flushed. Windows has no such call and needs none.
fn flush_folder(folder: &Path) -> Result<(), Failure> {
    if cfg!(unix) {
        let flush = || File::open(folder)?.sync_all();
        flush().map_err(|e| Failure::file("flush", folder, &e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_replaced_whole_and_nothing_stays_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("checkpoints").join("best");
        let both = |place: &Path| write_file(&place.join("a"), b"1").and_then(|()| write_file(&place.join("b"), b"2"));
        replace_folder(&folder, both).unwrap();
        replace_folder(&folder, |place| write_file(&place.join("a"), b"3")).unwrap();
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"3");
        assert!(!folder.join("b").exists());
        let names: Vec<_> = fs::read_dir(folder.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["best"]);
    }

    #[test]
    fn a_folder_that_could_not_be_filled_leaves_the_old_one() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("best");
        replace_folder(&folder, |place| write_file(&place.join("a"), b"1")).unwrap();
        replace_folder(&folder, |_| Err(Failure::new("no space left"))).unwrap_err();
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"1");
    }

    #[test]
    fn an_error_names_the_path() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("missing").join("final.safetensors");
        let failure = write_file(&path, b"").unwrap_err();
        assert!(failure.message.contains("missing") && failure.message.starts_with("cannot write"), "{failure:?}");
    }

    #[test]
    fn sha256_is_the_standard_one() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
    }
}
