//! An append-only file of JSON lines.

use super::atomic::named;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Whole lines only: a line that could not be written is taken back.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Log {
    /// A new, empty log.
    pub fn create(path: &Path) -> io::Result<Log> {
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(|e| named("create", path, e))?;
        Ok(Log { path: path.to_path_buf(), file, length: 0 })
    }

    /// Appends one object as a line and gives the line's text, without its end.
    pub fn append(&mut self, object: &impl Serialize) -> io::Result<String> {
        let line = serde_json::to_string(object)?;
        self.check_path()?;
        if let Err(error) = self.file.write_all(format!("{line}\n").as_bytes()) {
            // A full disk takes part of a line: cut it off again.
            let _ = self.file.set_len(self.length);
            return Err(named("append to", &self.path, error));
        }
        self.length += line.len() as u64 + 1;
        Ok(line)
    }

    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// An open file outlives its folder; what would be written into nowhere is an error instead.
    fn check_path(&self) -> io::Result<()> {
        match std::fs::metadata(&self.path) {
            Ok(found) if found.len() >= self.length => Ok(()),
            Ok(_) => {
                Err(io::Error::other(format!("`{}` was changed by someone else during the run", self.path.display())))
            }
            Err(error) => Err(named("append to", &self.path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut log = Log::create(&path).unwrap();
        assert_eq!(log.append(&[1, 2]).unwrap(), "[1,2]");
        log.append(&"a\nb").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[1,2]\n\"a\\nb\"\n");
        assert_eq!(Log::create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn notices_that_the_folder_has_vanished() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(&dir.path().join("events.jsonl")).unwrap();
        std::fs::remove_dir_all(dir.path()).unwrap();
        let error = log.append(&1).unwrap_err();
        assert!(error.to_string().contains("cannot append to"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_leaves_no_half_line() {
        // /dev/full takes every write and answers that the disk is full.
        let mut log = Log {
            path: "/dev/full".into(),
            file: OpenOptions::new().write(true).open("/dev/full").unwrap(),
            length: 0,
        };
        let error = log.append(&1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }
}
