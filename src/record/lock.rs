//! Who holds a run folder: one process at a time, and the dead hold nothing.

use super::atomic::named;
use crate::reading::{self, limits};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
}

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
    /// Takes the lock; `AlreadyExists` where the file is there.
    pub fn take(path: PathBuf) -> io::Result<Lock> {
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| named("create", &path, e))?;
        let lock = Lock { path };
        let holder = serde_json::to_string(&Holder::me())?;
        file.write_all(holder.as_bytes()).map_err(|e| named("write", &lock.path, e))?;
        Ok(lock)
    }

    /// Who holds the lock at a path; `None` where nobody does, or where the file can't be read as a holder.
    pub fn holder(path: &Path) -> Option<Holder> {
        serde_json::from_slice(&reading::whole(path, limits::LOCK_BYTES).ok()?).ok()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The folder may be gone; then so is the lock.
        let _ = fs::remove_file(&self.path);
    }
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

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = Lock::take(path.clone()).unwrap();
        assert_eq!(Lock::take(path.clone()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(Lock::holder(&path), Some(Holder::me()));
        drop(lock);
        assert!(!path.exists());
    }
}
