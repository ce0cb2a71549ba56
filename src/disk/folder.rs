//! Folders that appear whole or not at all.

use super::named;
use super::operation::{absent_is_fine, flush_folder, link, make, remove, remove_empty, rename};
use super::whole::folder_of;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Makes a folder and those above it, where they are not there; their names reach the disk.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match make(folder).and_then(|()| flush_folder(above)) {
        // Somebody else was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made.map_err(|e| named("make the folder", folder, e)),
    }
}

/// Removes a folder and all in it, if it is there. A link is removed, not followed.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    empty(folder).map_err(|e| named("remove", folder, e))
}

/// Removes a folder that others look for: after a crash at any moment it is there whole or not at all, but for a rest
/// under another name, which [`tidy`] removes.
///
/// # Errors
/// What the file system says, with the path.
pub fn drop_folder(folder: &Path) -> io::Result<()> {
    let gone = beside(folder, "gone");
    if folder.exists() {
        remove_folder(&gone)?;
        rename(folder, &gone).map_err(|e| named("remove", folder, e))?;
    }
    remove_folder(&gone)
}

fn empty(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) => return absent_is_fine(Err(error)),
        Ok(found) if !found.is_dir() => return remove(folder),
        Ok(_) => {}
    }
    for name in names(folder)? {
        empty(&folder.join(name))?;
    }
    remove_empty(folder)
}

/// What a folder holds, sorted.
fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = fs::read_dir(folder)?.map(|e| Ok(e?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// A folder whose files `fill` writes, flushed: made beside `folder` and then put in its place. What stood there is gone
/// afterwards.
///
/// If the machine stops half-way, the old or the new folder is there whole: under its own name, or the old one as
/// `.old-…` beside it, from where [`tidy`] takes it.
///
/// # Errors
/// What the file system says, with the path. What stood there is then still there.
pub fn replace_folder(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let (fresh, old) = (beside(folder, "new"), beside(folder, "old"));
    remove_folder(&fresh)?;
    remove_folder(&old)?;
    make_folder(&fresh)?;
    let filled = fill(&fresh).and_then(|()| flush_all(&fresh));
    if let Err(error) = filled {
        // Best effort: a full disk needs the space, and the first error is the one to tell of.
        let _ = remove_folder(&fresh);
        return Err(error);
    }
    put(&fresh, folder, &old).map_err(|e| named("write", folder, e))?;
    remove_folder(&old)
}

fn put(fresh: &Path, folder: &Path, old: &Path) -> io::Result<()> {
    if folder.exists() {
        rename(folder, old)?;
    }
    rename(fresh, folder)?;
    flush_folder(folder_of(folder))
}

/// Flushes a folder and those in it; files have been by whoever wrote them.
fn flush_all(folder: &Path) -> io::Result<()> {
    for name in names(folder)? {
        let path = folder.join(name);
        if path.is_dir() {
            flush_all(&path)?;
        }
    }
    flush_folder(folder).map_err(|e| named("flush", folder, e))
}

/// The files of a folder and of those in it under second names in another one; the same bytes are kept once, where the
/// file system can do it.
pub fn link_folder(from: &Path, to: &Path) -> io::Result<()> {
    make_folder(to)?;
    for name in names(from).map_err(|e| named("read", from, e))? {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            link_folder(&from, &to)?;
        } else {
            link(&from, &to).map_err(|e| named("write", &to, e))?;
        }
    }
    Ok(())
}

/// Ends what [`replace_folder`] and [`drop_folder`] left half-way in a folder of folders: one that had lost its name gets it back, and all
/// else that was written aside goes.
pub fn tidy(folders: &Path) -> io::Result<()> {
    let found = match names(folders) {
        Err(error) => return absent_is_fine(Err(error)),
        Ok(found) => found,
    };
    for name in found {
        let Some(name) = name.to_str() else { continue };
        let path = folders.join(name);
        if let Some(lost) = name.strip_prefix(".old-") {
            let home = folders.join(lost);
            if home.exists() {
                remove_folder(&path)?;
            } else {
                rename(&path, &home)?;
            }
        } else if name.starts_with(".new-") || name.starts_with(".gone-") {
            remove_folder(&path)?;
        }
    }
    Ok(())
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{what}-{name}"))
}

#[cfg(test)]
mod tests {
    use super::super::write_new;
    use super::*;

    fn listing(folder: &Path) -> Vec<String> {
        names(folder).unwrap().into_iter().map(|n| n.into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_is_replaced_whole_and_nothing_stays_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("checkpoints").join("best");
        let both = |place: &Path| write_new(&place.join("a"), b"1").and_then(|()| write_new(&place.join("b"), b"2"));
        replace_folder(&folder, both).unwrap();
        replace_folder(&folder, |place| write_new(&place.join("a"), b"3")).unwrap();
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"3");
        assert_eq!(listing(&folder), ["a"]);
        assert_eq!(listing(folder.parent().unwrap()), ["best"]);
    }

    #[test]
    fn a_folder_that_could_not_be_filled_leaves_the_old_one_and_no_rest() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("best");
        replace_folder(&folder, |place| write_new(&place.join("a"), b"1")).unwrap();
        replace_folder(&folder, |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"1");
        assert_eq!(listing(place.path()), ["best"]);
    }

    #[test]
    fn what_was_left_half_way_is_ended() {
        let place = tempfile::tempdir().unwrap();
        for name in [".old-a", ".new-a", ".old-b", "b", ".new-c", ".gone-d"] {
            fs::create_dir(place.path().join(name)).unwrap();
            fs::write(place.path().join(name).join("f"), name).unwrap();
        }
        tidy(place.path()).unwrap();
        assert_eq!(listing(place.path()), ["a", "b"]);
        assert_eq!(fs::read(place.path().join("a/f")).unwrap(), b".old-a");
        assert_eq!(fs::read(place.path().join("b/f")).unwrap(), b"b");
        tidy(&place.path().join("missing")).unwrap();
    }

    #[test]
    fn linked_folders_hold_the_same_and_outlive_each_other() {
        let place = tempfile::tempdir().unwrap();
        let (a, b) = (place.path().join("a"), place.path().join("b"));
        make_folder(&a.join("deep")).unwrap();
        fs::write(a.join("deep/f"), "1").unwrap();
        link_folder(&a, &b).unwrap();
        remove_folder(&a).unwrap();
        assert_eq!(fs::read(b.join("deep/f")).unwrap(), b"1");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_removed_not_followed() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("kept")).unwrap();
        fs::write(place.path().join("kept/f"), "1").unwrap();
        std::os::unix::fs::symlink("kept", place.path().join("link")).unwrap();
        remove_folder(&place.path().join("link")).unwrap();
        assert_eq!(listing(place.path()), ["kept"]);
        assert_eq!(listing(&place.path().join("kept")), ["f"]);
    }
}
