//! Runs a program: steps and loops ([`exec`]), training ([`train`]), what a step changes ([`state`]), what stays on
//! disk ([`checkpoint`]), and from where an interrupted run goes on ([`resume`](resume::search)). It says what happens as [`event`]s and never asks who listens.
//!
//! The same program, data and seed give the same bytes on any number of threads: random draws are keyed by what they
//! are for (`nn::rng`), never taken from a common generator, and sums are split by shapes alone.
//!
//! Where later parts will go:
//!
//! - *Optimizers of two passes* (the SAM family) perturb the weights between two calls of `Objective::pass` on the same
//!   chunk. `train::gradients` is the only place that calls it, so it becomes a method of the optimizer that is given
//!   the chunk and the objective; accumulation and running statistics stay as they are.
//! - *A second model* (an EMA teacher) is one more `Network` in [`state::State`], averaged after `train::update` and
//!   handed to objectives beside the first; checkpoints write it as `memory.safetensors`.
//! - *Extra heads* (random-label probes) are further networks over a feature tap of `Network::forward`, with their own
//!   optimizer states by id, trained in the same pass from detached features.
//! - *Several processes* (`Collective`) reduce gradients between `train::gradients` and `train::update`, each process
//!   taking its part of the order of examples; draws are keyed by example, so they don't depend on who draws.

pub mod audit;
mod calibrate;
mod checkpoint;
mod compare;
mod control;
mod cursor;
mod error;
pub mod event;
mod exec;
mod export;
mod follow;
mod forget;
mod guard;
mod lent;
mod measure;
mod moment;
mod progress;
mod protect;
mod recovery;
pub mod resume;
mod retention;
mod scope;
mod sensitivity;
mod sound;
pub mod state;
pub mod store;
mod texts;
mod train;
mod triggers;
mod within;

pub use calibrate::calibrate;
pub use checkpoint::Snapshot;
pub use cursor::{Cursor, Frame};
pub use error::{Failure, RunError, Stop};
pub use state::{Expectation, State};

use crate::components::data::{Dataset, Examples, Places, load};
use crate::components::metrics::{Costs, Matrix};
use crate::components::{Duration, Problem, Spec, Split, Value};
use crate::disk::{self, Patience};
use crate::language::program::Program;
use crate::plan::totals::Counter;
use crate::source::Span;
use candle_core::Device;
use error::Halt;
use event::{Event, Kind, Listener, Mark, Status};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a run needs from outside.
pub struct World {
    /// where data and weights are looked for
    pub places: Places,
    pub device: Device,
    /// of the thread pool that the run makes for itself; results don't depend on it
    pub threads: usize,
    /// the run folder; without one nothing is written
    pub folder: Option<PathBuf>,
    /// hash of the plan, which checkpoints hold
    pub plan: String,
    pub listeners: Vec<Box<dyn Listener + Send>>,
    /// set from outside: the run saves its state and ends after the present training step
    pub stop: Arc<AtomicBool>,
    /// with a disk that is full or away
    pub patience: Patience,
}

/// How a run ended that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// anything but [`Status::Failed`]
    pub status: Status,
    /// optimizer steps
    pub steps: u64,
    pub epochs: f64,
    /// passes that formed gradients, those of attacks included
    pub gradient_evaluations: u64,
    /// every `expect` that was met, in order
    pub expectations: Vec<Expectation>,
    /// a clock decided how long some training step was
    pub clocked: bool,
    /// why it stopped before its end
    pub stop: Option<Stop>,
}

/// Runs a program from its beginning to its end.
///
/// # Errors
/// What could not be foreseen before the run: disks, memory, losses that aren't finite. The error names the step.
pub fn run(program: &Program, world: &mut World) -> Result<Summary, RunError> {
    in_pool(world.threads, || {
        let network = texts::first(program, world).map_err(outside)?.with_precision(program.precision);
        Run::new(program, world, State::new(network)).finish(false)
    })
}

/// Goes on with a run from a checkpoint, to the same end bit for bit.
///
/// # Errors
/// As [`run`]; also if the program has no step where the checkpoint stands.
pub fn go_on(program: &Program, world: &mut World, from: resume::Point) -> Result<Summary, RunError> {
    in_pool(world.threads, || {
        let mut run = Run::new(program, world, from.state);
        run.path = run.state.journal.cursor.take().into();
        run.evaluations = run.state.journal.evaluations.take().unwrap_or_default();
        checkpoint::drop_older_again(&run).map_err(outside)?;
        run.saved = Some(from.checkpoint);
        (run.seconds_before, run.saved_at, run.looked_at) = (from.seconds, from.seconds, from.seconds);
        run.finish(true)
    })
}

/// Does some work on a pool of so many threads.
fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> Result<T, RunError> + Send) -> Result<T, RunError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| outside(Failure::new(format!("cannot start {threads} threads: {e}"))))?;
    pool.install(work)
}

fn outside(failure: Failure) -> RunError {
    RunError { code: failure.code, step: String::new(), span: None, message: failure.message, help: failure.help }
}

/// A run under way. What a step changes is in `state`; the rest follows from the program and the place in it.
struct Run<'a> {
    program: &'a Program,
    world: &'a mut World,
    state: State,
    /// place of the innermost step
    span: Option<Span>,
    /// values of the loop variables in force
    variables: BTreeMap<u32, Value>,
    /// the `lr` statements met so far
    schedules: BTreeMap<u32, train::Rate>,
    data: Vec<(Spec, Arc<Dataset>)>,
    /// cost matrices by the files that they come from, read at their first use
    matrices: BTreeMap<String, Matrix>,
    readings: measure::Readings,
    retained: retention::Retained,
    texts: texts::Texts,
    /// of the step under way
    evaluations: within::Evaluations,
    /// weights that are measured in place of the present ones
    lent: Option<lent::Lent>,
    /// the best by each metric, where there is no folder that holds them
    bests: BTreeMap<String, lent::Lent>,
    /// the step under way does the same when it is entered again, so its evaluations may be interrupted
    reenterable: bool,
    /// the step under way is entered again, after it was interrupted within an evaluation
    entered_again: bool,
    /// training statements whose gradients have been looked at
    guarded: BTreeSet<String>,
    /// where a resumed run has yet to go to: the steps that a checkpoint was inside of, outermost first
    path: VecDeque<Frame>,
    /// when it was last looked at what is due by a clock, in seconds of the run: nothing falls between two looks
    looked_at: f64,
    /// the checkpoint written last, relative to the run folder
    saved: Option<String>,
    /// when that was, in seconds of the run
    saved_at: f64,
    started: Instant,
    /// seconds that earlier sessions took
    seconds_before: f64,
}

impl<'a> Run<'a> {
    fn new(program: &'a Program, world: &'a mut World, state: State) -> Run<'a> {
        Run {
            program,
            world,
            state,
            span: None,
            variables: BTreeMap::new(),
            schedules: BTreeMap::new(),
            data: Vec::new(),
            matrices: BTreeMap::new(),
            readings: measure::Readings::default(),
            retained: retention::Retained::default(),
            texts: texts::Texts::default(),
            evaluations: within::Evaluations::default(),
            lent: None,
            bests: BTreeMap::new(),
            reenterable: false,
            entered_again: false,
            guarded: BTreeSet::new(),
            path: VecDeque::new(),
            saved: None,
            saved_at: 0.0,
            looked_at: 0.0,
            started: Instant::now(),
            seconds_before: 0.0,
        }
    }

    fn finish(mut self, again: bool) -> Result<Summary, RunError> {
        let (status, stop) = match self.steps(again) {
            Ok(()) => (Status::Done, None),
            Err(Halt::Stopped(stop @ Stop::Guard(_))) => (Status::Ended, Some(stop)),
            Err(Halt::Stopped(stop)) => (Status::Stopped, Some(stop)),
            Err(halt) => return Err(self.fail(halt)),
        };
        self.emit(self.end(status)).map_err(|failure| self.place(failure.into()))?;
        let journal = self.state.journal;
        Ok(Summary {
            status,
            steps: journal.clock,
            epochs: journal.epochs,
            gradient_evaluations: journal.gradient_evaluations,
            expectations: journal.expectations,
            clocked: journal.clocked,
            stop,
        })
    }

    fn steps(&mut self, again: bool) -> Result<(), Halt> {
        let program = self.program;
        if let Some(folder) = &self.world.folder {
            disk::make_folder(folder).map_err(Failure::disk)?;
        }
        let total_steps = total_steps(program);
        self.emit(if again { Kind::Resume { total_steps } } else { Kind::RunStart { total_steps } })?;
        let ended = exec::body(self, &program.body);
        if let Ok(()) | Err(Halt::Stopped(Stop::Guard(_))) = ended {
            checkpoint::finish(self)?;
        }
        ended
    }

    /// Tells the listeners that the run failed. One that fails too doesn't hide the first error.
    fn fail(&mut self, halt: Halt) -> RunError {
        let error = self.place(halt);
        let _ = self.emit(self.end(Status::Failed));
        error
    }

    fn end(&self, status: Status) -> Kind {
        Kind::End { status, gradient_evaluations: self.state.journal.gradient_evaluations }
    }

    fn place(&self, halt: Halt) -> RunError {
        match halt.at("", None) {
            Halt::Error(error) => error,
            _ => {
                unreachable!("`at` places failures, the rest are no errors, and a `stop` has a training step around it")
            }
        }
    }

    fn emit(&mut self, kind: Kind) -> Result<(), Failure> {
        let journal = &self.state.journal;
        let (step, clock, epochs) = (journal.cursor.instance(), journal.clock, journal.epochs);
        let event = Event { step, span: self.span, clock, epochs, kind };
        self.world.listeners.iter_mut().try_for_each(|listener| listener.hear(&event)).map_err(|e| records(&e))
    }

    /// Tells of a save that a clock or a signal decided.
    fn tell_saved(&mut self, folder: &str) -> Result<(), Failure> {
        self.world.listeners.iter_mut().try_for_each(|listener| listener.saved(folder)).map_err(|e| records(&e))
    }

    /// How far all files have come that the listeners write.
    fn marks(&mut self) -> Result<BTreeMap<String, Mark>, Failure> {
        let mut marks = BTreeMap::new();
        for listener in &mut self.world.listeners {
            marks.extend(listener.marks().map_err(|e| records(&e))?);
        }
        Ok(marks)
    }

    /// Saves the state and leaves, if somebody asked for it or the time of the session is used up.
    fn heed_stop(&mut self) -> Result<(), Halt> {
        let Some(stop) = self.asked_to_stop() else { return Ok(()) };
        checkpoint::save(self)?;
        Err(Halt::Stopped(stop))
    }

    /// Why it is to stop, if it is.
    fn asked_to_stop(&self) -> Option<Stop> {
        let over = self.program.budget.filter(|budget| self.started.elapsed().as_secs_f64() >= *budget);
        match over {
            _ if self.world.stop.load(Ordering::Relaxed) => Some(Stop::Asked),
            over => over.map(|budget| Stop::Budget(Duration::Seconds(budget))),
        }
    }

    /// The data set, read at its first use.
    fn dataset(&mut self, spec: &Spec) -> Result<Arc<Dataset>, Failure> {
        if let Some((_, data)) = self.data.iter().find(|(known, _)| known == spec) {
            return Ok(data.clone());
        }
        let data = Arc::new(load(spec, &self.world.places, self.program.seed)?);
        self.data.push((spec.clone(), data.clone()));
        Ok(data)
    }

    /// The costs of a file for these classes.
    fn costs(&mut self, file: &str, classes: &[String]) -> Result<Arc<Costs>, Problem> {
        if !self.matrices.contains_key(file) {
            self.matrices.insert(file.to_string(), Matrix::read(file, &self.world.places)?);
        }
        self.matrices[file].of_classes(classes).map(Arc::new)
    }

    /// Seconds that the run has taken, without the time between its sessions.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}

/// Steps of training, where they are known before the run.
fn total_steps(program: &Program) -> Option<u64> {
    let totals = Counter::new(program).body(&program.body);
    totals.train_steps.max.filter(|max| *max == totals.train_steps.min)
}

fn records(error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write the records of the run: {error}"))
        .help("make sure that the run folder may be written to and has space left")
}

/// The examples of a split must exist before they are asked for.
fn some_examples(data: &Dataset, split: Split) -> Result<&Examples, Failure> {
    let examples = data.split(split);
    match examples.is_empty() {
        true => Err(Failure::new(format!("the data has no {} split", split.name()))),
        false => Ok(examples),
    }
}
