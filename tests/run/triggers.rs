//! What happens between the steps of a training step: `every`, `when`, `stop`.

use crate::support::*;
use fsched::plan::totals::Counter;
use fsched::runtime::event::{Event, Kind, Status};

/// Instance, clock and values of each trigger that fired.
fn fired(outcome: &Outcome) -> Vec<(String, u64, usize)> {
    let trigger = |e: &Event| match &e.kind {
        Kind::Trigger { values, .. } => Some((e.step.clone(), e.clock, values.len())),
        _ => None,
    };
    outcome.events.iter().filter_map(trigger).collect()
}

#[test]
fn an_every_counts_from_the_beginning_of_its_step_and_fires_at_its_end_too() {
    // 5 steps an epoch.
    let outcome = run_small("train 3 steps\ntrain 12 steps { every 4 steps { forget head 10% } }\ntrain 1 step");
    let clocks: Vec<u64> = fired(&outcome).into_iter().map(|f| f.1).collect();
    assert_eq!(clocks, [7, 11, 15]);
    let changed: Vec<_> =
        outcome.events.iter().filter(|e| matches!(e.kind, Kind::Change(_))).map(|e| &e.step).collect();
    assert_eq!(changed, ["2.1.every[1].1", "2.1.every[2].1", "2.1.every[3].1"]);
    assert_eq!(outcome.summary().steps, 16);
}

#[test]
fn training_within_an_every_takes_its_own_time_and_goes_on_with_the_schedule() {
    let outcome = run_small("lr drop(at: [50%], by: 0.1)\ntrain 6 steps { every 3 steps { train 2 steps } }");
    assert_eq!(outcome.summary().steps, 10);
    let dropped = outcome.rates().iter().position(|rate| *rate < 0.05);
    assert_eq!(dropped, Some(5), "half of the 10 steps: {:?}", outcome.rates());
}

#[test]
fn training_within_a_when_leaves_schedules_where_they_are() {
    let text = "lr drop(at: [50%], by: 0.1)\ntrain 2 epochs { when clean > 0.1% { train 5 steps } }";
    let outcome = run_small(text);
    assert_eq!(outcome.summary().steps, 15);
    // 5 steps, then 5 at the present rate, then the other half of 10.
    let rates = outcome.rates();
    assert!(rates[..5].iter().all(|r| *r > 0.05) && rates[10..].iter().all(|r| *r < 0.05), "{rates:?}");
}

#[test]
fn a_when_fires_once_each_time_that_its_condition_becomes_true() {
    let always = run_small("train 4 { when clean > 0.1% { evaluate loss on test } }");
    assert_eq!(fired(&always), [("1.1".to_string(), 5, 1)], "it holds from the first look on");
    // Forgetting makes it true, learning false again.
    let text = "measure clean every: 1 epoch\ntrain 3\n\
                train 12 {\n  every 4 epochs { forget all 100% }\n  when gap(clean) > 20% { checkpoint \"low\" }\n}";
    let outcome = run_small(text);
    let low: Vec<u64> = fired(&outcome).into_iter().filter(|f| f.0 == "2.2").map(|f| f.1).collect();
    let (mut best, mut was, mut crossings) = (0.0_f64, false, Vec::new());
    for (clock, value) in outcome.measured("validation.clean") {
        best = best.max(value);
        let is = best - value > 0.2;
        crossings.extend((is && !was && clock > 15).then_some(clock));
        was = is;
    }
    assert_eq!(low, crossings);
    assert!(!low.is_empty(), "nothing was tried: {:?}", outcome.measured("validation.clean"));
}

#[test]
fn stop_leaves_the_step_that_it_belongs_to_and_the_run_goes_on() {
    let outcome =
        run_small("train 8 { every 2 epochs { checkpoint \"a\"; stop }; every 2 epochs { forget head 50% } }\ntrain 1");
    assert_eq!((outcome.summary().status, outcome.summary().steps), (Status::Done, 15));
    assert!(outcome.changes().is_empty(), "what was due beside it is left with the step");
    let inner = run_small("train 2 { every 1 epoch { train 4 { every 1 epoch { stop } } } }");
    assert_eq!(inner.summary().steps, 20, "the inner step is left, after an epoch each time");
    let called = run_small("phase leave() { if clean > 0.1% { stop } }\ntrain 8 { every 1 epoch { leave() } }");
    assert_eq!(called.summary().steps, 5);
}

#[test]
fn a_guard_between_steps_may_go_back_or_end_the_run() {
    let outcome = run_small(
        "train 2\ncheckpoint \"good\"\ntrain 3 { every 1 epoch { forget all 100%; guard clean > 60% else rollback \"good\" } }",
    );
    let what: Vec<_> = outcome.changes().iter().map(|c| c.what).collect();
    assert_eq!(what, ["forget", "rollback", "forget", "rollback", "forget", "rollback"]);
    assert_eq!(outcome.weights("final.safetensors"), outcome.weights("checkpoints/good/weights.safetensors"));
    let ended = run_small("train 5 { every 2 epochs { guard loss < 0.0001 else stop } }\ntrain 3");
    assert_eq!((ended.summary().status, ended.summary().steps), (Status::Ended, 10));
}

#[test]
fn plans_of_triggers_hold_what_runs_take() {
    for text in [
        "train 4 { every 2 { train 1; forget head 10% } }",
        "train 7 steps { every 2 steps { train 3 steps } }",
        "train 4 { when clean > 0.1% { train 1 } }",
        "train 4 { when clean > 0.1% { stop } }",
        "train 4 { when clean > 99.9% { stop } }",
        "measure clean every: 2 steps\ntrain 4 { when clean > 0.1% { stop } }",
        "train 4 { every 1 { guard clean > 99.9% else stop } }\ntrain 2",
        "for n in [1, 2] { train n { every 1 { train 1 step } } }",
    ] {
        let program = small(text);
        let totals = Counter::new(&program).body(&program.body);
        let outcome = run_program(&program);
        let (steps, forgotten) = (outcome.summary().steps, outcome.changes().len() as u64);
        let holds = |range: fsched::plan::Range<u64>, n| range.min <= n && range.max.is_some_and(|max| n <= max);
        assert!(holds(totals.train_steps, steps), "{text}: {steps} steps, not {:?}", totals.train_steps);
        assert!(holds(totals.forget_events, forgotten), "{text}: {forgotten}, not {:?}", totals.forget_events);
    }
}
