//! Runs programs and keeps what they said.

use candle_core::Device;
use fsched::components::data::Places;
use fsched::diagnostic::Severity;
use fsched::disk::Patience;
use fsched::language::program::Program;
use fsched::language::{Files, Options, analyze};
use fsched::runtime::event::{Change, Event, Kind, Listener};
use fsched::runtime::{RunError, Summary, World, run};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// Small data, a small network, and no momentum or schedule unless the program says so.
pub const SMALL: &str = "data digits(train: 160, validation: 20%)\nmodel mlp(hidden: [16])\nbatch 32\noptimizer sgd(lr: 0.1, momentum: 0.9)\n";

/// A program in memory.
struct Text(String);

impl Files for Text {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

/// The checked program of [`SMALL`] and these statements.
pub fn small(statements: &str) -> Program {
    program(&format!("{SMALL}{statements}"))
}

pub fn program(text: &str) -> Program {
    program_in(Path::new(""), text)
}

/// A program whose paths start in `folder`.
pub fn program_in(folder: &Path, text: &str) -> Program {
    let places = Places { program: folder.to_path_buf(), ..Places::default() };
    let options = Options { places, ..Options::default() };
    let analysis = analyze(&folder.join("test.fsched"), &Text(text.to_string()), &options);
    let errors: Vec<_> = analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    analysis.program.expect("a program without errors")
}

/// Keeps all events.
struct Ear(Arc<Mutex<Vec<Event>>>);

impl Listener for Ear {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

/// A run that has ended.
pub struct Outcome {
    pub result: Result<Summary, RunError>,
    pub events: Vec<Event>,
    folder: tempfile::TempDir,
}

/// Runs a program in a folder of its own.
pub fn run_program(program: &Program) -> Outcome {
    run_with(program, 1, |_| {})
}

/// The same of text after [`SMALL`].
pub fn run_small(statements: &str) -> Outcome {
    run_program(&small(statements))
}

/// Runs a program in another world.
pub fn run_with(program: &Program, threads: usize, change: impl FnOnce(&mut World)) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let mut world = World {
        places: Places::default(),
        device: Device::Cpu,
        threads,
        folder: Some(folder.path().to_path_buf()),
        plan: "plan".into(),
        listeners: vec![Box::new(Ear(events.clone()))],
        stop: Arc::new(AtomicBool::new(false)),
        patience: Patience::none(),
    };
    change(&mut world);
    let result = run(program, &mut world);
    let events = events.lock().unwrap().clone();
    Outcome { result, events, folder }
}

impl Outcome {
    pub fn summary(&self) -> &Summary {
        self.result.as_ref().unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub fn error(&self) -> &RunError {
        self.result.as_ref().expect_err("the run should have failed")
    }

    /// A path in the run folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Names in a folder below the run folder, sorted.
    pub fn names(&self, relative: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(relative)) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn bytes(&self, relative: &str) -> Vec<u8> {
        std::fs::read(self.path(relative)).unwrap_or_else(|e| panic!("{relative}: {e}"))
    }

    /// Tensors of a file of weights, f32, as bits.
    pub fn weights(&self, relative: &str) -> BTreeMap<String, Vec<u32>> {
        let tensors = fsched::nn::weights::read(&self.path(relative)).unwrap();
        let bits = |t: &candle_core::Tensor| {
            let numbers = t.flatten_all().unwrap().to_dtype(candle_core::DType::F32).unwrap().to_vec1::<f32>().unwrap();
            numbers.iter().map(|x| x.to_bits()).collect()
        };
        tensors.iter().map(|(name, tensor)| (name.clone(), bits(tensor))).collect()
    }

    /// Weights as numbers.
    pub fn numbers(&self, relative: &str) -> BTreeMap<String, Vec<f32>> {
        let numbers = |bits: Vec<u32>| bits.into_iter().map(f32::from_bits).collect();
        self.weights(relative).into_iter().map(|(name, bits)| (name, numbers(bits))).collect()
    }

    /// The kinds of all events, as text.
    pub fn kinds(&self) -> Vec<String> {
        self.events.iter().map(|e| format!("{} {:?}", e.step, e.kind)).collect()
    }

    /// Instances and words of the steps that began.
    pub fn starts(&self) -> Vec<(String, String)> {
        let start = |e: &Event| match &e.kind {
            Kind::Start { what, .. } => Some((e.step.clone(), what.clone())),
            _ => None,
        };
        self.events.iter().filter_map(start).collect()
    }

    /// Clock and value of each measurement of `split.metric`.
    pub fn measured(&self, name: &str) -> Vec<(u64, f64)> {
        let measure = |e: &Event| match &e.kind {
            Kind::Measure { split, metric, value, .. } if format!("{}.{metric}", split.name()) == name => {
                Some((e.clock, *value))
            }
            _ => None,
        };
        self.events.iter().filter_map(measure).collect()
    }

    /// The learning rate of each step.
    pub fn rates(&self) -> Vec<f64> {
        let rate = |e: &Event| match e.kind {
            Kind::Progress { rate, .. } => Some(rate),
            _ => None,
        };
        self.events.iter().filter_map(rate).collect()
    }

    pub fn changes(&self) -> Vec<&Change> {
        self.events
            .iter()
            .filter_map(|e| if let Kind::Change(change) = &e.kind { Some(change) } else { None })
            .collect()
    }
}
