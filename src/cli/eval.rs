//! `fsched eval DIR|WEIGHTS FILE`

use super::failure::{Exit, Failure};
use super::input::{Input, show};
use super::lines::Form;
use super::machine::Machine;
use crate::components::metrics::{looks_back, of_memory, retention};
use crate::diagnostic::Code;
use crate::disk::Patience;
use crate::language::chain::Chain;
use crate::language::program::{At, Evaluate, Op, Program, Settings, Step};
use crate::nn::weights;
use crate::plan::each_step;
use crate::record::screen::Screen;
use crate::record::{Evaluated, draw_evaluated};
use crate::runtime::event::{Event, Kind, Listener};
use crate::runtime::{self, World};
use crate::source::Span;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// Run a program's `evaluate` statements against saved weights
#[derive(clap::Args, Debug)]
pub struct Eval {
    /// Run folder, checkpoint folder, or .safetensors or .gguf file
    #[arg(value_name = "DIR|WEIGHTS")]
    weights: PathBuf,
    /// Program with `evaluate` statements, and the `model` and `data` that they are about
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    machine: Machine,
    /// How the result is written
    #[arg(long, value_enum, default_value = "human")]
    format: EvalForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EvalForm {
    /// a table
    Human,
    /// one object
    Json,
}

impl Eval {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let weights = self.weights()?;
        let memory = memory(&weights);
        let analysis = self.input.analyze_beside(&self.file, memory.is_some());
        let Some(program) = analysis.program else {
            let form = if self.format == EvalForm::Json { Form::Json } else { Form::Human };
            show(&analysis.sources, &analysis.diagnostics, form, super::MAX_ERRORS, out)?;
            return Ok(Exit::FileHasErrors);
        };
        weights::fits(&program.model.architecture, &weights)
            .map_err(|e| Failure::new(Exit::RunFailed, e.to_string()).code(Code::BAD_WEIGHTS))?;
        if let Some(memory) = &memory {
            weights::fits(&program.model.architecture, memory)
                .map_err(|e| Failure::new(Exit::RunFailed, e.to_string()).code(Code::BAD_WEIGHTS))?;
        }
        let program = evaluation(program, &weights, memory.as_deref()).ok_or_else(|| {
            Failure::usage(format!("`{}` has no `evaluate` statement for saved weights alone", self.file.display()))
                .help("add one, for example `evaluate clean on test`")
        })?;
        let results = self.measure(&program, &weights)?;
        match self.format {
            EvalForm::Human => write!(out, "{}", draw_evaluated(&results, Screen::stdout()))?,
            EvalForm::Json => writeln!(
                out,
                "{}",
                json!({ "format": 1, "weights": weights.display().to_string(), "results": results })
            )?,
        }
        Ok(Exit::Done)
    }

    /// The file of weights, links followed: of a run folder the final ones.
    fn weights(&self) -> Result<PathBuf, Failure> {
        let inside = ["final.safetensors", "weights.safetensors"].map(|name| self.weights.join(name));
        let found = inside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| self.weights.clone());
        let shown = self.weights.display();
        if found.is_dir() {
            return Err(Failure::usage(format!("`{shown}` holds no weights"))
                .help("name a finished run's folder, a checkpoint's folder or a .safetensors file"));
        }
        found.canonicalize().map_err(|e| Failure::usage(format!("cannot read `{shown}`: {e}")))
    }

    fn measure(&self, program: &Program, weights: &Path) -> Result<Vec<Evaluated>, Failure> {
        let mut places = self.input.places(&self.file);
        places.allowed.extend(weights.parent().map(Path::to_path_buf));
        let results = Results::default();
        let mut world = World {
            places,
            device: self.machine.device(program)?.0,
            threads: self.machine.threads(program),
            folder: None,
            plan: String::new(),
            listeners: vec![Box::new(results.clone())],
            stop: Arc::new(AtomicBool::new(false)),
            patience: Patience::none(),
        };
        runtime::run(program, &mut world).map_err(|e| {
            let failure = Failure::new(Exit::RunFailed, e.message).code(e.code);
            e.help.into_iter().fold(failure, Failure::help)
        })?;
        Ok(std::mem::take(&mut *results.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The memory's weights, which a run folder and a checkpoint have beside those of the trained network.
fn memory(weights: &Path) -> Option<PathBuf> {
    let beside = match weights.file_name()?.to_str()? {
        "final.safetensors" => "final_memory.safetensors",
        "weights.safetensors" => "memory.safetensors",
        _ => return None,
    };
    Some(weights.with_file_name(beside)).filter(|path| path.is_file())
}

/// The program that loads the weights and runs each `evaluate` statement once; `None` where there is none.
fn evaluation(program: Program, weights: &Path, memory: Option<&Path>) -> Option<Program> {
    let mut evaluates: Vec<(Span, Evaluate)> = Vec::new();
    each_step(&program.body, &mut |step| {
        // A phase that is called twice is evaluated once.
        let known = evaluates.iter().any(|(span, _)| *span == step.span);
        if let (Op::Evaluate(op), false) = (&step.op, known) {
            // Saved weights have no checkpoints beside them to compare with, and no history; not all have a memory.
            let past = |spec| retention::looks_back(spec) || looks_back(spec);
            let there = |spec| !past(spec) && (memory.is_some() || !of_memory(spec));
            let metrics: Vec<_> = op.metrics.iter().filter(|m| there(&m.spec)).cloned().collect();
            if !metrics.is_empty() {
                evaluates.push((step.span, Evaluate { metrics, at: vec![At::Last], ..op.clone() }));
            }
        }
    });
    let (span, first) = evaluates.first()?;
    // Loading counts as a change of weights; nothing is to be measured around it.
    let settings = Arc::new(Settings { measure: Chain::default(), ..Settings::clone(&first.settings) });
    let load = Step {
        id: "weights".into(),
        span: *span,
        op: Op::Load {
            path: weights.to_string_lossy().into_owned(),
            only: None,
            memory: memory.map(|memory| memory.to_string_lossy().into_owned()),
            settings,
        },
    };
    let steps = evaluates.into_iter().enumerate();
    let steps = steps.map(|(i, (span, op))| Step { id: (i + 1).to_string(), span, op: Op::Evaluate(op) });
    Some(Program { body: std::iter::once(load).chain(steps).collect(), ..program })
}

/// Collects what was measured.
#[derive(Clone, Default)]
struct Results(Arc<Mutex<Vec<Evaluated>>>);

impl Listener for Results {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        if let Kind::Measure { split, metric, value, n, detail, .. } = &event.kind {
            let result = Evaluated::new(&event.step, *split, metric, *value, *n, detail);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
        Ok(())
    }
}
