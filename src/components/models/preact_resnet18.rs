//! ResNet-18 with norm and ReLU before the convolutions.

use super::{MEAN, STD, WIDTH, batch_norm, conv, linear, normalization};
use crate::components::{Family, Member, Problem, Spec};
use crate::nn::architecture::{Architecture, Init, Input, Layer};

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "preact_resnet18",
    params: &[WIDTH, MEAN, STD],
    doc: "pre-activation residual network of 18 layers for 32x32 images, with a norm before the classifier",
    source: "He et al. 2016, Identity mappings in deep residual networks; as in the adversarial training code of Rice et al. 2020",
    example: "preact_resnet18(width: 64)",
};

pub fn build(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let width = spec.usize("width");
    let mut layers = Vec::from_iter(normalization(spec, input[0])?);
    layers.push(conv("conv1".into(), [input[0], width], 3, 1, Init::Default));
    let mut channels = width;
    for stage in 0..4 {
        let output = width << stage;
        let name = format!("layer{}", stage + 1);
        let stride = if stage == 0 { 1 } else { 2 };
        layers.push(Layer::Stage(vec![
            block(&format!("{name}.0"), [channels, output], stride),
            block(&format!("{name}.1"), [output, output], 1),
        ]));
        channels = output;
    }
    layers.extend([batch_norm("bn".into(), channels), Layer::Relu, Layer::GlobalAvgPool]);
    layers.push(linear("linear".into(), channels, classes));
    Ok(Architecture { input: Input::Image(input), classes, layers })
}

/// h = relu(bn1(x)); conv2(relu(bn2(conv1(h)))) + (shortcut(h) where the shape changes, else x)
fn block(name: &str, [input, output]: [usize; 2], stride: usize) -> Layer {
    let body = vec![
        conv(format!("{name}.conv1"), [input, output], 3, stride, Init::Default),
        batch_norm(format!("{name}.bn2"), output),
        Layer::Relu,
        conv(format!("{name}.conv2"), [output, output], 3, 1, Init::Default),
    ];
    let shortcut = if stride == 1 && input == output {
        vec![]
    } else {
        vec![conv(format!("{name}.shortcut.0"), [input, output], 1, stride, Init::Default)]
    };
    Layer::Residual { pre: vec![batch_norm(format!("{name}.bn1"), input), Layer::Relu], body, shortcut }
}
