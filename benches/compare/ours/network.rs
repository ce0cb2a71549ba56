//! A network for images: the steps that `fsched run` takes, on one batch.

use super::Workload;
use candle_core::{Device, Result, Tensor, bail};
use fsched::components::attacks::pgd;
use fsched::components::objectives::{self, Batch, Draws, Objective, adversarial, cross_entropy};
use fsched::components::optimizers::{self, Optimizer, OptimizerState};
use fsched::components::{Family, Member, Spec, Value, catalogue, models};
use fsched::nn::network::{Mode, Network, Trainable};
use fsched::nn::ops::{self, Reduction};
use fsched::nn::rng::Stream;
use fsched::nn::tape::{Tape, Value as Node};
use fsched::nn::weights;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

/// A model of the catalogue with its arguments, and what it is trained on.
#[derive(Deserialize)]
pub struct ImagesCase {
    model: String,
    arguments: Map<String, Json>,
    input: [usize; 3],
    classes: usize,
    batch: usize,
    optimizer: Map<String, Json>,
    attack: Map<String, Json>,
}

/// A network on its way, with the one batch that it is trained on.
pub struct Images {
    network: Network,
    batch: Batch,
    clock: u64,
    plain: Box<dyn Objective>,
    adversarial: Box<dyn Objective>,
    /// as `adversarial`, from the images themselves
    fixed_start: Box<dyn Objective>,
    optimizer: Box<dyn Optimizer>,
    state: OptimizerState,
}

impl Images {
    pub fn open(case: &ImagesCase) -> Result<Images> {
        let model = component(Family::Model, &case.model, &case.arguments)?;
        let architecture = models::of_images(&model, case.input, case.classes).map_err(told)?;
        let against = |attack: &Map<String, Json>| -> Result<Box<dyn Objective>> {
            let attack = Value::Component(component(Family::Attack, pgd::MEMBER.name, attack)?);
            Ok(objectives::build(&with(&adversarial::MEMBER, vec![("attack".into(), attack)])?))
        };
        let mut fixed_start = case.attack.clone();
        fixed_start.insert("random_start".into(), json!(false));
        let optimizer = component(Family::Optimizer, "sgd", &case.optimizer)?;
        Ok(Images {
            network: Network::new(architecture, 1, &Device::Cpu)?,
            batch: noise(case)?,
            clock: 0,
            plain: objectives::build(&with(&cross_entropy::MEMBER, vec![])?),
            adversarial: against(&case.attack)?,
            fixed_start: against(&fixed_start)?,
            optimizer: optimizers::build(&optimizer).map_err(told)?,
            state: OptimizerState::default(),
        })
    }

    /// The step of `runtime::train`: a pass, the running statistics, the optimizer.
    fn step(&mut self, objective: fn(&Images) -> &dyn Objective) -> Result<f64> {
        let draws = Draws { seed: 1, clock: self.clock };
        let mut pass = objective(self).pass(&self.network, &self.batch, Trainable::All, &draws)?;
        self.network.apply_statistics(std::mem::take(&mut pass.statistics), |_| false);
        self.optimizer.step(&mut self.network, &pass.gradients, Trainable::All, 1.0, &mut self.state)?;
        self.clock += 1;
        Ok(pass.loss)
    }

    fn evaluate(&self) -> Result<f64> {
        let logits = Node::constant(self.network.logits(&self.batch.pixels, Mode::Eval)?);
        let loss = ops::cross_entropy(&Tape::new(), &logits, &self.batch.labels, 0.0, Reduction::Mean)?;
        Ok(f64::from(loss.tensor().to_scalar::<f32>()?))
    }
}

impl Workload for Images {
    fn run(&mut self, work: &str) -> Result<()> {
        black_box(match work {
            "step" => self.step(|images| images.plain.as_ref())?,
            "adversarial" => self.step(|images| images.adversarial.as_ref())?,
            "evaluate" => self.evaluate()?,
            _ => bail!("a network has no work {work}"),
        });
        Ok(())
    }

    fn parameters(&self) -> usize {
        self.network.parameters().iter().map(|p| p.tensor.elem_count()).sum()
    }

    fn memory(&self) -> u64 {
        let weights = 12 * self.parameters() as u64;
        weights + self.network.architecture().activation_bytes(self.batch.labels.len())
    }

    fn export(&self, folder: &Path) -> Result<()> {
        let labels = Tensor::from_iter(self.batch.labels.iter().map(|&label| i64::from(label)), &Device::Cpu)?;
        let batch = BTreeMap::from([("inputs".into(), self.batch.pixels.clone()), ("targets".into(), labels)]);
        weights::save(&self.network, &folder.join("weights.safetensors")).map_err(told)?;
        weights::write(&batch, &folder.join("batch.safetensors")).map_err(told)
    }

    fn losses(&mut self) -> Result<Json> {
        let mut steps = Vec::new();
        for _ in 0..3 {
            steps.push(self.step(|images| images.plain.as_ref())?);
        }
        let evaluation = self.evaluate()?;
        let adversarial = self.step(|images| images.fixed_start.as_ref())?;
        Ok(json!({ "step": steps, "evaluate": [evaluation], "adversarial": [adversarial] }))
    }
}

/// Images of noise in 0..=1 with random labels.
fn noise(case: &ImagesCase) -> Result<Batch> {
    let mut stream = Stream::new(1, "compare", &[]);
    let [c, h, w] = case.input;
    let mut pixels = vec![0.0; case.batch * c * h * w];
    stream.fill_uniform(&mut pixels, 0.0, 1.0);
    Ok(Batch {
        pixels: Tensor::from_vec(pixels, (case.batch, c, h, w), &Device::Cpu)?,
        labels: (0..case.batch).map(|_| stream.below(case.classes) as u32).collect(),
        ids: (0..case.batch as u64).collect(),
    })
}

/// The component of that name with arguments from JSON, all others at their defaults.
fn component(family: Family, name: &str, arguments: &Map<String, Json>) -> Result<Spec> {
    let Some(member) = catalogue::find(family, name) else { bail!("there is no {name}") };
    with(member, arguments.iter().map(|(name, json)| (name.clone(), value(json))).collect())
}

fn with(member: &'static Member, mut given: Vec<(String, Value)>) -> Result<Spec> {
    let mut args = Vec::new();
    for param in member.params {
        let at = given.iter().position(|(name, _)| name == param.name);
        let value = at.map(|at| given.swap_remove(at).1);
        match value.or_else(|| catalogue::default_value(&param.default, param)) {
            Some(value) => args.push(value),
            None => bail!("{} needs {}", member.name, param.name),
        }
    }
    match given.first() {
        Some((name, _)) => bail!("{} takes no {name}", member.name),
        None => Ok(Spec { member, args }),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::Real(n.as_f64().unwrap_or(f64::NAN)), Value::Int),
        Json::String(word) => Value::Word(word.clone()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(_) => Value::None,
    }
}

fn told(problem: impl std::fmt::Display) -> candle_core::Error {
    candle_core::Error::Msg(problem.to_string())
}
