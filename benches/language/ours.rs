//! This crate's side of the comparison with transformers and PEFT: measures what the driver (`run.py`) asks for.
//!
//! One request a line on the standard input, one answer a line on the standard output, both JSON; see [`Request`].
//! All work is done on one pool of as many threads as `RAYON_NUM_THREADS` says, as `fsched run` does it.

#[path = "../compare/ours/process.rs"]
mod process;

use candle_core::{Device, Result, Tensor};
use fsched::components::adapters::NAME;
use fsched::components::catalogue;
use fsched::components::optimizers::{self, Optimizer, OptimizerState};
use fsched::components::{Family, Spec, Value};
use fsched::nn::kernels::Isa;
use fsched::nn::network::{Asked, Network, Noise, Trainable, greedy};
use fsched::nn::ops::{Reduction, cross_entropy};
use fsched::nn::pretrained::{self, peft::Peft};
use fsched::nn::sequences::{IGNORED, Seen, Sequences};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: fsched::allocator::MiMalloc = fsched::allocator::MiMalloc;

/// What the driver asks for, under the name `do`.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Request {
    /// version, instruction set, threads
    About,
    /// makes the model of a folder the present one: with its adapter for a step, as it is for writing
    Open { folder: PathBuf, work: Work, lr: f64 },
    /// does the work so many times: milliseconds and what came out, each time; minor page faults of all
    Run { count: usize },
    /// does the work so many times: KiB resident before, and at most
    Peak { count: usize },
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    /// a training step on text
    Text,
    /// on what the tower made of pictures before
    Features,
    /// on pictures, through the tower
    Pixels,
    /// a text, greedily
    Write,
}

/// `batch.json` of a folder.
#[derive(Deserialize)]
struct Batch {
    /// B sequences of T tokens
    ids: Vec<Vec<u32>>,
    /// where a picture begins in each, if there are pictures
    picture: Option<usize>,
    /// what is gone on from, and by how many tokens
    prompt: Vec<u32>,
    tokens: usize,
}

/// A model with what it works on.
struct Bench {
    work: Work,
    network: Network,
    sequences: Sequences,
    tokens: usize,
    trained: Vec<bool>,
    optimizer: Box<dyn Optimizer>,
    state: OptimizerState,
}

impl Bench {
    fn open(folder: &Path, work: Work, lr: f64) -> Result<Bench> {
        let (mut network, form) = pretrained::open(&folder.join("model"), &Device::Cpu).map_err(told)?;
        if work != Work::Write {
            let adapter = Peft::read(&folder.join("adapter"), &network, form).map_err(told)?;
            network = adapter.onto(network, NAME)?;
        }
        let batch: Batch = serde_json::from_slice(&std::fs::read(folder.join("batch.json"))?).map_err(told)?;
        let tokens = batch.tokens;
        let sequences = sequences(&network, batch, work, folder)?;
        let trained = network.parameters().iter().map(|parameter| parameter.part.is_adapter()).collect();
        let state = OptimizerState::default();
        Ok(Bench { work, network, sequences, tokens, trained, optimizer: adamw(lr)?, state })
    }

    fn run(&mut self) -> Result<Json> {
        if self.work == Work::Write {
            let pick = |_: usize, logits: &[f32]| greedy(logits);
            return Ok(json!(self.network.generate(&self.sequences, self.tokens, &[], pick)?[0]));
        }
        let trainable = Trainable::Only(&self.trained);
        let tape = self.network.tape();
        let forward = self.network.read(&tape, &self.sequences, Asked::Learned, trainable, Noise::Off)?;
        let targets: Vec<u32> = self.sequences.targets.iter().copied().filter(|target| *target != IGNORED).collect();
        let loss = cross_entropy(&tape, &forward.logits, &targets, 0.0, Reduction::Mean)?;
        drop(forward.logits);
        let mut found = tape.backward(&loss)?;
        let taken = |leaf: &Option<_>| leaf.as_ref().and_then(|leaf| found.take(leaf));
        let gradients: Vec<Option<Tensor>> = forward.leaves.iter().map(taken).collect();
        self.optimizer.step(&mut self.network, &gradients, trainable, 1.0, &mut self.state)?;
        Ok(json!(loss.tensor().to_scalar::<f32>()?))
    }
}

/// Each place learns the token behind it, but for those of pictures.
fn sequences(network: &Network, batch: Batch, work: Work, folder: &Path) -> Result<Sequences> {
    let vectors = network.architecture().vision().map_or(0, |vision| vision.tokens);
    let rows = if work == Work::Write { vec![batch.prompt] } else { batch.ids };
    let (count, length) = (rows.len(), rows[0].len());
    let of_picture = |place: usize| batch.picture.is_some_and(|at| (at..at + vectors).contains(&place));
    let target = |row: &[u32], place: usize| match row.get(place + 1) {
        Some(next) if !of_picture(place + 1) => *next,
        _ => IGNORED,
    };
    let targets = rows.iter().flat_map(|row| (0..length).map(|place| target(row, place))).collect();
    let pixels = || -> Result<Tensor> {
        let tensors = candle_core::safetensors::load(folder.join("pixels.safetensors"), &Device::Cpu)?;
        tensors.get("pixels").cloned().ok_or_else(|| told("there is no tensor pixels"))
    };
    Ok(Sequences {
        count,
        length,
        targets,
        real: vec![true; count * length],
        pictures: batch.picture.iter().flat_map(|at| (0..count).map(move |row| row * length + at)).collect(),
        ids: rows.concat(),
        seen: match work {
            Work::Text | Work::Write => Seen::Nothing,
            Work::Features => Seen::Features(network.look(&pixels()?)?),
            Work::Pixels => Seen::Pixels(pixels()?),
        },
    })
}

/// AdamW with PyTorch's defaults but no decay.
fn adamw(lr: f64) -> Result<Box<dyn Optimizer>> {
    let member = catalogue::find(Family::Optimizer, "adamw").ok_or_else(|| told("there is no adamw"))?;
    let value = |param: &fsched::components::Param| match param.name {
        "lr" => Some(Value::Real(lr)),
        _ => catalogue::default_value(&param.default, param),
    };
    let args = member.params.iter().map(|param| value(param).ok_or_else(|| told(param.name)));
    optimizers::build(&Spec { member, args: args.collect::<Result<_>>()? }).map_err(told)
}

fn answer(present: &mut Option<Bench>, request: Request) -> Result<Json> {
    match (request, present) {
        (Request::About, _) => Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "isa": Isa::in_use().to_string(),
            "threads": rayon::current_num_threads(),
        })),
        (Request::Open { folder, work, lr }, present) => {
            // The last one's memory goes before the new one's comes.
            *present = None;
            let opened = present.insert(Bench::open(&folder, work, lr)?);
            let numbers = |adapters: bool| -> usize {
                let parameters = opened.network.parameters().iter().filter(|p| p.part.is_adapter() == adapters);
                parameters.map(|p| p.part.count()).sum()
            };
            Ok(json!({ "frozen": numbers(false), "trained": numbers(true) }))
        }
        (_, None) => candle_core::bail!("no model is open"),
        (Request::Run { count }, Some(bench)) => {
            let (mut times, mut results) = (Vec::new(), Vec::new());
            let faults = process::minor_faults();
            for _ in 0..count {
                let start = Instant::now();
                results.push(bench.run()?);
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            Ok(json!({ "ms": times, "results": results, "faults": process::minor_faults() - faults }))
        }
        (Request::Peak { count }, Some(bench)) => {
            let before = process::resident();
            let reset = process::reset_peak();
            for _ in 0..count {
                bench.run()?;
            }
            Ok(json!({ "before": before, "peak": process::peak(), "reset": reset }))
        }
    }
}

fn told(problem: impl Display) -> candle_core::Error {
    candle_core::Error::Msg(problem.to_string())
}

fn main() -> io::Result<()> {
    fsched::allocator::keep_freed_pages();
    let mut present = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answered = match serde_json::from_str(&line) {
            Ok(request) => rayon::scope(|_| answer(&mut present, request)).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        let reply = answered.unwrap_or_else(|error| json!({ "error": error }));
        writeln!(io::stdout(), "{reply}")?;
    }
    Ok(())
}
