//! Reads the records of a run against each other: the ledger's chain, the manifest and the checkpoints that hold its
//! head, the events that tell of the same changes.

use super::ledger::Chain;
use super::line::{ChangeLine, EventLine, Measured, What};
use super::manifest::Manifest;
use super::program::HASHED;
use crate::reading::{self, limits, lines::Lines};
use crate::runtime::store::{self, Standing};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// One line of the ledger, read back.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    pub ordinal: u64,
    pub step: String,
    pub what: String,
    #[serde(default)]
    pub line: Option<usize>,
    pub clock: u64,
    pub epochs: f64,
    pub arguments: serde_json::Value,
    pub stream: Option<String>,
    pub selected: usize,
    pub changed: usize,
    #[serde(default)]
    pub measured: Vec<Measured>,
    pub tensors: Vec<Tensor>,
}

/// A changed tensor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tensor {
    pub name: String,
    pub selected: usize,
    pub changed: usize,
    pub mask: String,
    pub norm_before: Option<f64>,
    pub norm_after: Option<f64>,
}

/// What the records say of a run.
#[derive(Debug, Default)]
pub struct Audit {
    pub entries: Vec<Entry>,
    /// what does not fit, as sentences
    pub problems: Vec<String>,
    /// checkpoints that are there and readable, with where they stand
    pub checkpoints: Vec<(PathBuf, Standing)>,
    /// the program was changed while the run was interrupted
    pub program_changed: bool,
}

/// Reads the records of a run folder.
///
/// # Errors
/// If they can't be read at all; what can be read but does not fit is a problem.
pub fn audit(folder: &Path, manifest: &Manifest) -> io::Result<Audit> {
    let mut audit = Audit::default();
    let heads = audit.ledger(folder, manifest)?;
    audit.manifest(folder, manifest, &heads);
    audit.checkpoints(folder, &heads)?;
    audit.events(folder, manifest)?;
    let sessions = reading::whole(&folder.join("sessions.jsonl"), limits::RECORD_BYTES).unwrap_or_default();
    audit.program_changed = String::from_utf8_lossy(&sessions).lines().any(|line| line.contains("\"kind\":\"change\""));
    Ok(audit)
}

impl Audit {
    fn problem(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    /// Follows the chain; the hash behind each number of lines.
    fn ledger(&mut self, folder: &Path, manifest: &Manifest) -> io::Result<Vec<String>> {
        let mut chain = Chain::default();
        let mut heads = vec![chain.head.clone()];
        let mut lines = Lines::open(&folder.join("ledger.jsonl"))?.peekable();
        while let Some(line) = lines.next() {
            let line = line?;
            let n = chain.lines + 1;
            // A run that is under way, or was cut off, may have written half a line.
            if manifest.ended.is_none() && lines.peek().is_none() && serde_json::from_str::<IgnoredAny>(&line).is_err()
            {
                break;
            }
            if !chain.take(&line) {
                self.problem(format!("line {n} of ledger.jsonl does not follow from the line before it"));
                break;
            }
            heads.push(chain.head.clone());
            match serde_json::from_str::<Entry>(&line) {
                Ok(entry) if entry.ordinal == n => self.entries.push(entry),
                Ok(entry) => self.problem(format!("line {n} of ledger.jsonl tells of change {}", entry.ordinal)),
                Err(error) => self.problem(format!("line {n} of ledger.jsonl is no change of weights: {error}")),
            }
        }
        Ok(heads)
    }

    fn manifest(&mut self, folder: &Path, manifest: &Manifest, heads: &[String]) {
        let head = &manifest.ledger;
        let over = manifest.ended.is_some();
        match heads.get(head.lines as usize) {
            Some(found) if *found != head.sha256 => {
                self.problem("the ledger is not the one whose head the manifest holds");
            }
            None => {
                self.problem(format!("the manifest knows {} lines of the ledger, of which some are gone", head.lines))
            }
            Some(_) if over && heads.len() as u64 != head.lines + 1 => {
                self.problem("the ledger has lines that the manifest does not know");
            }
            Some(_) => {}
        }
        if !manifest.is_sealed() {
            self.problem("manifest.json is not as it was written");
        }
        let program = ("program.fsched".to_string(), manifest.program.sha256.clone());
        for (name, sum) in manifest.files.clone().into_iter().chain([program]) {
            // A manifest that was edited may name any file.
            let known = HASHED.contains(&name.as_str());
            if known && reading::sha256(&folder.join(&name)).unwrap_or_default() != sum {
                self.problem(format!("{name} is not the one that the manifest knows"));
            }
        }
    }

    fn checkpoints(&mut self, folder: &Path, heads: &[String]) -> io::Result<()> {
        let Ok(entries) = std::fs::read_dir(folder.join("checkpoints")) else { return Ok(()) };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name.starts_with("damaged-") || !path.is_dir() {
                continue;
            }
            match store::verify(&path) {
                Ok(standing) => {
                    if let Some(mark) = standing.marks.get("ledger.jsonl")
                        && heads.get(mark.lines as usize) != mark.sha256.as_ref()
                    {
                        self.problem(format!("the ledger is not the one that checkpoint {name} was made with"));
                    }
                    self.checkpoints.push((path, standing));
                }
                Err(failure) => self.problem(format!("checkpoint {name}: {}", failure.message)),
            }
        }
        Ok(())
    }

    /// The events tell of the same changes.
    fn events(&mut self, folder: &Path, manifest: &Manifest) -> io::Result<()> {
        let mut told: BTreeMap<u64, (String, u64, ChangeLine)> = BTreeMap::new();
        for (n, line) in Lines::open(&folder.join("events.jsonl"))?.enumerate() {
            let Ok(event) = serde_json::from_str::<EventLine>(&line?) else {
                // A run that is under way, or was cut off, may have written half a line.
                if manifest.ended.is_some() {
                    self.problem(format!("line {} of events.jsonl is no event", n + 1));
                }
                continue;
            };
            if let What::Forget(change) | What::Rollback(change) | What::Load(change) | What::Merge(change) = event.what
            {
                told.insert(change.ordinal, (event.step, event.clock, change));
            }
        }
        for entry in self.entries.clone() {
            let fits = |(step, clock, change): &(String, u64, ChangeLine)| {
                (step, *clock, &change.what) == (&entry.step, entry.clock, &entry.what)
                    && (change.selected, change.changed) == (entry.selected, entry.changed)
            };
            // The ledger comes first.
            let last_of_a_run_cut_off = manifest.ended.is_none() && entry.ordinal == self.entries.len() as u64;
            match told.remove(&entry.ordinal) {
                None if last_of_a_run_cut_off => {}
                None => self.problem(format!("no event tells of change {} (step {})", entry.ordinal, entry.step)),
                Some(change) if !fits(&change) => {
                    self.problem(format!("the event of change {} tells of it otherwise", entry.ordinal));
                }
                Some(_) => {}
            }
        }
        for ordinal in told.keys() {
            self.problem(format!("an event tells of change {ordinal}, of which the ledger knows nothing"));
        }
        Ok(())
    }
}

impl Entry {
    /// Whether a change that was done again changed the same weights; with `norms` also by the same amounts.
    pub fn is(&self, change: &crate::runtime::event::Change, norms: bool) -> bool {
        let same = |(a, b): (&Tensor, &crate::runtime::event::ChangedTensor)| {
            let norms_are = |a: Option<f64>, b: f64| a.map(f64::to_bits) == b.is_finite().then_some(b.to_bits());
            (&a.name, a.selected, a.changed, &a.mask) == (&b.name, b.selected, b.changed, &b.mask)
                && (!norms || norms_are(a.norm_before, b.norm_before) && norms_are(a.norm_after, b.norm_after))
        };
        self.what == change.what
            && self.tensors.len() == change.tensors.len()
            && self.tensors.iter().zip(&change.tensors).all(same)
    }
}
