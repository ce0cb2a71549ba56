//! What is in a plan's identity, and what isn't.

use super::*;
use crate::components::schedules;
use crate::plan::fixture::{self, *};
use std::sync::Arc;

fn hash(body: Vec<Step>) -> String {
    trial(&program(body), &Checksums::new())
}

fn with(change: impl FnOnce(&mut Settings)) -> Vec<Step> {
    let mut s = settings();
    change(&mut s);
    vec![step("1", train(epochs(3.0), s))]
}

fn forgetting(change: impl FnOnce(&mut Forget)) -> Vec<Step> {
    let mut f = forget(Value::Real(0.3), settings());
    change(&mut f);
    vec![step("1", Op::Forget(f.into()))]
}

fn episodes(variable: u32, name: &str, ids: [&str; 2]) -> Vec<Step> {
    let mut f = forget(Value::Real(0.3), settings());
    let index = Expression::Variable(variable, name.into());
    f.target.selector = crate::components::Selector::Head(crate::components::selector::Index::One(Box::new(index)));
    f.target.selection = None;
    let body = vec![step(ids[1], Op::Forget(f.into()))];
    vec![step(ids[0], Op::For { variable, name: name.into(), values: vec![Value::Int(1), Value::Int(4)], body })]
}

fn scheduled(clock: u32, outer: Option<u32>) -> Vec<Step> {
    let drop = spec(schedules::SCHEDULES[1].0, &[("at", Value::List(vec![Value::Real(0.5)]))]);
    let op = |clock| Op::Schedule { clock, schedule: Value::Component(drop.clone()), total: 30 };
    let mut s = settings();
    s.clocks = outer.into_iter().chain([clock]).collect();
    let mut body: Vec<Step> = outer.map(|c| step("0", op(c))).into_iter().collect();
    body.extend([step("1", op(clock)), step("2", train(epochs(3.0), s))]);
    body
}

#[test]
fn the_same_programs_have_the_same_hash() {
    let block = |label: Option<&str>, body| vec![step("9", Op::Block { label: label.map(String::from), body })];
    let base = hash(cycles());
    let same: Vec<(&str, Vec<Step>)> = vec![
        ("a bare block", block(None, cycles())),
        ("a phase", block(Some("cycle"), cycles())),
        ("one turn", vec![step("1", repeat(1, cycles()))]),
        ("an empty loop beside", [cycles(), vec![step("2", repeat(4, Vec::new()))]].concat()),
        ("an unused clock", {
            let drop = Value::Component(spec(schedules::SCHEDULES[0].0, &[]));
            [vec![step("0", Op::Schedule { clock: 5, schedule: drop, total: 9 })], cycles()].concat()
        }),
        ("an unused optimizer", [vec![step("0", Op::FreshOptimizer { id: 7 })], cycles()].concat()),
    ];
    for (what, body) in same {
        assert_eq!(hash(body), base, "{what} changes the hash");
    }
    assert_eq!(hash(episodes(1, "c", ["1", "1.for.1"])), hash(episodes(8, "class", ["4", "4.for.1"])));
    assert_eq!(hash(scheduled(0, None)), hash(scheduled(4, None)), "clocks are told apart, not named");
    assert_eq!(hash(scheduled(0, None)), hash(scheduled(4, Some(1))), "a hidden schedule has no effect");
    assert_eq!(hash(with(|s| s.optimizer.id = 5)), hash(with(|s| s.optimizer.id = 0)));
    assert_eq!(
        hash(vec![step("1", train(fixture::steps(30), settings()))]),
        hash(with(|_| ())),
        "3 epochs are 30 steps"
    );
    let values = (0..5).map(Value::Int).collect();
    let Op::Repeat { body, .. } = &cycles()[0].op else { unreachable!() };
    let turns = Op::For { variable: 2, name: "i".into(), values, body: body.clone() };
    assert_eq!(hash(vec![step("1", turns)]), base, "a variable that nothing uses");
}

#[test]
fn names_of_parameters_threads_and_devices_do_not_count() {
    let base = program(cycles());
    let mut other = program(cycles());
    other.bindings = vec![("n".into(), Value::Int(40))];
    other.threads = Some(2);
    other.device = crate::language::program::Device::Auto;
    assert_eq!(trial(&base, &Checksums::new()), trial(&other, &Checksums::new()));
    other.seed = 1;
    assert_ne!(trial(&base, &Checksums::new()), trial(&other, &Checksums::new()));
    other.seed = base.seed;
    other.precision = crate::language::program::Precision::Exact;
    assert_ne!(trial(&base, &Checksums::new()), trial(&other, &Checksums::new()));
}

#[test]
fn everything_that_matters_changes_the_hash() {
    let attack = |n| adversarial(pgd(n));
    let measure = |metric, when| crate::language::program::Measure { metrics: vec![metric], when };
    let bodies: Vec<Vec<Step>> = vec![
        with(|_| ()),
        vec![step("1", train(epochs(4.0), settings()))],
        with(|s| s.batch = Batch::Size(50)),
        with(|s| s.batch = Batch::All),
        with(|s| s.accumulate = 2),
        with(|s| s.optimizer.spec = optimizer(0.2, 0.9)),
        with(|s| s.objective = attack(10)),
        with(|s| s.objective = attack(11)),
        with(|s| Arc::make_mut(&mut s.trainable)[0] = false),
        with(|s| s.frozen_statistics = vec![1].into()),
        with(|s| Arc::make_mut(&mut s.facts).counts = [1000, 200, 501]),
        with(|s| s.data.args[0] = Value::Text("digits".into())),
        with(|s| s.augment = vec![spec(&crate::components::augment::flip::MEMBER, &[])]),
        with(|s| s.keep.last = 2),
        with(|s| s.keep.best = vec![clean()]),
        with(|s| s.measure = Chain::from_iter([measure(clean(), When::Every(Duration::Epochs(1.0)))])),
        with(|s| s.measure = Chain::from_iter([measure(clean(), When::Every(Duration::Steps(3)))])),
        with(|s| s.measure = Chain::from_iter([measure(robust(pgd(5)), When::Every(Duration::Epochs(1.0)))])),
        scheduled(0, None),
        forgetting(|_| ()),
        forgetting(|f| f.share = Value::Real(0.4)),
        forgetting(|f| f.overall = true),
        forgetting(|f| f.unit = "channel".into()),
        forgetting(|f| f.moments = "clear".into()),
        forgetting(|f| f.target.selection = Some(vec![Selected { part: 8, rows: None }])),
        forgetting(|f| f.target.selection = Some(vec![Selected { part: 8, rows: Some(vec![1]) }])),
        forgetting(|f| {
            f.by = Value::Component(fixture::spec(&crate::components::forgetting::rankings::SMALLEST, &[]));
        }),
        forgetting(|f| f.to = Value::Component(spec(&crate::components::forgetting::fills::ZERO, &[]))),
        episodes(1, "c", ["1", "1.for.1"]),
        vec![step("1", Op::Checkpoint { name: "a".into() })],
        vec![step("1", Op::Rollback { name: "a".into() })],
        cycles(),
        vec![],
    ];
    let hashes: Vec<String> = bodies.into_iter().map(hash).collect();
    for (i, a) in hashes.iter().enumerate() {
        for (j, b) in hashes.iter().enumerate().skip(i + 1) {
            assert_ne!(a, b, "programs {i} and {j} differ, their hashes don't");
        }
    }
}

#[test]
fn random_forgetting_does_not_ask_for_data_and_saliency_does() {
    let other_data = |f: &mut Forget| {
        let mut s = settings();
        s.data.args[0] = Value::Text("digits".into());
        f.settings = Arc::new(s);
    };
    assert_eq!(hash(forgetting(|_| ())), hash(forgetting(other_data)));
    let saliency = |f: &mut Forget| {
        f.by = Value::Component(spec(&crate::components::forgetting::rankings::SALIENCY, &[]));
    };
    let by_saliency = hash(forgetting(saliency));
    assert_ne!(
        by_saliency,
        hash(forgetting(|f| {
            saliency(f);
            other_data(f)
        }))
    );
}

#[test]
fn checksums_take_the_place_of_paths() {
    let named = |name: &str, sum: &str| {
        let body = with(|s| s.data.args[0] = Value::Text(name.into()));
        trial(&program(body), &Checksums::from([(name.to_string(), sum.to_string())]))
    };
    assert_eq!(named("here", "aa"), named("there", "aa"));
    assert_ne!(named("here", "aa"), named("here", "bb"));
}

#[test]
fn steps_have_hashes_of_their_own() {
    let p = program(cycles());
    let before = super::steps(&p, &Checksums::new());
    let mut moved = vec![step("1", train(epochs(1.0), settings()))];
    let Op::Repeat { body, .. } = cycles().remove(0).op else { unreachable!() };
    moved.extend(body.into_iter().enumerate().map(|(i, s)| Step { id: format!("{}", i + 2), ..s }));
    let after = super::steps(&program(moved), &Checksums::new());
    assert_eq!(before["1.repeat.2"], after["3"]);
    assert_ne!(before["1.repeat.1"], after["1"]);
    assert_eq!(before["1"].len(), 16);
}
