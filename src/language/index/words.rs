//! The small words of the language that no other table describes: parts of statements, selectors, units, splits.

/// A word and what it is, in a line.
pub type Described = (&'static str, &'static str);

/// Words within statements and expressions.
pub static PARTICLES: &[Described] = &[
    ("on", "the split of the data that is measured: `evaluate clean on test`"),
    ("with", "settings for this step alone: `relearn 10 with { optimizer adam(lr: 1e-3) }`"),
    ("until", "what ends a loop: `repeat until clean > 90% max: 20 { … }`"),
    ("in", "what a loop goes through, or the range of a `param`"),
    ("else", "what is done where the condition is false"),
    ("then", "one schedule after the other: `warmup(5%) then cosine`"),
    ("and", "true where both are"),
    ("or", "true where at least one is"),
    ("not", "true where it is false"),
];

/// Sets of weights, with an index or without; all but `params` are words by themselves.
pub static SELECTORS: &[Described] = &[
    ("all", "all weights of the model"),
    ("layers", "layers with weights, in forward order, the classifier last: `layers[-2..]`, `layers[4]`"),
    ("blocks", "stages of the model: `blocks[-1]`"),
    ("head", "the classifier; with an index the rows of classes: `head[3]`"),
    ("conv", "weights of convolutions"),
    ("linear", "weights of linear layers"),
    ("norms", "scales and shifts of norms"),
    ("biases", "biases of convolutions and linear layers"),
    ("embeddings", "weights of embeddings"),
    ("adapters", "factors that `adapt` has put beside linear layers"),
    ("vision", "the tower that a language model sees with"),
    ("projector", "what makes the vectors of pictures as wide as those of tokens"),
    ("language", "the decoder of a language model"),
    ("params", "tensors by name, `*` for any characters: `params(\"layer4.*\")`"),
];

/// Units of time.
pub static UNITS: &[Described] = &[
    ("epochs", "passes over the training data"),
    ("steps", "updates of the weights"),
    ("s", "seconds by the clock"),
    ("min", "minutes by the clock"),
    ("h", "hours by the clock"),
];

/// Splits of the data.
pub static SPLITS: &[Described] = &[
    ("train", "the images that are trained on"),
    ("validation", "images kept aside to decide by: `data fashion(validation: 10%)`"),
    ("test", "the images that only measure"),
];

/// The line on a word of one of these tables.
pub fn describe(table: &[Described], word: &str) -> Option<&'static str> {
    table.iter().find(|(w, _)| *w == word).map(|(_, doc)| *doc)
}
