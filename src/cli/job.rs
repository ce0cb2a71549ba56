//! A run under way: its records, its screen, its signals.

use super::failure::{Exit, Failure};
use super::input::tell;
use crate::components::data::Places;
use crate::diagnostic::Code;
use crate::disk::Patience;
use crate::language::program::Program;
use crate::nn::kernels::Isa;
use crate::plan::Plan;
use crate::record::screen::{Ink, Screen, harmless};
use crate::record::{
    About, DataSum, InputAsGiven, Progress, Recorder, Resume, RunFolder, SharedRecorder, Summary, reaches,
};
use crate::runtime::event::{Listener, Status};
use crate::runtime::resume::{Point, search};
use crate::runtime::{self, RunError, Stop, World};
use crate::source::Sources;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// All that a run needs.
pub struct Job {
    pub program: Arc<Program>,
    pub plan: Plan,
    pub sources: Arc<Sources>,
    pub places: Places,
    pub input: InputAsGiven,
    pub data: Vec<DataSum>,
    /// with its name
    pub device: (candle_core::Device, &'static str),
    pub threads: usize,
    /// shows mistakes only
    pub quiet: bool,
    /// how long a full disk is waited for
    pub wait: Duration,
}

/// A run that did not fail.
pub struct Ended {
    pub summary: Summary,
    /// why it stopped before its end
    pub stop: Option<Stop>,
}

/// A run whose folder is taken.
struct Taken {
    job: Job,
    path: PathBuf,
    recorder: SharedRecorder,
    stop: Arc<AtomicBool>,
    patience: Patience,
}

impl Job {
    /// Runs from the beginning, in a new folder.
    pub fn begin(self, folder: RunFolder) -> Result<Ended, Failure> {
        let (stop, patience) = self.listen()?;
        let path = folder.path.clone();
        let recorder = Recorder::begin(folder, self.sources.clone(), &self.record(), self.about(), patience.clone());
        let recorder = SharedRecorder::new(recorder.map_err(bad_folder)?);
        Taken { job: self, path, recorder, stop, patience }.run(None)
    }

    /// Goes on where the run of a folder stopped. With `changed` the program is another one than before.
    pub fn go_on(self, folder: RunFolder, changed: bool) -> Result<Ended, Failure> {
        let (stop, patience) = self.listen()?;
        let path = folder.path.clone();
        let records = |marks: &_| reaches(&path, marks);
        let found = search(&path, &self.program, &self.device.0, records)
            .map_err(|failure| Failure::new(Exit::RunFailed, failure.message).code(Code::BAD_RUN_FOLDER))?;
        for damage in &found.passed_over {
            let warning = Screen::stderr().paint(Ink::Warning, "warning:");
            tell(&format!("{warning} a checkpoint is passed over: {}\n", harmless(damage)));
        }
        let Some(point) = found.point else {
            if let Some(first) = found.passed_over.first() {
                return Err(none_whole(&path, first));
            }
            // It was cut off before its first checkpoint: nothing of it is needed.
            let from = Resume { changed, ..Resume::default() };
            return self.reopen(folder, stop, patience, &from)?.run(None);
        };
        let from = Resume {
            checkpoint: Some(point.checkpoint.clone()),
            marks: point.state.journal.logs.clone(),
            seconds: point.seconds,
            changed,
        };
        if !self.quiet {
            let (checkpoint, clock) = (&point.checkpoint, point.state.journal.clock);
            tell(&format!("going on from {checkpoint}, after {clock} steps\n"));
        }
        self.reopen(folder, stop, patience, &from)?.run(Some(point))
    }

    fn reopen(
        self,
        folder: RunFolder,
        stop: Arc<AtomicBool>,
        patience: Patience,
        from: &Resume,
    ) -> Result<Taken, Failure> {
        let path = folder.path.clone();
        let (sources, plan) = (self.sources.clone(), self.record());
        let recorder = Recorder::resume(folder, sources, &plan, self.about(), patience.clone(), from);
        let recorder = SharedRecorder::new(recorder.map_err(bad_folder)?);
        Ok(Taken { job: self, path, recorder, stop, patience })
    }

    /// `plan.json`
    fn record(&self) -> String {
        format!("{:#}\n", self.plan.to_record())
    }

    fn about(&self) -> About {
        About {
            plan: self.plan.hash.clone(),
            seed: self.program.seed,
            bindings: self.program.bindings.iter().map(|(n, v)| (n.clone(), v.to_json())).collect(),
            device: self.device.1.into(),
            threads: self.threads,
            isa: Isa::in_use().to_string(),
            data: self.data.clone(),
            command: std::env::args().collect(),
            input: self.input.clone(),
        }
    }

    /// Signals, and a disk that is full.
    fn listen(&self) -> Result<(Arc<AtomicBool>, Patience), Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signals(stop.clone())?;
        let warn = |text: &str| {
            let warning = Screen::stderr().paint(Ink::Warning, "warning:");
            tell(&format!("{warning} {}\n", harmless(text)));
        };
        let patience = Patience::new(self.wait, stop.clone(), warn);
        Ok((stop, patience))
    }
}

impl Taken {
    fn run(self, from: Option<Point>) -> Result<Ended, Failure> {
        let Taken { job, path, recorder, stop, patience } = self;
        let mut listeners: Vec<Box<dyn Listener + Send>> = vec![Box::new(recorder.clone())];
        if !job.quiet {
            listeners.push(Box::new(Progress::new(job.sources.clone(), Screen::stderr())));
        }
        let mut world = World {
            places: job.places,
            device: job.device.0,
            threads: job.threads,
            folder: Some(path.clone()),
            plan: job.plan.hash.clone(),
            listeners,
            stop,
            patience,
        };
        let ended = match from {
            None => runtime::run(&job.program, &mut world),
            Some(point) => runtime::go_on(&job.program, &mut world, point),
        };
        // The bars go before anything else is said.
        drop(world);
        let (status, reason) = match &ended {
            Ok(summary) => (summary.status, summary.stop.as_ref().map(Stop::to_string)),
            Err(error) => (Status::Failed, Some(error.message.clone())),
        };
        let closed = recorder.end(status, reason);
        let ended = ended.map_err(|error| failed(&error, &job.sources, &path))?;
        closed.map_err(bad_folder)?;
        Ok(Ended { summary: Summary::read(&path).map_err(bad_folder)?, stop: ended.stop })
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

/// The folder of a run can't be read or written.
pub fn bad_folder(error: std::io::Error) -> Failure {
    Failure::new(Exit::RunFailed, error.to_string())
        .code(Code::BAD_RUN_FOLDER)
        .help("make sure that the folder may be written to and has space left")
}

fn none_whole(path: &Path, first: &str) -> Failure {
    let message = format!("no checkpoint in `{}` is whole: {first}", path.join("checkpoints").display());
    Failure::new(Exit::ResumeRefused, message)
        .code(Code::NO_WHOLE_CHECKPOINT)
        .help("`fsched run FILE --fresh` starts anew in a folder beside it; nothing in this one was changed")
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
