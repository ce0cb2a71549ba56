//! A single convolution.

use super::Workload;
use candle_core::{Result, bail};
use fsched::nn::kernels::conv::{self, ConvShape, Epilogue};
use fsched::nn::kernels::source::Source;
use fsched::nn::precision::Precision;
use fsched::nn::rng::Stream;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::hint::black_box;
use std::path::Path;

/// Its sizes: square images and kernels, zeros around them that keep a stride of 1 at the image's size.
#[derive(Deserialize)]
pub struct LayerCase {
    batch: usize,
    input: usize,
    output: usize,
    side: usize,
    kernel: usize,
    stride: usize,
}

/// A convolution with numbers to work on.
pub struct Layer {
    shape: ConvShape,
    x: Vec<f32>,
    w: Vec<f32>,
    dy: Vec<f32>,
}

impl Layer {
    pub fn open(case: &LayerCase) -> Result<Layer> {
        let &LayerCase { batch, input, output, side, kernel, stride } = case;
        let shape = ConvShape::new((batch, input, side, side), (output, input, kernel, kernel), stride, kernel / 2)?;
        let mut stream = Stream::new(1, "compare", &[]);
        let mut normal = |len: usize| {
            let mut numbers = vec![0.0; len];
            stream.fill_normal(&mut numbers, 0.0, 1.0);
            numbers
        };
        let x = normal(batch * input * side * side);
        let w = normal(output * shape.patch());
        let dy = normal(batch * output * shape.positions());
        Ok(Layer { shape, x, w, dy })
    }
}

impl Workload for Layer {
    fn run(&mut self, work: &str) -> Result<()> {
        let Layer { shape, x, w, dy } = self;
        let x = Source::plain(x);
        black_box(match work {
            "forward" => conv::forward(shape, Precision::Fast, x, w, Epilogue::default()),
            "input_gradient" => conv::input_gradient(shape, Precision::Fast, w, dy),
            "weight_gradient" => conv::weight_gradient(shape, Precision::Fast, x, dy),
            _ => bail!("a layer has no work {work}"),
        });
        Ok(())
    }

    fn parameters(&self) -> usize {
        self.w.len()
    }

    fn memory(&self) -> u64 {
        // A layer is measured as a part of its network.
        u64::MAX
    }

    fn export(&self, _folder: &Path) -> Result<()> {
        Ok(())
    }

    fn losses(&mut self) -> Result<Json> {
        Ok(json!({}))
    }
}
