//! Times of single kernels: convolutions of PreActResNet-18 and of the convnet, norms, pools, attention, matrix products.
//!
//! Usage: `cargo bench --bench kernels -- conv`; threads by `RAYON_NUM_THREADS`, the instruction set by `FSCHED_ISA`.
//! PyTorch's times of the same convolutions: `benches/compare/run.sh --parts layers`.

use divan::{Bencher, black_box};
use fsched::nn::rng::Stream;
use std::fmt;

#[global_allocator]
static ALLOCATOR: fsched::allocator::MiMalloc = fsched::allocator::MiMalloc;

/// Images of a batch.
const BATCH: usize = 64;

fn main() {
    fsched::allocator::keep_freed_pages();
    divan::main();
}

/// Standard normal numbers.
fn normal(len: usize) -> Vec<f32> {
    let mut numbers = vec![0.0; len];
    Stream::new(1, "bench", &[len as u64]).fill_normal(&mut numbers, 0.0, 1.0);
    numbers
}

mod conv {
    use super::*;
    use fsched::nn::kernels::conv::{self, ConvShape, Epilogue};
    use fsched::nn::kernels::source::Source;
    use fsched::nn::precision::Precision;

    /// Input and output channels, side of the image, side of the kernel, stride.
    #[derive(Clone, Copy)]
    struct Layer(usize, usize, usize, usize, usize);

    const LAYERS: [Layer; 11] = [
        Layer(3, 64, 32, 3, 1),
        Layer(64, 64, 32, 3, 1),
        Layer(64, 128, 32, 3, 2),
        Layer(64, 128, 32, 1, 2),
        Layer(128, 128, 16, 3, 1),
        Layer(256, 256, 8, 3, 1),
        Layer(512, 512, 4, 3, 1),
        Layer(1, 64, 28, 3, 1),
        Layer(64, 64, 14, 3, 1),
        Layer(64, 64, 7, 3, 1),
        Layer(64, 64, 3, 3, 1),
    ];

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Layer(input, output, side, kernel, stride) = *self;
            write!(f, "{input} to {output}, {side}x{side}, {kernel}x{kernel} / {stride}")
        }
    }

    impl Layer {
        fn shape(self) -> ConvShape {
            let Layer(input, output, side, kernel, stride) = self;
            let weight = (output, input, kernel, kernel);
            ConvShape::new((BATCH, input, side, side), weight, stride, kernel / 2).expect("the sizes fit")
        }
    }

    /// Images, weights, gradients of the output.
    fn numbers(s: &ConvShape) -> [Vec<f32>; 3] {
        [s.n * s.c * s.h * s.w, s.k * s.patch(), s.n * s.k * s.positions()].map(normal)
    }

    #[divan::bench(args = LAYERS)]
    fn forward(bencher: Bencher, layer: Layer) {
        let shape = layer.shape();
        let [x, w, _] = numbers(&shape);
        let epilogue = Epilogue::default();
        bencher.bench(|| conv::forward(&shape, Precision::Fast, Source::plain(black_box(&x)), &w, epilogue));
    }

    #[divan::bench(args = LAYERS)]
    fn input_gradient(bencher: Bencher, layer: Layer) {
        let shape = layer.shape();
        let [_, w, dy] = numbers(&shape);
        bencher.bench(|| conv::input_gradient(&shape, Precision::Fast, &w, black_box(&dy)));
    }

    #[divan::bench(args = LAYERS)]
    fn weight_gradient(bencher: Bencher, layer: Layer) {
        let shape = layer.shape();
        let [x, _, dy] = numbers(&shape);
        bencher.bench(|| conv::weight_gradient(&shape, Precision::Fast, Source::plain(black_box(&x)), &dy));
    }
}

/// Whole operations, as the tape records them: forward, and the gradient of the input alone.
mod layers {
    use super::*;
    use candle_core::{Device, Result, Tensor};
    use fsched::nn::ops::{self, BatchNormStats, NORM_EPSILON};
    use fsched::nn::tape::{Tape, Value};

    /// Of an input with constants.
    type Op = fn(&Tape, &Value, &[Value]) -> Result<Value>;

    /// An operation, the shape of its input, the shapes of its constants.
    #[derive(Clone, Copy)]
    struct Layer(&'static str, Op, &'static [usize], &'static [&'static [usize]]);

    const LAYERS: [Layer; 13] = [
        Layer("batch norm", batch_norm, &[BATCH, 64, 32, 32], &[&[64], &[64]]),
        Layer("batch norm", batch_norm, &[BATCH, 512, 4, 4], &[&[512], &[512]]),
        Layer("instance norm", instance_norm, &[BATCH, 64, 14, 14], &[&[64], &[64]]),
        Layer("rms norm", |t, x, c| ops::rms_norm(t, x, &c[0], NORM_EPSILON), &[1024, 256], &[&[256]]),
        Layer("relu", |t, x, _| ops::relu(t, x), &[BATCH, 64, 32, 32], &[]),
        Layer("swiglu", |t, x, c| ops::swiglu(t, x, &c[0]), &[1024, 688], &[&[1024, 688]]),
        Layer("max pool 2", |t, x, _| ops::max_pool2d(t, x, 2, 2), &[BATCH, 64, 28, 28], &[]),
        Layer("max pool 3 / 2", |t, x, _| ops::max_pool2d(t, x, 3, 2), &[BATCH, 64, 28, 28], &[]),
        Layer("average pool 2", |t, x, _| ops::avg_pool2d(t, x, 2, 2), &[BATCH, 64, 28, 28], &[]),
        Layer("global average pool", |t, x, _| ops::global_avg_pool(t, x), &[BATCH, 512, 4, 4], &[]),
        Layer("linear to 512", linear, &[128, 784], &[&[512, 784], &[512]]),
        Layer("linear to 512", linear, &[128, 512], &[&[512, 512], &[512]]),
        Layer("attention", attention, &[8, 128, 8, 32], &[&[8, 128, 8, 32], &[8, 128, 8, 32]]),
    ];

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} of {:?}", self.0, self.2)
        }
    }

    fn batch_norm(tape: &Tape, x: &Value, constants: &[Value]) -> Result<Value> {
        ops::batch_norm(tape, x, &constants[0], &constants[1], BatchNormStats::Batch)
    }

    fn instance_norm(tape: &Tape, x: &Value, constants: &[Value]) -> Result<Value> {
        ops::instance_norm(tape, x, &constants[0], &constants[1])
    }

    fn linear(tape: &Tape, x: &Value, constants: &[Value]) -> Result<Value> {
        ops::linear(tape, x, &constants[0], Some(&constants[1]))
    }

    fn attention(tape: &Tape, q: &Value, constants: &[Value]) -> Result<Value> {
        ops::attention(tape, q, &constants[0], &constants[1], None, true)
    }

    fn tensor(dims: &[usize]) -> Tensor {
        Tensor::from_vec(normal(dims.iter().product()), dims, &Device::Cpu).expect("as many numbers as the shape has")
    }

    fn constants(layer: Layer) -> Vec<Value> {
        layer.3.iter().map(|dims| Value::constant(tensor(dims))).collect()
    }

    #[divan::bench(args = LAYERS)]
    fn forward(bencher: Bencher, layer: Layer) {
        let (x, constants) = (Value::constant(tensor(layer.2)), constants(layer));
        bencher.bench(|| layer.1(&Tape::new(), black_box(&x), &constants));
    }

    #[divan::bench(args = LAYERS)]
    fn input_gradient(bencher: Bencher, layer: Layer) {
        let (x, constants) = (tensor(layer.2), constants(layer));
        let recorded = || {
            let tape = Tape::new();
            let y = layer.1(&tape, &tape.leaf(&x), &constants).expect("the layer takes the shape");
            let dy = tensor(y.tensor().dims());
            (tape, y, dy)
        };
        bencher.with_inputs(recorded).bench_values(|(tape, y, dy)| tape.backward_from(&y, dy));
    }
}

mod product {
    use super::*;
    use fsched::nn::kernels::gemm::{Matrix, product};

    /// Rows and columns of the result, and the length of its sums.
    #[derive(Clone, Copy)]
    struct Sizes(usize, usize, usize);

    const SIZES: [Sizes; 5] = [
        Sizes(128, 512, 784),
        Sizes(512, 784, 128),
        Sizes(1024, 256, 256),
        Sizes(1024, 688, 256),
        Sizes(1024, 1024, 1024),
    ];

    impl fmt::Display for Sizes {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}x{} over {}", self.0, self.1, self.2)
        }
    }

    #[divan::bench(args = SIZES)]
    fn a_b(bencher: Bencher, sizes: Sizes) {
        let Sizes(m, n, k) = sizes;
        let (a, b) = (normal(m * k), normal(k * n));
        bencher.bench(|| product(Matrix::new(black_box(&a), m, k, k), Matrix::new(&b, k, n, n)));
    }

    /// With the second matrix transposed, as a linear layer's weight lies.
    #[divan::bench(args = SIZES)]
    fn a_bt(bencher: Bencher, sizes: Sizes) {
        let Sizes(m, n, k) = sizes;
        let (a, b) = (normal(m * k), normal(n * k));
        bencher.bench(|| product(Matrix::new(black_box(&a), m, k, k), Matrix::new(&b, n, k, k).t()));
    }
}
