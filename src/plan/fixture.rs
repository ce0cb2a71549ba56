//! Programs for the tests of this folder, built by hand.

use super::Plan;
use crate::components::{
    Default, Duration, Expression, Family, Member, Metric, Param, Selector, Spec, Type, Value, attacks,
    data::{DataFacts, Holds},
    forgetting, metrics, models, objectives,
    selector::Index,
};
use crate::language::chain::Chain;
use crate::language::program::*;
use crate::source::{FileId, Source, Sources, Span};
use std::sync::Arc;

static IMAGES: Member = Member {
    family: Family::Data,
    name: "images",
    params: &[Param::new("folder", Type::Text, "where")],
    doc: "images of a test",
    source: "",
    example: "data images(\"folder\")",
};

static SGD: Member = Member {
    family: Family::Optimizer,
    name: "sgd",
    params: &[
        Param::new("lr", Type::Real, "base rate"),
        Param::new("momentum", Type::Real, "velocity that stays").or(Default::Real(0.0)),
    ],
    doc: "stochastic gradient descent",
    source: "",
    example: "optimizer sgd(lr: 0.1)",
};

/// A component with these arguments and defaults for the rest.
pub fn spec(member: &'static Member, given: &[(&str, Value)]) -> Spec {
    let arg = |p: &Param| match given.iter().find(|(n, _)| *n == p.name) {
        Some((_, v)) => v.clone(),
        None => p.default.value(|_| Value::None).expect("tests give what has no default"),
    };
    Spec { member, args: member.params.iter().map(arg).collect() }
}

pub fn pgd(iters: i64) -> Value {
    Value::Component(spec(&attacks::pgd::MEMBER, &[("eps", Value::Real(0.1)), ("iters", Value::Int(iters))]))
}

pub fn adversarial(attack: Value) -> Value {
    Value::Component(spec(&objectives::adversarial::MEMBER, &[("attack", attack)]))
}

pub fn clean() -> Metric {
    Metric { split: None, spec: spec(&metrics::clean::MEMBER, &[]) }
}

pub fn robust(attack: Value) -> Metric {
    Metric { split: None, spec: spec(&metrics::robust::MEMBER, &[("attack", attack)]) }
}

pub fn optimizer(lr: f64, momentum: f64) -> Spec {
    spec(&SGD, &[("lr", Value::Real(lr)), ("momentum", Value::Real(momentum))])
}

/// 1,000 images to train, 200 to validate, 500 to test; batches of 100; convnet of width 8.
pub fn settings() -> Settings {
    Settings {
        data: spec(&IMAGES, &[("folder", Value::Text("fashion".into()))]),
        facts: Arc::new(DataFacts {
            holds: Holds::Images([1, 28, 28]),
            classes: 10,
            class_names: Vec::new(),
            counts: [1000, 200, 500],
        }),
        texts: TextSettings::default(),
        augment: Vec::new(),
        batch: Batch::Size(100),
        accumulate: 1,
        optimizer: Optimizer { id: 0, spec: optimizer(0.1, 0.9) },
        rates: Arc::default(),
        clocks: Chain::default(),
        held_clocks: Chain::default(),
        objective: Value::Component(spec(&objectives::cross_entropy::MEMBER, &[])),
        memory: None,
        recall: Vec::new(),
        trainable: vec![true; 14].into(),
        frozen_statistics: Arc::default(),
        measure: Chain::default(),
        keep: Keep { last: 1, every: Duration::Epochs(1.0), best: Vec::new() },
    }
}

pub fn program(body: Vec<Step>) -> Program {
    let given = [("width", Value::Int(8))];
    let (convnet, _) = models::MODELS.iter().find(|(m, _)| m.name == "convnet").expect("there is a convnet");
    let model = spec(convnet, &given);
    let architecture = models::of_images(&model, [1, 28, 28], 10).expect("28x28 images fit three blocks");
    let parts = architecture.parts();
    let narrow = vec![false; parts.len()].into();
    let model = Model { spec: model, adapt: None, architecture, parts: parts.into(), narrow, span: None };
    Program {
        seed: 0,
        device: Device::Cpu,
        threads: None,
        precision: Precision::default(),
        recompute: false,
        budget: None,
        bindings: Vec::new(),
        model: model.into(),
        body,
    }
}

/// A step at `id`; its place is the whole of the empty text of [`plan`].
pub fn step(id: &str, op: Op) -> Step {
    Step { id: id.into(), span: Span::new(FileId(0), 0, 0), op }
}

pub fn train(duration: Value, settings: Settings) -> Op {
    Op::Train(Train { word: "train", duration, settings: Arc::new(settings), triggers: Vec::new() })
}

pub fn epochs(n: f64) -> Value {
    Value::Duration(Duration::Epochs(n))
}

pub fn steps(n: u64) -> Value {
    Value::Duration(Duration::Steps(n))
}

/// `forget layers[-2..] share` in the network of [`program`].
pub fn forget(share: Value, settings: Settings) -> Forget {
    let start = Some(Box::new(Expression::Constant(Value::Int(-2))));
    let whole = |part| Selected { part, rows: None };
    Forget {
        target: Target {
            selector: Selector::Layers(Index::Slice { start, end: None, inclusive: false }),
            selection: Some(vec![whole(8), whole(12)]),
        },
        share,
        overall: false,
        by: Value::Component(spec(&forgetting::rankings::RANDOM, &[])),
        to: Value::Component(spec(&forgetting::fills::INIT, &[])),
        unit: "weight".into(),
        moments: "keep".into(),
        reset_norms: "none".into(),
        settings: Arc::new(settings),
    }
}

pub fn repeat(count: u64, body: Vec<Step>) -> Op {
    Op::Repeat { count, until: None, body }
}

/// The body of `consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5`.
pub fn cycles() -> Vec<Step> {
    let body = vec![
        step("1.repeat.1", train(epochs(40.0), settings())),
        step("1.repeat.2", Op::Forget(forget(Value::Real(0.3), settings()).into())),
        step("1.repeat.3", train(epochs(10.0), settings())),
    ];
    vec![step("1", repeat(5, body))]
}

pub fn plan(body: Vec<Step>) -> Plan {
    let mut sources = Sources::default();
    sources.add(Source::new("a.fsched", ""));
    Plan::new(Arc::new(program(body)), &sources)
}
