//! Selectors as values: which weights are meant, not yet which tensors they are.

use super::value::Expression;
use std::fmt;

/// A set of weights by the words of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    All,
    /// `layers`, `layers[-2..]`, `layers[4]`
    Layers(Index),
    /// `blocks[-1]`: stages
    Blocks(Index),
    /// `head`, `head[3]`: the classifier, rows of classes
    Head(Index),
    /// `params("glob")`
    Params(String),
    /// `conv`, `linear`, `norms`, `biases`, `embeddings`; `adapters`; parts of a language model: `vision`, `projector`, `language`
    Kind(Kind),
    Union(Box<Selector>, Box<Selector>),
    Difference(Box<Selector>, Box<Selector>),
    Intersection(Box<Selector>, Box<Selector>),
}

/// Tensors by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Conv,
    Linear,
    Norms,
    Biases,
    Embeddings,
    /// factors beside linear layers
    Adapters,
    /// the tower that a language model sees with
    Vision,
    /// what makes its vectors as wide as those of tokens
    Projector,
    /// the decoder itself
    Language,
}

/// Which of a row of things; negative numbers count from the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Index {
    All,
    One(Box<Expression>),
    Slice { start: Option<Box<Expression>>, end: Option<Box<Expression>>, inclusive: bool },
}

impl Kind {
    pub const ALL: [Kind; 9] = [
        Kind::Conv,
        Kind::Linear,
        Kind::Norms,
        Kind::Biases,
        Kind::Embeddings,
        Kind::Adapters,
        Kind::Vision,
        Kind::Projector,
        Kind::Language,
    ];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Conv => "conv",
            Kind::Linear => "linear",
            Kind::Norms => "norms",
            Kind::Biases => "biases",
            Kind::Embeddings => "embeddings",
            Kind::Adapters => "adapters",
            Kind::Vision => "vision",
            Kind::Projector => "projector",
            Kind::Language => "language",
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::All => f.write_str("all"),
            Selector::Layers(i) => write!(f, "layers{i}"),
            Selector::Blocks(i) => write!(f, "blocks{i}"),
            Selector::Head(i) => write!(f, "head{i}"),
            Selector::Params(glob) => write!(f, "params({glob:?})"),
            Selector::Kind(k) => f.write_str(k.word()),
            Selector::Union(a, b) => write!(f, "{a} + {b}"),
            Selector::Difference(a, b) => write!(f, "{a} - {}", Grouped(b)),
            Selector::Intersection(a, b) => write!(f, "{} & {}", a, Grouped(b)),
        }
    }
}

/// The right operand, in brackets where it is itself a set operation (the operators associate to the left).
struct Grouped<'a>(&'a Selector);

impl fmt::Display for Grouped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s @ (Selector::Union(..) | Selector::Difference(..) | Selector::Intersection(..)) => write!(f, "({s})"),
            s => write!(f, "{s}"),
        }
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Index::All => Ok(()),
            Index::One(i) => write!(f, "[{i}]"),
            Index::Slice { start, end, inclusive } => {
                f.write_str("[")?;
                start.iter().try_for_each(|s| write!(f, "{s}"))?;
                f.write_str(if *inclusive { "..=" } else { ".." })?;
                end.iter().try_for_each(|e| write!(f, "{e}"))?;
                f.write_str("]")
            }
        }
    }
}
