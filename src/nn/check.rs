//! Tools for tests of operations: finite differences, comparison of tensors, pools of threads.

use super::tape::{Tape, Value};
use candle_core::{DType, Device, Result, Tensor};

/// Compares the gradients of `f` at `inputs` with central finite differences; panics where they disagree.
///
/// `f` may return any shape; it is multiplied by fixed random-looking weights and summed. Each input is moved in a
/// few directions; along each, the slope of the values, (L(x + hd) - L(x - hd)) / 2h, must equal gradient · d within
/// `tolerance` of the gradient's size. Steps are h = 1e-2 along directions of unit elements with f32 values summed in
/// f64, so a tolerance of 1e-2 is reachable where `f` is smooth around the inputs; choose inputs away from kinks.
pub fn check_gradient(f: impl Fn(&Tape, &[Value]) -> Result<Value>, inputs: &[Tensor], tolerance: f64) -> Result<()> {
    const STEP: f64 = 1e-2;
    let loss_at = |inputs: &[Tensor]| -> Result<f64> {
        let values: Vec<Value> = inputs.iter().map(|input| Value::constant(input.clone())).collect();
        let output = f(&Tape::new(), &values)?;
        let weights = pattern(output.tensor().elem_count(), 7);
        let output = numbers(output.tensor())?;
        Ok(output.iter().zip(&weights).map(|(&y, w)| y * w).sum())
    };
    let tape = Tape::new();
    let leaves: Vec<Value> = inputs.iter().map(|input| tape.leaf(input)).collect();
    let output = f(&tape, &leaves)?;
    let shape = output.tensor().shape().clone();
    let weights = from_numbers(&pattern(shape.elem_count(), 7), shape.dims(), output.tensor())?;
    let gradients = tape.backward_from(&output, weights)?;
    for (index, (input, leaf)) in inputs.iter().zip(&leaves).enumerate() {
        let gradient = numbers(gradients.get(leaf).expect("every input of a checked function has a gradient"))?;
        for seed in 0..4 {
            let direction = pattern(input.elem_count(), 100 + seed);
            let moved = |step: f64| -> Result<f64> {
                let data: Vec<f64> = numbers(input)?.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
                let mut inputs = inputs.to_vec();
                inputs[index] = from_numbers(&data, input.dims(), input)?;
                loss_at(&inputs)
            };
            let slope = (moved(STEP)? - moved(-STEP)?) / (2.0 * STEP);
            let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt().max(1e-3);
            let error = (slope - expected).abs() / size;
            assert!(error <= tolerance, "input {index}, direction {seed}: slope {slope}, gradient {expected}");
        }
    }
    Ok(())
}

/// Deterministic numbers in [-1, 1] that look random.
pub fn pattern(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// [`pattern`] in f32.
pub fn singles(len: usize, seed: u64) -> Vec<f32> {
    pattern(len, seed).into_iter().map(|x| x as f32).collect()
}

/// [`singles`] as a CPU tensor.
pub fn test_tensor(dims: &[usize], seed: u64) -> Tensor {
    Tensor::from_vec(singles(dims.iter().product(), seed), dims, &Device::Cpu).expect("as many numbers as elements")
}

/// The elements of a tensor in f64, in order.
pub fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// The bits of an f32 tensor, in order.
pub fn bits(tensor: &Tensor) -> Vec<u32> {
    let data: Vec<f32> = tensor.flatten_all().and_then(|t| t.to_vec1()).expect("an f32 tensor");
    data.into_iter().map(f32::to_bits).collect()
}

fn from_numbers(data: &[f64], dims: &[usize], like: &Tensor) -> Result<Tensor> {
    Tensor::from_slice(data, dims, &Device::Cpu)?.to_dtype(like.dtype())
}

/// The largest difference relative to the largest element of `expected`.
pub fn max_error(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.dims(), expected.dims(), "shapes");
    error(&numbers(found).expect("numbers"), &numbers(expected).expect("numbers"))
}

/// The same for numbers in slices.
pub fn error<T: Copy + Into<f64>>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0f64, |a, b| a.max(b.abs())).max(1e-30);
    let differences = found.iter().zip(expected).map(|(&a, b)| (a.into() - b).abs() / size);
    // Not max(): it would pass over NaN.
    differences.fold(0.0, |a, b| if b <= a { a } else { b })
}

/// Runs `work` in pools of 1, 2 and 3 threads and checks that the bits of the results agree.
pub fn same_bits_for_any_threads(work: impl Fn() -> Vec<Tensor> + Sync) {
    let run = |threads: usize| -> Vec<Vec<u32>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        pool.install(|| work().iter().map(bits).collect())
    };
    let one = run(1);
    assert_eq!(one, run(2), "2 threads");
    assert_eq!(one, run(3), "3 threads");
}
