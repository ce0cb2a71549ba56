//! Layers to compose a network from: what may stand in `sequential([…])`.

use crate::components::{Default, Family, Member, Param, Type};

const fn layer(name: &'static str, params: &'static [Param], doc: &'static str, example: &'static str) -> Member {
    Member { family: Family::Layer, name, params, doc, source: "", example }
}

/// A list of layers.
pub(super) const LAYERS_TYPE: Type = Type::List(&Type::Component(Family::Layer));

pub(super) static CONV: Member = layer(
    "conv",
    &[
        Param::new("out", Type::Int, "output channels").within(1.0, 65536.0),
        Param::new("kernel", Type::Int, "side of the window").or(Default::Int(3)).within(1.0, 255.0),
        Param::new("stride", Type::Int, "step of the window").or(Default::Int(1)).within(1.0, 255.0).named(),
        Param::new("padding", Type::OneOf(&[Type::Word(&["same"]), Type::Int]), "zeros around; same: half the kernel")
            .or(Default::Word("same"))
            .within(0.0, 255.0)
            .named(),
        Param::new("bias", Type::Bool, "whether a bias is added").or(Default::Bool(true)).named(),
    ],
    "convolution; input channels are those of the layer before",
    "conv(32, 3, stride: 2)",
);

pub(super) static NORM: Member = layer(
    "norm",
    &[Param::new("kind", Type::Word(&["batch", "instance"]), "over the batch, or each image by itself")
        .or(Default::Word("batch"))],
    "normalization of each channel, with learned scale and shift",
    "norm(instance)",
);

pub(super) static RELU: Member = layer("relu", &[], "max(x, 0)", "relu");

const POOL: &[Param] = &[
    Param::new("kernel", Type::Int, "side of the window").or(Default::Int(2)).within(1.0, 255.0),
    Param::new("stride", Type::Int, "step of the window; the kernel where it isn't given")
        .or(Default::Absent)
        .within(1.0, 255.0)
        .named(),
];

pub(super) static MAX_POOL: Member = layer("pool", POOL, "maximum in each window", "pool(2)");

pub(super) static AVG_POOL: Member = layer("avg_pool", POOL, "mean of each window", "avg_pool(2)");

pub(super) static GLOBAL_POOL: Member =
    layer("global_pool", &[], "mean of each channel: an image becomes a vector", "global_pool");

pub(super) static FLATTEN: Member = layer("flatten", &[], "an image becomes a vector, channel by channel", "flatten");

pub(super) static LINEAR: Member = layer(
    "linear",
    &[Param::new("out", Type::Int, "outputs").within(1.0, 1048576.0)],
    "linear layer with bias; the last one is the classifier",
    "linear(10)",
);

pub(super) static RESIDUAL: Member = layer(
    "residual",
    &[
        Param::new("body", LAYERS_TYPE, "layers whose output is added"),
        Param::new("shortcut", LAYERS_TYPE, "layers on the way around; none: the input itself")
            .or(Default::Ints(&[]))
            .named(),
    ],
    "body(x) + shortcut(x)",
    "residual([conv(32, 3), norm, relu, conv(32, 3), norm])",
);

/// All layers.
pub static LAYERS: &[&Member] =
    &[&CONV, &NORM, &RELU, &MAX_POOL, &AVG_POOL, &GLOBAL_POOL, &FLATTEN, &LINEAR, &RESIDUAL];
