//! Forward passes of language models: tokens and pictures to logits.

use super::adapters::{self, Noise, Weights};
use super::generate::Cache;
use super::{Forward, Network, Trainable};
use crate::nn::architecture::{
    Architecture, Attention, FeedForward, Input, Layer, Linear, Patches, Rotary, RowNorm, RowNormKind, Tokens, Vision,
};
use crate::nn::ops::{self, Angles, AttentionShape, Weight};
use crate::nn::sequences::{Seen, Sequences};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Which positions get logits.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// those with a target
    Learned,
    /// these of (B, T), in order
    At(&'a [u32]),
}

impl Network {
    /// Logits (M, V) of the asked positions, recorded on `tape` as far as a wanted weight reaches.
    ///
    /// # Errors
    /// If the network reads images, a token is not in its vocabulary, or there are pictures and it sees none.
    pub fn read(
        &self,
        tape: &Tape,
        sequences: &Sequences,
        asked: Asked,
        trainable: Trainable,
        noise: Noise,
    ) -> Result<Forward> {
        let Input::Text { .. } = self.architecture.input else { bail!("the network reads images, not text") };
        let mut leaves = Vec::with_capacity(self.parameters.len());
        let mut weights = HashMap::with_capacity(self.parameters.len());
        for (index, parameter) in self.parameters.iter().enumerate() {
            let leaf = trainable.wants(index).then(|| tape.leaf(&parameter.tensor));
            let value = leaf.clone().unwrap_or_else(|| Value::constant(parameter.tensor.clone()));
            weights.insert(parameter.part.name.as_str(), value);
            leaves.push(leaf);
        }
        let reading = Reading { tape, weights, noise, thin: false, angles: RefCell::default() };
        let logits = reading.run(&self.architecture.layers, sequences, asked, None)?;
        Ok(Forward { logits, leaves, statistics: Vec::new() })
    }

    /// The vectors of the tower, (P · vectors, W), for pictures (P, C, H, W): what a frozen one need not do again.
    ///
    /// # Errors
    /// If the network sees nothing, or pictures of another size.
    pub fn look(&self, pictures: &Tensor) -> Result<Tensor> {
        let Some(vision) = self.architecture.vision() else { bail!("the model sees no pictures") };
        let tape = self.tape();
        Ok(Reading::constant(&tape, self).tower(vision, pictures)?.tensor().clone())
    }
}

/// One forward pass.
pub(super) struct Reading<'a> {
    pub(super) tape: &'a Tape,
    /// by name
    pub(super) weights: HashMap<&'a str, Value>,
    pub(super) noise: Noise<'a>,
    /// nothing is recorded and there are few rows: a text that is being written
    pub(super) thin: bool,
    /// those that layers share, once the first has formed them
    pub(super) angles: RefCell<Option<(Rotary, Arc<Angles>)>>,
}

impl Weights for Reading<'_> {
    fn weight(&self, name: &str) -> Result<&Value> {
        self.weights.get(name).ok_or_else(|| candle_core::Error::Msg(format!("the model has no tensor {name}")))
    }
}

/// Vectors of B sequences of T positions, (B·T, W).
pub(super) struct Rows<'a> {
    pub(super) count: usize,
    pub(super) length: usize,
    pub(super) real: Option<&'a [bool]>,
}

impl<'a> Reading<'a> {
    /// A pass in which nothing gets a gradient.
    pub(super) fn constant(tape: &'a Tape, network: &'a Network) -> Reading<'a> {
        let weights = network.parameters.iter().map(|p| (p.part.name.as_str(), Value::constant(p.tensor.clone())));
        Reading { tape, weights: weights.collect(), noise: Noise::Off, thin: false, angles: RefCell::default() }
    }

    /// Logits of these positions, which come behind those that `cache` remembers.
    pub(super) fn continued(
        &self,
        architecture: &Architecture,
        sequences: &Sequences,
        at: &[u32],
        cache: &mut Cache,
    ) -> Result<Value> {
        self.run(&architecture.layers, sequences, Asked::At(at), Some(cache))
    }

    fn run(
        &self,
        layers: &[Layer],
        sequences: &Sequences,
        asked: Asked,
        mut cache: Option<&mut Cache>,
    ) -> Result<Value> {
        let [Layer::Tokens(tokens), layers @ ..] = layers else { bail!("the model has no embedding of tokens") };
        let vectors = tokens.vision.as_ref().map_or(0, |vision| vision.tokens);
        if let Err(why) = sequences.check(vectors) {
            bail!("{why}");
        }
        let padded = sequences.real.contains(&false).then_some(sequences.real.as_slice());
        let rows = Rows { count: sequences.count, length: sequences.length, real: padded };
        let mut x = self.tokens(tokens, sequences)?;
        // Only the asked positions go on from the last norm to the vocabulary, which is wide.
        let [inner @ .., Layer::RowNorm(last), head] = layers else { bail!("the model does not end in norm and head") };
        for layer in inner {
            x = match layer {
                Layer::Stage(_) if self.tape.recomputes() && cache.is_none() => self.recomputed(layer, &x, &rows)?,
                layer => self.layer(layer, &x, &rows, cache.as_deref_mut())?,
            };
        }
        let learned;
        let places = match asked {
            Asked::At(places) => places,
            Asked::Learned => {
                learned = sequences.learned();
                &learned
            }
        };
        if places.is_empty() {
            bail!("no position is learned from");
        }
        if places.len() < sequences.positions() {
            x = ops::embedding(self.tape, &x, places)?;
        }
        self.head(&x, last, head, self.noise.picked(places, sequences.length))
    }

    fn tokens(&self, tokens: &Tokens, sequences: &Sequences) -> Result<Value> {
        let table = self.weight(&format!("{}.weight", tokens.name))?;
        let embedded = ops::embedding(self.tape, table, &sequences.ids)?;
        let features = match (&sequences.seen, &tokens.vision) {
            (Seen::Nothing, _) => return Ok(embedded),
            (_, None) => bail!("there are pictures, but the model sees none"),
            (Seen::Pixels(pixels), Some(vision)) => self.project(vision, &self.tower(vision, pixels)?)?,
            (Seen::Features(features), Some(vision)) => self.project(vision, &Value::constant(features.clone()))?,
        };
        let vectors = tokens.vision.as_ref().map_or(0, |vision| vision.tokens);
        let (seen, wanted) = (features.shape().dims2()?.0, sequences.pictures.len() * vectors);
        if seen != wanted {
            bail!("{seen} vectors of pictures for {} pictures of {vectors}", sequences.pictures.len());
        }
        let n = sequences.positions() as u32;
        let mut order: Vec<u32> = (0..n).collect();
        for (picture, at) in sequences.pictures.iter().enumerate() {
            let first = n + (picture * vectors) as u32;
            order[*at..at + vectors].iter_mut().zip(first..).for_each(|(place, row)| *place = row);
        }
        ops::join_rows(self.tape, &embedded, &features, &order)
    }

    /// What is taken of the tower's vectors.
    fn tower(&self, vision: &Vision, pixels: &Tensor) -> Result<Value> {
        let mut x = Value::constant(pixels.clone());
        let count = pixels.dims4()?.0;
        let mut length = 0;
        for layer in &vision.layers {
            x = match layer {
                Layer::Normalize { mean, std } => {
                    let scale: Vec<f32> = std.iter().map(|s| (1.0 / s) as f32).collect();
                    let shift: Vec<f32> = mean.iter().zip(std).map(|(m, s)| (-m / s) as f32).collect();
                    ops::affine_const(self.tape, &x, &scale, &shift)?
                }
                Layer::Patches(patches) => {
                    length = patches.count() + 1;
                    self.patches(patches, &x)?
                }
                layer => self.layer(layer, &x, &Rows { count, length, real: None }, None)?,
            };
        }
        if vision.keep_class {
            return Ok(x);
        }
        let patches = (0..(count * length) as u32).filter(|row| !row.is_multiple_of(length as u32));
        ops::embedding(self.tape, &x, &patches.collect::<Vec<_>>())
    }

    fn patches(&self, patches: &Patches, pixels: &Value) -> Result<Value> {
        let Patches { name, patch, width, .. } = patches;
        let of = |part: &str| self.weight(&format!("{name}.{part}"));
        let seen = ops::conv2d(self.tape, pixels, of("patch_embedding.weight")?, None, *patch, 0)?;
        let (count, n) = (pixels.shape().dims4()?.0, patches.count());
        // (P, W, n) → (P·n, W)
        let seen = ops::transpose(self.tape, &ops::reshape(self.tape, &seen, (count, *width, n))?, 1, 2)?;
        let seen = ops::reshape(self.tape, &seen, (count * n, *width))?;
        let class = ops::reshape(self.tape, of("class_embedding")?, (1, *width))?;
        let order: Vec<u32> = (0..count)
            .flat_map(|p| std::iter::once((count * n) as u32).chain((p * n) as u32..((p + 1) * n) as u32))
            .collect();
        let all = ops::join_rows(self.tape, &seen, &class, &order)?;
        let places: Vec<u32> = (0..count).flat_map(|_| 0..=n as u32).collect();
        ops::add(self.tape, &all, &ops::embedding(self.tape, of("position_embedding.weight")?, &places)?)
    }

    fn project(&self, vision: &Vision, features: &Value) -> Result<Value> {
        let rows = Rows { count: 1, length: features.shape().dims2()?.0, real: None };
        vision.projector.iter().try_fold(features.clone(), |x, layer| self.layer(layer, &x, &rows, None))
    }

    pub(super) fn layer(&self, layer: &Layer, x: &Value, rows: &Rows, mut cache: Option<&mut Cache>) -> Result<Value> {
        match layer {
            Layer::Stage(layers) => {
                layers.iter().try_fold(x.clone(), |x, layer| self.layer(layer, &x, rows, cache.as_deref_mut()))
            }
            Layer::Attention(attention) => self.attention(attention, x, rows, cache),
            Layer::FeedForward(middle) => self.feed_forward(middle, x),
            Layer::RowNorm(norm) => self.norm(norm, x),
            Layer::Linear(linear) => self.linear(linear, x, self.noise),
            Layer::Activation(kind) => ops::gelu(self.tape, x, *kind),
            other => bail!("{other:?} stands in no language model"),
        }
    }

    /// Angles of so many positions at least, for heads of `d` numbers.
    pub(super) fn angles(&self, rotary: &Rotary, positions: usize, d: usize) -> Arc<Angles> {
        let mut known = self.angles.borrow_mut();
        let fits = |(of, angles): &&(Rotary, Arc<Angles>)| {
            of == rotary && angles.head() == d && angles.positions() >= positions
        };
        if let Some((_, angles)) = known.as_ref().filter(fits) {
            return angles.clone();
        }
        let angles = Arc::new(Angles::with_frequencies(positions, &rotary.frequencies(d)));
        *known = Some((*rotary, angles.clone()));
        angles
    }

    fn norm(&self, norm: &RowNorm, x: &Value) -> Result<Value> {
        let w = self.weight(&format!("{}.weight", norm.name))?;
        match norm.kind {
            RowNormKind::Rms { epsilon } => ops::rms_norm(self.tape, x, w, epsilon),
            RowNormKind::Layer => ops::layer_norm(self.tape, x, w, self.weight(&format!("{}.bias", norm.name))?),
        }
    }

    fn linear(&self, linear: &Linear, x: &Value, noise: Noise) -> Result<Value> {
        match self.thin && linear.bias.is_none() && linear.adapters.iter().all(|adapter| adapter.experts == 1) {
            true => adapters::thin(self, linear, x.tensor()),
            false => adapters::linear(self.tape, self, linear, x, noise),
        }
    }

    /// Whether these are products that can be taken beside each other.
    fn plain<'l>(&self, mut linears: impl Iterator<Item = &'l Linear>) -> bool {
        !self.thin && linears.all(|linear| linear.bias.is_none() && adapters::becomes_one(linear, self.noise))
    }

    /// These linear layers of `input` beside each other, and `residual` added; all of them [`plain`](Self::plain).
    fn beside(&self, input: ops::Input, linears: &[&Linear], residual: Option<&Value>) -> Result<Value> {
        let weight =
            |l: &&Linear| Ok(Weight { w: self.weight(&format!("{}.weight", l.name))?, lora: adapters::lora(self, l)? });
        let weights = linears.iter().map(weight).collect::<Result<Vec<_>>>()?;
        ops::projection(self.tape, input, &weights, residual)
    }

    fn attention(&self, attention: &Attention, x: &Value, rows: &Rows, cache: Option<&mut Cache>) -> Result<Value> {
        let Attention { norm, q, k, v, o, heads, kv_heads, rotary } = attention;
        let d = attention.head();
        let shape = AttentionShape { batch: rows.count, length: rows.length, heads: *heads, kv_heads: *kv_heads, d };
        let plain = self.plain(attention.projections().into_iter());
        if let (Some(rotary), RowNormKind::Rms { epsilon }, true, None) = (rotary, norm.kind, plain, &cache) {
            let input = ops::Input::Normed { x, w: self.weight(&format!("{}.weight", norm.name))?, epsilon };
            let qkv = self.beside(input, &[q, k, v], None)?;
            let angles = self.angles(rotary, rows.length, d);
            let seen = ops::rotary_attention(self.tape, &qkv, shape, &angles, 0, rows.real)?;
            return self.beside(ops::Input::Plain(&seen), &[o], Some(x));
        }
        let n = self.norm(norm, x)?;
        let part = |linear: &Linear, heads: usize| {
            ops::reshape(self.tape, &self.linear(linear, &n, self.noise)?, (rows.count, rows.length, heads, d))
        };
        let (mut q, mut k, v) = (part(q, *heads)?, part(k, *kv_heads)?, part(v, *kv_heads)?);
        if let Some(cache) = cache {
            let seen = self.remembered(attention, [&q, &k, &v], rows, cache)?;
            return ops::add(self.tape, x, &self.linear(o, &seen, self.noise)?);
        }
        if let Some(rotary) = rotary {
            let angles = self.angles(rotary, rows.length, d);
            (q, k) = (ops::rope(self.tape, &q, &angles, 0)?, ops::rope(self.tape, &k, &angles, 0)?);
        }
        let seen = ops::attention(self.tape, &q, &k, &v, rows.real, rotary.is_some())?;
        let seen = ops::reshape(self.tape, &seen, (rows.count * rows.length, heads * d))?;
        ops::add(self.tape, x, &self.linear(o, &seen, self.noise)?)
    }

    fn feed_forward(&self, middle: &FeedForward, x: &Value) -> Result<Value> {
        let FeedForward { norm, gate, up, down, activation } = middle;
        let plain = self.plain(middle.projections());
        if let (Some(gate), RowNormKind::Rms { epsilon }, true) = (gate, norm.kind, plain) {
            let input = ops::Input::Normed { x, w: self.weight(&format!("{}.weight", norm.name))?, epsilon };
            let both = self.beside(input, &[gate, up], None)?;
            return self.beside(ops::Input::Gated(&both), &[down], Some(x));
        }
        let n = self.norm(norm, x)?;
        let inner = match gate {
            Some(gate) => {
                ops::swiglu(self.tape, &self.linear(gate, &n, self.noise)?, &self.linear(up, &n, self.noise)?)?
            }
            None => ops::gelu(self.tape, &self.linear(up, &n, self.noise)?, *activation)?,
        };
        ops::add(self.tape, x, &self.linear(down, &inner, self.noise)?)
    }

    /// `noise` of the positions that `x` holds.
    fn head(&self, x: &Value, norm: &RowNorm, head: &Layer, noise: Noise) -> Result<Value> {
        let w = match head {
            Layer::Linear(linear) if linear.bias.is_none() && linear.adapters.is_empty() => {
                self.weight(&format!("{}.weight", linear.name))?
            }
            Layer::TiedHead { embedding, .. } => self.weight(&format!("{embedding}.weight"))?,
            Layer::Linear(linear) => return self.linear(linear, &self.norm(norm, x)?, noise),
            other => bail!("{other:?} is no classifier of a language model"),
        };
        match norm.kind {
            _ if self.thin => Ok(Value::constant(ops::thin_linear(self.norm(norm, x)?.tensor(), w.tensor())?)),
            RowNormKind::Rms { epsilon } => {
                let input = ops::Input::Normed { x, w: self.weight(&format!("{}.weight", norm.name))?, epsilon };
                ops::projection(self.tape, input, &[Weight { w, lora: None }], None)
            }
            RowNormKind::Layer => ops::linear(self.tape, &self.norm(norm, x)?, w, None),
        }
    }
}
