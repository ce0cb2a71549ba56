//! Schedules against PyTorch's: `tests/goldens/make_optimizers.py` writes the numbers.

use super::*;
use crate::components::testing::spec;
use serde_json::Value as Json;

fn spec_of(name: &str, args: &[(&str, Value)]) -> Spec {
    spec(SCHEDULES.iter().find(|(m, _)| m.name == name).expect("a schedule of that name").0, args)
}

fn then(first: Spec, second: Spec) -> Spec {
    spec_of("then", &[("first", Value::Component(first)), ("second", Value::Component(second))])
}

fn schedule(spec: Spec) -> Box<dyn Schedule> {
    build(&spec).expect("it can be built")
}

fn drop(at: &[Value], by: f64) -> Spec {
    spec_of("drop", &[("at", Value::List(at.to_vec())), ("by", Value::Real(by))])
}

fn warmup(over: Value) -> Spec {
    spec_of("warmup", &[("over", over)])
}

fn epochs(n: f64) -> Value {
    Value::Duration(Duration::Epochs(n))
}

fn steps(n: u64) -> Value {
    Value::Duration(Duration::Steps(n))
}

#[test]
fn factors_are_those_of_pytorchs_schedulers() {
    let golden: Json = serde_json::from_str(include_str!("../../../tests/goldens/optimizers.json")).expect("JSON");
    let (real, cosine) = (Value::Real, spec_of("cosine", &[]));
    for (name, spec) in [
        ("cosine", cosine.clone()),
        ("cosine_to", spec_of("cosine", &[("to", real(0.1))])),
        ("drop", drop(&[real(0.5), real(0.75)], 0.1)),
        // 7 % of 33 steps is 2.31; an epoch has 10 steps
        ("drop_odd", drop(&[real(0.07), epochs(1.7), steps(25)], 0.5)),
        ("warmup", warmup(real(0.2))),
        ("warmup_cosine", then(warmup(real(0.1)), cosine)),
    ] {
        let expected = golden["schedules"][name].as_array().expect("a list");
        let schedule = schedule(spec);
        for (t, expected) in expected.iter().enumerate() {
            let found = schedule.factor(t as u64, expected_total(name), 10);
            let expected = expected.as_f64().expect("a number");
            assert!((found - expected).abs() < 1e-12, "{name} at step {t}: {found}, PyTorch has {expected}");
        }
    }
}

fn expected_total(name: &str) -> u64 {
    if ["cosine_to", "drop_odd"].contains(&name) { 33 } else { 40 }
}

#[test]
fn constant_is_one() {
    let constant = schedule(spec_of("constant", &[]));
    assert_eq!((constant.factor(0, 1, 1), constant.factor(10, 5, 1)), (1.0, 1.0));
    assert!(!constant.needs_total());
}

#[test]
fn shares_fall_on_the_step_that_reaches_them() {
    for (share, total, step) in
        [(0.1, 30, 3), (0.3, 10, 3), (0.5, 7, 4), (0.75, 1_000_000, 750_000), (0.0, 9, 0), (1.0, 9, 9)]
    {
        let turns = schedule(drop(&[Value::Real(share)], 0.1)).turns(total, 1);
        assert_eq!(turns, [(step, "drop")], "{share} of {total}");
    }
}

#[test]
fn what_follows_a_warmup_counts_from_its_end() {
    let spec = then(warmup(epochs(2.0)), drop(&[Value::Real(0.5), steps(70)], 0.1));
    let schedule = schedule(spec);
    assert_eq!(schedule.turns(120, 10), [(20, "end of warm-up"), (70, "drop"), (90, "drop")]);
    assert!(schedule.needs_total());
    let at = |t| schedule.factor(t, 120, 10);
    assert_eq!((at(0), at(19), at(20), at(69)), (0.05, 1.0, 1.0, 1.0));
    assert_eq!((at(70), at(89)), (0.1, 0.1));
    assert!((at(90) - 0.01).abs() < 1e-15);
}

#[test]
fn a_warmup_longer_than_the_time_just_rises() {
    let schedule = schedule(then(warmup(steps(10)), spec_of("cosine", &[])));
    assert_eq!(schedule.factor(4, 5, 1), 0.5);
    assert!(schedule.factor(20, 5, 1).is_finite());
}

#[test]
fn durations_need_no_total() {
    assert!(!schedule(drop(&[epochs(3.0)], 0.1)).needs_total());
    assert!(!schedule(warmup(steps(3))).needs_total());
    assert!(schedule(warmup(Value::Real(0.03))).needs_total());
}

#[test]
fn endless_first_schedules_and_clock_times_are_refused() {
    let refused = |spec: Spec| build(&spec).expect_err("refused");
    let problem = refused(then(spec_of("cosine", &[]), spec_of("constant", &[])));
    assert_eq!(problem.argument, Some("first"));
    assert!(problem.message.starts_with("cosine never ends"));
    let problem = refused(warmup(Value::Duration(Duration::Seconds(90.0))));
    assert_eq!(problem.argument, Some("over"));
}
