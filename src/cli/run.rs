//! `fsched run FILE`

use super::checksums::Files;
use super::failure::{Exit, Failure};
use super::input::{Input, show, tell};
use super::lines::Form;
use super::machine::Machine;
use crate::allocator;
use crate::components::data::Places;
use crate::diagnostic::Code;
use crate::language::program::Program;
use crate::nn::kernels::Isa;
use crate::plan::Plan;
use crate::record::screen::Screen;
use crate::record::{
    About, DataSum, FolderError, Found, Manifest, Progress, Recorder, RunFolder, SharedRecorder, Summary,
    ledger_is_sound,
};
use crate::runtime::event::{Listener, Status};
use crate::runtime::{self, RunError, World};
use crate::source::Sources;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    machine: Machine,
    /// Show mistakes only, and the result with `--format json`
    #[arg(long)]
    quiet: bool,
    /// How the result is written
    #[arg(long, value_enum, default_value = "human")]
    format: RunForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RunForm {
    /// a table
    Human,
    /// one object
    Json,
}

impl Run {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let analysis = self.input.analyze(&self.file);
        let form = if self.format == RunForm::Json { Form::Json } else { Form::Human };
        let Some(program) = analysis.program else {
            show(&analysis.sources, &analysis.diagnostics, form, super::MAX_ERRORS, out)?;
            return Ok(Exit::FileHasErrors);
        };
        if !self.quiet {
            // Warnings are for people here: the result alone is what programs read.
            show(&analysis.sources, &analysis.diagnostics, Form::Human, super::MAX_ERRORS, out)?;
        }
        let places = self.input.places(&self.file);
        let (program, sources) = (Arc::new(program), Arc::new(analysis.sources));
        let files = Files::read(&program, &places, true)?;
        let plan = Plan::with_checksums(program.clone(), &sources, &files.checksums);
        let folder = self.folder(&plan.hash);
        if let Some(summary) = self.finished(&folder, &plan.hash)? {
            return self.result(&summary, out);
        }
        let device = self.machine.device(&program)?;
        allocator::expect(plan.footprint.peak_memory_bytes);
        let job = Job { run: self, program, plan, sources, places, data: files.data, device };
        let summary = job.run(self.take(&folder)?)?;
        self.result(&summary, out)
    }

    /// `runs/<stem>-<first 8 of the plan's hash>`, unless `--out` names another.
    fn folder(&self, hash: &str) -> PathBuf {
        let stem = self.file.file_stem().map_or("program".into(), |s| s.to_string_lossy());
        let named = || Path::new("runs").join(format!("{stem}-{}", hash.get(..8).unwrap_or(hash)));
        self.out.clone().unwrap_or_else(named)
    }

    /// The summary of a finished run of this plan that is there already.
    fn finished(&self, folder: &Path, hash: &str) -> Result<Option<Summary>, Failure> {
        if self.fresh {
            return Ok(None);
        }
        match Found::at(folder) {
            Ok(Found::Finished(manifest)) if manifest.plan == hash => {
                if !self.quiet {
                    tell("this plan has been run already: here is how it went (`--fresh` runs it again)\n");
                }
                self.warn_of_changes(folder, &manifest);
                Summary::read(folder).map(Some).map_err(|e| bad_folder(e.to_string()))
            }
            _ => Ok(None),
        }
    }

    fn warn_of_changes(&self, folder: &Path, manifest: &Manifest) {
        if !ledger_is_sound(folder, manifest) {
            tell(&format!("warning: `{}` was changed after the run\n", folder.join("ledger.jsonl").display()));
        }
    }

    fn take(&self, folder: &Path) -> Result<RunFolder, Failure> {
        let made = if self.fresh { RunFolder::create_beside(folder) } else { RunFolder::create(folder) };
        made.map_err(|error| {
            let refused = error.code() == Code::RUN_EXISTS;
            let exit = if refused { Exit::ResumeRefused } else { Exit::RunFailed };
            Failure::new(exit, error.to_string()).code(error.code()).help(FolderError::help(&error))
        })
    }

    fn result(&self, summary: &Summary, out: &mut dyn Write) -> Result<Exit, Failure> {
        if self.format == RunForm::Json {
            writeln!(out, "{}", serde_json::to_string(summary).map_err(std::io::Error::from)?)?;
        } else if !self.quiet {
            write!(out, "{}", summary.draw(Screen::stdout()))?;
        }
        Ok(match summary.status.as_str() {
            "stopped" if !summary.finished => Exit::Interrupted,
            _ if summary.as_expected() => Exit::Done,
            _ => Exit::Unexpected,
        })
    }
}

/// All that a run needs.
struct Job<'a> {
    run: &'a Run,
    program: Arc<Program>,
    plan: Plan,
    sources: Arc<Sources>,
    places: Places,
    data: Vec<DataSum>,
    /// with its name
    device: (candle_core::Device, &'static str),
}

impl Job<'_> {
    fn run(self, folder: RunFolder) -> Result<Summary, Failure> {
        let path = folder.path.clone();
        let about = self.about();
        let threads = about.threads;
        let plan = format!("{:#}\n", self.plan.to_record());
        let recorder = Recorder::begin(folder, self.sources.clone(), &plan, about);
        let recorder = SharedRecorder::new(recorder.map_err(|e| bad_folder(e.to_string()))?);
        let mut listeners: Vec<Box<dyn Listener + Send>> = vec![Box::new(recorder.clone())];
        if !self.run.quiet {
            listeners.push(Box::new(Progress::new(self.sources.clone(), Screen::stderr())));
        }
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signals(stop.clone())?;
        let mut world =
            World { places: self.places, device: self.device.0, threads, folder: Some(path.clone()), listeners, stop };
        let ended = runtime::run(&self.program, &mut world);
        // The bars go before anything else is said.
        drop(world);
        let (status, reason) = match &ended {
            Ok(summary) => (summary.status, summary.reason.clone()),
            Err(error) => (Status::Failed, Some(error.message.clone())),
        };
        let closed = recorder.end(status, reason);
        if let Err(error) = ended {
            return Err(failed(&error, &self.sources, &path));
        }
        closed.map_err(|e| bad_folder(e.to_string()))?;
        Summary::read(&path).map_err(|e| bad_folder(e.to_string()))
    }

    fn about(&self) -> About {
        About {
            plan: self.plan.hash.clone(),
            seed: self.program.seed,
            bindings: self.program.bindings.iter().map(|(n, v)| (n.clone(), v.to_json())).collect(),
            device: self.device.1.into(),
            threads: self.run.machine.threads(&self.program),
            isa: Isa::in_use().to_string(),
            data: self.data.clone(),
            command: std::env::args().collect(),
        }
    }
}

/// Ctrl-C and a polite kill end the run after the step under way, with a checkpoint; a second one ends it at once.
fn stop_on_signals(stop: Arc<AtomicBool>) -> Result<(), Failure> {
    let heard = move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted as i32);
        }
    };
    ctrlc::set_handler(heard).map_err(|e| Failure::new(Exit::RunFailed, format!("cannot listen for signals: {e}")))
}

fn bad_folder(message: String) -> Failure {
    Failure::new(Exit::RunFailed, message)
        .code(Code::BAD_RUN_FOLDER)
        .help("make sure that the folder may be written to and has space left")
}

/// A run that failed, shown with the line that it had come to.
fn failed(error: &RunError, sources: &Sources, folder: &Path) -> Failure {
    let failure = match error.diagnostic() {
        Some(diagnostic) => Failure::new(Exit::RunFailed, error.message.clone())
            .shown(super::render::Renderer::new(sources, Screen::stderr()).diagnostic(&diagnostic)),
        None => Failure::new(Exit::RunFailed, error.message.clone()).code(error.code),
    };
    if folder.exists() {
        return failure.help(format!("what was recorded until then is in {}", folder.display()));
    }
    failure
}
