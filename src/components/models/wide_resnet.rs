//! Wide residual networks.

use super::{MEAN, STD, batch_norm, conv, normalization};
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type};
use crate::nn::architecture::{Architecture, Init, Input, Layer, Linear};

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "wide_resnet",
    params: &[
        Param::new("depth", Type::Int, "6·n + 4: three stages of n blocks").or(Default::Int(34)).within(10.0, 1000.0),
        Param::new("widen", Type::Int, "stages have 16, 32 and 64 times so many channels")
            .or(Default::Int(10))
            .within(1.0, 64.0),
        MEAN,
        STD,
    ],
    doc: "wide residual network for 32x32 images, without dropout",
    source: "Zagoruyko & Komodakis 2016, Wide residual networks; as in the TRADES code",
    example: "wide_resnet(depth: 34, widen: 10)",
};

pub fn build(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let (depth, widen) = (spec.usize("depth"), spec.usize("widen"));
    if depth % 6 != 4 {
        let (below, above) = ((depth - 4) / 6 * 6 + 4, (depth - 4) / 6 * 6 + 10);
        let problem = Problem::new(ProblemKind::DoesNotFit, format!("depth {depth} is not 6·n + 4"));
        return Err(problem.of("depth").help(format!("use {below} or {above}")));
    }
    let mut layers = Vec::from_iter(normalization(spec, input[0])?);
    layers.push(conv("conv1".into(), [input[0], 16], 3, 1, Init::KaimingNormalFanOut));
    let mut channels = 16;
    for stage in 0..3 {
        let output = (16 << stage) * widen;
        let blocks = (0..(depth - 4) / 6).map(|i| {
            let name = format!("block{}.layer.{i}", stage + 1);
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            block(&name, [if i == 0 { channels } else { output }, output], stride)
        });
        layers.push(Layer::Stage(blocks.collect()));
        channels = output;
    }
    layers.extend([batch_norm("bn1".into(), channels), Layer::Relu, Layer::GlobalAvgPool]);
    let (bias, init) = (Some(Init::Constant(0.0)), Init::Default);
    let name = "fc".into();
    layers.push(Layer::Linear(Linear { name, input: channels, output: classes, bias, init, adapters: vec![] }));
    Ok(Architecture { input: Input::Image(input), classes, layers })
}

/// h = relu(bn1(x)); conv2(relu(bn2(conv1(h)))) + (convShortcut(h) where the channels change, else x)
fn block(name: &str, [input, output]: [usize; 2], stride: usize) -> Layer {
    let init = Init::KaimingNormalFanOut;
    let body = vec![
        conv(format!("{name}.conv1"), [input, output], 3, stride, init),
        batch_norm(format!("{name}.bn2"), output),
        Layer::Relu,
        conv(format!("{name}.conv2"), [output, output], 3, 1, init),
    ];
    let shortcut = if input == output {
        vec![]
    } else {
        vec![conv(format!("{name}.convShortcut"), [input, output], 1, stride, init)]
    };
    Layer::Residual { pre: vec![batch_norm(format!("{name}.bn1"), input), Layer::Relu], body, shortcut }
}
