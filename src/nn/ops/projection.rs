//! Linear layers beside each other with what stands before and after them in a decoder: one operation, which keeps its
//! plain input and makes the rest again on the way back.

use super::composed;
use super::lora_linear::Lora;
use super::rms_norm::{check as check_norm, composed_rms_norm};
use super::swiglu::composed_swiglu;
use crate::nn::kernels::gemm::{self, Matrix, product, product_into};
use crate::nn::kernels::lora::{Update, scaled};
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::swiglu::Gated;
use crate::nn::kernels::{all_fast, buffer, narrow, rms_norm};
use crate::nn::tape::{Needs, Tape, Value};
use candle_core::{Result, Tensor, bail};
use std::ops::Deref;

/// What the layers see: n (N, F).
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// n = x (N, F)
    Plain(&'a Value),
    /// n = [`rms_norm`](super::rms_norm()) of x (N, F) with weight w (F)
    Normed { x: &'a Value, w: &'a Value, epsilon: f64 },
    /// n = silu(gate) up for rows (N, 2 F) of gate and up beside each other
    Gated(&'a Value),
}

/// A layer without bias: w (O, F), and what is added to w.
#[derive(Clone, Copy)]
pub struct Weight<'a> {
    pub w: &'a Value,
    pub lora: Option<Lora<'a>>,
}

/// y = [n w1ᵀ | n w2ᵀ | ...] + residual, each w with its low-rank update. Shapes: wi (Oi, F), result and residual
/// (N, O1 + O2 + ...).
///
/// Keeps what the input is made from, 1 / rms of each row, and n aᵀ of tracked updates; n is made again backward. No
/// gradient is formed for a weight that is a constant.
///
/// # Errors
/// If the shapes do not fit together.
pub fn projection(tape: &Tape, input: Input, weights: &[Weight], residual: Option<&Value>) -> Result<Value> {
    let sizes = Sizes::of(&input, weights, residual)?;
    let mut inputs: Vec<&Value> = match &input {
        Input::Plain(x) | Input::Gated(x) => vec![x],
        Input::Normed { x, w, .. } => vec![x, w],
    };
    for weight in weights {
        inputs.push(weight.w);
        inputs.extend(weight.lora.iter().flat_map(|lora| [lora.a, lora.b]));
    }
    inputs.extend(residual);
    // Weights may be narrow, what goes through them may not.
    let is_weight = |input: &&Value| weights.iter().any(|weight| std::ptr::eq(weight.w, *input));
    let (of_weights, others): (Vec<&Value>, Vec<&Value>) = inputs.iter().partition(|input| is_weight(input));
    let others: Vec<&Tensor> = others.into_iter().map(Value::tensor).collect();
    if !all_fast(&others) || !of_weights.iter().all(|weight| narrow::is_readable(weight.tensor())) {
        return composed::record(tape, &inputs, |t| compose(&input, weights, residual.is_some(), t));
    }
    let source = Source::new(&input)?;
    let mut ranks = 0;
    let layers = weights.iter().map(|weight| Layer::new(weight, &mut ranks)).collect::<Result<Vec<_>>>()?;
    let mut kept = Kept { sizes, source, layers, ranks, hidden: None, residual: residual.is_some() };
    let y = kept.forward(residual, weights.iter().flat_map(|weight| weight.lora).any(|lora| lora.b.is_tracked()))?;
    // The gradient of the residual is the one that comes.
    Ok(tape.record_fresh(&inputs, y, move |gradient, needs| kept.backward(gradient, needs)))
}

/// N, F and O.
#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    features: usize,
    outputs: usize,
}

impl Sizes {
    fn of(input: &Input, weights: &[Weight], residual: Option<&Value>) -> Result<Sizes> {
        let (rows, features) = match input {
            Input::Plain(x) => x.tensor().dims2()?,
            Input::Normed { x, w, .. } => {
                check_norm(x.tensor(), w.tensor())?;
                x.tensor().dims2()?
            }
            Input::Gated(x) => match x.tensor().dims2()? {
                (rows, both) if both % 2 == 0 => (rows, both / 2),
                (rows, both) => bail!("projection: an input {rows}x{both} is no gate beside as much again"),
            },
        };
        let mut outputs = 0;
        for Weight { w, lora } in weights {
            let (of_this, columns) = w.tensor().dims2()?;
            if columns != features {
                bail!("projection: the weight {of_this}x{columns} does not fit {features} features");
            }
            if let Some(Lora { a, b, .. }) = lora {
                let ((rank, a_columns), (b_rows, b_columns)) = (a.tensor().dims2()?, b.tensor().dims2()?);
                if a_columns != features || b_rows != of_this || b_columns != rank {
                    let (a, b) = (a.tensor().dims(), b.tensor().dims());
                    bail!("projection: the update of {a:?} and {b:?} does not fit the weight {of_this}x{features}");
                }
            }
            outputs += of_this;
        }
        if let Some(residual) = residual
            && residual.tensor().dims() != [rows, outputs]
        {
            bail!("projection: a residual {:?} for an output {rows}x{outputs}", residual.tensor().dims());
        }
        if rows * features * outputs == 0 {
            bail!("projection: {rows} rows of {features} features to {outputs} outputs are empty");
        }
        Ok(Sizes { rows, features, outputs })
    }
}

/// What n is made from.
enum Source {
    Plain(Tensor),
    Normed { x: Tensor, w: Tensor, inverse: Vec<f32> },
    Gated(Tensor),
}

impl Source {
    fn new(input: &Input) -> Result<Source> {
        Ok(match input {
            Input::Plain(x) => Source::Plain(x.tensor().contiguous()?),
            Input::Gated(x) => Source::Gated(x.tensor().contiguous()?),
            Input::Normed { x, w, epsilon } => {
                let (x, w) = (x.tensor().contiguous()?, w.tensor().contiguous()?);
                let inverse = rms_norm::inverse_rms(Isa::in_use(), &buffer::view(&x)?, w.elem_count(), *epsilon);
                Source::Normed { x, w, inverse }
            }
        })
    }

    /// How many of the operation's inputs it is made of.
    fn count(&self) -> usize {
        if matches!(self, Source::Normed { .. }) { 2 } else { 1 }
    }

    /// Gives n to `f`.
    fn with<R>(&self, features: usize, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
        match self {
            Source::Plain(x) => f(&buffer::view(x)?),
            Source::Normed { x, w, inverse } => {
                f(&rms_norm::scale(Isa::in_use(), &buffer::view(x)?, inverse, &buffer::view(w)?))
            }
            Source::Gated(x) => f(&Gated::beside(&buffer::view(x)?, features).forward(Isa::in_use())),
        }
    }

    /// From the gradient of n, if it was wanted: those of what n is made from; `f` gets n.
    fn backward(
        &self,
        features: usize,
        dn: Option<Vec<f32>>,
        needs: &Needs,
        f: impl FnOnce(&[f32]) -> Result<()>,
    ) -> Result<Vec<Option<Tensor>>> {
        let isa = Isa::in_use();
        let Some(mut dn) = dn else {
            self.with(features, f)?;
            return Ok(vec![None; self.count()]);
        };
        Ok(match self {
            Source::Plain(x) => {
                f(&buffer::view(x)?)?;
                vec![Some(buffer::tensor(dn, x.shape())?)]
            }
            Source::Normed { x, w, inverse } => {
                self.with(features, f)?;
                let (dx, dw) =
                    rms_norm::backward(isa, &buffer::view(x)?, inverse, &buffer::view(w)?, &dn, needs.input(1));
                let dx = needs.compute(0, || buffer::tensor(dx, x.shape()))?;
                vec![dx, needs.compute(1, || buffer::tensor(dw, w.shape()))?]
            }
            Source::Gated(x) => {
                let both = Gated::beside(&buffer::view(x)?, features).backward_beside(isa, &mut dn);
                f(&dn)?;
                vec![Some(buffer::tensor(both, x.shape())?)]
            }
        })
    }
}

/// A weight on its way, with its update.
struct Layer {
    w: Tensor,
    outputs: usize,
    update: Option<LayerUpdate>,
}

struct LayerUpdate {
    a: Tensor,
    b: Tensor,
    rank: usize,
    scale: f64,
    /// Where its ranks start among those of all layers.
    first: usize,
}

impl Layer {
    /// `ranks` counts those of the layers so far.
    fn new(weight: &Weight, ranks: &mut usize) -> Result<Layer> {
        let w = weight.w.tensor().contiguous()?;
        let mut update = |lora: &Lora| -> Result<LayerUpdate> {
            let (a, b, first) = (lora.a.tensor().contiguous()?, lora.b.tensor().contiguous()?, *ranks);
            let rank = a.dim(0)?;
            *ranks += rank;
            Ok(LayerUpdate { a, b, rank, scale: lora.scale, first })
        };
        let update = weight.lora.as_ref().map(&mut update).transpose()?;
        Ok(Layer { outputs: w.dim(0)?, w, update })
    }

    /// The weight with its update.
    fn weight(&self) -> Result<Box<dyn Deref<Target = [f32]> + '_>> {
        Ok(match &self.update {
            None => Box::new(narrow::wide(&self.w)?),
            Some(LayerUpdate { a, b, rank, scale, .. }) => {
                let (a, b) = (buffer::view(a)?, buffer::view(b)?);
                let update = Update { a: &a, b: &b, rank: *rank, scale: *scale };
                Box::new(narrow::with(&self.w, |w| Ok(update.merged(w)))?)
            }
        })
    }
}

/// What backward needs.
struct Kept {
    sizes: Sizes,
    source: Source,
    layers: Vec<Layer>,
    /// R: the sum of the ranks of all updates.
    ranks: usize,
    /// [n a1ᵀ | n a2ᵀ | ...] (N, R), if the gradient of some b is wanted.
    hidden: Option<Vec<f32>>,
    residual: bool,
}

impl Kept {
    fn forward(&mut self, residual: Option<&Value>, keep_hidden: bool) -> Result<Tensor> {
        let Sizes { rows, features, outputs } = self.sizes;
        let onto = match residual {
            Some(residual) => Some(buffer::view(&residual.tensor().contiguous()?)?.to_vec()),
            None => None,
        };
        let (layers, ranks) = (&self.layers, self.ranks);
        let (y, hidden) = self.source.with(features, |n| {
            let n = Matrix::new(n, rows, features, features);
            let mut hidden = None;
            if keep_hidden {
                let mut a = Vec::with_capacity(ranks * features);
                for update in layers.iter().filter_map(|layer| layer.update.as_ref()) {
                    a.extend_from_slice(&buffer::view(&update.a)?);
                }
                hidden = Some(product(n, Matrix::new(&a, ranks, features, features).t()));
            }
            let weights = layers.iter().map(Layer::weight).collect::<Result<Vec<_>>>()?;
            let transposed = |(w, layer): (_, &Layer)| Matrix::new(w, layer.outputs, features, features).t();
            let weights: Vec<Matrix> = weights.iter().map(|w| &***w).zip(layers).map(transposed).collect();
            Ok((gemm::beside(n, &weights, onto), hidden))
        })?;
        self.hidden = hidden;
        buffer::tensor(y, (rows, outputs))
    }

    fn backward(&self, gradient: &Tensor, needs: &Needs) -> Result<Vec<Option<Tensor>>> {
        let Sizes { features, .. } = self.sizes;
        let contiguous = gradient.contiguous()?;
        let dy = buffer::view(&contiguous)?;
        let count = self.source.count();
        let dn = match (0..count).any(|input| needs.input(input)) {
            true => Some(self.input_gradient(&dy)?),
            false => None,
        };
        let mut of_layers = Vec::new();
        let last = count + self.layers.iter().map(|layer| if layer.update.is_some() { 3 } else { 1 }).sum::<usize>();
        let weights_wanted = (count..last).any(|input| needs.input(input));
        let mut gradients = self.source.backward(features, dn, needs, |n| {
            if weights_wanted {
                of_layers = self.weight_gradients(&dy, n, count, needs)?;
            } else {
                of_layers = vec![None; last - count];
            }
            Ok(())
        })?;
        gradients.append(&mut of_layers);
        if self.residual {
            gradients.push(needs.compute(last, || Ok(gradient.clone()))?);
        }
        Ok(gradients)
    }

    /// The columns of `dy` that belong to a layer which starts at column `first`.
    fn columns<'a>(&self, dy: &'a [f32], first: usize, layer: &Layer) -> Matrix<'a> {
        Matrix::new(&dy[first..], self.sizes.rows, layer.outputs, self.sizes.outputs)
    }

    /// The gradient of n: the sum over layers of dy w.
    fn input_gradient(&self, dy: &[f32]) -> Result<Vec<f32>> {
        let Sizes { features, .. } = self.sizes;
        let (mut dn, mut first) = (Vec::new(), 0);
        for layer in &self.layers {
            let w = layer.weight()?;
            let w = Matrix::new(&w, layer.outputs, features, features);
            let dy = self.columns(dy, first, layer);
            match first {
                0 => dn = product(dy, w),
                _ => product_into(&mut dn, features, dy, w, true),
            }
            first += layer.outputs;
        }
        Ok(dn)
    }

    /// The gradients of the weights (dyᵀ n) and of their updates, those wanted; the first is input `input` of the
    /// operation.
    fn weight_gradients(&self, dy: &[f32], n: &[f32], mut input: usize, needs: &Needs) -> Result<Vec<Option<Tensor>>> {
        let Sizes { rows, features, .. } = self.sizes;
        let n = Matrix::new(n, rows, features, features);
        let of_updates = if self.ranks > 0 { self.gradients_of_a(dy, n)? } else { Vec::new() };
        let (mut gradients, mut first) = (Vec::new(), 0);
        for layer in &self.layers {
            let dy = self.columns(dy, first, layer);
            first += layer.outputs;
            gradients.push(needs.compute(input, || buffer::tensor(product(dy.t(), n), layer.w.shape()))?);
            input += 1;
            if let Some(update) = &layer.update {
                let of_a = &of_updates[update.first * features..(update.first + update.rank) * features];
                gradients.push(needs.compute(input, || buffer::tensor(of_a.to_vec(), update.a.shape()))?);
                gradients.push(needs.compute(input + 1, || self.gradient_of_b(update, dy))?);
                input += 2;
            }
        }
        Ok(gradients)
    }

    /// scale (dy b)ᵀ n of every update, one below the other (R, F).
    fn gradients_of_a(&self, dy: &[f32], n: Matrix) -> Result<Vec<f32>> {
        let (rows, ranks, mut first) = (self.sizes.rows, self.ranks, 0);
        let mut back = vec![0.0; rows * ranks];
        for layer in &self.layers {
            if let Some(LayerUpdate { b, rank, scale, first: column, .. }) = &layer.update {
                let b = scaled(&buffer::view(b)?, *scale);
                let b = Matrix::new(&b, layer.outputs, *rank, *rank);
                product_into(&mut back[*column..], ranks, self.columns(dy, first, layer), b, false);
            }
            first += layer.outputs;
        }
        Ok(product(Matrix::new(&back, rows, ranks, ranks).t(), n))
    }

    /// scale dyᵀ (n aᵀ) of one update.
    fn gradient_of_b(&self, update: &LayerUpdate, dy: Matrix) -> Result<Tensor> {
        let Some(hidden) = &self.hidden else { bail!("projection: n aᵀ was not kept") };
        let hidden = Matrix::new(&hidden[update.first..], self.sizes.rows, update.rank, self.ranks);
        buffer::tensor(scaled(&product(dy.t(), hidden), update.scale), update.b.shape())
    }
}

/// By differentiable candle operations; `t` holds the inputs in the order of the operation.
fn compose(input: &Input, weights: &[Weight], residual: bool, t: &[Tensor]) -> Result<Tensor> {
    let (n, mut rest) = match input {
        Input::Plain(_) => (t[0].clone(), &t[1..]),
        Input::Normed { epsilon, .. } => (composed_rms_norm(&t[0], &t[1], *epsilon)?, &t[2..]),
        Input::Gated(_) => {
            let features = t[0].dim(1)? / 2;
            (composed_swiglu(&t[0].narrow(1, 0, features)?, &t[0].narrow(1, features, features)?)?, &t[1..])
        }
    };
    let mut outputs = Vec::new();
    for weight in weights {
        let mut y = n.matmul(&rest[0].to_dtype(n.dtype())?.t()?)?;
        rest = &rest[1..];
        if let Some(lora) = &weight.lora {
            y = (y + (n.matmul(&rest[0].t()?)?.matmul(&rest[1].t()?)? * lora.scale)?)?;
            rest = &rest[2..];
        }
        outputs.push(y);
    }
    let y = Tensor::cat(&outputs, 1)?;
    if residual { y + &rest[0] } else { Ok(y) }
}
