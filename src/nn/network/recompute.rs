//! Blocks whose inner values are not kept for the way back but computed anew there (Chen et al. 2016, arXiv 1604.06174;
//! PyTorch calls it activation checkpointing). A pass then keeps what goes into each block, and the values of one block at
//! a time, for one more forward pass through the blocks.

use super::adapters::{Noise, Weights};
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
        let weights = names.iter().map(|name| self.weight(name)).collect::<Result<Vec<&Value>>>()?;
        let inputs: Vec<&Value> = std::iter::once(x).chain(weights).collect();
        if inputs.iter().all(|input| !input.is_tracked()) {
            return self.layer(layer, x, rows, None);
        }
        let tensors: Vec<Tensor> = inputs.iter().map(|input| input.tensor().clone()).collect();
        if let Layer::Stage(inner) = layer {
            // Formed once for all blocks of a pass.
            for attention in
                inner.iter().filter_map(|layer| if let Layer::Attention(a) = layer { Some(a) } else { None })
            {
                attention.rotary.iter().for_each(|rotary| drop(self.angles(rotary, rows.length, attention.head())));
            }
        }
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

#[cfg(test)]
mod tests {
    use crate::nn::architecture::{Adapter, Rotary, Scaling};
    use crate::nn::network::{Asked, Network, Noise, Trainable};
    use crate::nn::pretrained::Decoder;
    use crate::nn::sequences::{IGNORED, Seen, Sequences};
    use crate::nn::tape::Tape;
    use candle_core::{Device, Tensor};

    const POSITIONS: usize = 5;

    /// Two blocks, adapters beside all linear layers, the classifier too, that leave out a share of what they see.
    fn network() -> Network {
        let decoder = Decoder {
            vocabulary: 11,
            width: 8,
            inner: 12,
            layers: 2,
            heads: 2,
            kv_heads: 1,
            head: 4,
            epsilon: 1e-6,
            rotary: Rotary { theta: 1e4, positions: 16, scaling: Scaling::None },
            biased: false,
            tied: false,
            spread: 0.3,
        };
        let adapter = Adapter { name: "default".into(), rank: 2, scale: 1.5, dropout: 0.4, experts: 1 };
        let (architecture, _) = decoder.architecture().adapted(&adapter, |_| true);
        let mut network = Network::new(architecture, 3, &Device::Cpu).unwrap();
        // Adapters that change something.
        for index in 0..network.parameters().len() {
            if network.parameters()[index].part.is_adapter() {
                let fill = |numbers: &mut [f32]| {
                    numbers.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7 + index) % 5) as f32 * 0.1 - 0.2);
                    Ok(())
                };
                network.write(index, fill).unwrap();
            }
        }
        network
    }

    fn sequences() -> Sequences {
        let ids: Vec<u32> = (0..2 * POSITIONS as u32).map(|i| i * 3 % 11).collect();
        Sequences {
            count: 2,
            length: POSITIONS,
            real: vec![true; ids.len()],
            targets: vec![IGNORED; ids.len()],
            ids,
            pictures: vec![],
            seen: Seen::Nothing,
        }
    }

    fn bits(tensor: &Tensor) -> Vec<Vec<u32>> {
        let rows = tensor.to_vec2::<f32>().unwrap();
        rows.into_iter().map(|row| row.into_iter().map(f32::to_bits).collect()).collect()
    }

    #[test]
    fn blocks_keep_what_goes_into_them_and_give_the_same_gradients() {
        let (network, sequences) = (network(), sequences());
        let noise = Noise::Drawn { seed: 1, clock: 2, examples: &[8, 9] };
        let pass = |tape: Tape| {
            let forward = network.read(&tape, &sequences, Asked::At(&[1, 4, 9]), Trainable::All, noise).unwrap();
            let recorded = tape.recorded();
            let logits = forward.logits.tensor().clone();
            let mut found = tape.backward_from(&forward.logits, logits.clone()).unwrap();
            let gradients: Vec<Vec<Vec<u32>>> = forward
                .leaves
                .iter()
                .flatten()
                .map(|leaf| {
                    let gradient = found.take(leaf).unwrap();
                    bits(&gradient.reshape(((), gradient.dims()[gradient.rank() - 1])).unwrap())
                })
                .collect();
            (recorded, bits(&logits), gradients)
        };
        let (all, logits, gradients) = pass(network.tape());
        let (few, same_logits, same_gradients) = pass(network.tape().recomputing(true));
        assert_eq!(logits, same_logits);
        assert!(gradients == same_gradients, "gradients differ");
        // One operation a block.
        assert!(few + 10 < all, "{few} operations instead of {all}");
    }

    #[test]
    fn what_an_adapter_leaves_out_of_a_position_does_not_depend_on_which_others_are_asked() {
        let (network, sequences) = (network(), sequences());
        let logits = |at: &[u32], noise: Noise| {
            let tape = network.tape();
            let forward = network.read(&tape, &sequences, Asked::At(at), Trainable::None, noise).unwrap();
            bits(forward.logits.tensor())
        };
        let every: Vec<u32> = (0..2 * POSITIONS as u32).collect();
        let noise = Noise::Drawn { seed: 1, clock: 2, examples: &[8, 9] };
        let all = logits(&every, noise);
        let some = [0, 3, 6, 9];
        for (row, at) in logits(&some, noise).iter().zip(some) {
            assert_eq!(row, &all[at as usize], "position {at}");
        }
        assert_ne!(all, logits(&every, Noise::Off));
    }
}
