//! Attacks against torchattacks' images (tests/goldens/make_attacks.py), and what holds for any network.

use super::*;
use crate::components::Value;
use crate::components::metrics;
use crate::components::testing::{Golden, convnet, spec};
use crate::nn::check::{bits, same_bits_for_any_threads};
use crate::nn::tape::Tape;
use candle_core::{DType, Device};

const DRAWS: Draws = Draws { seed: 1, clock: 7 };

fn attack(member: &'static Member, given: &[(&str, Value)]) -> Box<dyn Attack> {
    build(&spec(member, given))
}

fn pgd(norm: &str, eps: f64, step: f64, iters: i64, more: &[(&str, Value)]) -> Box<dyn Attack> {
    let mut given = vec![
        ("norm", Value::Word(norm.into())),
        ("eps", Value::Real(eps)),
        ("step", Value::Real(step)),
        ("iters", Value::Int(iters)),
    ];
    given.extend_from_slice(more);
    attack(&pgd::MEMBER, &given)
}

pub(super) fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

#[test]
fn images_are_those_of_torchattacks() {
    let golden = Golden::load();
    let network = golden.network();
    let batch = golden.batch("images", "labels");
    let from_the_image = [("random_start", Value::Bool(false))];
    let attacks = [
        ("fgsm", attack(&fgsm::MEMBER, &[("eps", Value::Real(4.0 / 255.0))])),
        ("linf", pgd("linf", 0.04, 0.01, 10, &from_the_image)),
        ("l2", pgd("l2", 0.3, 0.06, 10, &from_the_image)),
    ];
    for (name, attack) in attacks {
        let found = attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
        let difference = largest_difference(&found, golden.get(&format!("{name}.images")));
        assert!(difference <= 1e-6, "{name}: {difference}");
        let logits = network.logits(&found, Mode::Eval).unwrap();
        let predicted = golden.labels(&format!("{name}.predicted"));
        assert!(metrics::correct(&logits, &predicted).unwrap().iter().all(|&same| same), "{name}: {predicted:?}");
        let survive = metrics::correct(&logits, &batch.labels).unwrap().iter().filter(|&&right| right).count();
        assert_eq!(survive, 4, "{name}");
    }
}

#[test]
fn images_crafted_with_batch_statistics_are_those_of_torchattacks() {
    let golden = Golden::load();
    let network = golden.network();
    let state = || -> Vec<Vec<u32>> {
        network.state_dict().unwrap().into_values().map(|t| bits(&t.to_dtype(DType::F32).unwrap())).collect()
    };
    let before = state();
    let batch = golden.batch("train.images", "train.labels");
    let attack = pgd("linf", 0.1, 0.025, 5, &[("random_start", Value::Bool(false))]);
    let found = attack.perturb(&network, attack.crafted_in(), &batch, &DRAWS).unwrap();
    let difference = largest_difference(&found, golden.get("train.adversarial"));
    assert!(difference <= 1e-6, "{difference}");
    assert_eq!(before, state(), "weights and running statistics stand still");
}

#[test]
fn no_weight_is_a_leaf_of_an_attack_pass() {
    let network = convnet("batch");
    let tape = Tape::new();
    let x = tape.leaf(&Golden::load().batch("images", "labels").pixels);
    for mode in [Mode::Train, Mode::Eval] {
        let forward = gradient::forward(&tape, &x, &network, mode).unwrap();
        assert_eq!(forward.leaves.len(), network.parameters().len());
        assert!(forward.leaves.iter().all(Option::is_none));
    }
}

#[test]
fn an_image_is_attacked_alike_whatever_stands_beside_it() {
    let golden = Golden::load();
    let network = golden.network();
    let all = golden.batch("images", "labels");
    let some: Vec<usize> = vec![6, 1, 3];
    let index = Tensor::new(&[6u32, 1, 3], &Device::Cpu).unwrap();
    let part = Batch {
        pixels: all.pixels.index_select(&index, 0).unwrap(),
        labels: some.iter().map(|&i| all.labels[i]).collect(),
        ids: some.iter().map(|&i| all.ids[i]).collect(),
    };
    for norm in ["linf", "l2"] {
        let attack = pgd(norm, 0.1, 0.03, 5, &[("restarts", Value::Int(2))]);
        let whole = attack.perturb(&network, Mode::Eval, &all, &DRAWS).unwrap();
        let found = attack.perturb(&network, Mode::Eval, &part, &DRAWS).unwrap();
        assert_eq!(bits(&whole.index_select(&index, 0).unwrap()), bits(&found), "{norm}");
    }
}

#[test]
fn restarts_keep_what_harms_each_image_most() {
    let golden = Golden::load();
    let network = golden.network();
    let batch = golden.batch("images", "labels");
    let restarts = |n: i64| pgd("linf", 0.04, 0.02, 2, &[("restarts", Value::Int(n))]);
    let kept = restarts(6).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    let harm = |pixels: &Tensor| gradient::losses(&network, Mode::Eval, pixels, &batch.labels, loss::Loss::Ce).unwrap();
    let (kept_harm, first) = (harm(&kept), harm(&restarts(1).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap()));
    let mut gained = 0;
    for (kept, first) in kept_harm.iter().zip(&first) {
        assert!((!kept.1 && first.1) || (kept.1 == first.1 && kept.0 >= first.0), "{kept:?} after {first:?}");
        gained += usize::from(kept.0 > first.0);
    }
    assert!(gained > 0, "six restarts find something that one doesn't");
    assert_eq!(restarts(6).passes(), 12);
    let far = largest_difference(&kept, &batch.pixels);
    assert!(far <= 0.04 + 1e-7, "{far}");
}

/// Images of one grey in the middle of the range, so that nothing is clamped.
fn grey(n: usize) -> Batch {
    let pixels = Tensor::full(0.5f32, (n, 1, 12, 12), &Device::Cpu).unwrap();
    Batch { pixels, labels: vec![0; n], ids: (0..n as u64).collect() }
}

fn moves(norm: Norm, eps: f64, draws: &Draws, restart: u64) -> Vec<Vec<f64>> {
    let batch = grey(2000);
    let start = if norm == Norm::L2 { start::l2 } else { start::linf };
    let started = start(eps, &batch, draws, restart).unwrap();
    let rows: Vec<Vec<f32>> = started.flatten_from(1).unwrap().to_vec2().unwrap();
    rows.into_iter().map(|row| row.into_iter().map(|x| f64::from(x) - 0.5).collect()).collect()
}

#[test]
fn linf_starts_are_uniform_in_the_cube() {
    let all = moves(Norm::Linf, 0.1, &DRAWS, 0).concat();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let variance = all.iter().map(|x| x * x).sum::<f64>() / n;
    let largest = all.iter().fold(0f64, |a, x| a.max(x.abs()));
    // 288,000 draws of U(-0.1, 0.1): standard errors 1.1e-4 and 5.6e-6.
    assert!(mean.abs() < 5e-4, "{mean}");
    assert!((variance - 0.01 / 3.0).abs() < 3e-5, "{variance}");
    assert!(largest <= 0.1 + 1e-7 && largest > 0.0999, "{largest}");
}

#[test]
fn l2_starts_have_uniform_lengths_and_no_preferred_direction() {
    let all = moves(Norm::L2, 0.4, &DRAWS, 0);
    let lengths: Vec<f64> = all.iter().map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
    let n = lengths.len() as f64;
    let mean = lengths.iter().sum::<f64>() / n;
    let variance = lengths.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    // 2000 draws of U(0, 0.4): standard errors 2.6e-3 and 2.7e-4.
    assert!((mean - 0.2).abs() < 0.012, "{mean}");
    assert!((variance - 0.16 / 12.0).abs() < 1.2e-3, "{variance}");
    assert!(lengths.iter().all(|&length| length <= 0.4 + 1e-6));
    let pixel_means = (0..144).map(|p| all.iter().map(|row| row[p]).sum::<f64>() / n);
    // Of one pixel: standard deviation sqrt(0.16/3/144) = 0.0192, of its mean over 2000 images 4.3e-4.
    pixel_means.for_each(|mean| assert!(mean.abs() < 2.2e-3, "{mean}"));
}

#[test]
fn every_image_clock_and_restart_has_its_own_start() {
    let first = moves(Norm::Linf, 0.1, &DRAWS, 0);
    assert_ne!(first[0], first[1]);
    assert_ne!(first, moves(Norm::Linf, 0.1, &DRAWS, 1));
    assert_ne!(first, moves(Norm::Linf, 0.1, &Draws { clock: 8, ..DRAWS }, 0));
    assert_eq!(first, moves(Norm::Linf, 0.1, &DRAWS, 0));
}

#[test]
fn same_images_on_any_number_of_threads() {
    let golden = Golden::load();
    let attack = pgd("l2", 0.3, 0.06, 3, &[]);
    same_bits_for_any_threads(|| {
        let network = golden.network();
        vec![attack.perturb(&network, Mode::Eval, &golden.batch("images", "labels"), &DRAWS).unwrap()]
    });
}

#[test]
fn the_step_follows_from_eps_where_it_is_left_out() {
    let golden = Golden::load();
    let (network, batch) = (golden.network(), golden.batch("images", "labels"));
    let given = [("eps", Value::Real(0.2)), ("random_start", Value::Bool(false)), ("iters", Value::Int(4))];
    let default = attack(&pgd::MEMBER, &given).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    let written = pgd("linf", 0.2, 0.125, 4, &given[1..2]).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    assert_eq!(bits(&default), bits(&written));
}

#[test]
fn another_budget_is_the_attack_written_anew() {
    let golden = Golden::load();
    let (network, batch) = (golden.network(), golden.batch("images", "labels"));
    let images = |attack: Box<dyn Attack>| bits(&attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap());
    for norm in ["linf", "l2"] {
        let small = pgd(norm, 0.25, 0.0625, 3, &[]);
        assert_eq!(small.with_eps(0.5).eps(), 0.5);
        assert_eq!(images(small.with_eps(0.5)), images(pgd(norm, 0.5, 0.125, 3, &[])), "{norm}");
        assert_eq!(images(small.with_eps(0.0)), bits(&batch.pixels), "{norm}");
        assert_eq!(small.norm(), if norm == "l2" { Norm::L2 } else { Norm::Linf });
    }
    let zero = attack(&pgd::MEMBER, &[("eps", Value::Real(0.0)), ("iters", Value::Int(3))]);
    let anew = attack(&pgd::MEMBER, &[("eps", Value::Real(0.5)), ("iters", Value::Int(3))]);
    assert_eq!(images(zero.with_eps(0.5)), images(anew), "a step that was left out follows from the new budget");
    for random_start in [true, false].map(|start| ("random_start", Value::Bool(start))) {
        let with = |eps: f64| attack(&fgsm::MEMBER, &[("eps", Value::Real(eps)), random_start.clone()]);
        assert_eq!(images(with(0.0).with_eps(0.5)), images(with(0.5)));
    }
    let fgsm = attack(&fgsm::MEMBER, &[("eps", Value::Real(0.25))]);
    assert_eq!(images(fgsm.with_eps(0.5)), images(attack(&fgsm::MEMBER, &[("eps", Value::Real(0.5))])));
}

#[test]
fn budgets_that_mean_nothing_are_refused() {
    let refused = |given: &[(&str, Value)]| check(&spec(&pgd::MEMBER, given)).unwrap_err();
    let wide = refused(&[("eps", Value::Real(8.0))]);
    assert_eq!(wide.argument, Some("eps"));
    assert!(wide.message.contains("between 0 and 1"), "{wide}");
    assert!(wide.help.unwrap().contains("8/255"));
    let same = refused(&[("eps", Value::Real(0.1)), ("restarts", Value::Int(3)), ("random_start", Value::Bool(false))]);
    assert_eq!(same.argument, Some("restarts"));
    let l2 = [("eps", Value::Real(8.0)), ("norm", Value::Word("l2".into()))];
    assert_eq!(check(&spec(&pgd::MEMBER, &l2)), Ok(()));
    assert_eq!(check(&spec(&fgsm::MEMBER, &[("eps", Value::Real(1.0))])), Ok(()));
}
