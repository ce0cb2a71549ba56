//! The chain of the ledger: each line holds the hash of the line before it, so nothing can be taken out or changed unseen.

use super::manifest::Manifest;
use crate::reading::lines::Lines;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io;
use std::path::Path;

/// What the first line holds: the hash of the empty text.
pub fn genesis() -> String {
    sha256(b"")
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What the chain needs of a line.
#[derive(serde::Deserialize)]
struct Link {
    previous: String,
}

/// The hash of the last line of a sound ledger, or the number (from 1) of the first line that breaks the chain.
pub fn verify(text: &str) -> Result<String, usize> {
    chain(text.lines().map(|line| Ok(line.to_string())))
}

fn chain(lines: impl Iterator<Item = io::Result<String>>) -> Result<String, usize> {
    let mut head = genesis();
    for (i, line) in lines.enumerate() {
        let line = line.map_err(|_| i + 1)?;
        let link: Link = serde_json::from_str(&line).map_err(|_| i + 1)?;
        if link.previous != head {
            return Err(i + 1);
        }
        head = sha256(line.as_bytes());
    }
    Ok(head)
}

/// Whether a folder's ledger is the one that its manifest knows.
pub fn is_sound(folder: &Path, manifest: &Manifest) -> bool {
    let Ok(lines) = Lines::open(&folder.join("ledger.jsonl")) else { return false };
    chain(lines).is_ok_and(|head| head == manifest.ledger.sha256)
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
