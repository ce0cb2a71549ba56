//! The chain of the ledger: each line holds the hash of the line before it, so nothing can be taken out or changed unseen.

use super::log;
use super::manifest::Manifest;
use crate::disk::{self, sha256};
use crate::reading::lines::Lines;
use crate::runtime::event::Mark;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What the first line holds: the hash of the empty text.
pub fn genesis() -> String {
    sha256(b"")
}

/// A chain that is followed line by line.
pub struct Chain {
    pub lines: u64,
    /// hash of the last line
    pub head: String,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { lines: 0, head: genesis() }
    }
}

impl Chain {
    /// Takes the next line, if it follows from the one before.
    pub fn take(&mut self, line: &str) -> bool {
        let follows = serde_json::from_str::<Link>(line).is_ok_and(|link| link.previous == self.head);
        if follows {
            self.lines += 1;
            self.head = sha256(line.as_bytes());
        }
        follows
    }
}

#[derive(serde::Deserialize)]
struct Link {
    previous: String,
}

/// The hash of the last line of a sound ledger, or the number (from 1) of the first line that breaks the chain.
pub fn verify(text: &str) -> Result<String, usize> {
    let mut chain = Chain::default();
    for (i, line) in text.lines().enumerate() {
        if !chain.take(line) {
            return Err(i + 1);
        }
    }
    Ok(chain.head)
}

/// Whether a folder's ledger is the one that its manifest knows.
pub fn is_sound(folder: &Path, manifest: &Manifest) -> bool {
    let Ok(lines) = Lines::open(&folder.join("ledger.jsonl")) else { return false };
    let mut chain = Chain::default();
    lines.into_iter().all(|line| line.is_ok_and(|line| chain.take(&line))) && chain.head == manifest.ledger.sha256
}

/// Whether the records of a folder reach as far as a checkpoint says: so many whole lines, and of the ledger the very
/// chain.
///
/// # Errors
/// A sentence that names the file, as an error of the disk.
pub fn reaches(folder: &Path, marks: &BTreeMap<String, Mark>) -> io::Result<()> {
    for (name, mark) in marks {
        let path = folder.join(name);
        let mut chain = Chain::default();
        log::holds(&path, mark.lines, |line| {
            if mark.sha256.is_some() && !chain.take(line) {
                return Err(broken(&path, &format!("line {} does not follow from the one before", chain.lines + 1)));
            }
            Ok(())
        })?;
        if mark.sha256.as_ref().is_some_and(|head| *head != chain.head) {
            return Err(broken(&path, "it is not the ledger that the checkpoint was made with"));
        }
    }
    Ok(())
}

fn broken(path: &Path, what: &str) -> io::Error {
    disk::named("use", path, io::Error::new(io::ErrorKind::InvalidData, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_breaks_where_a_line_was_changed() {
        let first = format!(r#"{{"n":1,"previous":"{}"}}"#, genesis());
        let second = format!(r#"{{"n":2,"previous":"{}"}}"#, sha256(first.as_bytes()));
        let third = format!(r#"{{"n":3,"previous":"{}"}}"#, sha256(second.as_bytes()));
        let sound = [first.as_str(), &second, &third].join("\n");
        assert_eq!(verify(&sound), Ok(sha256(third.as_bytes())));
        assert_eq!(verify(&sound.replace("\"n\":2", "\"n\":9")), Err(3));
        assert_eq!(verify(&[first.as_str(), &third].join("\n")), Err(2));
        assert_eq!(verify(""), Ok("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into()));
    }
}
