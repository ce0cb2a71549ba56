//! What fast convolutions change of a trained network: its logits, the signs of its pixel gradients, and what survives
//! PGD, on the test images of the embedded Fashion-MNIST subset.
//!
//! Usage: cargo bench --bench precision -- RUN_FOLDER. The folder is that of a finished run on `fashion`, say of
//! pipelines/forget_relearn.fsched. Numbers of this kind stand in docs/performance.md.

use candle_core::{Device, Result, Tensor};
use fsched::components::attacks::{self, Attack, pgd};
use fsched::components::data::{self, Examples, Places};
use fsched::components::metrics::correct;
use fsched::components::objectives::{Batch, Draws};
use fsched::components::{Family, Spec, Split, Value, catalogue};
use fsched::language::{Disk, Options, analyze};
use fsched::nn::network::{Mode, Network, Trainable};
use fsched::nn::ops::{Reduction, cross_entropy};
use fsched::nn::precision::Precision;
use fsched::nn::weights;
use std::path::Path;

/// The budget that the README's run trains against.
const ATTACK: [(&str, f64); 2] = [("eps", 0.1), ("step", 0.025)];

const BATCH: usize = 100;

/// What one precision gives for all test images.
#[derive(Default)]
struct Answers {
    logits: Vec<f32>,
    gradients: Vec<f32>,
    clean: Vec<bool>,
    robust: Vec<bool>,
}

fn attack() -> Box<dyn Attack> {
    let mut args: Vec<Value> = Vec::new();
    for param in pgd::MEMBER.params {
        let given = ATTACK.iter().find(|(name, _)| *name == param.name).map(|(_, value)| Value::Real(*value));
        let value = match param.name {
            "iters" => Some(Value::Int(20)),
            "random_start" => Some(Value::Bool(false)),
            _ => given.or_else(|| catalogue::default_value(&param.default, param)),
        };
        args.push(value.expect("a value for each parameter of pgd"));
    }
    attacks::build(&Spec { member: &pgd::MEMBER, args })
}

fn gradient(network: &Network, batch: &Batch) -> Result<Tensor> {
    let tape = network.tape();
    let x = tape.leaf(&batch.pixels);
    let forward = network.forward(&tape, &x, Mode::Eval, Trainable::None)?;
    let loss = cross_entropy(&tape, &forward.logits, &batch.labels, 0.0, Reduction::Sum)?;
    Ok(tape.backward(&loss)?.take(&x).expect("the loss depends on the pixels"))
}

fn answers(network: &Network, examples: &Examples) -> Result<Answers> {
    let mut all = Answers::default();
    let [c, h, w] = examples.shape();
    let draws = Draws { seed: 0, clock: 0 };
    let attack = attack();
    for indices in (0..examples.len()).collect::<Vec<_>>().chunks(BATCH) {
        let pixels = Tensor::from_vec(examples.batch(indices), (indices.len(), c, h, w), &Device::Cpu)?;
        let batch = Batch { pixels, labels: examples.labels(indices), ids: examples.ids(indices) };
        let logits = network.logits(&batch.pixels, Mode::Eval)?;
        all.clean.extend(correct(&logits, &batch.labels)?);
        all.logits.extend(logits.flatten_all()?.to_vec1::<f32>()?);
        all.gradients.extend(gradient(network, &batch)?.flatten_all()?.to_vec1::<f32>()?);
        let moved = attack.perturb(network, Mode::Eval, &batch, &draws)?;
        all.robust.extend(correct(&network.logits(&moved, Mode::Eval)?, &batch.labels)?);
    }
    Ok(all)
}

/// The largest difference by the largest element.
fn error(found: &[f32], exact: &[f32]) -> f64 {
    let size = exact.iter().fold(0f64, |size, &x| size.max(f64::from(x).abs()));
    found.iter().zip(exact).map(|(a, b)| f64::from(a - b).abs()).fold(0.0, f64::max) / size
}

/// Of the gradients that are above this share of their image's largest, in per cent: those with another sign.
fn flipped(found: &[f32], exact: &[f32], image: usize, above: f32) -> f64 {
    let (mut flipped, mut seen) = (0, 0);
    for (found, exact) in found.chunks(image).zip(exact.chunks(image)) {
        let largest = exact.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let sign = |x: f32| (x > 0.0) as i32 - (x < 0.0) as i32;
        for (&a, &b) in found.iter().zip(exact).filter(|(_, b)| b.abs() > above * largest) {
            seen += 1;
            flipped += i32::from(sign(a) != sign(b));
        }
    }
    100.0 * f64::from(flipped) / f64::from(seen.max(1))
}

fn share(right: &[bool]) -> f64 {
    100.0 * right.iter().filter(|&&right| right).count() as f64 / right.len() as f64
}

fn differing(a: &[bool], b: &[bool]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("usage: cargo bench --bench precision -- RUN_FOLDER (skipped)");
        return Ok(());
    };
    let folder = Path::new(&folder);
    let analysis = analyze(&folder.join("program.fsched"), &Disk { root: None }, &Options::default());
    let program = analysis.program.ok_or("the folder's program has errors")?;
    let fashion = catalogue::find(Family::Data, "fashion").and_then(catalogue::with_defaults).ok_or("no fashion")?;
    let data = data::load(&fashion, &Places::default(), 0).map_err(|problem| problem.message)?;
    let examples = data.split(Split::Test);
    let open = |precision| -> std::result::Result<Answers, Box<dyn std::error::Error>> {
        let mut network = Network::new(program.model.architecture.clone(), 0, &Device::Cpu)?.with_precision(precision);
        weights::load(&mut network, &folder.join("final.safetensors")).map_err(|e| e.to_string())?;
        Ok(answers(&network, examples)?)
    };
    let (exact, fast) = (open(Precision::Exact)?, open(Precision::Fast)?);
    let image = examples.shape().iter().product();
    println!("{} test images, PGD-20 linf eps 0.1, fast against exact", examples.len());
    println!("logits: max|error|/max|exact| {:.1e}", error(&fast.logits, &exact.logits));
    println!("pixel gradients: max|error|/max|exact| {:.1e}", error(&fast.gradients, &exact.gradients));
    for above in [0.0, 1e-4, 1e-2] {
        let flipped = flipped(&fast.gradients, &exact.gradients, image, above);
        println!("signs that differ, of gradients above {above:.0e} of the image's largest: {flipped:.4} %");
    }
    for (name, exact, fast) in [("clean", &exact.clean, &fast.clean), ("robust", &exact.robust, &fast.robust)] {
        let differing = differing(exact, fast);
        println!("{name}: exact {:.1} %, fast {:.1} %, {differing} images differ", share(exact), share(fast));
    }
    Ok(())
}
