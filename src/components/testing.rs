//! What tests of components share: specs with defaults, and the network of tests/goldens/make_attacks.py.

use super::describe::{Default, Member};
use super::models;
use super::objectives::Batch;
use super::value::{Spec, Value};
use crate::nn::network::Network;
use candle_core::{DType, Device, Tensor};
use std::collections::{BTreeMap, HashMap};

/// A component with these arguments, all others at their defaults.
pub(crate) fn spec(member: &'static Member, given: &[(&str, Value)]) -> Spec {
    let argument = |param: &super::describe::Param| match given.iter().find(|(name, _)| *name == param.name) {
        Some((_, value)) => value.clone(),
        None if param.default == Default::Required => panic!("{} needs {}", member.name, param.name),
        None => param.default.value(|_| Value::None).expect("a default has a value"),
    };
    Spec { member, args: member.params.iter().map(argument).collect() }
}

/// A convnet of two blocks of width 6 for 1x12x12 images and 4 classes, with weights from seed 0.
pub(crate) fn convnet(norm: &str) -> Network {
    convnet_for(norm, [1, 12, 12], 4)
}

fn convnet_for(norm: &str, image: [usize; 3], classes: usize) -> Network {
    let member = models::MODELS.iter().map(|(member, _)| *member).find(|member| member.name == "convnet").unwrap();
    let arguments = [("blocks", Value::Int(2)), ("width", Value::Int(6)), ("norm", Value::Word(norm.into()))];
    let architecture = models::of_images(&spec(member, &arguments), image, classes).unwrap();
    Network::new(architecture, 0, &Device::Cpu).unwrap()
}

/// Tensors of make_attacks.py or make_autoattack.py.
pub(crate) struct Golden(HashMap<String, Tensor>);

impl Golden {
    /// attacks.safetensors, with the network.
    pub fn load() -> Golden {
        let bytes = include_bytes!("../../tests/goldens/attacks.safetensors");
        Golden::of(bytes)
    }

    /// The tensors of a safetensors file.
    pub fn of(bytes: &[u8]) -> Golden {
        Golden(candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap())
    }

    /// autoattack.safetensors, of the same network.
    pub fn autoattack() -> Golden {
        Golden::of(include_bytes!("../../tests/goldens/autoattack.safetensors"))
    }

    pub fn get(&self, name: &str) -> &Tensor {
        &self.0[name]
    }

    pub fn labels(&self, name: &str) -> Vec<u32> {
        self.get(name).to_dtype(DType::I64).unwrap().to_vec1::<i64>().unwrap().into_iter().map(|x| x as u32).collect()
    }

    pub fn count(&self, name: &str) -> usize {
        self.get(name).to_dtype(DType::I64).unwrap().to_scalar::<i64>().unwrap() as usize
    }

    /// The network that was attacked.
    pub fn network(&self) -> Network {
        self.network_for([1, 12, 12], 4)
    }

    /// The same for images of another shape and so many classes.
    pub fn network_for(&self, image: [usize; 3], classes: usize) -> Network {
        let mut network = convnet_for("batch", image, classes);
        let weights = self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("weights.")?, tensor)));
        let weights: BTreeMap<String, Tensor> = weights.map(|(name, t)| (name.to_string(), t.clone())).collect();
        network.load_state_dict(&weights).unwrap();
        network
    }

    /// Images and labels of those names, with ids from 100.
    pub fn batch(&self, images: &str, labels: &str) -> Batch {
        let labels = self.labels(labels);
        Batch { pixels: self.get(images).clone(), ids: (100..100 + labels.len() as u64).collect(), labels }
    }
}

/// A list of whole numbers.
pub(crate) fn ints(numbers: &[i64]) -> Value {
    Value::List(numbers.iter().map(|n| Value::Int(*n)).collect())
}

/// A list of reals.
pub(crate) fn reals(numbers: &[f64]) -> Value {
    Value::List(numbers.iter().map(|n| Value::Real(*n)).collect())
}

/// A list of components.
pub(crate) fn components(specs: Vec<Spec>) -> Value {
    Value::List(specs.into_iter().map(Value::Component).collect())
}

pub(crate) fn word(word: &str) -> Value {
    Value::Word(word.into())
}
