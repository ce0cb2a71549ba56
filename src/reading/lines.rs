//! Lines of a file, each in memory alone and of bounded length.

use super::limits::LINE_BYTES;
use super::{named, open};
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The lines of a file in order. After an error there are no more.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// number of the line read last
    number: usize,
}

impl Lines {
    /// Opens a file, as [`open`]; errors name the path.
    pub fn open(path: &Path) -> io::Result<Lines> {
        let (file, _) = open(path).map_err(|e| named(path, e))?;
        Ok(Lines { path: path.to_path_buf(), file: Some(BufReader::new(file)), number: 0 })
    }

    /// What is wrong with the line read last.
    pub fn wrong(&self, what: impl std::fmt::Display) -> io::Error {
        named(&self.path, io::Error::new(ErrorKind::InvalidData, format!("line {}: {what}", self.number)))
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut line = Vec::new();
        file.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut line).map_err(|e| named(&self.path, e))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if line.len() as u64 > LINE_BYTES {
            return Err(self.wrong(format!("it has more than {LINE_BYTES} bytes")));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        String::from_utf8(line).map(Some).map_err(|_| self.wrong("it is not UTF-8"))
    }
}

impl Iterator for Lines {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        let line = self.line().transpose();
        if !matches!(line, Some(Ok(_))) {
            self.file = None;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "one\n\nthree").unwrap();
        let read = |path: &Path| Lines::open(path).unwrap().collect::<Vec<_>>();
        let lines: Vec<String> = read(&path).into_iter().map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "", "three"]);
        let long = [b"short\n".to_vec(), vec![b'x'; LINE_BYTES as usize + 1]].concat();
        for (bytes, what) in [(long, "line 2: it has more than"), (b"\xff\n1\n".to_vec(), "line 1: it is not UTF-8")] {
            std::fs::write(&path, bytes).unwrap();
            let lines = read(&path);
            let error = lines.last().unwrap().as_ref().unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("events.jsonl`"), "{error}");
        }
    }
}
