//! Power cuts: of what had not been flushed, any beginning may have reached the disk.
//!
//! A run's operations are written down with all their bytes. A cut after the k-th leaves what was flushed by then: the
//! bytes of a file by its flush, names by the flush of their folder. Of the rest, which the system writes when it
//! likes, the first j have reached the disk too, the last of them perhaps by half. Each such disk is made, and the run
//! is resumed on it.

use crate::support::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One operation, read back.
#[derive(Clone, Debug)]
enum Op {
    Create(String),
    Append { path: String, at: usize, bytes: Vec<u8> },
    Cut { path: String, length: usize },
    Flush(String),
    Rename { from: String, to: String },
    Link { from: String, to: String },
    Remove(String),
    MakeFolder(String),
    RemoveFolder(String),
    FlushFolder(String),
}

impl Op {
    fn read(line: &str) -> Option<Op> {
        let parts: Vec<&str> = line.split('\t').collect();
        let path = parts[1].to_string();
        let second = || parts[2].to_string();
        Some(match parts[0] {
            "create" => Op::Create(path),
            "append" => Op::Append { path, at: parts[2].parse().unwrap(), bytes: unhex(parts[3]) },
            "cut" => Op::Cut { path, length: parts[2].parse().unwrap() },
            "flush" => Op::Flush(path),
            "rename" => Op::Rename { from: path, to: second() },
            "link" => Op::Link { from: path, to: second() },
            "remove" => Op::Remove(path),
            "make folder" => Op::MakeFolder(path),
            "remove folder" => Op::RemoveFolder(path),
            "flush folder" => Op::FlushFolder(path),
            _ => return None,
        })
    }
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The file that each path means at a moment, by number: bytes belong to files, not to names.
#[derive(Default)]
struct Names(BTreeMap<String, usize>);

impl Names {
    fn rename(&mut self, from: &str, to: &str) {
        let inside = format!("{from}/");
        let moved: Vec<String> = self.0.keys().filter(|p| *p == from || p.starts_with(&inside)).cloned().collect();
        for path in moved {
            let file = self.0.remove(&path).unwrap();
            self.0.insert(format!("{to}{}", &path[from.len()..]), file);
        }
    }
}

/// A disk: folders, names and bytes.
#[derive(Default)]
struct Disk {
    folders: BTreeSet<String>,
    names: Names,
    bytes: BTreeMap<usize, Vec<u8>>,
}

impl Disk {
    /// Does an operation to this disk; `file` is what its path meant when it was done. What it needs may not be there.
    fn apply(&mut self, op: &Op, file: Option<usize>, half: bool) {
        match op {
            Op::Create(path) => {
                self.names.0.insert(path.clone(), file.unwrap());
                self.bytes.entry(file.unwrap()).or_default();
            }
            Op::Append { at, bytes, .. } => {
                let old = self.bytes.entry(file.unwrap()).or_default();
                let bytes = if half { &bytes[..bytes.len() / 2] } else { &bytes[..] };
                old.resize(*at, 0);
                old.extend_from_slice(bytes);
            }
            Op::Cut { length, .. } => self.bytes.entry(file.unwrap()).or_default().truncate(*length),
            Op::Rename { from, to } => {
                self.names.rename(from, to);
                let inside = format!("{from}/");
                let moved: Vec<String> =
                    self.folders.iter().filter(|p| *p == from || p.starts_with(&inside)).cloned().collect();
                for path in moved {
                    self.folders.remove(&path);
                    self.folders.insert(format!("{to}{}", &path[from.len()..]));
                }
            }
            Op::Link { to, .. } => {
                self.names.0.insert(to.clone(), file.unwrap());
                self.bytes.entry(file.unwrap()).or_default();
            }
            Op::Remove(path) => {
                self.names.0.remove(path);
            }
            Op::MakeFolder(path) => {
                self.folders.insert(path.clone());
            }
            Op::RemoveFolder(path) => {
                self.folders.remove(path);
            }
            Op::Flush(_) | Op::FlushFolder(_) => {}
        }
    }

    /// What is to be seen of it below `root`, which is always there.
    fn image(&self, root: &str) -> BTreeMap<String, Vec<u8>> {
        // A name in a folder that is not there is nowhere.
        let there = |path: &String| {
            let mut folder = folder_of(path);
            while folder != root {
                if !self.folders.contains(folder) {
                    return false;
                }
                folder = folder_of(folder);
            }
            true
        };
        let files = self.names.0.iter().filter(|(path, _)| there(path));
        files.map(|(path, file)| (path.clone(), self.bytes[file].clone())).collect()
    }
}

/// All disks that a power cut may leave, each once, in order.
fn disks(ops: &[Op], root: &str) -> Vec<BTreeMap<String, Vec<u8>>> {
    let files = files(ops);
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for k in 0..=ops.len() {
        let safe: Vec<bool> = (0..k).map(|i| is_safe(ops, &files, i, k)).collect();
        let open: Vec<usize> = (0..k).filter(|i| !safe[*i]).collect();
        for j in 0..=open.len() {
            let last = open[..j].last().copied();
            for half in [false, true] {
                let torn = |i: usize| half && last == Some(i);
                if half && !last.is_some_and(|i| matches!(ops[i], Op::Append { .. })) {
                    continue;
                }
                let mut disk = Disk::default();
                for i in (0..k).filter(|i| safe[*i] || open[..j].contains(i)) {
                    disk.apply(&ops[i], files[i], torn(i));
                }
                let image = disk.image(root);
                if known.insert(format!("{image:?}")) {
                    found.push(image);
                }
            }
        }
    }
    found
}

/// For each operation the file that its path means when it is done.
fn files(ops: &[Op]) -> Vec<Option<usize>> {
    let (mut names, mut count) = (Names::default(), 0);
    let mut files = Vec::new();
    for op in ops {
        files.push(match op {
            Op::Create(path) => {
                count += 1;
                names.0.insert(path.clone(), count);
                Some(count)
            }
            Op::Append { path, .. } | Op::Cut { path, .. } | Op::Flush(path) => names.0.get(path).copied(),
            Op::Link { from, to } => {
                let file = names.0.get(from).copied();
                names.0.insert(to.clone(), file.unwrap());
                file
            }
            Op::Rename { from, to } => {
                names.rename(from, to);
                None
            }
            Op::Remove(path) => names.0.remove(path),
            _ => None,
        });
    }
    files
}

/// Whether the i-th operation has reached the disk for sure before the k-th.
fn is_safe(ops: &[Op], files: &[Option<usize>], i: usize, k: usize) -> bool {
    let later = || (i + 1..k).map(|n| (&ops[n], files[n]));
    let named = |folder: &str| {
        // A folder may have been flushed under another name that it had then.
        let mut folder = folder.to_string();
        later().any(|(op, _)| match op {
            Op::FlushFolder(path) => *path == folder,
            Op::Rename { from, to } => {
                if let Some(rest) = folder.strip_prefix(from.as_str()).filter(|r| r.is_empty() || r.starts_with('/')) {
                    folder = format!("{to}{rest}");
                }
                false
            }
            _ => false,
        })
    };
    match &ops[i] {
        Op::Append { .. } | Op::Cut { .. } => later().any(|(op, file)| matches!(op, Op::Flush(_)) && file == files[i]),
        Op::Create(path) | Op::Remove(path) | Op::MakeFolder(path) | Op::RemoveFolder(path) => named(folder_of(path)),
        Op::Link { to, .. } | Op::Rename { to, .. } => named(folder_of(to)),
        Op::Flush(_) | Op::FlushFolder(_) => true,
    }
}

fn write_out(image: &BTreeMap<String, Vec<u8>>, from: &Path, to: &Path) {
    for (path, bytes) in image {
        let path: PathBuf = to.join(Path::new(path).strip_prefix(from).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn cut_power(most: usize) {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    let program = pipeline("tiny");
    let trace = traced(&program, &whole);
    let records = Records::of(&whole);
    let ops: Vec<Op> = trace.iter().filter_map(|line| Op::read(line)).collect();
    let disks = disks(&ops, text(place.path()));
    let step = disks.len().div_ceil(most).max(1);
    let mut resumed = 0;
    for (n, image) in disks.iter().enumerate().step_by(step) {
        let folder = place.path().join("cut");
        write_out(image, &whole, &folder);
        resume(&program, &folder);
        assert_same(&records, &folder, false, &format!("disk {n} of {}", disks.len()));
        std::fs::remove_dir_all(&folder).unwrap();
        resumed += 1;
    }
    println!("{} operations, {} disks that a power cut may leave, {resumed} resumed", ops.len(), disks.len());
    assert!(resumed >= most.min(disks.len()) / 2);
}

#[test]
fn runs_cut_off_by_a_power_cut_resume_to_the_same_bytes() {
    cut_power(20);
}

#[test]
#[ignore = "takes minutes: scripts/reliability.sh"]
fn every_disk_that_a_power_cut_may_leave() {
    cut_power(usize::MAX);
}
