//! Networks, under the names of the usual PyTorch definitions.

mod convnet;
#[cfg(test)]
mod golden_tests;
pub mod layers;
mod mlp;
mod preact_resnet18;
mod resnet18;
mod sequential;
pub mod text;
mod wide_resnet;

use crate::components::data::{DataFacts, Holds, Places};
use crate::components::{Default, Member, Param, Problem, ProblemKind, Spec, Type, Value};
use crate::nn::architecture::{Architecture, Init, Layer, Linear, NormKind};

type Build = fn(&Spec, [usize; 3], usize) -> Result<Architecture, Problem>;

/// How many models for images there are.
const OF_IMAGES: usize = 6;

/// All models for images with their builders.
pub static MODELS: [(&Member, Build); OF_IMAGES] = [
    (&mlp::MEMBER, mlp::build),
    (&convnet::MEMBER, convnet::build),
    (&resnet18::MEMBER, resnet18::build),
    (&preact_resnet18::MEMBER, preact_resnet18::build),
    (&wide_resnet::MEMBER, wide_resnet::build),
    (&sequential::MEMBER, sequential::build),
];

/// The descriptions of all models, those for images first.
pub static MEMBERS: &[&Member] = &{
    let mut members = [MODELS[0].0; OF_IMAGES + text::MEMBERS.len()];
    let mut at = 0;
    while at < members.len() {
        members[at] = if at < OF_IMAGES { MODELS[at].0 } else { text::MEMBERS[at - OF_IMAGES] };
        at += 1;
    }
    members
};

/// The network that `spec` (a model) describes, for data with these facts; checked to fit them.
///
/// # Errors
/// Arguments that do not go together, files that lack or are broken, and data that the model cannot take.
pub fn build(spec: &Spec, facts: &DataFacts, places: &Places) -> Result<Architecture, Problem> {
    let unfit = |message: String, help: &str| Err(Problem::new(ProblemKind::DoesNotFit, message).help(help));
    match (&facts.holds, text::build(spec, places)) {
        (Holds::Images(shape), None) => of_images(spec, *shape, facts.classes),
        (Holds::Texts(_), None) => unfit(
            format!("`{}` is a model of images, this data has conversations", spec.name()),
            "take a language model, such as `model tiny_llava`",
        ),
        (Holds::Images(_), Some(_)) => unfit(
            format!("`{}` reads conversations, this data has images with classes", spec.name()),
            "take data of conversations, such as `data quiz`",
        ),
        (Holds::Texts(texts), Some(architecture)) => {
            let architecture = architecture?;
            if texts.pictures && architecture.vision().is_none() {
                let message = format!("`{}` sees no pictures, and this data has some", spec.name());
                return unfit(message, "take a model with a vision tower, such as `tiny_llava` or `llava(…)`");
            }
            Ok(architecture)
        }
    }
}

/// The network that `spec` describes, for images of `input` = C, H, W; checked to fit them and the classes.
///
/// # Errors
/// Arguments that do not go together, and images that the network cannot take.
pub fn of_images(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let (_, build) = MODELS
        .iter()
        .find(|(member, _)| member.name == spec.name())
        .unwrap_or_else(|| unreachable!("{} is no model", spec.name()));
    let architecture = build(spec, input, classes)?;
    architecture.check().map_err(|message| does_not_fit(message, input))?;
    Ok(architecture)
}

fn does_not_fit(message: String, [c, h, w]: [usize; 3]) -> Problem {
    Problem::new(ProblemKind::DoesNotFit, message)
        .help(format!("images of this data are {c}x{h}x{w} (channels, height, width)"))
}

/// `mean:` of every model.
const MEAN: Param =
    Param::new("mean", Type::List(&Type::Real), "mean of each channel, subtracted first; none: no normalization")
        .or(Default::Absent)
        .named();

/// `std:` of every model.
const STD: Param = Param::new("std", Type::List(&Type::Real), "standard deviation of each channel, divided by first")
    .or(Default::Absent)
    .named();

/// `width:` of the residual networks.
const WIDTH: Param =
    Param::new("width", Type::Int, "channels of the first stage").or(Default::Int(64)).within(1.0, 4096.0);

/// The model's first layer where `mean:` and `std:` ask for it.
fn normalization(spec: &Spec, channels: usize) -> Result<Option<Layer>, Problem> {
    let problem = |message: String| {
        Problem::new(ProblemKind::DoesNotFit, message).help("give mean: and std: one number a channel each")
    };
    match (reals(spec, "mean"), reals(spec, "std")) {
        (None, None) => Ok(None),
        (Some(mean), Some(std)) => {
            for (name, list) in [("mean", &mean), ("std", &std)] {
                if list.len() != channels {
                    let found = format!("{name} has {} numbers, but images have {channels} channels", list.len());
                    return Err(problem(found).of(name));
                }
            }
            match std.iter().find(|s| **s <= 0.0 || !s.is_finite()) {
                Some(s) => Err(problem(format!("a standard deviation of {s} cannot be divided by")).of("std")),
                None => Ok(Some(Layer::Normalize { mean, std })),
            }
        }
        (Some(_), None) => Err(problem("mean is given without std".into()).of("mean")),
        (None, Some(_)) => Err(problem("std is given without mean".into()).of("std")),
    }
}

fn reals(spec: &Spec, name: &str) -> Option<Vec<f64>> {
    match spec.get(name) {
        Value::List(items) => Some(
            items
                .iter()
                .map(|item| match item {
                    Value::Int(i) => *i as f64,
                    Value::Real(r) => *r,
                    other => unreachable!("{name} was checked to be a list of numbers, yet holds {other:?}"),
                })
                .collect(),
        ),
        _ => None,
    }
}

/// A convolution without bias, as residual networks have.
fn conv(name: String, [input, output]: [usize; 2], kernel: usize, stride: usize, init: Init) -> Layer {
    Layer::Conv { name, input, output, kernel, stride, padding: kernel / 2, bias: None, init }
}

fn batch_norm(name: String, channels: usize) -> Layer {
    Layer::Norm { name, channels, kind: NormKind::Batch }
}

fn linear(name: String, input: usize, output: usize) -> Layer {
    Layer::Linear(Linear { name, input, output, bias: Some(Init::Default), init: Init::Default, adapters: vec![] })
}

#[cfg(test)]
mod tests;
