//! A short calibration: how fast this machine computes a program's network. The plan's estimate of seconds is its
//! counts of operations divided by these speeds.

use super::error::Failure;
use super::{RunError, exec, in_pool, outside, texts};
use crate::components::attacks;
use crate::components::objectives::{self, Batch, Draws, cross_entropy};
use crate::components::optimizers::{self, OptimizerState};
use crate::components::{Spec, Value, catalogue};
use crate::language::program::{self, Program, Settings};
use crate::nn::network::{Mode, Network, Trainable};
use crate::nn::rng::Stream;
use crate::plan::Profile;
use crate::plan::cost::PassCost;
use crate::plan::passes::EVALUATION_BATCH;
use candle_core::{Device, Tensor};
use std::time::Instant;

/// Larger batches take long and are no faster.
const LARGEST_BATCH: u64 = 256;

/// Seconds that each kind of pass is repeated for.
const PATIENCE: f64 = 0.3;

/// Times a training step, an attack's pass and an evaluation of the program's network, each for about 0.3 s or once
/// where that takes longer. The weights are the initial ones and the images noise, so nothing is read or changed.
///
/// # Errors
/// If threads or memory cannot be had.
pub fn calibrate(program: &Program, device: &Device, threads: usize) -> Result<Profile, RunError> {
    in_pool(threads, || measure(program, device).map_err(outside))
}

fn measure(program: &Program, device: &Device) -> Result<Profile, Failure> {
    if let Some(profile) = texts::calibrate(program, device)? {
        return Ok(profile);
    }
    let parts = &program.model.parts;
    let cost = PassCost::of(&program.model.architecture);
    let settings = exec::first_training(&program.body);
    let trainable = settings.map_or(vec![true; parts.len()].into(), |s| s.trainable.clone());
    let network = Network::new(program.model.architecture.clone(), program.seed, device)?;
    let mut network = network.with_precision(program.precision);

    let batch = noise(&network, settings.map_or(LARGEST_BATCH, batch_size), device)?;
    let images = batch.labels.len() as f64;
    let draws = Draws { seed: program.seed, clock: 0 };
    let objective = objectives::build(&with_defaults(&cross_entropy::MEMBER)?);
    let optimizer = match settings.map(|s| &s.optimizer.spec).filter(|spec| !waits(spec)) {
        Some(spec) => Some(optimizers::build(spec)?),
        None => None,
    };
    let mut state = OptimizerState::default();
    let training = fastest(|| {
        let pass = objective.pass(&network, &batch, Trainable::Only(&trainable), &draws)?;
        if let Some(optimizer) = &optimizer {
            optimizer.step(&mut network, &pass.gradients, Trainable::Only(&trainable), 0.0, &mut state)?;
        }
        Ok(())
    })?;
    let attack = attacks::with("fgsm", &[("eps", Value::Real(0.1))]);
    let attacks = fastest(|| Ok(attack.perturb(&network, Mode::Train, &batch, &draws).map(drop)?))?;
    let many = noise(&network, EVALUATION_BATCH, device)?;
    let evaluation = fastest(|| Ok(network.logits(&many.pixels, Mode::Eval).map(drop)?))?;
    Ok(Profile {
        training: images * cost.training(parts, &trainable) / training,
        attacks: images * cost.attack() / attacks,
        evaluation: many.labels.len() as f64 * cost.forward() / evaluation,
    })
}

fn with_defaults(member: &'static crate::components::Member) -> Result<Spec, Failure> {
    catalogue::with_defaults(member).ok_or_else(|| Failure::new(format!("`{}` needs arguments", member.name)))
}

fn waits(spec: &Spec) -> bool {
    spec.args.iter().any(Value::waits)
}

fn batch_size(settings: &Settings) -> u64 {
    match settings.batch {
        program::Batch::Size(n) => n.clamp(2, LARGEST_BATCH),
        program::Batch::All => settings.examples_per_step().clamp(2, LARGEST_BATCH),
    }
}

/// Images of noise, labels in turn.
fn noise(network: &Network, images: u64, device: &Device) -> Result<Batch, Failure> {
    let [c, h, w] = network.architecture().input.picture();
    let n = images as usize;
    let mut pixels = vec![0.0; n * c * h * w];
    Stream::new(0, "calibrate", &[]).fill_uniform(&mut pixels, 0.0, 1.0);
    let classes = network.architecture().classes.max(1) as u64;
    let labels = (0..images).map(|i| (i % classes) as u32).collect();
    Ok(Batch { pixels: Tensor::from_vec(pixels, (n, c, h, w), device)?, labels, ids: (0..images).collect() })
}

/// Seconds of the fastest of several runs, after one that warms caches up; that one counts where it is slow itself.
pub(super) fn fastest(mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut timed = || {
        let began = Instant::now();
        work().map(|()| began.elapsed().as_secs_f64().max(1e-9))
    };
    let mut best = timed()?;
    let mut spent = best;
    while spent < PATIENCE {
        let seconds = timed()?;
        spent += seconds;
        best = best.min(seconds);
    }
    Ok(best)
}
