//! The small convolutional network of few-shot and continual learning.

use super::{MEAN, STD, does_not_fit, linear, normalization};
use crate::components::{Default, Family, Member, Param, Problem, Spec, Type};
use crate::nn::architecture::{Architecture, Init, Input, Layer, NormKind};
use crate::nn::shapes::Shape;

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "convnet",
    params: &[
        Param::new("blocks", Type::Int, "blocks of convolution, norm, ReLU and pool")
            .or(Default::Int(3))
            .within(1.0, 64.0),
        Param::new("width", Type::Int, "channels of every block").or(Default::Int(32)).within(1.0, 4096.0),
        Param::new("norm", Type::Word(&["batch", "instance", "none"]), "norm after each convolution, affine")
            .or(Default::Word("batch"))
            .named(),
        Param::new("padding", Type::Int, "zeros around each 3x3 convolution's input")
            .or(Default::Int(1))
            .within(0.0, 1.0)
            .named(),
        Param::new("pool_last", Type::Bool, "whether the last block pools too").or(Default::Bool(true)).named(),
        MEAN,
        STD,
    ],
    doc: "blocks of 3x3 convolution with bias, norm, ReLU and 2x2 max-pool, then the classifier; names encoder.block1.conv …",
    source: "Vinyals et al. 2016, Matching networks for one shot learning (the encoder)",
    example: "convnet(blocks: 3, width: 32, norm: batch)",
};

pub fn build(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let norm = match spec.word("norm") {
        "batch" => Some(NormKind::Batch),
        "instance" => Some(NormKind::Instance),
        _ => None,
    };
    let (blocks, width) = (spec.usize("blocks"), spec.usize("width"));
    let mut layers = Vec::from_iter(normalization(spec, input[0])?);
    let mut shape = Shape::Image(input);
    let mut channels = input[0];
    for i in 1..=blocks {
        let name = format!("encoder.block{i}");
        let pool = i < blocks || spec.bool("pool_last");
        let stage = block(&name, [channels, width], norm, spec.usize("padding"), pool);
        shape = stage.output(shape).map_err(|message| {
            let message = format!("block {i} of {blocks} does not fit: {message}");
            let fix = match i {
                1 => "use larger images".into(),
                _ => format!("use blocks: {} or fewer, or larger images", i - 1),
            };
            does_not_fit(message, input).of("blocks").help(fix)
        })?;
        layers.push(stage);
        channels = width;
    }
    let features = usize::try_from(shape.count()).unwrap_or(usize::MAX);
    layers.extend([Layer::Flatten, linear("classifier".into(), features, classes)]);
    Ok(Architecture { input: Input::Image(input), classes, layers })
}

fn block(name: &str, [input, output]: [usize; 2], norm: Option<NormKind>, padding: usize, pool: bool) -> Layer {
    let mut layers = vec![Layer::Conv {
        name: format!("{name}.conv"),
        input,
        output,
        kernel: 3,
        stride: 1,
        padding,
        bias: Some(Init::Default),
        init: Init::Default,
    }];
    layers.extend(norm.map(|kind| Layer::Norm { name: format!("{name}.norm"), channels: output, kind }));
    layers.push(Layer::Relu);
    if pool {
        layers.push(Layer::MaxPool { kernel: 2, stride: 2 });
    }
    Layer::Stage(layers)
}
