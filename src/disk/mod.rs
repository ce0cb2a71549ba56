//! Writing that survives: all files of a run come to the disk by these functions. They are there whole or not at all,
//! and what was flushed is there after a power cut.
//!
//! Each single step on the way ([`Operation`]) is shown to a [`Witness`] before it is done, where there is one: the
//! fault suite refuses it, ends the process there, or writes it down.

mod folder;
mod operation;
mod patience;
mod whole;

pub use folder::{link_folder, make_folder, remove_folder, replace_folder, tidy};
pub use operation::{Operation, Witness, append, create, cut, flush, link, point, remove, rename, watch};
pub use patience::Patience;
pub use whole::{replace, write_new, write_whole};

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// What the file system says, with the path; also where something else than a file has the name.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let read = || {
        // Asked before opening: a pipe in its place would wait for ever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        Ok(hex(&hash.finalize()))
    };
    read().map_err(|e| named("read", path, e))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The error with what was tried and where; its kind stays.
pub fn named(verb: &str, path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {verb} `{}`: {error}", path.display()))
}
