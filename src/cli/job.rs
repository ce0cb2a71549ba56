//! A run under way: its records, its screen, its signals.

use super::failure::{Exit, Failure};
use super::input::tell;
use super::signals::stop_on_signals;
use crate::components::data::Places;
use crate::diagnostic::Code;
use crate::disk::Patience;
use crate::language::program::Program;
use crate::nn::kernels::Isa;
use crate::plan::{Plan, moved};
use crate::reading::{self, json, limits};
use crate::record::screen::{Ink, Screen, harmless};
use crate::record::{
    About, DataSum, InputAsGiven, Progress, Recorder, Resume, RunFolder, SharedRecorder, Summary, reaches,
};
use crate::runtime::event::{Listener, Status};
use crate::runtime::resume::{Point, anew, search, stands_in};
use crate::runtime::{self, RunError, Stop, World};
use crate::source::Sources;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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
            warn(&format!("a checkpoint is passed over: {damage}"));
        }
        let Some(mut point) = found.point else {
            match found.passed_over.first() {
                Some(first) if changed => return Err(none_fits(first)),
                Some(first) => return Err(none_whole(&path, first)),
                None => {}
            }
            // It was cut off before its first checkpoint: nothing of it is needed.
            if !self.quiet {
                tell("there is no checkpoint yet: the run starts over\n");
            }
            let from = Resume { changed, ..Resume::default() };
            return self.reopen(folder, stop, patience, &from)?.run(None);
        };
        let refused = |failure: runtime::Failure| {
            let refused = Failure::new(Exit::ResumeRefused, failure.message).code(Code::PLAN_CHANGED);
            refused
                .help("nothing was changed: go on with the program that the run began with, or `--fresh` for a new run")
        };
        if changed {
            self.adapt(&path, &mut point).map_err(refused)?;
        }
        stands_in(&self.program, &point).map_err(refused)?;
        if point.plan != self.plan.hash && !changed && !changed_before(&path) {
            let text = format!("{} was made under another plan", point.checkpoint);
            return Err(refused(runtime::Failure::new(text)));
        }
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

    /// Finds the place of a checkpoint in a program that was changed, and leaves out what it can't use.
    fn adapt(&self, folder: &Path, point: &mut Point) -> Result<(), runtime::Failure> {
        let text = reading::whole(&folder.join("plan.json"), limits::RECORD_BYTES).ok();
        let old: Option<serde_json::Value> = text.and_then(|text| json::parse(&text, json::Kind::Any).ok());
        let Some(old) = old else { return Ok(()) };
        let journal = &mut point.state.journal;
        // What it would be measured on may be other examples now.
        journal.evaluations = None;
        let path: Vec<String> = journal.cursor.frames().iter().map(|frame| frame.id.clone()).collect();
        let ids = moved(&old, &self.plan.to_record(), &path).map_err(|(id, text)| {
            let text = if text.is_empty() { id } else { format!("{id} (`{text}`)") };
            runtime::Failure::new(format!("the run stands in step {text}, which the program does not have any more"))
        })?;
        journal.cursor.rename(ids);
        for id in anew(&mut point.state, &self.program) {
            warn(&format!("the optimizer of statement {id} is of another kind now: what it remembered is left out"));
        }
        if !self.quiet {
            tell("the program was changed: what stands before the place where the run is counts as done\n");
        }
        Ok(())
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

    fn record(&self) -> String {
        written(&self.plan)
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

/// `plan.json`
pub fn written(plan: &Plan) -> String {
    format!("{:#}\n", plan.to_record())
}

/// Whether a change of the program was accepted in an earlier session: checkpoints may be of the program before it.
fn changed_before(folder: &Path) -> bool {
    folder.join("earlier").exists()
}

/// The folder of a run can't be read or written.
pub fn bad_folder(error: std::io::Error) -> Failure {
    Failure::new(Exit::RunFailed, error.to_string())
        .code(Code::BAD_RUN_FOLDER)
        .help("make sure that the folder may be written to and has space left")
}

fn warn(text: &str) {
    let warning = Screen::stderr().paint(Ink::Warning, "warning:");
    tell(&format!("{warning} {}\n", harmless(text)));
}

fn none_fits(first: &str) -> Failure {
    Failure::new(Exit::ResumeRefused, format!("no checkpoint fits the program as it is now: {first}"))
        .code(Code::PLAN_CHANGED)
        .help("the model must stay what it was; `--fresh` starts anew in a folder beside it")
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
        let folder = folder.display();
        let again = format!("`fsched resume {folder}` goes on from the last checkpoint");
        let other = "with another program, `fsched run FILE --resume --accept-changes --out` and the folder";
        return failure.help(format!("what was recorded until then is in {folder}; {again}; {other}"));
    }
    failure
}
