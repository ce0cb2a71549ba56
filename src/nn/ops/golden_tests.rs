//! Every operation against PyTorch (tests/goldens/make_nn.py), on the kernels and composed; finite differences;
//! equal bits for any number of threads.

use super::*;
use crate::nn::check::{check_gradient, max_error, same_bits_for_any_threads, test_tensor};
use crate::nn::precision::Precision;
use crate::nn::tape::{Tape, Value};
use candle_core::{DType, Device, Result, Tensor};
use serde_json::Value as Json;
use std::collections::HashMap;

type Tensors = HashMap<String, Tensor>;

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn load() -> (Vec<Json>, Tensors) {
    let text = std::fs::read_to_string(folder().join("nn.json")).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    let tensors = candle_core::safetensors::load(folder().join("nn.safetensors"), &Device::Cpu).unwrap();
    (json["cases"].as_array().unwrap().clone(), tensors)
}

/// Runs the operation of a case; the running statistics after it, if it has any.
fn apply(
    tape: &Tape,
    case: &Json,
    v: &[Value],
    stored: &dyn Fn(&str) -> Tensor,
) -> Result<(Value, Option<RunningStats>)> {
    let number = |key: &str| case[key].as_u64().unwrap() as usize;
    let y = match case["op"].as_str().unwrap() {
        "conv2d" => conv2d(tape, &v[0], &v[1], v.get(2), number("stride"), number("padding"))?,
        "linear" => linear(tape, &v[0], &v[1], v.get(2))?,
        "relu" => relu(tape, &v[0])?,
        "add" => add(tape, &v[0], &v[1])?,
        "flatten" => flatten(tape, &v[0])?,
        "global_avg_pool" => global_avg_pool(tape, &v[0])?,
        "sum" => sum(tape, &v[0])?,
        "mean" => mean(tape, &v[0])?,
        "affine_const" => {
            let constant = |name: &str| stored(name).to_dtype(DType::F32)?.to_vec1();
            affine_const(tape, &v[0], &constant("scale")?, &constant("shift")?)?
        }
        "max_pool2d" => max_pool2d(tape, &v[0], number("kernel"), number("stride"))?,
        "avg_pool2d" => avg_pool2d(tape, &v[0], number("kernel"), number("stride"))?,
        "batch_norm" => {
            let mut running = RunningStats { mean: stored("mean"), var: stored("var") };
            let train = case["train"].as_bool().unwrap();
            let stats = match train {
                true => BatchNormStats::BatchAndUpdate(&mut running),
                false => BatchNormStats::Running(&running),
            };
            let y = batch_norm(tape, &v[0], &v[1], &v[2], stats)?;
            return Ok((y, train.then_some(running)));
        }
        "instance_norm" => instance_norm(tape, &v[0], &v[1], &v[2])?,
        "group_norm" => group_norm(tape, &v[0], &v[1], &v[2], number("groups"))?,
        "layer_norm" => layer_norm(tape, &v[0], &v[1], &v[2])?,
        "softmax" => softmax(tape, &v[0])?,
        "log_softmax" => log_softmax(tape, &v[0])?,
        "cross_entropy" => {
            let targets: Vec<u32> =
                case["targets"].as_array().unwrap().iter().map(|target| target.as_u64().unwrap() as u32).collect();
            let reduction = match case["reduction"].as_str().unwrap() {
                "mean" => Reduction::Mean,
                "sum" => Reduction::Sum,
                _ => Reduction::None,
            };
            cross_entropy(tape, &v[0], &targets, case["smoothing"].as_f64().unwrap(), reduction)?
        }
        op => panic!("the golden file names an unknown operation {op}"),
    };
    Ok((y, None))
}

/// The kernels in both precisions, and the composed form.
const WAYS: [(DType, Precision); 3] =
    [(DType::F32, Precision::Fast), (DType::F32, Precision::Exact), (DType::F64, Precision::Fast)];

/// One case in one way, with the inputs in `tracked` as leaves and the others constant; returns the largest error.
fn run(case: &Json, tensors: &Tensors, (dtype, precision): (DType, Precision), tracked: &[bool]) -> f64 {
    let name = case["name"].as_str().unwrap();
    let stored = |key: &str| tensors[&format!("{name}.{key}")].to_dtype(dtype).unwrap();
    let inputs: Vec<&str> = case["inputs"].as_array().unwrap().iter().map(|input| input.as_str().unwrap()).collect();
    let tape = Tape::with(precision);
    let value = |(input, &tracked): (&&str, &bool)| match tracked {
        true => tape.leaf(&stored(input)),
        false => Value::constant(stored(input)),
    };
    let values: Vec<Value> = inputs.iter().zip(tracked).map(value).collect();
    let (y, running) = apply(&tape, case, &values, &stored).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut worst = 0f64;
    let mut compare = |what: String, found: &Tensor, expected: &Tensor| {
        let error = max_error(found, expected);
        assert!(error <= 1e-5, "{name} {dtype:?}: {what} differs by {error:e}");
        worst = worst.max(error);
    };
    compare("y".into(), y.tensor(), &stored("y"));
    if let Some(running) = running {
        compare("running mean".into(), &running.mean, &stored("new_mean"));
        compare("running variance".into(), &running.var, &stored("new_var"));
    }
    if tracked.contains(&true) {
        let gradients = tape.backward_from(&y, stored("dy")).unwrap();
        for ((input, value), &tracked) in inputs.iter().zip(&values).zip(tracked) {
            assert_eq!(gradients.get(value).is_some(), tracked, "{name}: gradient of {input}");
            if let Some(gradient) = gradients.get(value) {
                compare(format!("d{input}"), gradient, &stored(&format!("d{input}")));
            }
        }
    }
    worst
}

#[test]
fn operations_agree_with_pytorch() {
    let (cases, tensors) = load();
    assert!(cases.len() > 60, "the golden file has {} cases", cases.len());
    let mut worst = HashMap::new();
    for case in &cases {
        let inputs = case["inputs"].as_array().unwrap().len();
        // All inputs, each alone, none: what is not tracked must change nothing else.
        for pattern in 0..1 << inputs {
            let tracked: Vec<bool> = (0..inputs).map(|input| pattern >> input & 1 == 1).collect();
            for way in WAYS {
                let error = run(case, &tensors, way, &tracked);
                let name = format!("{} {:?} {}", case["op"].as_str().unwrap(), way.0, way.1.name());
                let entry = worst.entry(name).or_insert(0f64);
                *entry = entry.max(error);
            }
        }
    }
    let mut worst: Vec<_> = worst.into_iter().collect();
    worst.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, error) in worst {
        println!("{name}: {error:.1e}");
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let x = || test_tensor(&[2, 3, 5, 4], 1);
    let (w, b) = (test_tensor(&[3], 2), test_tensor(&[3], 3));
    let check = |f: &dyn Fn(&Tape, &[Value]) -> Result<Value>, inputs: &[Tensor]| {
        check_gradient(f, inputs, 1e-2).unwrap();
    };
    let kernel = test_tensor(&[4, 3, 3, 3], 4);
    check(&|tape, v| conv2d(tape, &v[0], &v[1], Some(&v[2]), 2, 1), &[x(), kernel, test_tensor(&[4], 5)]);
    let (rows, weight) = (test_tensor(&[6, 5], 6), test_tensor(&[4, 5], 7));
    check(&|tape, v| linear(tape, &v[0], &v[1], Some(&v[2])), &[rows.clone(), weight, test_tensor(&[4], 5)]);
    check(&|tape, v| batch_norm(tape, &v[0], &v[1], &v[2], BatchNormStats::Batch), &[x(), w.clone(), b.clone()]);
    check(&|tape, v| instance_norm(tape, &v[0], &v[1], &v[2]), &[x(), w.clone(), b.clone()]);
    check(&|tape, v| group_norm(tape, &v[0], &v[1], &v[2], 1), &[x(), w, b]);
    let (w, b) = (test_tensor(&[5], 2), test_tensor(&[5], 3));
    check(&|tape, v| layer_norm(tape, &v[0], &v[1], &v[2]), &[rows.clone(), w, b]);
    check(&|tape, v| avg_pool2d(tape, &v[0], 2, 1), &[x()]);
    check(&|tape, v| global_avg_pool(tape, &v[0]), &[x()]);
    check(&|tape, v| softmax(tape, &v[0]), std::slice::from_ref(&rows));
    check(&|tape, v| log_softmax(tape, &v[0]), std::slice::from_ref(&rows));
    check(&|tape, v| cross_entropy(tape, &v[0], &[0, 1, 2, 3, 4, 0], 0.1, Reduction::Mean), &[rows]);
    // Kinks: keep every element and every difference within a window well away from the step of 0.01.
    let spread: Vec<f32> = (0..120).map(|i| ((i * 37) % 120) as f32 * 0.1 - 5.95).collect();
    let spread = Tensor::from_vec(spread, (2, 3, 5, 4), &Device::Cpu).unwrap();
    check(&|tape, v| relu(tape, &v[0]), std::slice::from_ref(&spread));
    check(&|tape, v| max_pool2d(tape, &v[0], 3, 1), &[spread]);
}

/// A small residual network with most operations in it: loss and the gradients of every leaf.
fn network(dtype: DType) -> Result<Vec<Tensor>> {
    let tape = Tape::new();
    let leaf = |dims: &[usize], seed| tape.leaf(&test_tensor(dims, seed).to_dtype(dtype).unwrap());
    let x = leaf(&[70, 3, 13, 13], 1);
    let w1 = leaf(&[20, 3, 3, 3], 2);
    let (w2, b2) = (leaf(&[20, 20, 3, 3], 4), leaf(&[20], 5));
    let (gain, shift) = (leaf(&[20], 6), leaf(&[20], 7));
    let (gain2, shift2) = (leaf(&[20], 8), leaf(&[20], 9));
    let (w3, b3) = (leaf(&[10, 20 * 9], 10), leaf(&[10], 11));
    let y = conv2d(&tape, &x, &w1, None, 1, 1)?;
    let y = relu(&tape, &batch_norm(&tape, &y, &gain, &shift, BatchNormStats::Batch)?)?;
    let y = max_pool2d(&tape, &y, 2, 2)?;
    let branch = conv2d(&tape, &y, &w2, Some(&b2), 1, 1)?;
    let branch = group_norm(&tape, &branch, &gain2, &shift2, 4)?;
    // Three uses of y: its gradient is shared, then summed, then added to in place.
    let y = add(&tape, &add(&tape, &y, &branch)?, &y)?;
    let y = avg_pool2d(&tape, &y, 2, 2)?;
    let y = linear(&tape, &flatten(&tape, &y)?, &w3, Some(&b3))?;
    let targets: Vec<u32> = (0..70).map(|i| i % 10).collect();
    let loss = cross_entropy(&tape, &y, &targets, 0.1, Reduction::Mean)?;
    let result = loss.tensor().clone();
    let leaves = [x, w1, w2, b2, gain, shift, gain2, shift2, w3, b3];
    let mut gradients = tape.backward(&loss)?;
    let gradients = leaves.iter().map(|leaf| gradients.take(leaf).unwrap());
    Ok(std::iter::once(result).chain(gradients).collect())
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    same_bits_for_any_threads(|| network(DType::F32).unwrap());
}

#[test]
fn a_network_of_kernels_agrees_with_the_composed_one_in_double_precision() {
    let names = ["loss", "x", "w1", "w2", "b2", "gain", "shift", "gain2", "shift2", "w3", "b3"];
    let (fast, exact) = (network(DType::F32).unwrap(), network(DType::F64).unwrap());
    assert_eq!(names.len(), fast.len());
    for ((name, fast), exact) in names.iter().zip(&fast).zip(&exact) {
        let error = max_error(fast, exact);
        assert!(error <= 1e-5, "{name} differs by {error:e}");
    }
}

#[test]
fn equal_patches_give_equal_bits() {
    // 5 samples of 9 x 9 and 7 outputs: groups of samples, remainders of vectors and blocks all occur.
    for (n, side, channels, outputs) in [(5, 9, 3, 7), (19, 5, 64, 33), (1, 28, 1, 1), (3, 20, 70, 9)] {
        let one_row = test_tensor(&[1, channels, 1, 1], 1);
        let x = Value::constant(one_row.broadcast_as((n, channels, side, side)).unwrap().contiguous().unwrap());
        let w = Value::constant(test_tensor(&[outputs, channels, 3, 3], 2));
        let tape = Tape::with(Precision::Exact);
        let leaf = tape.leaf(x.tensor());
        let y = conv2d(&tape, &leaf, &w, None, 1, 1).unwrap();
        let constant = test_tensor(&[1, outputs, 1, 1], 3);
        let dy = constant.broadcast_as(y.tensor().shape()).unwrap().contiguous().unwrap();
        let inner =
            |t: &Tensor| t.narrow(2, 2, side - 4).unwrap().narrow(3, 2, side - 4).unwrap().contiguous().unwrap();
        let check = |t: &Tensor, what: &str| {
            let t = inner(t).transpose(0, 1).unwrap().contiguous().unwrap();
            for channel in 0..t.dim(0).unwrap() {
                let bits = crate::nn::check::bits(&t.get(channel).unwrap());
                assert!(bits.iter().all(|&b| b == bits[0]), "{what} of channel {channel}, {n} x {channels} x {side}²");
            }
        };
        check(y.tensor(), "output");
        check(tape.backward_from(&y, dy).unwrap().get(&leaf).unwrap(), "gradient");
    }
}

#[test]
fn convolutions_of_many_shapes_agree_with_the_composed_form() {
    for (x, w, stride, padding) in [
        ([3, 16, 28, 28], [8, 16, 3, 3], 1, 1),
        ([70, 5, 7, 7], [9, 5, 3, 3], 1, 1),
        ([9, 70, 4, 4], [40, 70, 3, 3], 1, 1),
        ([7, 6, 13, 9], [5, 6, 3, 3], 2, 1),
        ([6, 32, 8, 8], [17, 32, 1, 1], 1, 0),
        ([2, 32, 16, 16], [17, 32, 1, 1], 1, 0),
        ([33, 4, 5, 5], [6, 4, 5, 5], 3, 2),
    ] {
        let run = |dtype: DType, precision: Precision| {
            let tape = Tape::with(precision);
            let leaf = |dims: &[usize], seed| tape.leaf(&test_tensor(dims, seed).to_dtype(dtype).unwrap());
            let (x, w, b) = (leaf(&x, 1), leaf(&w, 2), leaf(&w[..1], 3));
            let y = conv2d(&tape, &x, &w, Some(&b), stride, padding).unwrap();
            let dy = test_tensor(y.tensor().dims(), 4).to_dtype(dtype).unwrap();
            let mut all = vec![y.tensor().clone()];
            let mut gradients = tape.backward_from(&y, dy).unwrap();
            all.extend([x, w, b].iter().map(|leaf| gradients.take(leaf).unwrap()));
            all
        };
        let reference = run(DType::F64, Precision::Exact);
        for precision in [Precision::Fast, Precision::Exact] {
            for (found, reference) in run(DType::F32, precision).iter().zip(&reference) {
                let error = max_error(found, reference);
                assert!(error <= 1e-5, "{x:?} {w:?} stride {stride}, {precision:?}: {error:e}");
            }
        }
    }
}

#[test]
fn wrong_shapes_get_an_error_that_names_them() {
    let tape = Tape::new();
    let value = |dims: &[usize]| Value::constant(test_tensor(dims, 1));
    let message = |result: Result<Value>| result.expect_err("an error").to_string();
    let cases = [
        (message(conv2d(&tape, &value(&[1, 2, 4, 4]), &value(&[3, 4, 3, 3]), None, 1, 1)), "2 channels"),
        (message(conv2d(&tape, &value(&[1, 2, 2, 4]), &value(&[3, 2, 3, 3]), None, 1, 0)), "larger than the input 2x4"),
        (message(conv2d(&tape, &value(&[1, 2, 4, 4]), &value(&[3, 2, 3, 3]), None, 0, 0)), "positive"),
        (message(linear(&tape, &value(&[1, 2]), &value(&[3, 4]), None)), "2 features"),
        (message(max_pool2d(&tape, &value(&[1, 1, 3, 3]), 4, 4)), "window 4x4"),
        (message(add(&tape, &value(&[2]), &value(&[3]))), "[2] and [3]"),
        (message(group_norm(&tape, &value(&[1, 4, 2, 2]), &value(&[4]), &value(&[4]), 3)), "3 equal groups"),
        (message(instance_norm(&tape, &value(&[2, 4, 1, 1]), &value(&[4]), &value(&[4]))), "more than one position"),
        (message(cross_entropy(&tape, &value(&[2, 3]), &[0, 3], 0.0, Reduction::Mean)), "class 3 of 3"),
        (message(cross_entropy(&tape, &value(&[2, 3]), &[0], 0.0, Reduction::Mean)), "1 targets for 2"),
        (message(cross_entropy(&tape, &value(&[1, 3]), &[0], 1.5, Reduction::Mean)), "smoothing 1.5"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{found}");
    }
    let (x, w) = (value(&[1, 4, 1, 1]), value(&[4]));
    let error = message(batch_norm(&tape, &x, &w, &w, BatchNormStats::Batch));
    assert!(error.contains("more than one value per channel"), "{error}");
}

#[test]
fn batch_statistics_alone_leave_the_running_averages() {
    // Whatever the attack does in train mode, only BatchAndUpdate can touch them; its result replaces the tensors.
    let mut running = RunningStats { mean: test_tensor(&[3], 1), var: test_tensor(&[3], 2) };
    let before = running.clone();
    let (x, w) = (Value::constant(test_tensor(&[4, 3, 2, 2], 3)), Value::constant(test_tensor(&[3], 4)));
    batch_norm(&Tape::new(), &x, &w, &w, BatchNormStats::BatchAndUpdate(&mut running)).unwrap();
    assert!(max_error(&running.mean, &before.mean) > 0.01 && max_error(&running.var, &before.var) > 0.01);
    assert_eq!(crate::nn::check::bits(&before.mean), crate::nn::check::bits(&test_tensor(&[3], 1)));
}

#[test]
fn a_channel_that_is_not_a_number_has_no_statistics() {
    let numbers = vec![f32::NAN, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 5.0];
    let x = Value::constant(Tensor::from_vec(numbers, (1, 2, 2, 2), &Device::Cpu).unwrap());
    let w = Value::constant(Tensor::from_vec(vec![1f32, 1.0], 2, &Device::Cpu).unwrap());
    let mut running = RunningStats { mean: w.tensor().clone(), var: w.tensor().clone() };
    batch_norm(&Tape::new(), &x, &w, &w, BatchNormStats::BatchAndUpdate(&mut running)).unwrap();
    for statistic in [running.mean, running.var] {
        let found = statistic.to_vec1::<f32>().unwrap();
        assert!(found[0].is_nan() && found[1].is_finite(), "{found:?}");
    }
}

#[test]
fn not_a_number_passes_through_relu_and_maximum() {
    let tape = Tape::new();
    let x = [1.0, f32::NAN, 3.0, -1.0, 2.0, 5.0, f32::NAN, 4.0];
    let x = Value::constant(Tensor::from_slice(&x, (1, 1, 2, 4), &Device::Cpu).unwrap());
    let found = |y: Value| y.tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(found(relu(&tape, &x).unwrap()).iter().filter(|y| y.is_nan()).count(), 2);
    assert!(found(max_pool2d(&tape, &x, 2, 2).unwrap()).iter().all(|y| y.is_nan()));
    assert!(found(max_pool2d(&tape, &x, 2, 1).unwrap()).iter().all(|y| y.is_nan()));
}
