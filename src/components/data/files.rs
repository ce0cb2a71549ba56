//! Bounded reading: no file, compressed or not, can make us allocate more than it can really hold.

use super::Places;
use crate::components::{Problem, ProblemKind};
use crate::reading;
use crate::reading::limits::{DATA_BYTES, EXPANSION, UNSUSPICIOUS_BYTES};
use flate2::bufread::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

/// Deflate cannot expand a byte to more than this many.
const DEFLATE_RATIO: u64 = 1032;

/// A folder of a data set.
pub(super) struct Folder<'a> {
    places: &'a Places,
    path: PathBuf,
    /// as the program names it
    shown: String,
}

/// A regular file of known size inside a folder of a data set.
pub(super) struct DataFile {
    path: PathBuf,
    pub(super) shown: String,
    pub(super) size: u64,
}

/// Bytes that come in order, unpacked where they were gzipped.
pub(super) struct Stream<'a> {
    inner: Box<dyn Read + 'a>,
    shown: String,
    /// the most that can still come
    left: u64,
    packed: bool,
}

/// A name found in a folder.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) is_folder: bool,
}

impl<'a> Folder<'a> {
    /// The folder that a path of a program means.
    pub(super) fn open(places: &'a Places, text: &str) -> Result<Folder<'a>, Problem> {
        let path = places.resolve(text).map_err(|p| p.of("folder"))?;
        if !path.is_dir() {
            let problem = Problem::new(ProblemKind::MissingFile, format!("`{text}` is a file, not a folder"));
            return Err(problem.help("name the folder that holds the files").of("folder"));
        }
        Ok(Folder { places, path, shown: text.trim_end_matches('/').to_string() })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The first of these files that is there.
    pub(super) fn find<S: AsRef<str>>(&self, names: &[S]) -> Result<Option<DataFile>, Problem> {
        for name in names {
            if fs::symlink_metadata(self.path.join(name.as_ref())).is_ok() {
                return self.file(name.as_ref()).map(Some);
            }
        }
        Ok(None)
    }

    /// The file of that name.
    pub(super) fn file(&self, name: &str) -> Result<DataFile, Problem> {
        let (path, shown) = self.inside(name)?;
        let found = fs::metadata(&path).map_err(|e| unreadable(&shown, &e))?;
        // A pipe or a device would block or never end.
        if !found.is_file() {
            return Err(bad(&shown, "is not a regular file"));
        }
        Ok(DataFile { path, shown, size: found.len() })
    }

    /// The folder of that name inside.
    pub(super) fn folder(&self, name: &str) -> Result<Folder<'a>, Problem> {
        let (path, shown) = self.inside(name)?;
        Ok(Folder { places: self.places, path, shown })
    }

    /// The real path of something inside. Only a link can lead elsewhere, since this folder's own path is real.
    fn inside(&self, name: &str) -> Result<(PathBuf, String), Problem> {
        let shown = format!("{}/{name}", self.shown);
        let path = self.path.join(name);
        let found = fs::symlink_metadata(&path).map_err(|e| unreadable(&shown, &e))?;
        Ok((if found.is_symlink() { self.places.admit(&path, &shown)? } else { path }, shown))
    }

    /// What it holds, by name in byte order; hidden names are left out.
    pub(super) fn entries(&self) -> Result<Vec<Named>, Problem> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|e| unreadable(&self.shown, &e))? {
            let entry = entry.map_err(|e| unreadable(&self.shown, &e))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(bad(&self.shown, format!("holds the name {:?}, which is not UTF-8", entry.file_name())));
            };
            let kind = entry.file_type().map_err(|e| unreadable(&self.shown, &e))?;
            let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
            if !name.starts_with('.') {
                entries.push(Named { name, is_folder });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

impl DataFile {
    pub(super) fn open(&self) -> Result<BufReader<File>, Problem> {
        let (file, _) = reading::open(&self.path).map_err(|e| unreadable(&self.shown, &e))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }

    /// All its bytes as they are, if they are at most so many.
    pub(super) fn bytes(&self, what: &str, most: u64) -> Result<Vec<u8>, Problem> {
        if self.size > most {
            return Err(bad(&self.shown, format!("has {} bytes; at most {most} are read", self.size)));
        }
        let inner = Box::new(self.open()?);
        Stream { inner, shown: self.shown.clone(), left: self.size, packed: false }.bytes(self.size, what)
    }

    /// Its bytes, unpacked where it is gzipped.
    pub(super) fn stream(&self) -> Result<Stream<'static>, Problem> {
        Stream::new(self.open()?, self.size, &self.shown)
    }
}

impl<'a> Stream<'a> {
    /// `size` is the length of `inner`; whether it is gzipped is seen by its first two bytes.
    pub(super) fn new(mut inner: impl BufRead + 'a, size: u64, shown: &str) -> Result<Stream<'a>, Problem> {
        let start = inner.fill_buf().map_err(|e| unreadable(shown, &e))?;
        let packed = start.starts_with(&[0x1f, 0x8b]);
        let shown = shown.to_string();
        Ok(if packed {
            let left = size.saturating_mul(DEFLATE_RATIO).min(plausible(size));
            Stream { inner: Box::new(MultiGzDecoder::new(inner)), shown, left, packed }
        } else {
            Stream { inner: Box::new(inner), shown, left: size, packed }
        })
    }

    /// The next `count` bytes, which are `what`; a file too small for them is refused before anything is allocated.
    pub(super) fn bytes(&mut self, count: u64, what: &str) -> Result<Vec<u8>, Problem> {
        self.could_hold(count, what)?;
        // What isn't packed is there. Else the room grows with what comes, and not twofold at the end.
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < count {
            let left = count - bytes.len() as u64;
            let more = if self.packed { left.min(at_once(&bytes)) } else { left };
            bytes.try_reserve_exact(more as usize).map_err(|_| self.no_memory(count, what))?;
            let read = (&mut self.inner).take(more).read_to_end(&mut bytes).map_err(|e| self.broken(&e))?;
            if (read as u64) < more {
                return Err(self.short(bytes.len() as u64, count, what));
            }
        }
        self.left -= count;
        Ok(bytes)
    }

    /// The same bytes, handed on piece by piece instead of kept.
    pub(super) fn scan(&mut self, count: u64, what: &str, mut each: impl FnMut(&[u8])) -> Result<(), Problem> {
        self.could_hold(count, what)?;
        let mut piece = [0; 1 << 12];
        let mut seen = 0;
        while seen < count {
            let most = piece.len().min((count - seen) as usize);
            match self.inner.read(&mut piece[..most]) {
                Ok(0) => return Err(self.short(seen, count, what)),
                Ok(n) => {
                    each(&piece[..n]);
                    seen += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(&e)),
            }
        }
        self.left -= count;
        Ok(())
    }

    /// Nothing may follow; reading to the very end also verifies the checksum of a gzip file.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        let mut more = [0; 1];
        match self.inner.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(bad(&self.shown, "goes on after the bytes that its header announces")),
            Err(e) => Err(self.broken(&e)),
        }
    }

    /// How many bytes it holds, where that is known without unpacking.
    pub(super) fn exact_left(&self) -> Option<u64> {
        (!self.packed).then_some(self.left)
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Refuses a count that the file is too small for, or that is beyond all limits.
    pub(super) fn could_hold(&self, count: u64, what: &str) -> Result<(), Problem> {
        if count > DATA_BYTES {
            return Err(bad(&self.shown, format!("announces {count} bytes of {what}; at most {DATA_BYTES} are read")));
        }
        if count > self.left {
            let most = if self.packed { "room for at most " } else { "" };
            let left = self.left;
            return Err(bad(&self.shown, format!("should go on with {count} bytes of {what} but has {most}{left}")));
        }
        Ok(())
    }

    fn no_memory(&self, count: u64, what: &str) -> Problem {
        bad(&self.shown, format!("holds {count} bytes of {what}, for which there is no memory"))
    }

    fn short(&self, read: u64, count: u64, what: &str) -> Problem {
        bad(&self.shown, format!("ends after {read} of {count} bytes of {what}"))
    }

    fn broken(&self, error: &io::Error) -> Problem {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => bad(&self.shown, "is cut off: its gzip stream has no end"),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                bad(&self.shown, format!("is not a sound gzip file: {error}"))
            }
            _ => unreadable(&self.shown, error),
        }
    }
}

/// For so many bytes more there is room before they have come: headers may lie, and twofold growth wastes half.
pub(super) fn at_once(bytes: &[u8]) -> u64 {
    (64 << 20).max(bytes.len() as u64 / 4)
}

/// Room for more bytes of `total` in all.
pub(super) fn make_room(bytes: &mut Vec<u8>, more: usize, total: usize) {
    if bytes.capacity() - bytes.len() < more {
        let at_once = more.max(at_once(bytes) as usize);
        bytes.reserve_exact(at_once.min(total.saturating_sub(bytes.len())).max(more));
    }
}

/// The most that data of files of this size are believed to take.
pub(super) fn plausible(size: u64) -> u64 {
    size.saturating_mul(EXPANSION).max(UNSUSPICIOUS_BYTES)
}

/// A file of the wrong form: `found` says what is wrong with it.
pub(super) fn bad(shown: &str, found: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemKind::BadFile, format!("`{shown}` {found}"))
}

/// None of the files is there that would do.
pub(super) fn missing(folder: &str, what: &str, names: &str) -> Problem {
    let problem = Problem::new(ProblemKind::MissingFile, format!("`{folder}` holds no {what}"));
    problem.help(format!("put {names} there"))
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    Problem::new(ProblemKind::MissingFile, format!("cannot read `{shown}`: {error}"))
}
