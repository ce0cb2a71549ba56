//! ResNet-18 for small images.

use super::{MEAN, STD, WIDTH, batch_norm, conv, linear, normalization};
use crate::components::{Family, Member, Problem, Spec};
use crate::nn::architecture::{Architecture, Init, Input, Layer};

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "resnet18",
    params: &[WIDTH, MEAN, STD],
    doc: "residual network of 18 layers in its form for 32x32 images: a 3x3 stem without pool",
    source: "He et al. 2016, Deep residual learning for image recognition",
    example: "resnet18(width: 64)",
};

pub fn build(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let width = spec.usize("width");
    let mut layers = Vec::from_iter(normalization(spec, input[0])?);
    layers.push(conv("conv1".into(), [input[0], width], 3, 1, Init::Default));
    layers.extend([batch_norm("bn1".into(), width), Layer::Relu]);
    let mut channels = width;
    for stage in 0..4 {
        let output = width << stage;
        let name = format!("layer{}", stage + 1);
        let stride = if stage == 0 { 1 } else { 2 };
        let mut blocks = block(&format!("{name}.0"), [channels, output], stride);
        blocks.extend(block(&format!("{name}.1"), [output, output], 1));
        layers.push(Layer::Stage(blocks));
        channels = output;
    }
    layers.extend([Layer::GlobalAvgPool, linear("linear".into(), channels, classes)]);
    Ok(Architecture { input: Input::Image(input), classes, layers })
}

/// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))
fn block(name: &str, [input, output]: [usize; 2], stride: usize) -> Vec<Layer> {
    let body = vec![
        conv(format!("{name}.conv1"), [input, output], 3, stride, Init::Default),
        batch_norm(format!("{name}.bn1"), output),
        Layer::Relu,
        conv(format!("{name}.conv2"), [output, output], 3, 1, Init::Default),
        batch_norm(format!("{name}.bn2"), output),
    ];
    let shortcut = if stride == 1 && input == output {
        vec![]
    } else {
        let convolution = conv(format!("{name}.shortcut.0"), [input, output], 1, stride, Init::Default);
        vec![convolution, batch_norm(format!("{name}.shortcut.1"), output)]
    };
    vec![Layer::Residual { pre: vec![], body, shortcut }, Layer::Relu]
}
