//! Operations that do several layers' work against the composed form of the layers, in double precision.

use super::*;
use crate::nn::check::{bits, check_gradient, max_error, same_bits_for_any_threads, test_tensor};
use crate::nn::tape::{Tape, Value};
use candle_core::{DType, Result, Tensor};

/// Even and odd sides, one sample, one channel, more channels than a task of the kernels has.
const SHAPES: [[usize; 4]; 6] =
    [[4, 3, 6, 6], [1, 17, 7, 3], [3, 65, 4, 4], [2, 1, 31, 33], [70, 5, 3, 3], [2, 9, 28, 28]];

/// The layers of a function in f32 on the kernels or in f64 composed.
type Layers<'a> = &'a dyn Fn(&Tape, &[Value], BatchNormStats) -> Result<Value>;

fn running(c: usize, dtype: DType) -> RunningStats {
    let var = (test_tensor(&[c], 31).abs().unwrap() + 0.3).unwrap();
    RunningStats { mean: test_tensor(&[c], 30).to_dtype(dtype).unwrap(), var: var.to_dtype(dtype).unwrap() }
}

/// Output, gradients of the tracked inputs and new running statistics.
fn run(layers: Layers, inputs: &[Tensor], tracked: &[bool], train: bool, dtype: DType) -> Vec<Tensor> {
    let tape = Tape::new();
    let value = |(input, &tracked): (&Tensor, &bool)| {
        let input = input.to_dtype(dtype).unwrap();
        if tracked { tape.leaf(&input) } else { Value::constant(input) }
    };
    let values: Vec<Value> = inputs.iter().zip(tracked).map(value).collect();
    let mut stats = running(inputs[0].dims()[1], dtype);
    let copy = stats.clone();
    let stats_now = if train { BatchNormStats::BatchAndUpdate(&mut stats) } else { BatchNormStats::Running(&copy) };
    let y = layers(&tape, &values, stats_now).unwrap();
    let mut results = vec![y.tensor().clone()];
    if y.is_tracked() {
        let dy = test_tensor(y.shape().dims(), 40).to_dtype(dtype).unwrap();
        let before = dy.copy().unwrap();
        let mut gradients = tape.backward_from(&y, dy.clone()).unwrap();
        assert_eq!(max_error(&dy, &before), 0.0, "the gradient that the walk starts from is the caller's");
        results.extend(values.iter().filter_map(|value| gradients.take(value)));
    }
    results.extend([stats.mean, stats.var]);
    results
}

fn agree(fused: Layers, plain: Layers, inputs: &[Tensor]) {
    for (pattern, train) in (0..1 << inputs.len()).flat_map(|pattern: u32| [(pattern, true), (pattern, false)]) {
        let tracked: Vec<bool> = (0..inputs.len()).map(|input| pattern >> input & 1 == 1).collect();
        let found = run(fused, inputs, &tracked, train, DType::F32);
        let expected = run(plain, inputs, &tracked, train, DType::F64);
        assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = max_error(found, expected);
            assert!(error <= 1e-5, "{:?}, {tracked:?}, train {train}: result {index} differs by {error:e}", inputs[0]);
        }
    }
}

fn normalized(shape: &[usize; 4]) -> Vec<Tensor> {
    vec![test_tensor(shape, 1), test_tensor(&shape[1..2], 2), test_tensor(&shape[1..2], 3)]
}

#[test]
fn norm_and_relu_are_what_they_are_apart() {
    for shape in SHAPES {
        agree(
            &|tape, v, stats| batch_norm_relu(tape, &v[0], &v[1], &v[2], stats),
            &|tape, v, stats| relu(tape, &batch_norm(tape, &v[0], &v[1], &v[2], stats)?),
            &normalized(&shape),
        );
    }
}

#[test]
fn norm_relu_and_maxima_are_what_they_are_apart() {
    for shape in SHAPES {
        agree(
            &|tape, v, stats| batch_norm_relu_pool(tape, &v[0], &v[1], &v[2], stats),
            &|tape, v, stats| max_pool2d(tape, &relu(tape, &batch_norm(tape, &v[0], &v[1], &v[2], stats)?)?, 2, 2),
            &normalized(&shape),
        );
    }
}

#[test]
fn a_convolution_that_adds_is_one_and_a_sum() {
    for (shape, bias) in SHAPES.into_iter().flat_map(|shape| [(shape, true), (shape, false)]) {
        let [n, c, h, w] = shape;
        let mut inputs = vec![
            test_tensor(&shape, 1),
            test_tensor(&[7, c, 3, 3], 2),
            test_tensor(&[n, 7, h.div_ceil(2), w.div_ceil(2)], 3),
        ];
        inputs.extend(bias.then(|| test_tensor(&[7], 4)));
        agree(
            &|tape, v, _| conv2d_add(tape, &v[0], &v[1], v.get(3), &v[2], 2, 1),
            &|tape, v, _| add(tape, &conv2d(tape, &v[0], &v[1], v.get(3), 2, 1)?, &v[2]),
            &inputs,
        );
    }
}

/// A pre-activation block and its relatives: h goes to two convolutions and to a mean, x around them all.
fn block(tape: &Tape, v: &[Value], stats: BatchNormStats, fused: bool) -> Result<Value> {
    let sum = |a: &Value, b: &Value| add(tape, a, b);
    if !fused {
        let h = relu(tape, &batch_norm(tape, &v[0], &v[1], &v[2], stats)?)?;
        let inner = conv2d(tape, &h, &v[3], None, 1, 1)?;
        let inner = relu(tape, &batch_norm(tape, &inner, &v[5], &v[6], BatchNormStats::Batch)?)?;
        let y = sum(&conv2d(tape, &inner, &v[3], None, 1, 1)?, &conv2d(tape, &h, &v[4], None, 1, 0)?)?;
        return linear(tape, &global_avg_pool(tape, &sum(&sum(&y, &v[0])?, &h)?)?, &v[7], None);
    }
    let h = batch_norm_relu(tape, &v[0], &v[1], &v[2], stats)?;
    let inner = conv2d(tape, &h, &v[3], None, 1, 1)?;
    let inner = batch_norm_relu(tape, &inner, &v[5], &v[6], BatchNormStats::Batch)?;
    let y = conv2d_add(tape, &inner, &v[3], None, &conv2d(tape, &h, &v[4], None, 1, 0)?, 1, 1)?;
    linear(tape, &global_avg_pool(tape, &sum(&sum(&y, &v[0])?, &h)?)?, &v[7], None)
}

fn block_inputs(c: usize, side: usize) -> Vec<Tensor> {
    let weights = [(test_tensor(&[c, c, 3, 3], 4) * 0.3).unwrap(), test_tensor(&[c, c, 1, 1], 5)];
    let vectors = [2, 3, 6, 7].map(|seed| (test_tensor(&[c], seed) + 0.5).unwrap());
    let [w, b, w2, b2] = vectors;
    let [three, one] = weights;
    vec![test_tensor(&[5, c, side, side + 1], 1), w, b, three, one, w2, b2, test_tensor(&[4, c], 8)]
}

#[test]
fn a_deferred_value_may_be_used_by_many() {
    for (c, side) in [(3, 5), (17, 8), (32, 7)] {
        let inputs = block_inputs(c, side);
        let tracked = vec![true; inputs.len()];
        for (train, attack) in [(true, false), (false, false), (true, true), (false, true)] {
            let tracked: Vec<bool> = tracked.iter().enumerate().map(|(i, _)| i == 0 || !attack).collect();
            let found = run(&|t, v, s| block(t, v, s, true), &inputs, &tracked, train, DType::F32);
            let expected = run(&|t, v, s| block(t, v, s, false), &inputs, &tracked, train, DType::F64);
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let error = max_error(found, expected);
                assert!(error <= 2e-5, "{c} channels, train {train}, attack {attack}: result {index}, {error:e}");
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    // Lines that stay well away from the kink: the shift is large, and with one channel's weight negative.
    let (x, w) = (test_tensor(&[3, 2, 5, 4], 1), Tensor::new(&[0.5f32, -0.7], &candle_core::Device::Cpu)?);
    let b = Tensor::new(&[4f32, 5.], &candle_core::Device::Cpu)?;
    let inputs = [x, w, b];
    check_gradient(|tape, v| batch_norm_relu(tape, &v[0], &v[1], &v[2], BatchNormStats::Batch), &inputs, 1e-2)?;
    let stats = running(2, DType::F32);
    check_gradient(
        |tape, v| batch_norm_relu(tape, &v[0], &v[1], &v[2], BatchNormStats::Running(&stats)),
        &inputs,
        1e-2,
    )?;
    // Maxima that no step changes: every number of a window is far from the others.
    let spread: Vec<f32> = (0..120).map(|i| ((i * 37) % 120) as f32 * 0.1 - 5.95).collect();
    let spread = Tensor::from_vec(spread, (3, 2, 5, 4), &candle_core::Device::Cpu)?;
    let inputs = [spread, inputs[1].clone(), inputs[2].clone()];
    check_gradient(|tape, v| batch_norm_relu_pool(tape, &v[0], &v[1], &v[2], BatchNormStats::Batch), &inputs, 1e-2)?;
    let inputs = [test_tensor(&[2, 3, 5, 4], 1), test_tensor(&[4, 3, 3, 3], 2), test_tensor(&[2, 4, 5, 4], 3)];
    check_gradient(|tape, v| conv2d_add(tape, &v[0], &v[1], None, &v[2], 1, 1), &inputs, 1e-2)
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let inputs = block_inputs(40, 14);
    same_bits_for_any_threads(|| {
        let tracked = vec![true; inputs.len()];
        let mut all = run(&|t, v, s| block(t, v, s, true), &inputs, &tracked, true, DType::F32);
        let pooled = &inputs[..3];
        let layers: Layers = &|t, v, s| batch_norm_relu_pool(t, &v[0], &v[1], &v[2], s);
        all.extend(run(layers, pooled, &tracked[..3], true, DType::F32));
        all
    });
}

#[test]
fn a_deferred_value_has_the_bits_that_its_readers_see() {
    let [x, w, b] = [test_tensor(&[3, 5, 4, 4], 1), test_tensor(&[5], 2), test_tensor(&[5], 3)].map(Value::constant);
    let tape = Tape::new();
    let h = batch_norm_relu(&tape, &x, &w, &b, BatchNormStats::Batch).unwrap();
    assert!(h.raw().1.is_some());
    let read = Value::constant(h.tensor().clone());
    let pooled = [&h, &read].map(|h| bits(global_avg_pool(&tape, h).unwrap().tensor()));
    assert_eq!(pooled[0], pooled[1]);
    let kernel = Value::constant(test_tensor(&[16, 5, 3, 3], 4));
    let convolved = [&h, &read].map(|h| bits(conv2d(&tape, h, &kernel, None, 1, 1).unwrap().tensor()));
    assert_eq!(convolved[0], convolved[1]);
}
