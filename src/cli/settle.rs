//! How a run is carried out and told of: what `run` and `resume` have in common.

use super::failure::{Exit, Failure};
use super::input::tell;
use super::job::{Ended, bad_folder};
use super::machine::Machine;
use crate::diagnostic::Code;
use crate::plan::{Plan, diff};
use crate::reading::{self, json, limits};
use crate::record::screen::Screen;
use crate::record::{FolderError, Found, Manifest, RunFolder, Summary};
use crate::runtime::Stop;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How a run is carried out
#[derive(clap::Args, Debug)]
pub struct Settle {
    #[command(flatten)]
    pub machine: Machine,
    /// Go on although the program is another one than the run began with
    #[arg(long)]
    pub accept_changes: bool,
    /// Refuse to run what is expected to need more memory, such as 8GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_memory: Option<u64>,
    /// Wait so long for space when the disk is full, before the run fails
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    wait_for_disk: u64,
    /// Show mistakes only, and the result with `--format json`
    #[arg(long)]
    pub quiet: bool,
    /// How the result is written
    #[arg(long, value_enum, default_value = "human")]
    pub format: RunForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RunForm {
    /// a table
    Human,
    /// one object
    Json,
}

impl Settle {
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_for_disk)
    }

    /// Refuses a plan that needs more memory than it may have.
    pub fn memory(&self, plan: &Plan) -> Result<(), Failure> {
        let (needed, Some(limit)) = (plan.footprint.peak_memory_bytes, self.max_memory) else { return Ok(()) };
        if needed <= limit {
            return Ok(());
        }
        let megabytes = |bytes: u64| match bytes {
            0..10_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
            _ => format!("{} MB", bytes.div_ceil(1_000_000)),
        };
        let message = format!("the run may need {}, and may have {}", megabytes(needed), megabytes(limit));
        let help = "a smaller `batch` with `accumulate` needs less; `fsched plan` shows the estimate";
        Err(Failure::new(Exit::RunFailed, message).code(Code::TOO_MUCH_MEMORY).help(help))
    }

    /// Compares the plan that is to go on with the one that the run began with; whether they differ, which is refused
    /// unless it was accepted. Where the manifest is lost, `plan.json` says what that was.
    pub fn compare(&self, folder: &Path, manifest: Option<&Manifest>, plan: &Plan) -> Result<bool, Failure> {
        let old = reading::whole(&folder.join("plan.json"), limits::RECORD_BYTES).ok();
        let old: Option<serde_json::Value> = old.and_then(|text| json::parse(&text, json::Kind::Any).ok());
        let written = old.as_ref().and_then(|old| old["plan"].as_str());
        let known = manifest.map(|manifest| manifest.plan.as_str()).or(written);
        if known.is_none_or(|known| known == plan.hash) {
            return Ok(false);
        }
        if self.accept_changes {
            return Ok(true);
        }
        let changes = old.map_or(Vec::new(), |old| diff(&old, &plan.to_record()));
        let mut message = format!("the program is not the one that the run in `{}` began with", folder.display());
        for change in &changes {
            message += &format!("\n    {change}");
        }
        if changes.is_empty() {
            message += "\n    its data, weights or the version of fsched are others";
        }
        let help =
            "`--accept-changes` goes on with the program as it is now; `--fresh` starts anew in a folder beside it";
        Err(Failure::new(Exit::ResumeRefused, message).code(Code::PLAN_CHANGED).help(help))
    }

    /// The summary of a run that is over already.
    pub fn finished(&self, folder: &Path) -> Result<Ended, Failure> {
        RunFolder::tidy(folder);
        Ok(Ended { summary: Summary::read(folder).map_err(bad_folder)?, stop: None })
    }

    /// Tells how a run ended.
    pub fn result(&self, ended: &Ended, out: &mut dyn Write) -> Result<Exit, Failure> {
        let summary = &ended.summary;
        if self.format == RunForm::Json {
            writeln!(out, "{}", serde_json::to_string(summary).map_err(std::io::Error::from)?)?;
        } else if !self.quiet {
            write!(out, "{}", summary.draw(Screen::stdout()))?;
        }
        let goes_on = matches!(ended.stop, Some(Stop::Asked | Stop::Budget(_)));
        if goes_on && !self.quiet {
            tell(&format!("`fsched resume {}` goes on\n", summary.folder));
        }
        Ok(match ended.stop {
            Some(Stop::Asked | Stop::Budget(_)) => Exit::Interrupted,
            _ if summary.as_expected() => Exit::Done,
            _ => Exit::Unexpected,
        })
    }
}

/// What lies at the path of a run folder.
pub fn look(folder: &Path) -> Result<Found, Failure> {
    let unusable = |source| FolderError::Unusable { path: folder.display().to_string(), source };
    Found::at(folder).map_err(|e| refused(&unusable(e)))
}

/// A folder that can't be had.
pub fn refused(error: &FolderError) -> Failure {
    let exit = if error.code() == Code::RUN_EXISTS { Exit::ResumeRefused } else { Exit::RunFailed };
    Failure::new(exit, error.to_string()).code(error.code()).help(FolderError::help(error))
}

/// `8GB`, `512 MiB`
fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 9] = [
        ("tib", 1_099_511_627_776.0),
        ("gib", 1_073_741_824.0),
        ("mib", 1_048_576.0),
        ("kib", 1_024.0),
        ("tb", 1e12),
        ("gb", 1e9),
        ("mb", 1e6),
        ("kb", 1e3),
        ("b", 1.0),
    ];
    let lower = text.trim().to_lowercase();
    let found = UNITS.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)));
    let (number, factor) = found.ok_or("write a number and a unit: `8GB`, `512MiB`")?;
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok((number * factor) as u64),
        _ => Err("write a number and a unit: `8GB`, `512MiB`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("8GB", 8_000_000_000), ("512 MiB", 536_870_912), ("2e9b", 2_000_000_000), ("1.5kb", 1500)]
        {
            assert_eq!(size(text), Ok(bytes));
        }
        for text in ["", "8", "GB", "-1GB", "nan", "8 G B"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
