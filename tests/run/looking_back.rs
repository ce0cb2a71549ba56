//! Metrics with a file, with tasks and a checkpoint, and conditions on the past: against what follows from single
//! examples and from histories by hand.

use crate::support::*;
use fsched::components::data::{Places, load};
use fsched::components::{Family, Value, catalogue};
use fsched::runtime::event::Kind;

/// Digits of ten classes; the cost of taking `truth` for `predicted` is `10·truth + predicted`.
fn decimal_costs(folder: &std::path::Path) {
    let cells = |t: usize| (0..10).rev().map(|p| (10 * t + p).to_string()).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..10).map(|t| format!("{t},{}", cells(t))).collect();
    // The columns stand in another order than the data's classes.
    let header = (0..10).rev().map(|p| p.to_string()).collect::<Vec<_>>().join(",");
    std::fs::write(folder.join("costs.csv"), format!("true,{header}\n{}\n", rows.join("\n"))).unwrap();
}

/// The labels of the digits' test split.
fn test_labels() -> Vec<u32> {
    let digits = catalogue::find(Family::Data, "digits").unwrap();
    let data = load(&catalogue::with_defaults(digits).unwrap(), &Places::default(), 0).unwrap();
    data.test.all_labels().to_vec()
}

/// The values of each example in the measurements of `metric` on test data.
fn per_example(outcome: &Outcome, name: &str) -> Vec<Vec<f64>> {
    let of = |kind: &Kind| match kind {
        Kind::Measure { metric, per_example: Some(values), .. } if metric == name => Some(values.clone()),
        _ => None,
    };
    outcome.events.iter().filter_map(|e| of(&e.kind)).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// The accuracy on the examples of some classes.
fn accuracy(right: &[f64], labels: &[u32], classes: std::ops::Range<u32>) -> f64 {
    mean(right.iter().zip(labels).filter(|(_, label)| classes.contains(label)).map(|(right, _)| *right))
}

fn expectations(outcome: &Outcome) -> Vec<bool> {
    outcome.summary().expectations.iter().map(|e| e.held).collect()
}

/// What makes a network of equal logits: it predicts class 0, the first of the largest.
const DUMB: &str = "forget all + biases 100% to: zero\n";

#[test]
fn mistakes_cost_what_the_matrix_says() {
    let place = tempfile::tempdir().unwrap();
    decimal_costs(place.path());
    let text = format!(
        "{SMALL}train 1 step\n{DUMB}evaluate cost(matrix: \"costs.csv\"), clean per_example: true on test\n\
         expect test.cost(matrix: \"costs.csv\") <= 0.20"
    );
    let program = program_in(place.path(), &text);
    let outcome = run_with(&program, 1, |world| world.places.program = place.path().to_path_buf());
    let labels = test_labels();
    let expected: Vec<f64> = labels.iter().map(|label| f64::from(10 * label)).collect();
    assert_eq!(per_example(&outcome, "cost(costs.csv)")[0], expected);
    assert_eq!(outcome.measured("test.cost(costs.csv)"), [(1, mean(expected))]);
    let right = labels.iter().filter(|label| **label == 0).count() as f64 / labels.len() as f64;
    assert_eq!(outcome.measured("test.clean"), [(1, right)]);
    assert_eq!(expectations(&outcome), [false]);
}

#[test]
fn a_cost_is_followed_and_the_least_is_the_best() {
    let place = tempfile::tempdir().unwrap();
    let cells = |t: usize| (0..10).map(|p| u8::from(p != t).to_string()).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..10).map(|t| format!("{t},{}\n", cells(t))).collect();
    std::fs::write(place.path().join("costs.csv"), format!(",0,1,2,3,4,5,6,7,8,9\n{}", rows.concat())).unwrap();
    let text = format!(
        "{SMALL}measure clean, cost(matrix: \"costs.csv\"), gap(cost(matrix: \"costs.csv\")) every: 1 epoch\n\
         keep best: cost(matrix: \"costs.csv\")\ntrain 4\nforget head 50%\ntrain 1 step"
    );
    let program = program_in(place.path(), &text);
    let outcome = run_with(&program, 1, |world| world.places.program = place.path().to_path_buf());
    let costs: Vec<f64> = outcome.measured("validation.cost(costs.csv)").iter().map(|m| m.1).collect();
    let wrong = outcome.measured("validation.clean").iter().map(|m| 1.0 - m.1).collect::<Vec<_>>();
    assert_eq!(costs.len(), 5, "after each epoch, and after the last step for the best");
    for (cost, wrong) in costs.iter().zip(&wrong) {
        assert!((cost - wrong).abs() < 1e-12, "each mistake costs 1: {cost} and {wrong}");
    }
    let mut best = f64::INFINITY;
    let gaps: Vec<f64> = costs[..4]
        .iter()
        .map(|cost| {
            best = best.min(*cost);
            cost - best
        })
        .collect();
    assert_eq!(outcome.measured("validation.gap(cost(costs.csv))").iter().map(|m| m.1).collect::<Vec<_>>(), gaps);
    let kept = outcome
        .events
        .iter()
        .filter(|e| matches!(&e.kind, Kind::Checkpoint { folder, .. } if folder == "checkpoints/best"));
    let lower = (0..5).filter(|i| costs[..*i].iter().all(|earlier| costs[*i] < *earlier)).count();
    assert_eq!(kept.count(), lower);
}

#[test]
fn retention_is_the_accuracy_now_over_that_at_the_checkpoint() {
    let outcome = run_small(
        "let tasks = split(digits(train: 160, validation: 20%), by: class, size: 4)\n\
         train 3\ncheckpoint \"first\"\nevaluate clean per_example: true on test\n\
         train 3\ncheckpoint \"second\"\nevaluate clean per_example: true on test\n\
         forget head 30%\nevaluate clean per_example: true on test\n\
         for t in tasks { evaluate retention(t) on test }\n\
         evaluate retention(tasks[0] + [tasks[2], tasks[0]], since: \"second\") on test\n\
         checkpoint \"first\"\nevaluate retention(tasks) on test\n\
         evaluate retention(tasks, since: \"second\")",
    );
    let labels = test_labels();
    let [first, second, now] = &per_example(&outcome, "clean")[..] else { panic!("three evaluations") };
    for (classes, shown) in [(0..4, "0..=3"), (4..8, "4..=7"), (8..10, "8..=9")] {
        let expected = accuracy(now, &labels, classes.clone()) / accuracy(first, &labels, classes);
        assert!(expected > 0.0, "something is known: {expected}");
        assert_eq!(outcome.measured(&format!("test.retention(classes {shown})")), [(30, expected)]);
    }
    let of = |right: &[f64]| {
        let of_both = right.iter().zip(&labels).filter(|(_, label)| !(4..8).contains(*label));
        mean(of_both.map(|(right, _)| *right))
    };
    let both = outcome.measured("test.retention(classes 0..=3, 8..=9, since second)");
    assert_eq!(both, [(30, of(now) / of(second))]);
    assert_eq!(outcome.measured("test.retention(classes 0..=9)"), [(30, 1.0)], "the checkpoint was made again");
    let n = outcome.events.iter().find_map(|e| match &e.kind {
        Kind::Measure { metric, n, per_example, .. } if metric == "retention(classes 8..=9)" => {
            Some((*n, per_example.clone()))
        }
        _ => None,
    });
    assert_eq!(n, Some((labels.iter().filter(|label| **label >= 8).count(), None)));
}

#[test]
fn where_nothing_was_known_nothing_can_be_lost() {
    let outcome = run_small(&format!(
        "let tasks = split(digits(train: 160, validation: 20%), by: class, size: 5)\n\
         train 1 step\n{DUMB}checkpoint \"dumb\"\ntrain 5\nevaluate retention(tasks[1]) on test\n\
         {DUMB}evaluate retention(tasks[0], since: \"dumb\") on test"
    ));
    // All were taken for 0, which the first task has and the second has not.
    assert_eq!(outcome.measured("test.retention(classes 5..=9)"), [(26, 1.0)]);
    assert_eq!(outcome.measured("test.retention(classes 0..=4, since dumb)"), [(26, 1.0)]);
}

#[test]
fn the_first_checkpoint_made_is_compared_with_whatever_its_name() {
    let outcome = run_small(
        "let tasks = split(digits(train: 160, validation: 20%), by: class, size: 10)\n\
         train 2\ncheckpoint \"z\"\nevaluate clean per_example: true on test\n\
         train 2\ncheckpoint \"a\"\nrollback \"z\"\nforget head 50%\n\
         evaluate clean per_example: true on test\nmeasure retention(tasks) every: 1 epoch\nevaluate retention(tasks) on test\n\
         train 1\nexpect retention(tasks) > 0% and gap(retention(tasks)) < 1000.0",
    );
    let [then, now] = &per_example(&outcome, "clean")[..] else { panic!("two evaluations") };
    let expected = mean(now.iter().copied()) / mean(then.iter().copied());
    assert_eq!(outcome.measured("test.retention(classes 0..=9)"), [(20, expected)]);
    assert_eq!(outcome.measured("validation.retention(classes 0..=9)").len(), 1);
    assert_eq!(expectations(&outcome), [true]);
}

/// A network that cannot learn: what is measured of it is the same in each epoch.
const STILL: &str = "optimizer sgd(lr: 1e-30)\n";

#[test]
fn a_plateau_is_a_time_without_a_new_best() {
    let outcome = run_small(&format!(
        "{STILL}measure clean every: 1 epoch\n\
         train 1\nexpect plateau(clean, 1)\n\
         train 1\nexpect plateau(clean, 1)\nexpect plateau(clean, 2)\nexpect plateau(clean, 5 steps)\n\
         expect plateau(clean, 6 steps)\n\
         train 1\nexpect plateau(clean, 2)\nexpect not plateau(clean, 2) or plateau(clean, 3)\n\
         for n in [1, 2, 3] {{ expect plateau(clean, n) }}"
    ));
    // Followed after epochs 1, 2 and 3 of five steps each: the best is the first.
    assert_eq!(expectations(&outcome), [false, true, false, true, false, true, false, true, true, false]);
}

#[test]
fn a_metric_that_gets_better_is_on_no_plateau_and_evaluations_do_not_count() {
    let outcome = run_small(
        "keep best: loss\nrepeat 3 { train 1; evaluate loss; expect plateau(loss, 1) }\n\
         if plateau(loss, 1) { train 1 step } else { train 2 steps }",
    );
    let losses: Vec<f64> = outcome.measured("validation.loss").iter().map(|m| m.1).collect();
    assert!(losses[0] > losses[2] && losses[2] > losses[4], "it learns: {losses:?}");
    assert_eq!(expectations(&outcome), [false; 3]);
    assert_eq!(outcome.summary().steps, 17);
}

#[test]
fn time_is_counted_in_epochs_as_they_were_when_the_batch_changes() {
    let outcome = run_small(&format!(
        "{STILL}measure clean every: 1 epoch\ntrain 1\nbatch 160\ntrain 2\n\
         expect plateau(clean, 2)\nexpect plateau(clean, 3)\nexpect plateau(clean, 2 steps)\nexpect plateau(clean, 3 steps)"
    ));
    assert_eq!(expectations(&outcome), [true, false, true, false]);
}

#[test]
fn what_a_loop_decides_may_be_measured_in_conditions() {
    let outcome = run_small("train 2\nfor e in [0.0001, 0.9] { expect test.robust(fgsm(eps: e)) > 30% }");
    assert_eq!(expectations(&outcome), [true, false]);
}

#[test]
fn tasks_are_values() {
    let program = small("let tasks = split(digits, by: class, size: 3)\nfor t in tasks { train 1 step }");
    let fsched::language::program::Op::For { values, .. } = &program.body[0].op else { panic!("a loop") };
    let classes = |value: &Value| match value {
        Value::Task(task) => task.classes.clone(),
        other => panic!("{other:?}"),
    };
    let all: Vec<Vec<u32>> = values.iter().map(classes).collect();
    assert_eq!(all, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8], vec![9]]);
}

#[test]
fn rounds_end_and_training_stops_on_a_plateau() {
    let outcome = run_small(&format!(
        "{STILL}measure clean every: 1 epoch\nrepeat until plateau(clean, 2) max: 9 {{ train 1 }}\n\
         repeat until not plateau(clean, 2) max: 2 {{ train 1 step }}\n\
         train 7 {{ when plateau(clean, 4) {{ stop }} }}"
    ));
    let ends: Vec<bool> = outcome
        .events
        .iter()
        .filter_map(|e| if let Kind::Until { held, .. } = &e.kind { Some(*held) } else { None })
        .collect();
    assert_eq!(ends, [false, false, true, false, false], "after epochs 1, 2 and 3, and never");
    // Three epochs of five steps and two steps; the best is that of the first, and the latest measurement decides.
    let measured: Vec<u64> = outcome.measured("validation.clean").iter().map(|m| m.0).collect();
    assert_eq!(measured[..3], [5, 10, 15]);
    assert!(measured.last().unwrap() - 5 >= 20 && measured[measured.len() - 2] - 5 < 20, "{measured:?}");
    assert_eq!(outcome.summary().steps, *measured.last().unwrap(), "it stops where that is known first");
}

#[test]
fn a_guard_brings_back_what_was_lost() {
    let outcome = run_small(
        "let tasks = split(digits(train: 160, validation: 20%), by: class, size: 5)\n\
         train 8\ncheckpoint \"learned\"\nforget all 90%\nevaluate retention(tasks[0])\n\
         guard retention(tasks[0]) >= 95% else rollback \"learned\"\nevaluate retention(tasks[0])\n\
         guard retention(tasks[0]) >= 95% else stop\ntrain 1 step",
    );
    let measured: Vec<f64> = outcome.measured("validation.retention(classes 0..=4)").iter().map(|m| m.1).collect();
    assert!(measured[0] < 0.95, "{measured:?}");
    assert_eq!(measured.last(), Some(&1.0));
    assert_eq!(outcome.summary().steps, 41);
}
