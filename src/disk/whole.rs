//! Files that appear whole or not at all.

use super::named;
use super::operation::{append, create, flush, flush_folder, remove, rename};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// Writes beside the path, flushes, renames, and flushes the folder: after a crash at any moment the old file is there
/// or the new one.
///
/// # Errors
/// What the file system says, with the path. The old file is then still there, and nothing of the new one.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_as(path, bytes, None).map_err(|e| named("write", path, e))
}

/// Puts other bytes in the place of a file that exists: a link is followed, and what may read, write and run it stays.
///
/// # Errors
/// As [`write_whole`]; also where the file may not be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let found = fs::canonicalize(path).and_then(|p| fs::metadata(&p).map(|m| (p, m.permissions())));
    let (path, permissions) = found.map_err(|e| named("write", path, e))?;
    if permissions.readonly() {
        return Err(named("write", &path, io::ErrorKind::PermissionDenied.into()));
    }
    write_as(&path, bytes, Some(permissions)).map_err(|e| named("write", &path, e))
}

/// A file that was not there, flushed. For files in a folder that nobody reads before it has its name.
///
/// # Errors
/// What the file system says, with the path. Part of the file may then be there.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fill(path, bytes, None).map_err(|e| named("write", path, e))
}

fn write_as(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let aside = aside(path)?;
    // One that a crash left over; a link in its place is removed, not followed.
    remove(&aside)?;
    let written = fill(&aside, bytes, permissions).and_then(|()| rename(&aside, path));
    if written.is_err() {
        // Best effort: the first error is the one to tell of.
        let _ = remove(&aside);
    }
    written?;
    flush_folder(folder_of(path))
}

fn fill(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    append(&mut file, path, 0, bytes)?;
    flush(&file, path)
}

fn aside(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let mut aside = OsString::from(".");
    aside.push(name);
    aside.push(".part");
    Ok(path.with_file_name(aside))
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.safetensors");
        fs::write(dir.path().join(".weights.safetensors.part"), "left over").unwrap();
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_replaced_keeps_its_mode_and_its_links() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("b"));
        write_whole(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        symlink("a", &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        let refused = replace(&path, b"three").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn a_failure_names_the_path_and_leaves_the_target() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_whole(&dir.path().join("gone/a.json"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("gone/a.json`"), "{error}");
        let folder = dir.path().join("target");
        fs::create_dir(&folder).unwrap();
        assert!(write_whole(&folder, b"one").is_err(), "a folder stands in the way");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_whole(Path::new("/"), b"one").is_err());
    }
}
