//! How files are read that a stranger may have made: regular files only, never more than a limit, and errors that name
//! the file. [`limits`] holds the limits.

pub mod gguf;
pub mod json;
pub mod limits;
pub mod lines;
pub mod picture;

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// A regular file, open, and its length. Pipes and devices would wait or never end, so they are refused before they are
/// opened; so is what has taken the file's place by then.
///
/// # Errors
/// What the file system says, or that it is no regular file, without the path.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    let regular = |found: &std::fs::Metadata| match found.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    };
    regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    let found = file.metadata()?;
    regular(&found)?;
    Ok((file, found.len()))
}

/// All bytes of a file that has at most so many.
///
/// # Errors
/// As [`open`], or that the file is larger; the message names the path.
pub fn whole(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    content(path, most).map_err(|e| named(path, e))
}

/// As [`whole`], for those who say themselves which file it was: without the path.
pub fn content(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open(path)?;
    from(file, length, most)
}

/// As [`content`], of anything that can be read; `length` is what it is expected to hold.
pub fn from(source: impl Read, length: u64, most: u64) -> io::Result<Vec<u8>> {
    let too_large = |what: String| Err(io::Error::new(ErrorKind::FileTooLarge, what));
    if length > most {
        return too_large(format!("it has {length} bytes; at most {most} are read"));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return too_large(format!("it goes on after the {most} bytes that are read"));
    }
    Ok(bytes)
}

/// SHA-256 in hex of a file of any size, of which no more than a piece is in memory.
///
/// # Errors
/// As [`open`]; the message names the path.
pub fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, _) = open(path).map_err(|e| named(path, e))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => hash.update(&piece[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(named(path, e)),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The error with the path.
fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(whole(&path, 5).unwrap(), b"12345");
        let error = whole(&path, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), format!("cannot read `{}`: it has 5 bytes; at most 4 are read", path.display()));
        // One that has grown since its length was asked.
        assert!(from(&b"12345"[..], 3, 4).unwrap_err().to_string().contains("it goes on after the 4 bytes"));
        // The sum that sha256sum prints.
        assert_eq!(sha256(&path).unwrap(), "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            let errors = [whole(path, 9).unwrap_err(), sha256(path).unwrap_err()];
            let expected = format!("cannot read `{}`: it is not a regular file", path.display());
            assert!(errors.iter().all(|e| e.to_string() == expected), "{errors:?}");
        }
    }
}
