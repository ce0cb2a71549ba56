//! Files that are whole or not there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` so that a reader, or a crash at any moment, finds the old file or the new one, never
/// a part: written aside, flushed to the disk, renamed, and the folder flushed.
///
/// # Errors
/// What the file system says; the old file is then still there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = aside(path)?;
    // One that a crash left over; a link in its place is removed, not followed.
    match fs::remove_file(&aside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let written = fill(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&aside);
    }
    written?;
    sync_folder(path)
}

fn fill(aside: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(aside)?;
    file.write_all(bytes)?;
    file.sync_all()
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

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("weights.safetensors");
        fs::write(folder.path().join(".weights.safetensors.part"), "left over")?;
        write_whole(&path, b"one")?;
        write_whole(&path, b"two")?;
        assert_eq!(fs::read(&path)?, b"two");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn a_failed_write_leaves_the_target_and_no_rest() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("target");
        fs::create_dir(&path)?;
        assert!(write_whole(&path, b"one").is_err(), "a folder stands in the way");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        assert!(write_whole(&folder.path().join("no/such"), b"one").is_err());
        assert!(write_whole(Path::new("/"), b"one").is_err());
        Ok(())
    }
}
