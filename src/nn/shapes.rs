//! Shapes through a network: whether every layer fits, and what a pass costs.

use super::architecture::{Architecture, Input, Layer, Linear, NormKind, Tokens};

/// What flows between two layers, for one image or one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// C, H, W
    Image([usize; 3]),
    /// a vector of so many features
    Features(usize),
    /// the number of a token, or a picture in its place
    Token,
    /// a vector for each token
    Rows(usize),
}

impl Shape {
    /// Numbers in it.
    pub fn count(self) -> u64 {
        match self {
            Shape::Image(chw) => chw.iter().map(|n| *n as u64).fold(1, u64::saturating_mul),
            Shape::Features(n) | Shape::Rows(n) => n as u64,
            Shape::Token => 1,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Image([c, h, w]) => write!(f, "{c} channels of {h}x{w}"),
            Shape::Features(n) => write!(f, "a vector of {n}"),
            Shape::Token => f.write_str("a token"),
            Shape::Rows(n) => write!(f, "a vector of {n} for each token"),
        }
    }
}

impl Architecture {
    /// Whether every layer fits the one before it, something is left after the pools, and the last layer has one
    /// output a class. The error is a sentence for the user.
    pub fn check(&self) -> Result<(), String> {
        let mut shape = self.start();
        for layer in &self.layers {
            shape = layer.output(shape)?;
        }
        if self.head().is_none() {
            return Err("the model has no linear layer that could be its classifier".into());
        }
        match shape {
            Shape::Features(n) | Shape::Rows(n) if n == self.classes => Ok(()),
            found => Err(format!("the model's output is {found}, the data has {} classes", self.classes)),
        }
    }

    /// Floating-point operations of one image's (or token's) forward pass: two for each multiply-add of convolutions and
    /// linear layers, nothing for the rest. Forward and both gradients take about three times this.
    pub fn forward_flops(&self) -> u64 {
        let mut total = 0u64;
        self.trace(&mut |layer, input, output| {
            let per_output = match layer {
                Layer::Conv { input, kernel, .. } => {
                    [input, kernel, kernel].into_iter().fold(1, |n, m| u64::saturating_mul(n, *m as u64))
                }
                Layer::Linear(_) | Layer::TiedHead { .. } => input.count(),
                _ => 0,
            };
            let whole = match layer {
                Layer::Attention(attention) => products(attention.projections()),
                Layer::FeedForward(middle) => products(middle.projections()),
                _ => output.count().saturating_mul(per_output),
            };
            total = total.saturating_add(whole.saturating_mul(2));
        });
        total
    }

    /// Bytes of a training pass's activations in f32, estimated: every layer's output is kept for the way back.
    pub fn activation_bytes(&self, batch: usize) -> u64 {
        let mut total = self.start().count();
        self.trace(&mut |_, _, output| total = total.saturating_add(output.count()));
        total.saturating_mul(4).saturating_mul(batch as u64)
    }

    /// What the first layer gets.
    pub fn start(&self) -> Shape {
        match self.input {
            Input::Image(shape) => Shape::Image(shape),
            Input::Text { .. } => Shape::Token,
        }
    }

    /// Calls `f` with every layer, its input and its output; ends where a layer doesn't fit.
    fn trace(&self, f: &mut impl FnMut(&Layer, Shape, Shape)) {
        let mut shape = self.start();
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
            (Layer::Linear(Linear { name, input: wanted, output, .. }), Shape::Features(n) | Shape::Rows(n)) => {
                match (n == *wanted, input) {
                    (true, Shape::Rows(_)) => Ok(Shape::Rows(*output)),
                    (true, _) => Ok(Shape::Features(*output)),
                    (false, _) => Err(mismatch(name, *wanted, n, "inputs")),
                }
            }
            (Layer::Activation(_), Shape::Rows(n)) => Ok(Shape::Rows(n)),
            (_, Shape::Token) | (_, Shape::Rows(_)) => self.on_rows(input),
            (Layer::Linear(Linear { name, .. }), image) => Err(format!(
                "the linear layer {name} takes a vector, but gets {image}; put flatten or global_pool before it"
            )),
            (_, Shape::Features(n)) => {
                Err(format!("{} takes an image, but gets a vector of {n} features", self.describe()))
            }
            (_, Shape::Image(chw)) => self.on_image(chw),
        }
    }

    /// Layers of language models and of the towers that they see with.
    fn on_rows(&self, input: Shape) -> Result<Shape, String> {
        let (wanted, output) = match self {
            Layer::Tokens(tokens) if input == Shape::Token => return tokens.output(),
            Layer::Attention(attention) => (attention.norm.width, attention.o.output),
            Layer::FeedForward(middle) => (middle.norm.width, middle.down.output),
            Layer::RowNorm(norm) => (norm.width, norm.width),
            Layer::TiedHead { width, rows, .. } => (*width, *rows),
            _ => return Err(format!("{} does not take {input}", self.describe())),
        };
        match input {
            Shape::Rows(n) if n == wanted => Ok(Shape::Rows(output)),
            found => Err(format!("{} takes vectors of {wanted}, but gets {found}", self.describe())),
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
            Layer::Patches(patches) if [c, h, w] == [patches.channels, patches.size, patches.size] => {
                Ok(Shape::Rows(patches.width))
            }
            Layer::Patches(patches) => Err(format!(
                "{} takes {} channels of {}x{}, but gets {c} of {h}x{w}",
                self.describe(),
                patches.channels,
                patches.size,
                patches.size
            )),
            _ => Err(format!("{} does not take an image", self.describe())),
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
            Layer::Linear(linear) => format!("the linear layer {}", linear.name),
            Layer::Tokens(tokens) => format!("the embedding {}", tokens.name),
            Layer::Attention(attention) => format!("the attention at {}", attention.q.name),
            Layer::FeedForward(middle) => format!("the feed-forward layer at {}", middle.up.name),
            Layer::RowNorm(norm) => format!("the norm {}", norm.name),
            Layer::Activation(_) => "an activation".into(),
            Layer::Patches(patches) => format!("the patches {}", patches.name),
            Layer::TiedHead { .. } => "the head".into(),
            Layer::Residual { .. } => "a residual block".into(),
        }
    }
}

impl Tokens {
    /// What it gives, if its tower and projector fit together and end in vectors as wide as those of tokens.
    fn output(&self) -> Result<Shape, String> {
        let Some(vision) = &self.vision else { return Ok(Shape::Rows(self.width)) };
        let picture = vision.picture().ok_or("the vision tower has no patches")?;
        let seen = chain(&vision.layers, Shape::Image(picture), &mut |_, _, _| ())?;
        match chain(&vision.projector, seen, &mut |_, _, _| ())? {
            Shape::Rows(n) if n == self.width => Ok(Shape::Rows(n)),
            found => Err(format!("the projector gives {found}, tokens have vectors of {}", self.width)),
        }
    }
}

/// Multiply-adds of these layers for one vector.
fn products<'a>(layers: impl IntoIterator<Item = &'a Linear>) -> u64 {
    layers.into_iter().map(|linear| (linear.input as u64).saturating_mul(linear.output as u64)).sum()
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
