//! Objectives against PyTorch's loss and gradients (tests/goldens/make_attacks.py), and what holds for any network.

use super::*;
use crate::components::testing::{Golden, convnet, spec};
use crate::components::{Value, attacks};
use crate::nn::check::{bits, max_error};
use crate::nn::network::Mode;

const DRAWS: Draws = Draws { seed: 1, clock: 7 };

fn adversarial(attack: Spec, label_smoothing: f64) -> Box<dyn Objective> {
    let given = [("attack", Value::Component(attack)), ("label_smoothing", Value::Real(label_smoothing))];
    build(&spec(&adversarial::MEMBER, &given))
}

fn pgd(norm: &str, eps: f64, step: f64, iters: i64, random_start: bool) -> Spec {
    let given = [
        ("norm", Value::Word(norm.into())),
        ("eps", Value::Real(eps)),
        ("step", Value::Real(step)),
        ("iters", Value::Int(iters)),
        ("random_start", Value::Bool(random_start)),
    ];
    spec(&attacks::pgd::MEMBER, &given)
}

#[test]
fn adversarial_training_has_pytorchs_loss_and_gradients() {
    let golden = Golden::load();
    let network = golden.network();
    let objective = adversarial(pgd("linf", 0.1, 0.025, 5, false), 0.1);
    let batch = golden.batch("train.images", "train.labels");
    let pass = objective.pass(&network, &batch, Trainable::All, &DRAWS).unwrap();
    let expected: f32 = golden.get("train.loss").to_scalar().unwrap();
    assert!((pass.loss / f64::from(expected) - 1.0).abs() < 1e-5, "{} for {expected}", pass.loss);
    assert_eq!(pass.correct, golden.count("train.correct"));
    assert_eq!((pass.examples, pass.passes, objective.attack_passes()), (8, 6, 5));
    assert_eq!(objective.attack().unwrap().name(), "pgd");
    assert_eq!(pass.statistics.len(), 2);
    for (parameter, gradient) in network.parameters().iter().zip(&pass.gradients) {
        let name = &parameter.part.name;
        if name.ends_with("conv.bias") {
            // A bias before a batch norm has no effect: both programs find rounding errors only.
            let largest = gradient.as_ref().unwrap().abs().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
            assert!(largest < 1e-6, "{name}: {largest}");
            continue;
        }
        let error = max_error(gradient.as_ref().unwrap(), golden.get(&format!("train.gradients.{name}")));
        assert!(error < 1e-5, "{name}: {error}");
    }
}

#[test]
fn only_what_is_trainable_gets_gradients() {
    let network = convnet("batch");
    let batch = Golden::load().batch("images", "labels");
    let objective = build(&spec(&cross_entropy::MEMBER, &[]));
    let head: Vec<bool> = network.parameters().iter().map(|p| p.part.head).collect();
    let all = objective.pass(&network, &batch, Trainable::All, &DRAWS).unwrap();
    let part = objective.pass(&network, &batch, Trainable::Only(&head), &DRAWS).unwrap();
    for ((head, all), part) in head.iter().zip(all.gradients).zip(part.gradients) {
        assert_eq!(part.map(|g| bits(&g)), head.then(|| bits(&all.unwrap())));
    }
    let none = objective.pass(&network, &batch, Trainable::None, &DRAWS).unwrap();
    assert!(none.gradients.iter().all(Option::is_none));
    assert_eq!((none.loss, none.correct), (all.loss, all.correct));
}

#[test]
fn chunks_add_up_to_the_large_batch() {
    let network = convnet("none");
    let batch = Golden::load().batch("images", "labels");
    let chunk = |from: usize, to: usize| Batch {
        pixels: batch.pixels.narrow(0, from, to - from).unwrap(),
        labels: batch.labels[from..to].to_vec(),
        ids: batch.ids[from..to].to_vec(),
    };
    let objectives = [
        build(&spec(&cross_entropy::MEMBER, &[("label_smoothing", Value::Real(0.1))])),
        adversarial(pgd("l2", 0.3, 0.1, 3, true), 0.0),
        adversarial(pgd("linf", 0.04, 0.01, 3, true), 0.0),
    ];
    for objective in objectives {
        let pass = |batch: &Batch| objective.pass(&network, batch, Trainable::All, &DRAWS).unwrap();
        let large = pass(&batch);
        let joined = pass(&chunk(0, 3)).join(pass(&chunk(3, 4))).unwrap().join(pass(&chunk(4, 8))).unwrap();
        assert!((joined.loss - large.loss).abs() < 1e-6, "{} for {}", joined.loss, large.loss);
        assert_eq!((joined.correct, joined.examples, joined.passes), (large.correct, 8, large.passes));
        for (joined, large) in joined.gradients.iter().zip(&large.gradients) {
            let error = max_error(joined.as_ref().unwrap(), large.as_ref().unwrap());
            assert!(error < 1e-6, "{error}");
        }
    }
}

#[test]
fn chunks_of_different_parameters_are_not_joined() {
    let network = convnet("none");
    let batch = Golden::load().batch("images", "labels");
    let objective = build(&spec(&cross_entropy::MEMBER, &[]));
    let all = objective.pass(&network, &batch, Trainable::All, &DRAWS).unwrap();
    let none = objective.pass(&network, &batch, Trainable::None, &DRAWS).unwrap();
    assert!(all.join(none).unwrap_err().to_string().contains("different parameters"));
}

#[test]
fn examples_are_crafted_in_the_mode_that_is_asked_for() {
    let network = Golden::load().network();
    let batch = Golden::load().batch("images", "labels");
    let mut pgd = pgd("linf", 0.1, 0.025, 2, false);
    let in_train = adversarial(pgd.clone(), 0.0).pass(&network, &batch, Trainable::None, &DRAWS).unwrap();
    *pgd.args.last_mut().unwrap() = Value::Word("eval".into());
    let attack = attacks::build(&pgd);
    assert_eq!(attack.crafted_in(), Mode::Eval);
    let in_eval = adversarial(pgd, 0.0).pass(&network, &batch, Trainable::None, &DRAWS).unwrap();
    let plain = build(&spec(&cross_entropy::MEMBER, &[]));
    let pixels = attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    let same = plain.pass(&network, &Batch { pixels, ..batch }, Trainable::None, &DRAWS).unwrap();
    assert_eq!(in_eval.loss, same.loss);
    assert_ne!(in_eval.loss, in_train.loss);
}
