//! `fsched run FILE`

use super::checksums::Files;
use super::failure::{Exit, Failure};
use super::input::{Input, show, tell};
use super::job::Job;
use super::lines::Form;
use super::resume::{Session, resume};
use super::settle::{RunForm, Settle, look, refused};
use crate::allocator;
use crate::plan::Plan;
use crate::record::{Found, Manifest, RunFolder, ledger_is_sound};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Check, plan and run a program
#[derive(clap::Args, Debug)]
pub struct Run {
    /// Program to run
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    input: Input,
    /// Folder for the records [default: runs/<file>-<plan>]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Start anew in a folder beside the one that is there
    #[arg(long, conflicts_with = "resume")]
    fresh: bool,
    /// Go on where an unfinished run in the folder stopped; start where there is none
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    settle: Settle,
}

impl Run {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let settle = &self.settle;
        let analysis = self.input.analyze(&self.file);
        let form = if settle.format == RunForm::Json { Form::Json } else { Form::Human };
        let Some(program) = analysis.program else {
            show(&analysis.sources, &analysis.diagnostics, form, super::MAX_ERRORS, out)?;
            return Ok(Exit::FileHasErrors);
        };
        if !settle.quiet {
            // Warnings are for people here: the result alone is what programs read.
            show(&analysis.sources, &analysis.diagnostics, Form::Human, super::MAX_ERRORS, out)?;
        }
        let places = self.input.places(&self.file);
        let (program, sources) = (Arc::new(program), Arc::new(analysis.sources));
        let files = Files::read(&program, &places, true)?;
        let plan = Plan::with_checksums(program.clone(), &sources, &files.checksums);
        let folder = self.folder(&plan.hash)?;
        let found = look(&folder)?;
        if let (Found::Finished(manifest), false) = (&found, self.fresh)
            && manifest.plan == plan.hash
        {
            if !settle.quiet {
                tell("this plan has been run already: here is how it went (`--fresh` runs it again)\n");
            }
            warn_of_changes(&folder, manifest);
            return settle.result(&settle.finished(&folder)?, out);
        }
        let goes_on = self.resume && !matches!(found, Found::Nothing);
        let manifest = if goes_on { Manifest::read(&folder).ok() } else { None };
        if let Some(manifest) = &manifest
            && manifest.plan == plan.hash
        {
            // The same plan: then in the words that the run began with, in which its checkpoints name their places.
            let at_hand = Some((program.as_ref(), self.input.as_given(&self.file)));
            return resume(&folder, settle, &Session { data_dir: None, at_hand }, out);
        }
        settle.memory(&plan)?;
        allocator::expect(plan.footprint.peak_memory_bytes);
        let job = Job {
            device: settle.machine.device(&program)?,
            threads: settle.machine.threads(&program),
            input: self.input.as_given(&self.file),
            program,
            plan,
            sources,
            places,
            data: files.data,
            quiet: settle.quiet,
            wait: settle.wait(),
        };
        let ended = if goes_on {
            let taken = RunFolder::reopen(&folder).map_err(|e| refused(&e))?;
            let changed = settle.compare(&folder, manifest.as_ref(), &job.plan)?;
            job.go_on(taken, changed)?
        } else {
            job.begin(self.take(&folder)?)?
        };
        settle.result(&ended, out)
    }

    /// `runs/<stem>-<first 8 of the plan's hash>`, unless `--out` names another. A resume with a program that was
    /// changed finds the run of the program as it was, if there is just one that is unfinished.
    fn folder(&self, hash: &str) -> Result<PathBuf, Failure> {
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let stem = self.file.file_stem().map_or("program".into(), |s| s.to_string_lossy());
        let named = Path::new("runs").join(format!("{stem}-{}", hash.get(..8).unwrap_or(hash)));
        if !self.resume || named.exists() {
            return Ok(named);
        }
        let mut unfinished = unfinished(Path::new("runs"), &format!("{stem}-"));
        if unfinished.len() > 1 {
            let all = unfinished.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format!("several runs of `{stem}` are unfinished: {all}"))
                .help("choose one with `--out`, or with `fsched resume DIR`"));
        }
        Ok(unfinished.pop().unwrap_or(named))
    }

    fn take(&self, folder: &Path) -> Result<RunFolder, Failure> {
        let made = if self.fresh { RunFolder::create_beside(folder) } else { RunFolder::create(folder) };
        made.map_err(|e| refused(&e))
    }
}

/// Unfinished runs whose folders begin so and end with a hash, sorted.
fn unfinished(runs: &Path, beginning: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(runs) else { return Vec::new() };
    let is_run = |path: &PathBuf| {
        let rest = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_prefix(beginning));
        let hash = rest.is_some_and(|rest| rest.get(..8).is_some_and(|h| h.bytes().all(|b| b.is_ascii_hexdigit())));
        hash && matches!(Found::at(path), Ok(Found::Unfinished))
    };
    let mut found: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(is_run).collect();
    found.sort();
    found
}

fn warn_of_changes(folder: &Path, manifest: &Manifest) {
    if !ledger_is_sound(folder, manifest) {
        tell(&format!("warning: `{}` was changed after the run\n", folder.join("ledger.jsonl").display()));
    }
}
