//! `manifest.json`: what was run, with what, and how it ended.

use crate::disk;
use crate::reading::{self, json, limits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Keys keep the order of the fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// `running`, `done`, `failed`, `stopped`
    pub status: String,
    /// why it failed or was stopped
    pub reason: Option<String>,
    /// nothing is left to go on with: it came to its end, or to a `guard` that stopped it
    #[serde(default)]
    pub finished: bool,
    /// whether an `expect` was false
    pub expectations_held: bool,
    pub program: Program,
    /// hash of the plan
    pub plan: String,
    pub seed: u64,
    /// the program's parameters and their values
    pub bindings: BTreeMap<String, serde_json::Value>,
    pub device: String,
    pub threads: usize,
    /// instruction set of the kernels, on which the last bits depend; empty where an older version ran
    #[serde(default)]
    pub isa: String,
    pub data: Vec<DataSum>,
    pub command: Vec<String>,
    /// how the program was read, for a resume
    #[serde(default)]
    pub input: InputAsGiven,
    pub versions: BTreeMap<String, String>,
    /// UTC
    pub started: String,
    pub ended: Option<String>,
    pub seconds: Option<f64>,
    pub ledger: LedgerHead,
    /// SHA-256 of the other records, once the run has ended
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// SHA-256 of all the rest of this file
    #[serde(default)]
    pub seal: String,
}

/// The text that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    pub path: String,
    pub sha256: String,
    /// files it brought in
    pub imports: Vec<Import>,
}

/// A file that the program brought in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    /// as the run read it
    pub name: String,
    /// as it lies in the run folder
    pub file: String,
}

/// A data set that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSum {
    pub name: String,
    /// with its arguments
    pub arguments: serde_json::Value,
    /// SHA-256 of all pixels and labels
    pub checksum: String,
}

/// What the command line said of how the program is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InputAsGiven {
    /// the program's own folder, in which its paths start
    pub folder: String,
    pub data_dir: String,
    pub allow_path: Vec<String>,
    /// `--set`, as it was written
    pub set: Vec<(String, String)>,
}

/// Where the ledger's chain ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerHead {
    pub lines: u64,
    pub sha256: String,
}

impl Manifest {
    pub const FILE: &'static str = "manifest.json";

    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let sealed = Manifest { seal: self.seal()?, ..self.clone() };
        let mut text = serde_json::to_string_pretty(&sealed)?;
        text.push('\n');
        disk::write_whole(&folder.join(Manifest::FILE), text.as_bytes())
    }

    fn seal(&self) -> io::Result<String> {
        let open = Manifest { seal: String::new(), ..self.clone() };
        Ok(disk::sha256(serde_json::to_string(&open)?.as_bytes()))
    }

    /// Whether it is as it was written.
    pub fn is_sealed(&self) -> bool {
        self.seal().is_ok_and(|seal| seal == self.seal)
    }

    /// Nothing is left to go on with. Manifests of older versions say so by their status.
    pub fn is_finished(&self) -> bool {
        self.finished || self.status == "done"
    }

    pub fn read(folder: &Path) -> io::Result<Manifest> {
        let path = folder.join(Manifest::FILE);
        let bytes = reading::whole(&path, limits::MANIFEST_BYTES)?;
        json::parse(&bytes, json::Kind::Any).map_err(|e| disk::named("read", &path, e.into()))
    }
}

/// A time as RFC 3339 in UTC: `2025-03-01T12:00:00Z`.
pub fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days to civil date, Howard Hinnant, "chrono-compatible low-level date algorithms".
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_civil() {
        // `date -u -d @N +%FT%TZ`
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), shown);
        }
    }
}
