//! What conditions decide between steps: guards, and loops that end.

use crate::support::*;
use fsched::language::program::Otherwise;
use fsched::runtime::Stop;
use fsched::runtime::event::{Kind, Status};

/// Text, verdict and what was done of each guard, with the values that decided it.
type Guarded = (String, bool, Option<Otherwise>, Vec<(String, f64)>);

fn guards(outcome: &Outcome) -> Vec<Guarded> {
    let guard = |kind: &Kind| match kind {
        Kind::Guard { text, held, action, values } => Some((text.clone(), *held, action.clone(), values.clone())),
        _ => None,
    };
    outcome.events.iter().filter_map(|e| guard(&e.kind)).collect()
}

fn untils(outcome: &Outcome) -> Vec<(String, bool)> {
    let until = |e: &fsched::runtime::event::Event| match &e.kind {
        Kind::Until { held, .. } => Some((e.step.clone(), *held)),
        _ => None,
    };
    outcome.events.iter().filter_map(until).collect()
}

#[test]
fn a_guard_that_does_not_hold_brings_weights_and_optimizer_back_but_not_the_clock() {
    let before = "train 2\ncheckpoint \"good\"\n";
    let outcome = run_small(&format!("{before}forget head 50%; train 1\nguard clean > 99.9% else rollback \"good\"\n"));
    let summary = outcome.summary();
    assert_eq!((summary.status, summary.steps), (Status::Done, 15), "5 steps an epoch");
    assert_eq!(outcome.weights("final.safetensors"), outcome.weights("checkpoints/good/weights.safetensors"));
    let told = guards(&outcome);
    let [(text, false, Some(Otherwise::Rollback(name)), values)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((text.as_str(), name.as_str(), values[0].0.as_str()), ("clean > 99.9%", "good", "validation.clean"));
    assert!((0.0..=0.999).contains(&values[0].1));
    assert_eq!(outcome.changes().last().map(|c| c.what), Some("rollback"));
    // The same, decided by an `if`: what follows is the same too, so the optimizer is back as well.
    let decided = |decides: &str| run_small(&format!("{before}forget head 50%; train 1\n{decides}\ntrain 1"));
    let (guard, branch) = (
        decided("guard clean > 99.9% else rollback \"good\""),
        decided("if not (clean > 99.9%) { rollback \"good\" }"),
    );
    assert_eq!(guard.weights("final.safetensors"), branch.weights("final.safetensors"));
}

#[test]
fn a_guard_that_holds_changes_nothing() {
    let with = run_small("train 2\ncheckpoint \"good\"\ntrain 1\nguard clean > 0.1% else rollback \"good\"\ntrain 1");
    let without = run_small("train 2\ncheckpoint \"good\"\ntrain 1\ntrain 1");
    assert_eq!(with.weights("final.safetensors"), without.weights("final.safetensors"));
    let told = guards(&with);
    assert!(matches!(&told[..], [(_, true, None, _)]), "{told:?}");
    assert!(with.changes().is_empty());
}

#[test]
fn a_guard_may_end_the_run_which_keeps_its_weights() {
    let outcome = run_small("train 1\nrepeat 3 { train 1; guard loss < 0.0001 else stop }\ntrain 7");
    let summary = outcome.summary();
    assert_eq!((summary.status, summary.steps), (Status::Ended, 10));
    assert_eq!(summary.stop, Some(Stop::Guard("loss < 0.0001".into())));
    assert!(outcome.path("final.safetensors").exists());
    assert!(matches!(outcome.events.last().unwrap().kind, Kind::End { status: Status::Ended, .. }));
    assert_eq!(outcome.starts().len(), 2);
}

#[test]
fn a_warning_guard_says_so_and_goes_on() {
    let outcome = run_small("train 1\nguard clean > 99.9% else warn\ntrain 1");
    assert_eq!((outcome.summary().status, outcome.summary().steps), (Status::Done, 10));
    let told = guards(&outcome);
    assert!(matches!(&told[..], [(_, false, Some(Otherwise::Warn), _)]), "{told:?}");
}

#[test]
fn a_loop_ends_after_the_round_in_which_its_condition_holds() {
    // A bound that the fourth round is the first to fall below.
    let measured = run_small("repeat 8 { train 1; evaluate loss on validation }").measured("validation.loss");
    let bound = (measured[2].1 + measured[3].1) / 2.0;
    assert!(measured[..3].iter().all(|m| m.1 > bound), "{measured:?}");
    let outcome = run_small(&format!("repeat until validation.loss < {bound:.12} max: 8 {{ train 1 }}\ntrain 2 steps"));
    assert_eq!(outcome.summary().steps, 4 * 5 + 2);
    let told: Vec<bool> = untils(&outcome).into_iter().map(|u| u.1).collect();
    assert_eq!(told, [false, false, false, true]);
    let starts: Vec<String> = outcome.starts().into_iter().map(|s| s.0).collect();
    assert_eq!(starts, ["1.repeat[1].1", "1.repeat[2].1", "1.repeat[3].1", "1.repeat[4].1", "2"]);
}

#[test]
fn a_loop_whose_condition_never_holds_has_its_most_rounds() {
    let outcome = run_small("repeat until loss < 0.0001 max: 3 { train 1 step }");
    assert_eq!(outcome.summary().steps, 3);
    assert_eq!(untils(&outcome).len(), 3);
}

#[test]
fn plans_of_what_conditions_decide_hold_what_runs_take() {
    use fsched::plan::totals::Counter;
    for text in [
        "repeat until loss < 0.0001 max: 3 { train 1 }",
        "repeat until loss < 100 max: 3 { train 1; evaluate clean on test }",
        "train 1\nrepeat 3 { train 1; guard loss < 0.0001 else stop }\ntrain 7",
        "repeat 2 { train 1; guard loss < 100 else stop }",
        "for d in [1 step, 2 steps, 4 steps] { train d; guard loss < 0.0001 else stop }",
    ] {
        let program = small(text);
        let totals = Counter::new(&program).body(&program.body);
        let steps = run_program(&program).summary().steps;
        let fits = totals.train_steps.min <= steps && totals.train_steps.max.is_some_and(|max| steps <= max);
        assert!(fits, "{text}: {steps} steps, not {:?}", totals.train_steps);
        assert!(totals.train_steps.exact().is_none(), "{text}: a measurement decides");
    }
}
