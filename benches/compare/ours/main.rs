//! This crate's side of the comparison with PyTorch: measures what the driver (`run.py`) asks for.
//!
//! One request a line on the standard input, one answer a line on the standard output, both JSON; see [`Request`].
//! All work is done on one pool of as many threads as `RAYON_NUM_THREADS` says, as `fsched run` does it.

mod decoder;
mod layer;
mod network;
mod process;

use candle_core::Result;
use decoder::Decoder;
use fsched::nn::kernels::Isa;
use layer::Layer;
use network::{Images, ImagesCase};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: fsched::allocator::MiMalloc = fsched::allocator::MiMalloc;

/// What the driver asks for, under the name `do`.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Request {
    /// version, instruction set, threads
    About,
    /// makes a case the present one: its network at its start, its batch
    Open { case: Case },
    /// `weights.safetensors` and `batch.safetensors` of the present case into a folder
    Export { folder: PathBuf },
    /// losses of the first training steps, in eval mode, and of an adversarial step without a random start
    Losses,
    /// does the work so many times: milliseconds of each, minor page faults of all
    Run { work: String, count: usize },
    /// does the work so many times: KiB resident before, and at most
    Peak { work: String, count: usize },
}

/// What is measured.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Case {
    Images(ImagesCase),
    Layer(layer::LayerCase),
    Decoder(decoder::DecoderCase),
}

/// A case that is open.
trait Workload: Send {
    /// Does one unit of the work of that name.
    fn run(&mut self, work: &str) -> Result<()>;

    /// Trained numbers.
    fn parameters(&self) -> usize;

    /// Bytes that a step needs, about; as the plan's estimate in a run.
    fn memory(&self) -> u64;

    /// What both sides start from.
    fn export(&self, folder: &std::path::Path) -> Result<()>;

    /// Losses by name, to be compared with the other side's; the case is used up by it.
    fn losses(&mut self) -> Result<Json>;
}

fn open(case: Case) -> Result<Box<dyn Workload>> {
    Ok(match case {
        Case::Images(case) => Box::new(Images::open(&case)?),
        Case::Layer(case) => Box::new(Layer::open(&case)?),
        Case::Decoder(case) => Box::new(Decoder::open(&case)?),
    })
}

fn answer(present: &mut Option<Box<dyn Workload>>, request: Request) -> Result<Json> {
    match request {
        Request::About => {
            return Ok(json!({
                "version": env!("CARGO_PKG_VERSION"),
                "isa": Isa::in_use().to_string(),
                "threads": rayon::current_num_threads(),
            }));
        }
        Request::Open { case } => {
            // The last case's memory goes before the new one's comes.
            *present = None;
            let opened = present.insert(open(case)?);
            fsched::allocator::expect(opened.memory());
            return Ok(json!({ "parameters": opened.parameters() }));
        }
        _ => {}
    }
    let Some(present) = present else { candle_core::bail!("no case is open") };
    match request {
        Request::Export { folder } => present.export(&folder).map(|()| json!({})),
        Request::Losses => present.losses(),
        Request::Run { work, count } => run(present.as_mut(), &work, count),
        Request::Peak { work, count } => peak(present.as_mut(), &work, count),
        Request::About | Request::Open { .. } => unreachable!("answered above"),
    }
}

fn run(present: &mut dyn Workload, work: &str, count: usize) -> Result<Json> {
    let mut times = Vec::with_capacity(count);
    let faults = process::minor_faults();
    for _ in 0..count {
        let start = Instant::now();
        present.run(work)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(json!({ "ms": times, "faults": process::minor_faults() - faults }))
}

fn peak(present: &mut dyn Workload, work: &str, count: usize) -> Result<Json> {
    let before = process::resident();
    let reset = process::reset_peak();
    for _ in 0..count {
        present.run(work)?;
    }
    Ok(json!({ "before": before, "peak": process::peak(), "reset": reset }))
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
