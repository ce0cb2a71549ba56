//! Architectures of pretrained families from their numbers, with tensors in Hugging Face's names.

use crate::nn::architecture::{
    Activation, Architecture, Attention, DECODER, FeedForward, Init, Input, Layer, Linear, PROJECTOR, Patches, Rotary,
    RowNorm, RowNormKind, TOWER, Tokens, Vision,
};

/// A decoder of LLaMA's family (Touvron et al. 2023).
#[derive(Clone, Debug, PartialEq)]
pub struct Decoder {
    pub vocabulary: usize,
    pub width: usize,
    /// of the feed-forward layers
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    /// numbers of a head
    pub head: usize,
    pub epsilon: f64,
    pub rotary: Rotary,
    /// whether queries, keys and values have biases
    pub biased: bool,
    /// the classifier is the embedding
    pub tied: bool,
    /// standard deviation of weights at the start
    pub spread: f32,
}

/// CLIP's vision tower (Radford et al. 2021).
#[derive(Clone, Debug, PartialEq)]
pub struct ClipTower {
    pub width: usize,
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub channels: usize,
    pub size: usize,
    pub patch: usize,
    pub activation: Activation,
    /// per channel, of pixels in [0, 1]
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
    pub spread: f32,
}

/// What makes vectors of pictures as wide as those of tokens: two linear layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Projector {
    pub biased: bool,
    /// between the two
    pub activation: Activation,
}

/// LLaVA (Liu et al. 2023): a tower, a projector, a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Llava {
    pub decoder: Decoder,
    pub tower: ClipTower,
    pub projector: Projector,
    /// layers of the tower whose output is taken
    pub taken: usize,
    /// whether the vector of the whole picture stays
    pub keep_class: bool,
    /// the token that stands for a picture
    pub placeholder: u32,
}

impl Decoder {
    /// A language model that sees nothing.
    pub fn architecture(&self) -> Architecture {
        self.with("", None)
    }

    fn with(&self, prefix: &str, vision: Option<Vision>) -> Architecture {
        let init = Init::Normal(self.spread);
        let name = format!("{prefix}model.embed_tokens");
        let picture = vision.as_ref().and_then(Vision::picture);
        let tokens = Tokens { name: name.clone(), rows: self.vocabulary, width: self.width, init, vision };
        let mut layers = vec![Layer::Tokens(Box::new(tokens))];
        layers.extend((0..self.layers).map(|i| self.block(&format!("{prefix}model.layers.{i}"))));
        layers.push(Layer::RowNorm(self.norm(format!("{prefix}model.norm"))));
        layers.push(match self.tied {
            true => Layer::TiedHead { embedding: name, width: self.width, rows: self.vocabulary },
            false => Layer::Linear(linear(format!("{prefix}lm_head"), self.width, self.vocabulary, false, init)),
        });
        Architecture { input: Input::Text { picture }, classes: self.vocabulary, layers }
    }

    fn block(&self, name: &str) -> Layer {
        let init = Init::Normal(self.spread);
        let (wide, narrow) = (self.heads * self.head, self.kv_heads * self.head);
        let attend = |part: &str, input, output, biased| {
            linear(format!("{name}.self_attn.{part}_proj"), input, output, biased, init)
        };
        let attention = Attention {
            norm: self.norm(format!("{name}.input_layernorm")),
            q: attend("q", self.width, wide, self.biased),
            k: attend("k", self.width, narrow, self.biased),
            v: attend("v", self.width, narrow, self.biased),
            o: attend("o", wide, self.width, false),
            heads: self.heads,
            kv_heads: self.kv_heads,
            rotary: Some(self.rotary),
        };
        let middle = |part: &str, input, output| linear(format!("{name}.mlp.{part}_proj"), input, output, false, init);
        let feed_forward = FeedForward {
            norm: self.norm(format!("{name}.post_attention_layernorm")),
            gate: Some(middle("gate", self.width, self.inner)),
            up: middle("up", self.width, self.inner),
            down: middle("down", self.inner, self.width),
            activation: Activation::Exact,
        };
        Layer::Stage(vec![Layer::Attention(Box::new(attention)), Layer::FeedForward(Box::new(feed_forward))])
    }

    fn norm(&self, name: String) -> RowNorm {
        RowNorm { name, width: self.width, kind: RowNormKind::Rms { epsilon: self.epsilon } }
    }
}

impl ClipTower {
    /// The first `taken` of its layers, and the tensors behind them.
    fn layers(&self, prefix: &str, taken: usize) -> (Vec<Layer>, Vec<(String, Vec<usize>)>) {
        let init = Init::Normal(self.spread);
        let ClipTower { width, channels, size, patch, .. } = *self;
        let (mean, std) = (self.mean.clone(), self.std.clone());
        let patches = Patches { name: format!("{prefix}embeddings"), channels, size, patch, width, init };
        let mut layers = vec![
            Layer::Normalize { mean, std },
            Layer::Patches(Box::new(patches)),
            // So it is spelt in every file of weights.
            Layer::RowNorm(self.norm(format!("{prefix}pre_layrnorm"))),
        ];
        let mut block = |i: usize| self.block(&format!("{prefix}encoder.layers.{i}"));
        layers.extend((0..taken).map(&mut block));
        let mut idle: Vec<Layer> = (taken..self.layers).map(block).collect();
        idle.push(Layer::RowNorm(self.norm(format!("{prefix}post_layernorm"))));
        let behind = Architecture { input: Input::Text { picture: None }, classes: 0, layers: idle };
        (layers, behind.parts().into_iter().map(|part| (part.name, part.shape)).collect())
    }

    fn block(&self, name: &str) -> Layer {
        let (width, init) = (self.width, Init::Normal(self.spread));
        let attend = |part: &str| linear(format!("{name}.self_attn.{part}_proj"), width, width, true, init);
        let attention = Attention {
            norm: self.norm(format!("{name}.layer_norm1")),
            q: attend("q"),
            k: attend("k"),
            v: attend("v"),
            o: attend("out"),
            heads: self.heads,
            kv_heads: self.heads,
            rotary: None,
        };
        let feed_forward = FeedForward {
            norm: self.norm(format!("{name}.layer_norm2")),
            gate: None,
            up: linear(format!("{name}.mlp.fc1"), width, self.inner, true, init),
            down: linear(format!("{name}.mlp.fc2"), self.inner, width, true, init),
            activation: self.activation,
        };
        Layer::Stage(vec![Layer::Attention(Box::new(attention)), Layer::FeedForward(Box::new(feed_forward))])
    }

    fn norm(&self, name: String) -> RowNorm {
        RowNorm { name, width: self.width, kind: RowNormKind::Layer }
    }
}

impl Llava {
    pub fn architecture(&self) -> Architecture {
        let (layers, idle) = self.tower.layers(&format!("{TOWER}vision_model."), self.taken);
        let init = Init::Normal(self.decoder.spread);
        let project = |i: usize, input| {
            let name = format!("{PROJECTOR}linear_{i}");
            Layer::Linear(linear(name, input, self.decoder.width, self.projector.biased, init))
        };
        let between = Layer::Activation(self.projector.activation);
        let projector = vec![project(1, self.tower.width), between, project(2, self.decoder.width)];
        let tokens = (self.tower.size / self.tower.patch).pow(2) + usize::from(self.keep_class);
        let (keep_class, placeholder) = (self.keep_class, self.placeholder);
        let vision = Vision { layers, idle, keep_class, projector, tokens, placeholder };
        self.decoder.with(DECODER, Some(vision))
    }
}

fn linear(name: String, input: usize, output: usize, biased: bool, init: Init) -> Linear {
    Linear { name, input, output, bias: biased.then_some(Init::Constant(0.0)), init, adapters: vec![] }
}
