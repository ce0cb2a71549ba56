//! Writing that survives: all files of a run come to the disk by these functions. They are there whole or not at all,
//! and what was flushed is there after a power cut.
//!
//! Each single step on the way ([`Operation`]) is shown to a [`Witness`] before it is done, where there is one: the
//! fault suite refuses it, ends the process there, or writes it down.

mod folder;
mod operation;
mod patience;
mod whole;

pub use folder::{drop_folder, link_folder, make_folder, remove_folder, replace_folder, tidy};
pub use operation::{Operation, Witness, append, create, cut, flush, flush_folder, link, point, remove, rename, watch};
pub use patience::Patience;
pub use whole::{replace, write_new, write_whole};

use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The error with what was tried and where; its kind stays.
pub fn named(verb: &str, path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {verb} `{}`: {error}", path.display()))
}
