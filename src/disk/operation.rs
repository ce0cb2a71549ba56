//! The single steps by which files come to the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

/// One step, about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// an empty file that was not there
    Create(&'a Path),
    /// bytes at the end of a file of so many bytes
    Append {
        path: &'a Path,
        at: u64,
        bytes: &'a [u8],
    },
    /// the rest of a file behind so many bytes goes
    Cut {
        path: &'a Path,
        length: u64,
    },
    /// a file's contents reach the disk
    Flush(&'a Path),
    Rename {
        from: &'a Path,
        to: &'a Path,
    },
    /// a second name of a file
    Link {
        from: &'a Path,
        to: &'a Path,
    },
    Remove(&'a Path),
    MakeFolder(&'a Path),
    /// an empty one
    RemoveFolder(&'a Path),
    /// the names in a folder reach the disk
    FlushFolder(&'a Path),
    /// a named moment between two steps of a run, when nothing is written
    Point(&'static str),
}

/// Sees each operation before it is done. An error is taken for the operation's own.
pub type Witness = Box<dyn Fn(&Operation) -> io::Result<()> + Send + Sync>;

static WITNESS: OnceLock<Witness> = OnceLock::new();

/// From now on the witness sees all operations of this process. Only the first one counts.
pub fn watch(witness: Witness) {
    let _ = WITNESS.set(witness);
}

pub(super) fn about_to(operation: Operation) -> io::Result<()> {
    WITNESS.get().map_or(Ok(()), |witness| witness(&operation))
}

/// A named moment of a run.
pub fn point(name: &'static str) {
    let _ = about_to(Operation::Point(name));
}

/// A new file, to be appended to.
///
/// # Errors
/// `AlreadyExists` where something has that name, and what the file system says.
pub fn create(path: &Path) -> io::Result<File> {
    about_to(Operation::Create(path))?;
    OpenOptions::new().append(true).create_new(true).open(path)
}

/// Appends to a file of `at` bytes. After an error part of the bytes may be there.
pub fn append(file: &mut File, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
    about_to(Operation::Append { path, at, bytes })?;
    file.write_all(bytes)
}

/// Leaves so many bytes of a file.
pub fn cut(file: &File, path: &Path, length: u64) -> io::Result<()> {
    about_to(Operation::Cut { path, length })?;
    file.set_len(length)
}

/// What was written to the file reaches the disk.
pub fn flush(file: &File, path: &Path) -> io::Result<()> {
    about_to(Operation::Flush(path))?;
    file.sync_all()
}

/// Gives a file or folder another name; what had it is replaced, if it is a file.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    about_to(Operation::Rename { from, to })?;
    fs::rename(from, to)
}

/// A second name of a file, or a copy where the file system has no such thing.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    about_to(Operation::Link { from, to })?;
    fs::hard_link(from, to).or_else(|_| {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()
    })
}

/// Removes a file, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
    about_to(Operation::Remove(path))?;
    absent_is_fine(fs::remove_file(path))
}

pub(super) fn make(path: &Path) -> io::Result<()> {
    about_to(Operation::MakeFolder(path))?;
    fs::create_dir(path)
}

pub(super) fn remove_empty(path: &Path) -> io::Result<()> {
    about_to(Operation::RemoveFolder(path))?;
    absent_is_fine(fs::remove_dir(path))
}

/// The names in a folder reach the disk. A rename is only safe from a power cut once its folder has been flushed. Windows has no such call and needs none.
pub fn flush_folder(path: &Path) -> io::Result<()> {
    about_to(Operation::FlushFolder(path))?;
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

pub(super) fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
