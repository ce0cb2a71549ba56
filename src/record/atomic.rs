//! Files appear whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::Path;

/// Writes beside the path, flushes to the disk and renames. On an error nothing of it is left, and the error names the path.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_as(path, bytes, None)
}

fn write_as(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.part", std::process::id()));
    let written = write_and_sync(&aside, bytes, permissions).and_then(|()| fs::rename(&aside, path));
    if let Err(error) = written {
        // Best effort: the first error is the one to tell of.
        let _ = fs::remove_file(&aside);
        return Err(named("write", path, error));
    }
    sync_folder(path);
    Ok(())
}

/// Puts other bytes in the place of a file that exists: a link is followed, and what may read, write and run it stays.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let found = fs::canonicalize(path).and_then(|p| fs::metadata(&p).map(|m| (p, m.permissions())));
    let (path, permissions) = found.map_err(|e| named("write", path, e))?;
    if permissions.readonly() {
        return Err(named("write", &path, io::ErrorKind::PermissionDenied.into()));
    }
    write_as(&path, bytes, Some(permissions))
}

fn write_and_sync(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = File::create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// The renaming itself must reach the disk; file systems that cannot do so for folders do it unasked.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|p| File::open(p).ok()) {
        let _ = folder.sync_all();
    }
}

/// The error with what was tried and where.
pub fn named(verb: &str, path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {verb} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_nothing_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_replaced_keeps_its_mode_and_its_links() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("b"));
        write(&path, b"one").unwrap();
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
    fn a_failure_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("gone/a.json"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("gone/a.json`"), "{error}");
    }
}
