//! Milliseconds of a training step and of an attack pass (gradient of the input only) of a small convnet.
//!
//! Three blocks of convolution 3x3 with 32 channels, batch norm, ReLU and 2x2 maximum, then a linear layer; batch 64,
//! images 28x28; SGD with momentum. `benches/step_torch.py` measures the same in PyTorch.
//! Usage: cargo bench --bench step; threads by RAYON_NUM_THREADS.

use candle_core::{Device, Result, Tensor};
use fsched::nn::kernels::{buffer, elementwise};
use fsched::nn::ops::{self, BatchNormStats, Reduction, RunningStats};
use fsched::nn::rng::Stream;
use fsched::nn::tape::{Tape, Value};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 64;
const SIDE: usize = 28;
const CHANNELS: usize = 32;

struct Network {
    /// Weight, gain and shift of each block, then weight and bias of the linear layer.
    parameters: Vec<Tensor>,
    momenta: Vec<Tensor>,
    running: Vec<RunningStats>,
}

fn normal(stream: &mut Stream, dims: &[usize], std: f32) -> Result<Tensor> {
    let mut data = vec![0.0; dims.iter().product()];
    stream.fill_normal(&mut data, 0.0, std);
    Tensor::from_vec(data, dims, &Device::Cpu)
}

fn vector(value: f64, len: usize) -> Result<Tensor> {
    Tensor::from_vec(vec![value as f32; len], len, &Device::Cpu)
}

impl Network {
    fn new(stream: &mut Stream) -> Result<Network> {
        let (mut parameters, mut running) = (Vec::new(), Vec::new());
        for inputs in [1, CHANNELS, CHANNELS] {
            parameters.push(normal(stream, &[CHANNELS, inputs, 3, 3], (2.0 / (9 * inputs) as f32).sqrt())?);
            parameters.extend([vector(1.0, CHANNELS)?, vector(0.0, CHANNELS)?]);
            running.push(RunningStats { mean: vector(0.0, CHANNELS)?, var: vector(1.0, CHANNELS)? });
        }
        parameters.extend([normal(stream, &[10, 9 * CHANNELS], 0.06)?, vector(0.0, 10)?]);
        let momenta = parameters.iter().map(Tensor::zeros_like).collect::<Result<_>>()?;
        Ok(Network { parameters, momenta, running })
    }

    fn loss(
        tape: &Tape,
        parameters: &[Value],
        running: Option<&mut [RunningStats]>,
        images: &Value,
        labels: &[u32],
    ) -> Result<Value> {
        let mut x = images.clone();
        let mut running = running.map(|running| running.iter_mut());
        for block in parameters[..9].chunks(3) {
            let stats = match running.as_mut().and_then(Iterator::next) {
                Some(running) => BatchNormStats::BatchAndUpdate(running),
                None => BatchNormStats::Batch,
            };
            x = ops::conv2d(tape, &x, &block[0], None, 1, 1)?;
            x = ops::relu(tape, &ops::batch_norm(tape, &x, &block[1], &block[2], stats)?)?;
            x = ops::max_pool2d(tape, &x, 2, 2)?;
        }
        let logits = ops::linear(tape, &ops::flatten(tape, &x)?, &parameters[9], Some(&parameters[10]))?;
        ops::cross_entropy(tape, &logits, labels, 0.0, Reduction::Mean)
    }

    fn train_step(&mut self, images: &Tensor, labels: &[u32]) -> Result<f32> {
        let tape = Tape::new();
        let leaves: Vec<Value> = self.parameters.iter().map(|parameter| tape.leaf(parameter)).collect();
        let images = Value::constant(images.clone());
        let loss = Network::loss(&tape, &leaves, Some(&mut self.running), &images, labels)?;
        let value = loss.tensor().to_scalar()?;
        let mut gradients = tape.backward(&loss)?;
        for ((parameter, momentum), leaf) in self.parameters.iter_mut().zip(&mut self.momenta).zip(&leaves) {
            let Some(gradient) = gradients.take(leaf) else { continue };
            let combine = |a: &Tensor, b: &Tensor, f: fn(f32, f32) -> f32| {
                buffer::tensor(elementwise::map2(&buffer::view(a)?, &buffer::view(b)?, f), a.shape())
            };
            *momentum = combine(momentum, &gradient, |m, g| 0.9 * m + g)?;
            *parameter = combine(parameter, momentum, |p, m| p - 0.01 * m)?;
        }
        Ok(value)
    }

    fn attack_pass(&self, images: &Tensor, labels: &[u32]) -> Result<Tensor> {
        let tape = Tape::new();
        let parameters: Vec<Value> = self.parameters.iter().map(|p| Value::constant(p.clone())).collect();
        let images = tape.leaf(images);
        let loss = Network::loss(&tape, &parameters, None, &images, labels)?;
        let mut gradients = tape.backward(&loss)?;
        Ok(gradients.take(&images).expect("the loss depends on the images"))
    }
}

/// Median milliseconds and minor page faults per call, after warming up.
fn measure(mut work: impl FnMut() -> Result<()>) -> Result<(f64, u64)> {
    const CALLS: usize = 60;
    for _ in 0..10 {
        work()?;
    }
    let faults = minor_faults();
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[CALLS / 2], (minor_faults() - faults) / CALLS as u64))
}

/// Minor page faults of this process so far; 0 where /proc does not tell.
fn minor_faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(7)?.parse().ok()).unwrap_or(0)
}

/// Peak resident memory in MiB; 0 where /proc does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() -> Result<()> {
    let mut stream = Stream::new(1, "bench", &[]);
    let mut pixels = vec![0.0; BATCH * SIDE * SIDE];
    stream.fill_uniform(&mut pixels, 0.0, 1.0);
    let images = Tensor::from_vec(pixels, (BATCH, 1, SIDE, SIDE), &Device::Cpu)?;
    let labels: Vec<u32> = (0..BATCH).map(|_| stream.below(10) as u32).collect();
    let mut network = Network::new(&mut stream)?;
    println!("threads {}", rayon::current_num_threads());
    let (attack, attack_faults) = measure(|| network.attack_pass(&images, &labels).map(drop))?;
    println!("attack pass  {attack:8.2} ms  {attack_faults:6} minor faults");
    let (train, train_faults) = measure(|| network.train_step(&images, &labels).map(drop))?;
    println!("train step   {train:8.2} ms  {train_faults:6} minor faults");
    println!("peak memory  {:5} MiB", peak_memory());
    Ok(())
}
