//! Shapes through a network: whether every layer fits, and what a pass costs.

use super::architecture::{Architecture, Layer, NormKind};

/// What flows between two layers, for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// C, H, W
    Image([usize; 3]),
    /// a vector of so many features
    Features(usize),
}

impl Shape {
    /// Numbers in it.
    pub fn count(self) -> u64 {
        match self {
            Shape::Image(chw) => chw.iter().map(|n| *n as u64).fold(1, u64::saturating_mul),
            Shape::Features(n) => n as u64,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Image([c, h, w]) => write!(f, "{c} channels of {h}x{w}"),
            Shape::Features(n) => write!(f, "a vector of {n}"),
        }
    }
}

impl Architecture {
    /// Whether every layer fits the one before it, something is left after the pools, and the last layer has one
    /// output a class. The error is a sentence for the user.
    pub fn check(&self) -> Result<(), String> {
        let mut shape = Shape::Image(self.input);
        for layer in &self.layers {
            shape = layer.output(shape)?;
        }
        if self.head().is_none() {
            return Err("the model has no linear layer that could be its classifier".into());
        }
        match shape {
            Shape::Features(n) if n == self.classes => Ok(()),
            found => Err(format!("the model's output is {found}, the data has {} classes", self.classes)),
        }
    }

    /// Floating-point operations of one image's forward pass: two for each multiply-add of convolutions and linear
    /// layers, nothing for the rest. Forward and both gradients take about three times this.
    pub fn forward_flops(&self) -> u64 {
        let mut total = 0u64;
        self.trace(&mut |layer, input, output| {
            let per_output = match layer {
                Layer::Conv { input, kernel, .. } => {
                    [input, kernel, kernel].into_iter().fold(1, |n, m| u64::saturating_mul(n, *m as u64))
                }
                Layer::Linear { .. } => input.count(),
                _ => 0,
            };
            total = total.saturating_add(output.count().saturating_mul(per_output).saturating_mul(2));
        });
        total
    }

    /// Bytes of a training pass's activations in f32, estimated: every layer's output is kept for the way back.
    pub fn activation_bytes(&self, batch: usize) -> u64 {
        let mut total = Shape::Image(self.input).count();
        self.trace(&mut |_, _, output| total = total.saturating_add(output.count()));
        total.saturating_mul(4).saturating_mul(batch as u64)
    }

    /// Calls `f` with every layer, its input and its output; ends where a layer doesn't fit.
    fn trace(&self, f: &mut impl FnMut(&Layer, Shape, Shape)) {
        let mut shape = Shape::Image(self.input);
        for layer in &self.layers {
            match layer.follow(shape, f) {
                Ok(next) => shape = next,
                Err(_) => return,
            }
        }
    }
}

impl Layer {
    /// Its output's shape, or in the user's words why its input doesn't fit.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        self.follow(input, &mut |_, _, _| ())
    }

    fn follow<F: FnMut(&Layer, Shape, Shape)>(&self, input: Shape, f: &mut F) -> Result<Shape, String> {
        let output = match self {
            Layer::Stage(layers) => return chain(layers, input, f),
            Layer::Residual { pre, body, shortcut } => {
                let h = chain(pre, input, f)?;
                let main = chain(body, h, f)?;
                let beside = if shortcut.is_empty() { input } else { chain(shortcut, h, f)? };
                if main != beside {
                    return Err(format!(
                        "the body of a residual block gives {main}, but its shortcut {beside}; the two are added, so they must agree"
                    ));
                }
                main
            }
            _ => self.simple(input)?,
        };
        f(self, input, output);
        Ok(output)
    }

    /// All layers but stages and residual blocks.
    fn simple(&self, input: Shape) -> Result<Shape, String> {
        match (self, input) {
            (Layer::Relu, any) => Ok(any),
            (Layer::Flatten, any) => usize::try_from(any.count())
                .map(Shape::Features)
                .map_err(|_| format!("{any} are too many numbers for one vector")),
            (Layer::Linear { name, input: wanted, output, .. }, Shape::Features(n)) => {
                if n == *wanted {
                    Ok(Shape::Features(*output))
                } else {
                    Err(mismatch(name, *wanted, n, "inputs"))
                }
            }
            (Layer::Linear { name, .. }, image) => Err(format!(
                "the linear layer {name} takes a vector, but gets {image}; put flatten or global_pool before it"
            )),
            (_, Shape::Features(n)) => {
                Err(format!("{} takes an image, but gets a vector of {n} features", self.describe()))
            }
            (_, Shape::Image(chw)) => self.on_image(chw),
        }
    }

    fn on_image(&self, [c, h, w]: [usize; 3]) -> Result<Shape, String> {
        match self {
            Layer::Normalize { mean, std } => {
                let fits = mean.len() == c && std.len() == c;
                let (m, s) = (mean.len(), std.len());
                if fits {
                    Ok(Shape::Image([c, h, w]))
                } else {
                    Err(format!("{m} means and {s} deviations are given, but images have {c} channels"))
                }
            }
            Layer::Conv { name, input, output, kernel, stride, padding, .. } => {
                if *input != c {
                    return Err(mismatch(name, *input, c, "channels"));
                }
                let (h, w) = self.slide([h, w], *kernel, *stride, *padding)?;
                Ok(Shape::Image([*output, h, w]))
            }
            Layer::Norm { name, channels, .. } if *channels != c => Err(mismatch(name, *channels, c, "channels")),
            Layer::Norm { name, kind: NormKind::Instance, .. } if h < 2 && w < 2 => {
                Err(format!("the instance norm {name} gets images of {h}x{w}: one value has no deviation"))
            }
            Layer::Norm { .. } => Ok(Shape::Image([c, h, w])),
            Layer::MaxPool { kernel, stride } | Layer::AvgPool { kernel, stride } => {
                let (h, w) = self.slide([h, w], *kernel, *stride, 0)?;
                Ok(Shape::Image([c, h, w]))
            }
            Layer::GlobalAvgPool => Ok(Shape::Features(c)),
            _ => unreachable!("{self:?} is handled before"),
        }
    }

    /// Height and width after a window of `kernel` slides by `stride`; ⌊(size + 2·padding − kernel) / stride⌋ + 1.
    fn slide(&self, size: [usize; 2], kernel: usize, stride: usize, padding: usize) -> Result<(usize, usize), String> {
        let [h, w] = size;
        let along = |n: usize| {
            let room = n.checked_add(padding.checked_mul(2)?)?.checked_sub(kernel)?;
            room.checked_div(stride)?.checked_add(1)
        };
        match (along(h), along(w)) {
            (Some(h), Some(w)) => Ok((h, w)),
            _ => Err(format!("{} does not fit on what is left of the image there, {h}x{w}", self.describe())),
        }
    }

    /// What it is, for error messages.
    fn describe(&self) -> String {
        match self {
            Layer::Stage(_) => "a stage".into(),
            Layer::Normalize { .. } => "normalization".into(),
            Layer::Conv { name, kernel, .. } => format!("the {kernel}x{kernel} convolution {name}"),
            Layer::Norm { name, .. } => format!("the norm {name}"),
            Layer::Relu => "relu".into(),
            Layer::MaxPool { kernel, .. } => format!("a {kernel}x{kernel} max-pool"),
            Layer::AvgPool { kernel, .. } => format!("a {kernel}x{kernel} average pool"),
            Layer::GlobalAvgPool => "global_pool".into(),
            Layer::Flatten => "flatten".into(),
            Layer::Linear { name, .. } => format!("the linear layer {name}"),
            Layer::Residual { .. } => "a residual block".into(),
        }
    }
}

fn chain<F: FnMut(&Layer, Shape, Shape)>(layers: &[Layer], mut shape: Shape, f: &mut F) -> Result<Shape, String> {
    for layer in layers {
        shape = layer.follow(shape, f)?;
    }
    Ok(shape)
}

fn mismatch(name: &str, wanted: usize, found: usize, what: &str) -> String {
    format!("{name} takes {wanted} {what}, but gets {found}")
}

#[cfg(test)]
mod tests;
