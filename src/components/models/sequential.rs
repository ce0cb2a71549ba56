//! The user's own network, layer by layer.

use super::layers::LAYERS_TYPE;
use super::{MEAN, STD, does_not_fit, linear, normalization};
use crate::components::{Family, Member, Param, Problem, Spec, Value};
use crate::nn::architecture::{Architecture, Init, Input, Layer, NormKind};
use crate::nn::shapes::Shape;

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "sequential",
    params: &[Param::new("layers", LAYERS_TYPE, "layers in order; the last linear one is the classifier"), MEAN, STD],
    doc: "layers one after the other, named as PyTorch's Sequential names them: 0.weight, 3.body.0.weight",
    source: "",
    example: "sequential([conv(32, 3), norm, relu, pool, flatten, linear(10)])",
};

pub fn build(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let problem = |message: String| does_not_fit(message, input).of("layers");
    let (body, output) = chain(spec.list("layers"), "", Shape::Image(input)).map_err(problem)?;
    let staged = body.into_iter().map(|layer| match layer {
        // A residual block is what `blocks[i]` counts here.
        Layer::Residual { .. } => Layer::Stage(vec![layer]),
        other => other,
    });
    let layers: Vec<Layer> = normalization(spec, input[0])?.into_iter().chain(staged).collect();
    let architecture = Architecture { input: Input::Image(input), classes, layers };
    let fix = format!("end with linear({classes})");
    match architecture.layers.last() {
        Some(Layer::Linear(_)) if output == Shape::Features(classes) => Ok(architecture),
        Some(Layer::Linear(last)) => {
            let output = last.output;
            Err(problem(format!("the last linear layer has {output} outputs, but the data has {classes} classes"))
                .help(fix))
        }
        _ => Err(problem("the last layer is not linear, so nothing gives one number a class".into()).help(fix)),
    }
}

/// The layers under names that start with `prefix`, and what comes out of the last one.
fn chain(specs: &[Value], prefix: &str, mut shape: Shape) -> Result<(Vec<Layer>, Shape), String> {
    let mut layers = Vec::with_capacity(specs.len());
    for (i, value) in specs.iter().enumerate() {
        let Value::Component(spec) = value else {
            unreachable!("layers were checked to be a list of layers, yet hold {value:?}")
        };
        let name = format!("{prefix}{i}");
        let layer = layer(spec, &name, shape).map_err(|e| at(&name, spec, e))?;
        shape = layer.output(shape).map_err(|e| at(&name, spec, e))?;
        layers.push(layer);
    }
    Ok((layers, shape))
}

/// Says which layer is meant, unless a layer inside it has said so.
fn at(name: &str, spec: &Spec, message: String) -> String {
    if message.starts_with("layer ") { message } else { format!("layer {name} ({}): {message}", spec.name()) }
}

fn layer(spec: &Spec, name: &str, input: Shape) -> Result<Layer, String> {
    let pool = || {
        let kernel = spec.usize("kernel");
        (kernel, if *spec.get("stride") == Value::None { kernel } else { spec.usize("stride") })
    };
    Ok(match spec.name() {
        "conv" => conv(spec, name, channels(input)?)?,
        "norm" => {
            let kind = if spec.word("kind") == "batch" { NormKind::Batch } else { NormKind::Instance };
            Layer::Norm { name: name.into(), channels: channels(input)?, kind }
        }
        "relu" => Layer::Relu,
        "pool" => {
            let (kernel, stride) = pool();
            Layer::MaxPool { kernel, stride }
        }
        "avg_pool" => {
            let (kernel, stride) = pool();
            Layer::AvgPool { kernel, stride }
        }
        "global_pool" => Layer::GlobalAvgPool,
        "flatten" => Layer::Flatten,
        "linear" => match input {
            Shape::Features(n) => linear(name.into(), n, spec.usize("out")),
            _ => {
                return Err(format!("it takes a vector, but gets {input}; put flatten or global_pool before it"));
            }
        },
        "residual" => {
            let (body, _) = chain(spec.list("body"), &format!("{name}.body."), input)?;
            let (shortcut, _) = chain(spec.list("shortcut"), &format!("{name}.shortcut."), input)?;
            Layer::Residual { pre: vec![], body, shortcut }
        }
        other => unreachable!("{other} is no layer"),
    })
}

fn channels(input: Shape) -> Result<usize, String> {
    match input {
        Shape::Image([c, _, _]) => Ok(c),
        _ => Err(format!("it takes an image, but gets {input}")),
    }
}

fn conv(spec: &Spec, name: &str, input: usize) -> Result<Layer, String> {
    let kernel = spec.usize("kernel");
    let padding = match spec.get("padding") {
        Value::Int(_) => spec.usize("padding"),
        _ if kernel % 2 == 1 => kernel / 2,
        _ => return Err(format!("padding same needs an odd kernel, not {kernel}")),
    };
    Ok(Layer::Conv {
        name: name.into(),
        input,
        output: spec.usize("out"),
        kernel,
        stride: spec.usize("stride"),
        padding,
        bias: spec.bool("bias").then_some(Init::Default),
        init: Init::Default,
    })
}
