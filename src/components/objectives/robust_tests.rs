//! Steps of robust objectives, terms of teachers and averages of weights against PyTorch (tests/goldens/make_robust.py).

use super::*;
use crate::components::memory::{self, Memory};
use crate::components::testing::{convnet, spec};
use crate::components::{Value, attacks, optimizers, recall};
use crate::nn::check::max_error;
use candle_core::{DType, Device};
use std::collections::{BTreeMap, HashMap};

/// Relative to the largest number of a tensor.
const CLOSE: f64 = 1e-5;

struct Golden(HashMap<String, Tensor>);

impl Golden {
    fn load() -> Golden {
        let bytes = include_bytes!("../../../tests/goldens/robust.safetensors");
        Golden(candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap())
    }

    fn network(&self, name: &str) -> Network {
        let mut network = convnet("batch");
        let prefix = format!("{name}.weights.");
        let weights = self.0.iter().filter_map(|(n, t)| Some((n.strip_prefix(&prefix)?.to_string(), t.clone())));
        network.load_state_dict(&weights.collect::<BTreeMap<_, _>>()).unwrap();
        network
    }

    fn crafted(&self, step: usize) -> Crafted {
        let labels = self.0["labels"].get(step).unwrap().to_dtype(DType::U32).unwrap().to_vec1().unwrap();
        let pixels = self.0["images"].get(step).unwrap();
        let batch = Batch { pixels, labels, ids: (0..8).collect() };
        Crafted { batch, attacked: Some(self.0["attacked"].get(step).unwrap()), carried: None }
    }

    fn losses(&self, name: &str) -> Vec<f32> {
        self.0[&format!("{name}.losses")].to_vec1().unwrap()
    }

    /// All tensors of a network are those of that name.
    fn same(&self, name: &str, network: &Network) {
        for (tensor, found) in network.state_dict().unwrap() {
            let wanted = &self.0[&format!("{name}.weights.{tensor}")];
            if tensor.ends_with("num_batches_tracked") {
                // PyTorch averages this count too, in whole numbers; here it is the present network's.
                if name == "ema_average" {
                    continue;
                }
                assert_eq!(found.to_scalar::<i64>().unwrap(), wanted.to_scalar::<i64>().unwrap(), "{name} {tensor}");
                continue;
            }
            // What a bias before a batch norm learns is rounding alone.
            let close = if tensor.ends_with("conv.bias") { 1e-4 } else { CLOSE };
            let error = max_error(&found, wanted);
            assert!(error < close, "{name} {tensor}: {error}");
        }
    }
}

struct Sgd {
    network: Network,
    optimizer: Box<dyn optimizers::Optimizer>,
    state: optimizers::OptimizerState,
}

impl Sgd {
    fn new(network: Network) -> Sgd {
        let (sgd, _) = optimizers::OPTIMIZERS.iter().find(|(member, _)| member.name == "sgd").unwrap();
        let given = [("lr", Value::Real(0.05)), ("momentum", Value::Real(0.9))];
        let optimizer = optimizers::build(&spec(sgd, &given)).unwrap();
        Sgd { network, optimizer, state: optimizers::OptimizerState::default() }
    }

    fn step(&mut self, objective: &dyn Objective, crafted: &Crafted, lessons: &[Lesson]) -> Pass {
        let mut pass = objective.learn(&self.network, crafted, lessons, Trainable::All).unwrap();
        self.network.apply_statistics(std::mem::take(&mut pass.statistics), |_| false);
        self.optimizer.step(&mut self.network, &pass.gradients, Trainable::All, 1.0, &mut self.state).unwrap();
        pass
    }
}

fn pgd() -> Value {
    Value::Component(spec(&attacks::pgd::MEMBER, &[("eps", Value::Real(0.1))]))
}

fn objective(member: &'static Member, given: &[(&str, Value)]) -> Value {
    Value::Component(spec(member, given))
}

fn built(value: &Value) -> Box<dyn Objective> {
    build(value.as_component(Family::Objective).unwrap())
}

fn follows(name: &str, objective: &Value, lessons: impl Fn(&Crafted) -> Vec<Lesson>) {
    let golden = Golden::load();
    let mut sgd = Sgd::new(golden.network("start"));
    let objective = built(objective);
    for (step, wanted) in golden.losses(name).into_iter().enumerate() {
        let crafted = golden.crafted(step);
        let found = sgd.step(objective.as_ref(), &crafted, &lessons(&crafted)).loss;
        let error = (found / f64::from(wanted) - 1.0).abs();
        assert!(error < CLOSE, "{name}, step {step}: {found} for {wanted}");
    }
    golden.same(name, &sgd.network);
}

#[test]
fn trades_mart_and_awp_take_pytorchs_steps() {
    let attack = |member| objective(member, &[("attack", pgd())]);
    let none = |_: &Crafted| Vec::new();
    follows("trades", &attack(&trades::MEMBER), none);
    follows("mart", &attack(&mart::MEMBER), none);
    let awp = |inner, gamma| objective(&awp::MEMBER, &[("objective", inner), ("gamma", Value::Real(gamma))]);
    follows("awp", &awp(attack(&adversarial::MEMBER), 0.01), none);
    follows("awp_trades", &awp(attack(&trades::MEMBER), 0.005), none);
}

#[test]
fn terms_of_teachers_take_pytorchs_steps() {
    let teacher = Golden::load().network("teacher");
    let word = |word: &str| Value::Word(word.into());
    let terms = [
        spec(
            &recall::kl::MEMBER,
            &[("weight", Value::Real(0.6)), ("on", word("both")), ("temperature", Value::Real(2.0))],
        ),
        spec(&recall::mse::MEMBER, &[("weight", Value::Real(0.1)), ("on", word("clean"))]),
    ];
    let terms: Vec<recall::Recall> = terms.iter().map(recall::build).collect();
    let adversarial = objective(&adversarial::MEMBER, &[("attack", pgd()), ("weight", Value::Real(0.3))]);
    follows("recall", &adversarial, |crafted| terms.iter().map(|term| term.ask(&teacher, crafted).unwrap()).collect());
}

#[test]
fn free_hands_its_perturbation_on_as_the_published_loop() {
    let golden = Golden::load();
    let mut sgd = Sgd::new(golden.network("start"));
    let given = [("eps", Value::Real(0.1)), ("step", Value::Real(0.04)), ("replays", Value::Int(2))];
    let free = built(&objective(&free::MEMBER, &given));
    let mut carried = None;
    for (n, wanted) in golden.losses("free").into_iter().enumerate() {
        let Crafted { batch, .. } = golden.crafted(n / 2);
        let draws = Draws { seed: 0, clock: 0 };
        let attacked = free.craft(&sgd.network, &batch, carried.as_ref(), &draws).unwrap();
        let pass = sgd.step(free.as_ref(), &Crafted { batch, attacked, carried }, &[]);
        assert!((pass.loss / f64::from(wanted) - 1.0).abs() < CLOSE, "{n}: {} for {wanted}", pass.loss);
        carried = pass.carried;
    }
    golden.same("free", &sgd.network);
    assert!(max_error(&carried.unwrap(), &golden.0["free.noise"]) < CLOSE);
}

#[test]
fn free_stays_within_its_radius_whatever_was_handed_on() {
    let golden = Golden::load();
    let (network, Crafted { batch, .. }) = (golden.network("start"), golden.crafted(0));
    let free = built(&objective(&free::MEMBER, &[("eps", Value::Real(0.1))]));
    let carried = (batch.pixels.ones_like().unwrap() * 0.3).unwrap();
    let attacked = free.craft(&network, &batch, Some(&carried), &Draws { seed: 0, clock: 0 }).unwrap().unwrap();
    assert!(max_error(&attacked, &batch.pixels) > 0.09);
    let far = (attacked - &batch.pixels).unwrap().abs().unwrap().flatten_all().unwrap();
    let far = far.max(0).unwrap().to_scalar::<f32>().unwrap();
    assert!(far < 0.1 + 1e-6, "{far}");
}

#[test]
fn trades_climbs_pytorchs_gradient() {
    let golden = Golden::load();
    let (network, crafted) = (golden.network("start"), golden.crafted(0));
    let clean = network.logits(&crafted.batch.pixels, crate::nn::network::Mode::Eval).unwrap();
    let found = attacks::inner::divergence(&network, crafted.attacked.as_ref().unwrap(), &clean).unwrap();
    let error = max_error(&found, &golden.0["trades.pixels"]);
    assert!(error < CLOSE, "{error}");
}

#[test]
fn averages_are_pytorchs() {
    let golden = Golden::load();
    let plain = built(&objective(&cross_entropy::MEMBER, &[]));
    let word = |word: &str| Value::Word(word.into());
    let ema = |given: &[(&str, Value)]| spec(&memory::ema::MEMBER, given);
    let decay = |decay: f64| ("decay", Value::Real(decay));
    let ways = [
        ("ema", ema(&[decay(0.8)])),
        ("ema_average", ema(&[decay(0.8), ("statistics", word("average"))])),
        ("warm", ema(&[decay(0.6), ("warm", Value::Bool(true))])),
        ("swa", spec(&memory::swa::MEMBER, &[])),
    ];
    let mut sgd = Sgd::new(golden.network("start"));
    let mut memories: Vec<Memory> = ways.iter().map(|_| Memory::begin(&sgd.network, 1).unwrap()).collect();
    for step in 0..4 {
        sgd.step(plain.as_ref(), &golden.crafted(step), &[]);
        for (memory, (_, spec)) in memories.iter_mut().zip(&ways) {
            memory.follow(&sgd.network, &memory::build(spec), 1).unwrap();
        }
    }
    golden.same("plain", &sgd.network);
    memories[3].network.estimate_statistics((0..4).map(|step| Ok(golden.crafted(step).batch.pixels))).unwrap();
    for ((name, _), memory) in ways.iter().zip(&memories) {
        match *name {
            // The script averages parameters alone; their statistics are copies here.
            "ema" | "warm" => {
                for (found, present) in memory.network.batch_norms().iter().zip(sgd.network.batch_norms()) {
                    assert_eq!(max_error(&found.running.mean, &present.running.mean), 0.0);
                }
                for parameter in memory.network.parameters() {
                    let wanted = &golden.0[&format!("{name}.weights.{}", parameter.part.name)];
                    assert!(max_error(&parameter.tensor, wanted) < CLOSE, "{name} {}", parameter.part.name);
                }
            }
            _ => golden.same(name, &memory.network),
        }
    }
}
