//! An append-only file of JSON lines.

use crate::disk::{self, Patience, named};
use crate::reading::{self, limits};
use crate::runtime::event::Mark;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

/// Whole lines only: a line that could not be written is taken back.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    /// bytes
    length: u64,
    lines: u64,
    /// behind what is on the disk for sure
    unflushed: Vec<u8>,
    patience: Patience,
}

impl Log {
    /// A new, empty log.
    pub fn create(path: &Path, patience: &Patience) -> io::Result<Log> {
        let file = disk::create(path).map_err(|e| named("create", path, e))?;
        Ok(Log {
            path: path.to_path_buf(),
            file,
            length: 0,
            lines: 0,
            unflushed: Vec::new(),
            patience: patience.clone(),
        })
    }

    /// The log that is there, cut back to its first lines (to all whole ones where `lines` is `None`); `keep` sees each
    /// that stays. Where there is none, a new one.
    ///
    /// # Errors
    /// If it has fewer lines, and what the file system says.
    pub fn reopen(
        path: &Path,
        lines: Option<u64>,
        patience: &Patience,
        mut keep: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<Log> {
        if !path.exists() && lines.unwrap_or(0) == 0 {
            return Log::create(path, patience);
        }
        let (length, lines) = read(path, lines, &mut keep)?;
        let error = |e| named("open", path, e);
        let file = OpenOptions::new().append(true).open(path).map_err(error)?;
        if file.metadata().map_err(error)?.len() > length {
            disk::cut(&file, path, length).and_then(|()| disk::flush(&file, path)).map_err(error)?;
        }
        Ok(Log { path: path.to_path_buf(), file, length, lines, unflushed: Vec::new(), patience: patience.clone() })
    }

    /// Appends one object as a line and gives the line's text, without its end.
    pub fn append(&mut self, object: &impl Serialize) -> io::Result<String> {
        let line = serde_json::to_string(object)?;
        let bytes = format!("{line}\n");
        let patience = self.patience.clone();
        patience.with(|| self.put(bytes.as_bytes())).map_err(|e| named("append to", &self.path, e))?;
        self.length += bytes.len() as u64;
        self.lines += 1;
        self.unflushed.extend_from_slice(bytes.as_bytes());
        Ok(line)
    }

    /// All that was appended reaches the disk; how far the log has come.
    pub fn flush(&mut self) -> io::Result<Mark> {
        let patience = self.patience.clone();
        let mut failed = false;
        let flushed = patience.with(|| {
            if failed {
                self.write_again()?;
            }
            let flushed = disk::flush(&self.file, &self.path).or_else(|e| self.reopen_if_stale(e));
            failed = flushed.is_err();
            flushed
        });
        flushed.map_err(|e| named("flush", &self.path, e))?;
        self.unflushed.clear();
        Ok(Mark { lines: self.lines, sha256: None })
    }

    /// After a flush that failed the system may have dropped what it was to write, and would tell of the next flush that
    /// all is well.
    fn write_again(&mut self) -> io::Result<()> {
        let safe = self.length - self.unflushed.len() as u64;
        disk::cut(&self.file, &self.path, safe)?;
        disk::append(&mut self.file, &self.path, safe, &self.unflushed)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.look()?;
        let written = disk::append(&mut self.file, &self.path, self.length, bytes);
        written.or_else(|error| {
            // A full disk takes part of a line: cut it off again.
            let _ = self.file.set_len(self.length);
            self.reopen_if_stale(error)
        })
    }

    /// An open file outlives its folder; what would be written into nowhere is an error instead. What a try before left
    /// of a line is cut off.
    fn look(&mut self) -> io::Result<()> {
        match std::fs::metadata(&self.path)?.len() {
            found if found < self.length => Err(io::Error::other("it was changed by someone else during the run")),
            found if found > self.length => disk::cut(&self.file, &self.path, self.length),
            _ => Ok(()),
        }
    }

    /// A network drive that was away may have forgotten its open files; the next try has a new one.
    fn reopen_if_stale(&mut self, error: io::Error) -> io::Result<()> {
        if error.kind() == ErrorKind::StaleNetworkFileHandle {
            self.file = OpenOptions::new().append(true).open(&self.path)?;
        }
        Err(error)
    }
}

/// Whether a log has at least so many lines, all of them objects; `keep` sees each.
pub fn holds(path: &Path, lines: u64, mut keep: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    if lines == 0 {
        return Ok(());
    }
    read(path, Some(lines), &mut |line| {
        serde_json::from_str::<serde::de::IgnoredAny>(line).map_err(|e| named("read", path, e.into()))?;
        keep(line)
    })
    .map(|_| ())
}

/// Bytes and number of the first whole lines.
fn read(path: &Path, wanted: Option<u64>, keep: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<(u64, u64)> {
    let error = |e| named("read", path, e);
    let (file, _) = reading::open(path).map_err(error)?;
    let mut reader = BufReader::new(file);
    let (mut length, mut lines) = (0, 0);
    let mut line = Vec::new();
    while wanted.is_none_or(|wanted| lines < wanted) {
        line.clear();
        let read = io::Read::take(&mut reader, limits::LINE_BYTES).read_until(b'\n', &mut line).map_err(error)?;
        // A power cut leaves the last line torn.
        if line.pop() != Some(b'\n') {
            break;
        }
        let text = std::str::from_utf8(&line)
            .map_err(|_| error(io::Error::other(format!("line {} is no text", lines + 1))))?;
        keep(text)?;
        length += read as u64;
        lines += 1;
    }
    match wanted {
        Some(wanted) if lines < wanted => {
            let what = format!("it has {lines} whole lines, and {wanted} were written");
            Err(error(io::Error::new(ErrorKind::InvalidData, what)))
        }
        _ => Ok((length, lines)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(path: &Path) -> Log {
        Log::create(path, &Patience::none()).unwrap()
    }

    #[test]
    fn appends_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut log = create(&path);
        assert_eq!(log.append(&[1, 2]).unwrap(), "[1,2]");
        log.append(&"a\nb").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[1,2]\n\"a\\nb\"\n");
        assert_eq!(log.flush().unwrap().lines, 2);
        assert_eq!(Log::create(&path, &Patience::none()).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_log_is_cut_back_to_its_lines_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        std::fs::write(&path, "1\n2\n3\n{\"to").unwrap();
        for (lines, kept) in [(None, "1\n2\n3\n4\n"), (Some(2), "1\n2\n4\n"), (Some(0), "4\n")] {
            let mut seen = Vec::new();
            let keep = |line: &str| {
                seen.push(line.to_string());
                Ok(())
            };
            let mut log = Log::reopen(&path, lines, &Patience::none(), keep).unwrap();
            log.append(&4).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), kept);
            assert_eq!(seen.len(), kept.lines().count() - 1);
        }
        let error = Log::reopen(&path, Some(2), &Patience::none(), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("it has 1 whole lines, and 2 were written"), "{error}");
        assert!(holds(&path, 1, |_| Ok(())).is_ok());
        std::fs::write(&path, "{\"a\":\n").unwrap();
        assert!(holds(&path, 1, |_| Ok(())).is_err());
    }

    #[test]
    fn notices_that_the_folder_has_vanished() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = create(&dir.path().join("events.jsonl"));
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
            lines: 0,
            unflushed: Vec::new(),
            patience: Patience::none(),
        };
        let error = log.append(&1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }
}
