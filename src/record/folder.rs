//! Run folders: what lies at a path, and taking one that only this process writes to.

use super::lock::{Holder, Life, Lock, Taken};
use super::manifest::Manifest;
use super::program::RECORDS;
use crate::diagnostic::Code;
use crate::disk;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder that this process holds.
#[derive(Debug)]
pub struct RunFolder {
    pub path: PathBuf,
    /// held until the folder is let go of
    _lock: Lock,
}

const LOCK: &str = "lock";

/// What lies at a path.
#[derive(Debug)]
pub enum Found {
    /// nothing, or an empty folder
    Nothing,
    /// a run that came to its end
    Finished(Box<Manifest>),
    /// a run that was cut off, failed or was stopped
    Unfinished,
    /// a run that a living process, or one on another machine, is writing
    Held(Holder, Life),
    /// something that no run made
    Foreign,
}

/// Why a folder can't be had for a run.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("`{path}` holds an unfinished run")]
    Unfinished { path: String },
    #[error("`{path}` holds a finished run of another plan")]
    OtherPlan { path: String },
    #[error("`{path}` is being written by {by}")]
    Held { path: String, by: String, elsewhere: bool },
    #[error("`{path}` is not a run folder and not empty")]
    Foreign { path: String },
    #[error("the run in `{path}` has just been ended by another process")]
    Ended { path: String },
    #[error("there is no run in `{path}`")]
    NoRun { path: String },
    #[error("cannot use `{path}` as a run folder: {source}")]
    Unusable { path: String, source: io::Error },
}

impl FolderError {
    pub fn code(&self) -> Code {
        match self {
            FolderError::Foreign { .. } | FolderError::NoRun { .. } | FolderError::Unusable { .. } => {
                Code::BAD_RUN_FOLDER
            }
            _ => Code::RUN_EXISTS,
        }
    }

    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            FolderError::Unfinished { .. } => {
                "`--resume` goes on where it stopped, `--fresh` starts anew in a folder beside it"
            }
            FolderError::OtherPlan { .. } => "choose another `--out`, or `--fresh` for a folder beside it",
            FolderError::Held { elsewhere: false, .. } => "wait for it to end, or `--fresh` for a folder beside it",
            FolderError::Held { .. } => {
                "if that process is gone, its `lock` may be removed; after 5 minutes without a sign of life it is passed over"
            }
            FolderError::Foreign { .. } => "choose an empty or new folder with `--out`",
            FolderError::Ended { .. } => "the same command again shows how it went",
            FolderError::NoRun { .. } => "name the folder that `fsched run` wrote, such as `runs/pipeline-1a2b3c4d`",
            FolderError::Unusable { .. } => "choose a folder that can be written to with `--out`",
        }
    }
}

impl Found {
    /// Looks without changing anything.
    pub fn at(path: &Path) -> io::Result<Found> {
        match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
            Ok(mut entries) => match entries.next() {
                None => return Ok(Found::Nothing),
                Some(entry) => entry?,
            },
        };
        let lock = path.join(LOCK);
        if let Some(holder) = Lock::holder(&lock) {
            // What the dead held is what they left.
            match holder.life() {
                Life::Dead => {}
                life => return Ok(Found::Held(holder, life)),
            }
        }
        match Manifest::read(path) {
            Ok(manifest) if manifest.is_finished() => Ok(Found::Finished(Box::new(manifest))),
            Ok(_) => Ok(Found::Unfinished),
            // A lock that says nothing is one that is being written or was cut off.
            Err(_) if lock.exists() || path.join(Manifest::FILE).exists() => Ok(Found::Unfinished),
            // A power cut took the lock and the manifest, which are written last.
            Err(_) if holds_records_alone(path)? => Ok(Found::Unfinished),
            Err(_) => Ok(Found::Foreign),
        }
    }
}

impl RunFolder {
    /// Makes the folder and takes its lock. The lock decides between two processes that come at once.
    pub fn create(path: &Path) -> Result<RunFolder, FolderError> {
        let unusable = |source| FolderError::Unusable { path: path.display().to_string(), source };
        refuse(path, Found::at(path).map_err(unusable)?)?;
        disk::make_folder(path).map_err(unusable)?;
        let folder = RunFolder::lock(path).inspect_err(|_| {
            // Only an empty folder goes, so nothing of anybody is lost.
            let _ = fs::remove_dir(path);
        })?;
        // Between the look and the lock another process may have come, and gone again.
        let mut others = fs::read_dir(path).map_err(unusable)?.filter_map(|e| e.ok()).filter(|e| e.file_name() != LOCK);
        match others.next() {
            None => Ok(folder),
            Some(_) => {
                drop(folder);
                refuse(path, Found::at(path).map_err(unusable)?)?;
                Err(FolderError::Foreign { path: path.display().to_string() })
            }
        }
    }

    /// Takes the lock of a run that is there, to go on with it.
    pub fn reopen(path: &Path) -> Result<RunFolder, FolderError> {
        let unusable = |source| FolderError::Unusable { path: path.display().to_string(), source };
        match Found::at(path).map_err(unusable)? {
            Found::Nothing => Err(FolderError::NoRun { path: path.display().to_string() }),
            // Whether a holder on another machine still lives, the lock itself finds out.
            Found::Unfinished | Found::Held(_, Life::Elsewhere) => {
                only_files(path).map_err(unusable)?;
                let folder = RunFolder::lock(path)?;
                // Between the look and the lock another process may have ended the run.
                match Manifest::read(path) {
                    Ok(manifest) if manifest.is_finished() => {
                        Err(FolderError::Ended { path: path.display().to_string() })
                    }
                    _ => Ok(folder),
                }
            }
            found => Err(refuse(path, found).err().unwrap_or_else(|| unusable(io::ErrorKind::Other.into()))),
        }
    }

    /// Removes the lock that a process left behind in the folder of a finished run, as it died.
    pub fn tidy(path: &Path) {
        let lock = path.join(LOCK);
        // A link in its place would lead elsewhere.
        if fs::symlink_metadata(&lock).is_ok_and(|found| found.is_file()) {
            // Taken and let go of. Where that can't be, it hurts nobody.
            let _ = Lock::take(&lock);
        }
    }

    fn lock(path: &Path) -> Result<RunFolder, FolderError> {
        let shown = path.display().to_string();
        match Lock::take(&path.join(LOCK)) {
            Ok(Taken::Ours(lock)) => Ok(RunFolder { path: path.to_path_buf(), _lock: lock }),
            Ok(Taken::Theirs(Some(holder))) => Err(held(shown, &holder, holder.life())),
            Ok(Taken::Theirs(None)) => {
                Err(FolderError::Held { path: shown, by: "another process".into(), elsewhere: false })
            }
            Err(source) => Err(FolderError::Unusable { path: shown, source }),
        }
    }

    /// The first of `runs/a`, `runs/a-2`, `runs/a-3` … that is free.
    pub fn create_beside(path: &Path) -> Result<RunFolder, FolderError> {
        let numbered = |n: u32| PathBuf::from(format!("{}-{n}", path.display()));
        let candidates = std::iter::once(path.to_path_buf()).chain((2..).map(numbered));
        for candidate in candidates {
            match RunFolder::create(&candidate) {
                Err(FolderError::Unusable { path, source }) => return Err(FolderError::Unusable { path, source }),
                Err(_) => continue,
                made => return made,
            }
        }
        unreachable!("the numbers don't end")
    }
}

/// Whether all that a folder holds is what a run writes before its manifest.
fn holds_records_alone(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let aside = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
        if !RECORDS.contains(&aside.unwrap_or(&name)) {
            return Ok(false);
        }
    }
    Ok(path.join("program.fsched").exists() || path.join(".program.fsched.part").exists())
}

/// Makes sure that a run's folder holds files and folders alone: a link that came with it would lead what is written
/// elsewhere.
fn only_files(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = |e| disk::named("read", &folder, e);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if !kind.is_file() {
                let what = io::Error::other("it is a link or a device, which no run makes, and could lead elsewhere");
                return Err(disk::named("use", &entry.path(), what));
            }
        }
    }
    Ok(())
}

fn refuse(path: &Path, found: Found) -> Result<(), FolderError> {
    let path = path.display().to_string();
    match found {
        Found::Nothing => Ok(()),
        Found::Finished(_) => Err(FolderError::OtherPlan { path }),
        Found::Unfinished => Err(FolderError::Unfinished { path }),
        Found::Held(holder, life) => Err(held(path, &holder, life)),
        Found::Foreign => Err(FolderError::Foreign { path }),
    }
}

fn held(path: String, holder: &Holder, life: Life) -> FolderError {
    let by = format!("process {} on {}", holder.pid, holder.host);
    FolderError::Held { path, by, elsewhere: life == Life::Elsewhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_folder_is_refused_and_a_left_one_is_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs/a");
        let folder = RunFolder::create(&path).unwrap();
        let error = RunFolder::create(&path).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        let beside = RunFolder::create_beside(&path).unwrap();
        assert_eq!(beside.path, dir.path().join("runs/a-2"));
        drop(folder);
        let dead = Holder { started: Some("earlier".into()), ..Holder::me() };
        fs::write(path.join(LOCK), serde_json::to_string(&dead).unwrap()).unwrap();
        assert!(matches!(RunFolder::create(&path).unwrap_err(), FolderError::Unfinished { .. }));
        assert!(RunFolder::reopen(&path).is_ok());
        let error = RunFolder::reopen(&dir.path().join("runs/none")).unwrap_err();
        assert!(matches!(error, FolderError::NoRun { .. }), "{error}");
    }

    #[test]
    fn an_empty_folder_will_do_and_a_strange_one_will_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(RunFolder::create(dir.path()).is_ok());
        fs::write(dir.path().join("letter.txt"), "dear").unwrap();
        let error = RunFolder::create(dir.path()).unwrap_err();
        assert!(matches!(error, FolderError::Foreign { .. }), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("runs");
        fs::write(&file, "").unwrap();
        let error = RunFolder::create(&file.join("a")).unwrap_err();
        assert!(matches!(error, FolderError::Unusable { .. }), "{error}");
        assert_eq!(error.code(), Code::BAD_RUN_FOLDER);
    }
}
