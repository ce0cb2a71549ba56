//! Loops, conditions, expectations, failures.

use crate::support::*;
use fsched::diagnostic::Code;
use fsched::runtime::event::{Kind, Status};

#[test]
fn a_loop_runs_its_steps_as_often_as_it_says() {
    let outcome = run_small("repeat 3 { train 1 step; evaluate clean on test }\ntrain 2 steps");
    let starts = outcome.starts();
    let trained: Vec<&str> = starts.iter().filter(|s| s.1 == "train").map(|s| s.0.as_str()).collect();
    assert_eq!(trained.len(), 4);
    for (turn, step) in trained[..3].iter().enumerate() {
        assert!(step.contains(&format!("repeat[{}]", turn + 1)), "{step}");
    }
    assert_eq!(outcome.summary().steps, 5);
    assert_eq!(outcome.measured("test.clean").iter().map(|m| m.0).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_for_loop_gives_its_variable_each_value_in_turn() {
    let outcome = run_small("for d in [1 step, 3 steps] { train d }\nfor p in [10%, 20%] { forget head p }");
    let clocks: Vec<u64> = outcome
        .events
        .iter()
        .filter_map(|e| matches!(&e.kind, Kind::Start { steps: Some(1 | 3), .. }).then_some(e.clock))
        .collect();
    assert_eq!(clocks, [0, 1]);
    assert_eq!(outcome.summary().steps, 4);
    let changes: Vec<_> = outcome.changes().iter().map(|c| c.tensors[0].changed).collect();
    assert_eq!(changes, [16, 32], "of 10 x 16 weights");
    assert!(outcome.changes()[1].tensors[0].mask != outcome.changes()[0].tensors[0].mask);
}

#[test]
fn a_condition_on_a_metric_takes_one_arm() {
    let text = "train 1 epoch\nif clean > 1% { train 2 steps } else { train 3 steps }\n\
                if clean > 99.9% { train 5 steps } else { train 7 steps }";
    let outcome = run_small(text);
    let per_epoch = 5; // 160 examples, 32 at once
    assert_eq!(outcome.summary().steps, per_epoch + 2 + 7);
    assert_eq!(outcome.measured("validation.clean").len(), 2, "each condition tells what it saw");
}

#[test]
fn an_expectation_that_fails_is_recorded_and_the_run_goes_on() {
    let outcome = run_small("train 1 step\nexpect clean > 99.9%\nexpect loss < 100\ntrain 1 step");
    let summary = outcome.summary();
    assert_eq!(summary.status, Status::Done);
    assert_eq!(summary.steps, 2);
    let held: Vec<bool> = summary.expectations.iter().map(|e| e.held).collect();
    assert_eq!(held, [false, true]);
    let told = outcome.events.iter().find_map(|e| match &e.kind {
        Kind::Expect { text, held: false, values } => Some((text.clone(), values.clone())),
        _ => None,
    });
    let (text, values) = told.expect("an event of the failed expectation");
    assert!(text.contains("clean > 99.9%"), "{text}");
    assert_eq!(values[0].0, "validation.clean");
    assert!((0.0..=0.999).contains(&values[0].1));
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_says_where() {
    let outcome = run_program(&program(
        "data digits(train: 200)\nmodel mlp(hidden: [16])\nbatch 32\noptimizer sgd(lr: 1e30, momentum: 0.9)\n\
         repeat 2 { train 4 epochs }",
    ));
    let error = outcome.error();
    assert_eq!(error.code, Code::NOT_FINITE);
    assert!(error.step.contains("repeat[1]"), "{}", error.step);
    assert!(error.message.starts_with("the loss became"), "{}", error.message);
    // 7 steps an epoch; it doesn't train on to the end of the statement.
    let steps = outcome.events.last().unwrap().clock;
    assert!(steps < 28 && error.message.contains(&format!("{steps} of the run")), "{steps}: {}", error.message);
    assert!(error.help.as_deref().is_some_and(|h| h.contains("learning rate")));
    let diagnostic = error.diagnostic().expect("the step has a place");
    assert!(diagnostic.primary.span.start > 0);
    assert!(matches!(outcome.events.last().unwrap().kind, Kind::End { status: Status::Failed, .. }));
    assert!(!outcome.path("final.safetensors").exists());
}

#[test]
fn a_stop_from_outside_saves_the_state_and_ends_after_the_present_step() {
    let outcome = run_with(&small("train 5 epochs"), 1, |world| {
        world.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let summary = outcome.summary();
    assert_eq!((summary.status, summary.steps), (Status::Stopped, 1));
    assert_eq!(outcome.names("checkpoints"), ["step-00000001"]);
    assert!(!outcome.path("final.safetensors").exists());
}

#[test]
fn a_clock_trains_at_least_one_step_and_says_how_many() {
    let outcome = run_small("train 0.01 s");
    let summary = outcome.summary();
    assert!(summary.steps >= 1 && summary.clocked);
    let steps = format!("{} steps", summary.steps);
    let told =
        |e: &fsched::runtime::event::Event| matches!(&e.kind, Kind::Warning { message } if message.contains(&steps));
    assert!(outcome.events.iter().any(told));
}
