//! How far each operation and its gradients lie from double precision: max|error| / max|reference|, as JSON, one line
//! an operation. The reference is the operation's composed form in f64.
//!
//! `benches/errors_torch.py` measures PyTorch's own on the same numbers and prints both side by side:
//! cargo bench --bench errors > ours.jsonl && python benches/errors_torch.py ours.jsonl

use candle_core::{DType, Device, Result, Tensor};
use fsched::nn::ops::{self, BatchNormStats, Reduction};
use fsched::nn::precision::Precision;
use fsched::nn::tape::{Tape, Value};
use serde_json::{Map, Value as Json, json};

type Operation = fn(&Tape, &[Value]) -> Result<Value>;

/// Name, precision, shapes of the inputs, what is done to them.
type Case = (&'static str, Precision, &'static [&'static [usize]], Operation);

const CLASSES: usize = 100;

fn labels() -> Vec<u32> {
    (0..256).map(|i| i * 7 % CLASSES as u32).collect()
}

const CASES: &[Case] = &[
    ("conv3x3", Precision::Fast, &[&[16, 64, 14, 14], &[64, 64, 3, 3], &[64]], |t, v| {
        ops::conv2d(t, &v[0], &v[1], Some(&v[2]), 1, 1)
    }),
    ("conv3x3", Precision::Exact, &[&[16, 64, 14, 14], &[64, 64, 3, 3], &[64]], |t, v| {
        ops::conv2d(t, &v[0], &v[1], Some(&v[2]), 1, 1)
    }),
    ("conv3x3 stride 2", Precision::Fast, &[&[16, 64, 14, 14], &[128, 64, 3, 3], &[128]], |t, v| {
        ops::conv2d(t, &v[0], &v[1], Some(&v[2]), 2, 1)
    }),
    ("conv3x3 stride 2", Precision::Exact, &[&[16, 64, 14, 14], &[128, 64, 3, 3], &[128]], |t, v| {
        ops::conv2d(t, &v[0], &v[1], Some(&v[2]), 2, 1)
    }),
    ("conv3x3 first layer", Precision::Fast, &[&[8, 3, 32, 32], &[64, 3, 3, 3], &[64]], |t, v| {
        ops::conv2d(t, &v[0], &v[1], Some(&v[2]), 1, 1)
    }),
    ("conv1x1", Precision::Fast, &[&[16, 64, 14, 14], &[128, 64, 1, 1], &[128]], |t, v| {
        ops::conv2d(t, &v[0], &v[1], Some(&v[2]), 1, 0)
    }),
    ("linear", Precision::Fast, &[&[128, 784], &[512, 784], &[512]], |t, v| ops::linear(t, &v[0], &v[1], Some(&v[2]))),
    ("batch norm", Precision::Fast, &[&[16, 64, 14, 14], &[64], &[64]], |t, v| {
        ops::batch_norm(t, &v[0], &v[1], &v[2], BatchNormStats::Batch)
    }),
    ("instance norm", Precision::Fast, &[&[16, 64, 14, 14], &[64], &[64]], |t, v| {
        ops::instance_norm(t, &v[0], &v[1], &v[2])
    }),
    ("group norm", Precision::Fast, &[&[16, 64, 14, 14], &[64], &[64]], |t, v| {
        ops::group_norm(t, &v[0], &v[1], &v[2], 8)
    }),
    ("layer norm", Precision::Fast, &[&[256, 384], &[384], &[384]], |t, v| ops::layer_norm(t, &v[0], &v[1], &v[2])),
    ("rms norm", Precision::Fast, &[&[256, 384], &[384]], |t, v| ops::rms_norm(t, &v[0], &v[1], 1e-5)),
    ("softmax", Precision::Fast, &[&[256, CLASSES]], |t, v| ops::softmax(t, &v[0])),
    ("log softmax", Precision::Fast, &[&[256, CLASSES]], |t, v| ops::log_softmax(t, &v[0])),
    ("cross-entropy", Precision::Fast, &[&[256, CLASSES]], |t, v| {
        ops::cross_entropy(t, &v[0], &labels(), 0.0, Reduction::Mean)
    }),
    ("attention", Precision::Fast, &[&[2, 64, 4, 32], &[2, 64, 4, 32], &[2, 64, 4, 32]], |t, v| {
        ops::attention(t, &v[0], &v[1], &v[2], None, true)
    }),
    ("swiglu", Precision::Fast, &[&[256, 344], &[256, 344]], |t, v| ops::swiglu(t, &v[0], &v[1])),
    ("max pool", Precision::Fast, &[&[16, 64, 14, 14]], |t, v| ops::max_pool2d(t, &v[0], 2, 2)),
    ("average pool", Precision::Fast, &[&[16, 64, 14, 14]], |t, v| ops::avg_pool2d(t, &v[0], 2, 2)),
    ("global average pool", Precision::Fast, &[&[16, 64, 14, 14]], |t, v| ops::global_avg_pool(t, &v[0])),
];

/// Numbers in [-1, 1] that look random, the same on both sides of the comparison.
fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 / (1u64 << 23) as f64 - 1.0) as f32
    };
    (0..len).map(|_| next()).collect()
}

/// The output and the gradients of all inputs, for one and the same gradient of the output.
fn everything(operation: Operation, precision: Precision, inputs: &[Tensor], dtype: DType) -> Result<Vec<Tensor>> {
    let tape = Tape::with(precision);
    let leaves = inputs.iter().map(|x| Ok(tape.leaf(&x.to_dtype(dtype)?))).collect::<Result<Vec<Value>>>()?;
    let y = operation(&tape, &leaves)?;
    let output = y.tensor().clone();
    let gradient = Tensor::from_vec(numbers(output.elem_count(), 99), output.dims(), &Device::Cpu)?.to_dtype(dtype)?;
    let mut gradients = tape.backward_from(&y, gradient)?;
    let of = |leaf| gradients.take(leaf).expect("every input has a gradient");
    Ok(std::iter::once(output).chain(leaves.iter().map(of)).collect())
}

fn error(found: &Tensor, reference: &Tensor) -> Result<f64> {
    let all = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (found, reference) = (all(found)?, all(reference)?);
    let size = reference.iter().fold(0f64, |size, x| size.max(x.abs()));
    Ok(found.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / size)
}

fn main() -> Result<()> {
    for &(name, precision, shapes, operation) in CASES {
        let of = |(seed, dims): (usize, &&[usize])| {
            Tensor::from_vec(numbers(dims.iter().product(), seed as u64), *dims, &Device::Cpu)
        };
        let inputs = shapes.iter().enumerate().map(of).collect::<Result<Vec<_>>>()?;
        let ours = everything(operation, precision, &inputs, DType::F32)?;
        let reference = everything(operation, precision, &inputs, DType::F64)?;
        let mut errors = Map::new();
        for (index, (ours, reference)) in ours.iter().zip(&reference).enumerate() {
            let part = if index == 0 { "output".to_string() } else { format!("gradient {index}") };
            errors.insert(part, json!(error(ours, reference)?));
        }
        let shapes: Vec<Json> = shapes.iter().map(|dims| json!(dims)).collect();
        println!("{}", json!({"operation": name, "precision": precision.name(), "inputs": shapes, "errors": errors}));
    }
    Ok(())
}
