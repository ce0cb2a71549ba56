//! Who holds a run folder: one process at a time, and the dead hold nothing.

use crate::disk::named;
use crate::reading::{self, limits};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A process, told apart from later ones that get its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub host: String,
    /// changes with each start of the machine
    pub boot: Option<String>,
    pub pid: u32,
    /// when the process started, in the system's own notation
    pub started: Option<String>,
}

/// What can be known of a holder from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    Dead,
    /// on another machine
    Elsewhere,
}

/// A held lock; letting go of it removes the file.
///
/// The system's own lock on the file decides between processes; it ends with its process, however that ends. Where a
/// file system has none, and for processes on other machines, the holder's own lines in the file do: its process, and a
/// heartbeat.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    heart: Option<Heart>,
}

/// What came of asking for a lock.
#[derive(Debug)]
pub enum Taken {
    Ours(Lock),
    /// somebody has it; who is not known where the file was just being written
    Theirs(Option<Holder>),
}

/// A holder on another machine that has not written for so long is taken for dead.
const SILENCE: Duration = Duration::from_secs(300);

/// Between two beats.
const BEAT: Duration = Duration::from_secs(10);

impl Holder {
    /// This process.
    pub fn me() -> Holder {
        let pid = std::process::id();
        Holder { host: host(), boot: boot(), pid, started: started(pid) }
    }

    pub fn life(&self) -> Life {
        if self.host != host() {
            return Life::Elsewhere;
        }
        let same_boot = self.boot == boot();
        if same_boot && started(self.pid).is_some_and(|s| self.started.as_ref() == Some(&s)) {
            Life::Alive
        } else {
            Life::Dead
        }
    }
}

impl Lock {
    /// Takes the lock, also where a dead process left its file behind.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take(path: &Path) -> io::Result<Taken> {
        loop {
            let error = |e| named("lock", path, e);
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            let file = open.map_err(error)?;
            let locks = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => return Ok(Taken::Theirs(Lock::holder(path))),
                Err(TryLockError::Error(_)) => false,
            };
            // The one before us may have removed the file between our opening and locking it.
            if !is_at(&file, path) {
                continue;
            }
            if let Some(holder) = Lock::holder(path) {
                let alive = match holder.life() {
                    Life::Alive => !locks && holder != Holder::me(),
                    Life::Elsewhere => !is_silent(path),
                    Life::Dead => false,
                };
                if alive {
                    return Ok(Taken::Theirs(Some(holder)));
                }
            }
            let heart = Heart::start(file).map_err(error)?;
            return Ok(Taken::Ours(Lock { path: path.to_path_buf(), heart: Some(heart) }));
        }
    }

    /// Who holds the lock at a path; `None` where nobody does, or where the file can't be read as a holder.
    pub fn holder(path: &Path) -> Option<Holder> {
        serde_json::from_slice(&reading::whole(path, limits::LOCK_BYTES).ok()?).ok()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still locked, so that nobody takes a file that is about to go. The folder may be gone; then
        // so is the lock.
        let _ = fs::remove_file(&self.path);
        self.heart.take();
    }
}

/// Writes the holder's line again and again, so that its file shows on other machines that it lives.
#[derive(Debug)]
struct Heart {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// keeps the system's lock
    _file: File,
}

impl Heart {
    fn start(file: File) -> io::Result<Heart> {
        let line = serde_json::to_string(&Holder::me())?;
        file.set_len(0)?;
        let mut beating = file.try_clone()?;
        beating.rewind()?;
        beating.write_all(line.as_bytes())?;
        let (stop, stopped) = channel();
        let beat = move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // A full disk takes no beat; the run itself will tell.
                let _ = beating.rewind().and_then(|()| beating.write_all(line.as_bytes()));
            }
        };
        let thread = std::thread::Builder::new().name("heartbeat".into()).spawn(beat)?;
        Ok(Heart { stop: Some(stop), thread: Some(thread), _file: file })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the holder's last beat is long ago, by the file system's own clock: machines may differ in theirs.
fn is_silent(path: &Path) -> bool {
    let probe = path.with_extension("probe");
    let written = |p: &Path| fs::metadata(p).and_then(|m| m.modified()).ok();
    let now = File::create(&probe).ok().and_then(|_| written(&probe));
    let _ = fs::remove_file(&probe);
    match (now, written(path)) {
        (Some(now), Some(beat)) => now.duration_since(beat).is_ok_and(|silence| silence > SILENCE),
        _ => false,
    }
}

/// Whether the open file is the one that lies at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// An open file can't be removed there.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// This machine's name.
pub fn host() -> String {
    let read = |path| fs::read_to_string(path).ok().map(|s| s.trim().to_string()).filter(|s| !s.is_empty());
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .or_else(|| said_by("hostname", &[]))
        .unwrap_or_else(|| "localhost".into())
}

fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|s| s.trim().to_string())
}

/// When a process started; `None` where there is no such process.
fn started(pid: u32) -> Option<String> {
    if !Path::new("/proc/self/stat").exists() {
        return said_by("ps", &["-o", "lstart=", "-p", &pid.to_string()]);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the start time is field 22, the 20th behind it (proc(5)).
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_string)).flatten()
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_the_dead_and_the_distant() {
        let me = Holder::me();
        assert_eq!(me.life(), Life::Alive);
        assert_eq!(Holder { host: format!("not-{}", me.host), ..me.clone() }.life(), Life::Elsewhere);
        assert_eq!(Holder { boot: Some("earlier".into()), ..me.clone() }.life(), Life::Dead);
        assert_eq!(Holder { started: Some("earlier".into()), ..me.clone() }.life(), Life::Dead);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(Holder { pid, ..me }.life(), Life::Dead);
    }

    fn take(path: &Path) -> Option<Lock> {
        match Lock::take(path).unwrap() {
            Taken::Ours(lock) => Some(lock),
            Taken::Theirs(_) => None,
        }
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = take(&path).unwrap();
        let Taken::Theirs(Some(holder)) = Lock::take(&path).unwrap() else { panic!("taken twice") };
        assert_eq!(holder, Holder::me());
        drop(lock);
        assert!(!path.exists());
        assert!(take(&path).is_some());
    }

    #[test]
    fn what_the_dead_and_the_silent_left_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let dead = Holder { started: Some("earlier".into()), ..Holder::me() };
        let far = Holder { host: "far".into(), ..Holder::me() };
        let write = |text: &str| fs::write(&path, text).unwrap();
        for left in [serde_json::to_string(&dead).unwrap(), "{\"ho".into(), String::new()] {
            write(&left);
            assert!(take(&path).is_some(), "{left}");
        }
        write(&serde_json::to_string(&far).unwrap());
        assert!(take(&path).is_none(), "it may live");
        let long_ago = std::time::SystemTime::now() - SILENCE - BEAT;
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let lock = take(&path).expect("nobody wrote for long");
        assert_eq!(Lock::holder(&path), Some(Holder::me()));
        drop(lock);
    }
}
