//! Small architectures for tests.

use super::{Architecture, Init, Input, Layer, Linear, NormKind};

pub fn conv(name: &str, input: usize, output: usize) -> Layer {
    let (name, bias, init) = (name.into(), Some(Init::Default), Init::Default);
    Layer::Conv { name, input, output, kernel: 3, stride: 1, padding: 1, bias, init }
}

pub fn norm(name: &str, channels: usize) -> Layer {
    Layer::Norm { name: name.into(), channels, kind: NormKind::Batch }
}

pub fn linear(name: &str, input: usize, output: usize) -> Layer {
    Layer::Linear(Linear {
        name: name.into(),
        input,
        output,
        bias: Some(Init::Default),
        init: Init::Default,
        adapters: vec![],
    })
}

/// norm, relu, convolution with the input added.
pub fn residual(name: &str, input: usize, output: usize) -> Layer {
    let pre = vec![norm(&format!("{name}.bn1"), input), Layer::Relu];
    Layer::Residual { pre, body: vec![conv(&format!("{name}.conv1"), input, output)], shortcut: vec![] }
}

/// One stage of conv (4 channels), norm, relu and pool, then the classifier.
pub fn pooled(input: [usize; 3], classes: usize) -> Architecture {
    let [c, h, w] = input;
    let pool = Layer::MaxPool { kernel: 2, stride: 2 };
    let stage = Layer::Stage(vec![conv("block.conv", c, 4), norm("block.norm", 4), Layer::Relu, pool]);
    let layers = vec![stage, Layer::Flatten, linear("classifier", 4 * (h / 2) * (w / 2), classes)];
    Architecture { input: Input::Image(input), classes, layers }
}
