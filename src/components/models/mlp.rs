//! Multi-layer perceptron.

use super::{MEAN, STD, linear, normalization};
use crate::components::{Default, Family, Member, Param, Problem, Spec, Type, Value};
use crate::nn::architecture::{Architecture, Input, Layer};

pub static MEMBER: Member = Member {
    family: Family::Model,
    name: "mlp",
    params: &[
        Param::new("hidden", Type::List(&Type::Int), "width of each hidden layer")
            .or(Default::Ints(&[256, 128]))
            .within(1.0, 65536.0),
        MEAN,
        STD,
    ],
    doc: "flatten, a linear layer with ReLU for each width, then the classifier; names fc1, fc2 …",
    source: "",
    example: "mlp(hidden: [256, 128])",
};

pub fn build(spec: &Spec, input: [usize; 3], classes: usize) -> Result<Architecture, Problem> {
    let mut layers = Vec::from_iter(normalization(spec, input[0])?);
    layers.push(Layer::Flatten);
    let mut features = input.iter().product();
    let widths = spec.list("hidden");
    for (i, width) in widths.iter().enumerate() {
        let width = match width {
            Value::Int(n) => usize::try_from(*n).expect("the parameter's bounds exclude negative numbers"),
            other => unreachable!("hidden was checked to be a list of integers, yet holds {other:?}"),
        };
        layers.push(Layer::Stage(vec![linear(format!("fc{}", i + 1), features, width), Layer::Relu]));
        features = width;
    }
    layers.push(linear(format!("fc{}", widths.len() + 1), features, classes));
    Ok(Architecture { input: Input::Image(input), classes, layers })
}
