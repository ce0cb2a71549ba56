//! Blocks whose inner values are not kept for the way back but computed anew there (Chen et al. 2016, arXiv 1604.06174;
//! PyTorch calls it activation checkpointing). A pass then keeps what goes into each block, and the values of one block at
//! a time, for one more forward pass through the blocks.

use super::adapters::Noise;
use super::read::{Reading, Rows};
use crate::nn::architecture::{Architecture, Input, Layer, Rotary};
use crate::nn::ops::Angles;
use crate::nn::precision::Precision;
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor};
use std::cell::RefCell;
use std::sync::Arc;

/// All that a pass through one block needs, to be made again later.
struct Block {
    layer: Layer,
    /// of its tensors
    names: Vec<String>,
    count: usize,
    length: usize,
    real: Option<Vec<bool>>,
    /// seed, clock and ids of the sequences, where adapters leave out a share of what they see
    noise: Option<(u64, u64, Vec<u64>)>,
    angles: Option<(Rotary, Arc<Angles>)>,
    precision: Precision,
}

impl Reading<'_> {
    /// What a block gives, recorded as one operation. The same numbers as those of a pass that keeps everything.
    pub(super) fn recomputed(&self, layer: &Layer, x: &Value, rows: &Rows) -> Result<Value> {
        let alone = Architecture { input: Input::Text { picture: None }, classes: 0, layers: vec![layer.clone()] };
        let names: Vec<String> = alone.parts().into_iter().map(|part| part.name).collect();
        let weights = names.iter().map(|name| self.named(name)).collect::<Result<Vec<&Value>>>()?;
        let inputs: Vec<&Value> = std::iter::once(x).chain(weights).collect();
        if inputs.iter().all(|input| !input.is_tracked()) {
            return self.layer(layer, x, rows, None);
        }
        let tensors: Vec<Tensor> = inputs.iter().map(|input| input.tensor().clone()).collect();
        let block = Block {
            layer: layer.clone(),
            names,
            count: rows.count,
            length: rows.length,
            real: rows.real.map(<[bool]>::to_vec),
            noise: match self.noise {
                // Blocks see all positions.
                Noise::Off | Noise::Picked { .. } => None,
                Noise::Drawn { seed, clock, examples } => Some((seed, clock, examples.to_vec())),
            },
            angles: self.angles.borrow().clone(),
            precision: self.tape.precision(),
        };
        let constants: Vec<Value> = tensors.iter().cloned().map(Value::constant).collect();
        let output = block.pass(&block.tape(), &constants)?.tensor().clone();
        Ok(self.tape.record(&inputs, output, move |gradient, needs| {
            let tape = block.tape();
            let again = tensors.iter().enumerate().map(|(index, tensor)| match needs.input(index) {
                true => tape.leaf(tensor),
                false => Value::constant(tensor.clone()),
            });
            let again: Vec<Value> = again.collect();
            let output = block.pass(&tape, &again)?;
            let mut found = tape.backward_from(&output, gradient.clone())?;
            Ok(again.iter().map(|input| found.take(input)).collect())
        }))
    }
}

impl Block {
    fn tape(&self) -> Tape {
        Tape::with(self.precision)
    }

    /// What it gives for its input, the first of these values, with its weights, the others.
    fn pass(&self, tape: &Tape, values: &[Value]) -> Result<Value> {
        let noise = match &self.noise {
            None => Noise::Off,
            Some((seed, clock, examples)) => Noise::Drawn { seed: *seed, clock: *clock, examples },
        };
        let weights = self.names.iter().map(String::as_str).zip(values[1..].iter().cloned()).collect();
        let reading = Reading { tape, weights, noise, thin: false, angles: RefCell::new(self.angles.clone()) };
        let rows = Rows { count: self.count, length: self.length, real: self.real.as_deref() };
        reading.layer(&self.layer, &values[0], &rows, None)
    }
}
