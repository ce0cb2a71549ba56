//! What is measured of forgetting: around it, across it, and how long relearning takes.

use crate::support::*;
use fsched::components::metrics::Part;
use fsched::runtime::event::{Comparison, Kind};

const ADVERSARIAL: &str = "objective adversarial(fgsm(eps: 0.05))\n";

fn warnings(outcome: &Outcome) -> Vec<String> {
    let warning = |kind: &Kind| match kind {
        Kind::Warning { message } => Some(message.clone()),
        _ => None,
    };
    outcome.events.iter().filter_map(|e| warning(&e.kind)).collect()
}

fn compared<'o>(outcome: &'o Outcome, metric: &str) -> Vec<&'o Comparison> {
    outcome.changes().into_iter().flat_map(|c| &c.compared).filter(|c| c.metric == metric).collect()
}

/// Clock, value and what is said of the measurements of `split.metric`.
fn told(outcome: &Outcome, name: &str) -> Vec<(f64, Vec<Part>, Vec<String>)> {
    let told = |kind: &Kind| match kind {
        Kind::Measure { split, metric, value, detail, .. } if format!("{}.{metric}", split.name()) == name => {
            Some((*value, detail.parts.clone(), detail.flags.iter().map(|f| f.code.clone()).collect()))
        }
        _ => None,
    };
    outcome.events.iter().filter_map(|e| told(&e.kind)).collect()
}

#[test]
fn what_forgetting_takes_of_robust_train_accuracy_is_measured_unless_nothing_is() {
    let measured = |statements: &str| -> Vec<Vec<String>> {
        let outcome = run_small(statements);
        outcome.changes().iter().map(|c| c.measured.iter().map(|(name, ..)| name.clone()).collect()).collect()
    };
    let steps = "train 1 epoch\nforget head 50%\nzap head\n";
    let [forgotten, zapped] = measured(&format!("{ADVERSARIAL}{steps}")).try_into().unwrap();
    assert_eq!(forgotten, zapped);
    assert!(forgotten[0].starts_with("train.clean") && forgotten[1].starts_with("train.robust(fgsm"), "{forgotten:?}");
    assert_eq!(measured(&format!("{ADVERSARIAL}measure none\n{steps}")), [[""; 0]; 2]);
    assert_eq!(measured(steps), [[""; 0]; 2], "no attack, so no robust accuracy");
    let own = measured(&format!("{ADVERSARIAL}measure loss at: forget\n{steps}"));
    assert_eq!(own, [["validation.loss"]; 2]);
}

#[test]
fn forgetting_that_takes_no_robust_accuracy_is_warned_of() {
    let outcome = run_small(&format!("{ADVERSARIAL}train 4 epochs\nforget head 0%\nforget all 100% to: zero"));
    let [warning] = warnings(&outcome).try_into().unwrap();
    assert!(warning.starts_with("train.robust(fgsm") && warning.contains("did not fall"), "{warning}");
    let (_, before, after) = &outcome.changes()[1].measured[1];
    assert!(after < before, "{before} to {after}");
}

#[test]
fn nothing_is_forgotten_of_the_memory() {
    let outcome = run_small(&format!(
        "{ADVERSARIAL}memory ema\nmeasure train.robust(fgsm(eps: 0.05), of: memory) at: forget\n\
         consolidate 1 epoch\nforget all 100% to: zero"
    ));
    assert_eq!(warnings(&outcome), [""; 0]);
    let (_, before, after) = &outcome.changes()[0].measured[0];
    assert_eq!(before, after);
}

#[test]
fn nothing_moves_where_nothing_is_forgotten() {
    let asked = "measure drift, confusion, groups(clean), groups(robust(fgsm(eps: 0.1))) at: forget\n";
    let outcome = run_small(&format!("{asked}train 1 epoch\nforget head 0%"));
    let compared = &outcome.changes()[0].compared;
    let names: Vec<&str> = compared.iter().map(|c| c.metric.as_str()).collect();
    let expected = ["validation.drift", "validation.confusion", "train.groups(clean)", "train.groups(robust(fgsm))"];
    assert_eq!(names, expected);
    for comparison in compared {
        assert!(comparison.value.abs() < 1e-12, "{comparison:?}");
        assert!(comparison.parts.iter().all(|part| part.value.abs() < 1e-12), "{comparison:?}");
    }
}

#[test]
fn comparisons_tell_what_a_change_did() {
    let head = "measure drift, confusion, clean at: forget\nmeasure train.groups(clean) at: forget\n";
    let outcome = run_small(&format!("{head}train 4 epochs\nforget head 100% to: zero\nforget layers[0] 100%"));
    let drift = compared(&outcome, "validation.drift");
    // The hidden layer stands before the head.
    assert!(drift[0].value.abs() < 1e-12 && drift[1].value > 0.01, "{drift:?}");
    assert_eq!(drift[1].parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["blocks[0]"]);
    let confusion = compared(&outcome, "validation.confusion")[0];
    let matrices = confusion.confusion.as_ref().unwrap();
    let accuracy = |matrix: &[Vec<u64>]| -> f64 {
        let right: u64 = matrix.iter().enumerate().map(|(i, row)| row[i]).sum();
        right as f64 / matrix.iter().flatten().sum::<u64>() as f64
    };
    let (_, before, after) = &outcome.changes()[0].measured[0];
    assert!((accuracy(&matrices.before) - before).abs() < 1e-12);
    assert!((accuracy(&matrices.after) - after).abs() < 1e-12);
    // With its weights at 0 the head's bias alone decides, and gives one class to all.
    let predicted: Vec<usize> = (0..10).filter(|class| matrices.after.iter().any(|row| row[*class] > 0)).collect();
    assert_eq!(predicted.len(), 1);
    let kept: u64 = matrices.before.iter().map(|row| row[predicted[0]]).sum();
    assert!((confusion.value - (1.0 - kept as f64 / confusion.n as f64)).abs() < 1e-12);
    let [easy, hard] = compared(&outcome, "train.groups(clean)")[0].parts.as_slice() else { panic!("two groups") };
    assert_eq!((easy.name.as_str(), hard.name.as_str()), ("easy", "hard"));
    assert!(easy.value > hard.value, "what was known best is lost most: {easy:?} {hard:?}");
}

#[test]
fn mislabelled_examples_are_those_of_label_noise() {
    let data = "data digits(train: 160, validation: 20%, label_noise: 25%)\nmodel mlp(hidden: [16])\nbatch 32\n";
    let steps = "measure groups(clean), groups(robust(fgsm(eps: 0.1))) at: forget\ntrain 1\nforget head 50%";
    let outcome = run_program(&program(&format!("{data}{steps}")));
    let groups = compared(&outcome, "train.groups(clean)")[0];
    assert_eq!(groups.n, 160);
    let names: Vec<&str> = groups.parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["easy", "hard", "mislabelled"]);
    // 60 easy, 60 hard and 40 mislabelled ones together are all.
    let sum: f64 = groups.parts.iter().zip([60.0, 60.0, 40.0]).map(|(part, n)| part.value * n).sum();
    assert!((sum / 160.0 - groups.value).abs() < 1e-12, "{groups:?}");
}

#[test]
fn overfitting_is_train_less_the_split() {
    let outcome = run_small(
        "train 3 epochs\nevaluate overfitting(clean), train.clean, clean, overfitting(loss), train.loss, loss",
    );
    let one = |name: &str| outcome.measured(name)[0].1;
    let clean = one("train.clean") - one("validation.clean");
    assert!((one("validation.overfitting(clean)") - clean).abs() < 1e-12);
    // Of a loss, less is better.
    let loss = one("validation.loss") - one("train.loss");
    assert!((one("validation.overfitting(loss)") - loss).abs() < 1e-12);
    let parts = &told(&outcome, "validation.overfitting(clean)")[0].1;
    let parts: Vec<(&str, f64)> = parts.iter().map(|p| (p.name.as_str(), p.value)).collect();
    assert_eq!(parts, [("train", one("train.clean")), ("validation", one("validation.clean"))]);
}

#[test]
fn sensitivity_goes_stage_by_stage_on_copies() {
    let steps = |evaluate: &str| run_small(&format!("train 4 epochs\n{evaluate}forget layers[0] 30%\ntrain 1 step"));
    let asked = "evaluate sensitivity(clean, share: 100%, per: layers), sensitivity(loss), clean, loss\n";
    let (outcome, quiet) = (steps(asked), steps(""));
    assert_eq!(outcome.bytes("final.safetensors"), quiet.bytes("final.safetensors"));
    let (value, parts, _) = &told(&outcome, "validation.sensitivity(clean)")[0];
    let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["layers[0]", "layers[1]"]);
    assert_eq!(*value, parts.iter().map(|p| p.value).fold(f64::MIN, f64::max));
    assert!(*value > 0.2, "a new layer knows nothing: {parts:?}");
    // Losses get larger where something is lost.
    let (value, parts, _) = &told(&outcome, "validation.sensitivity(loss)")[0];
    assert_eq!(parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["blocks[0]"]);
    assert!(*value > 0.0);
}

#[test]
fn recovery_and_savings_follow_from_the_history() {
    let head = "measure clean every: 2 steps\nmeasure recovery(clean), savings(clean) every: 4 steps\n";
    let outcome = run_small(&format!("{head}train 6 epochs\nforget head 100% to: zero\ntrain 6 epochs"));
    // 160 images are 5 steps of 32 an epoch; the forget stands behind 6 epochs.
    let (per_epoch, forgot) = (5.0, 30u64);
    let history = outcome.measured("validation.clean");
    let level = history.iter().rfind(|(clock, _)| *clock <= forgot).unwrap().1;
    let first = history.iter().find(|(_, value)| *value >= level).unwrap().0 as f64 / per_epoch;
    let back = history.iter().find(|(clock, value)| *clock > forgot && *value >= level).map(|(clock, _)| *clock);
    let mut unfinished = 0;
    let savings = outcome.measured("validation.savings(clean)");
    let told = told(&outcome, "validation.recovery(clean)");
    for (i, (clock, value)) in outcome.measured("validation.recovery(clean)").into_iter().enumerate() {
        let until = if back.is_some_and(|back| back <= clock) { back.unwrap() } else { clock };
        let expected = if clock <= forgot { 0.0 } else { (until - forgot) as f64 / per_epoch };
        assert!((value - expected).abs() < 1e-9, "{clock}: {value} for {expected}");
        let waits = clock > forgot && back.is_none_or(|back| back > clock);
        let saved = if clock <= forgot { 1.0 } else { 1.0 - expected / first };
        let saved = if waits { 0.0 } else { saved };
        assert!((savings[i].1 - saved).abs() < 1e-9, "{clock}: {} for {saved}", savings[i].1);
        assert_eq!(told[i].2, if waits { vec!["not-back-yet"] } else { vec![] }, "{clock}");
        unfinished += usize::from(waits);
    }
    assert!(back.is_some() && unfinished > 0, "{history:?}");
}
