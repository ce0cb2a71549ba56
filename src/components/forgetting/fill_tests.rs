//! Knowledge evolution's masks and norms, shrink-and-perturb and Kaiming's draws, against tests/goldens/make_forgetting.py
//! and the published formulas.

use super::*;
use crate::components::testing::{Golden, convnet, spec};
use crate::components::{Value, testing};
use crate::nn::init;

fn request<'a>(selection: &'a [Selected], share: f64, to: Fill<'a>) -> Request<'a> {
    let by = Ranking::Random { fixed: false };
    Request { selection, share, overall: false, unit: Unit::Weight, by, to, seed: 3, scope: &[1] }
}

fn whole(network: &Network) -> Vec<Selected> {
    (0..network.parameters().len()).map(|part| Selected { part, rows: None }).collect()
}

fn named(network: &Network, name: &str) -> Vec<Selected> {
    vec![Selected { part: network.index_of(name).unwrap(), rows: None }]
}

fn weights(network: &Network, part: usize) -> Vec<f32> {
    network.parameters()[part].tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/goldens/forgetting.json")).unwrap()
}

#[test]
fn kels_keeps_the_blocks_of_knowledge_evolution() {
    let golden = golden();
    for (percent, share) in [("20", 0.2), ("30", 0.3), ("50", 0.5)] {
        let mut network = Golden::load().network();
        let selection = whole(&network);
        let by = Ranking::build(&spec(&rankings::KELS, &[]), &[]);
        let request = Request { by, unit: Unit::Block, ..request(&selection, share, Fill::Zero) };
        let parts: Vec<_> = network.parameters().iter().map(|p| p.part.clone()).collect();
        let planned = planned(&parts, &selection, share, false, Unit::Block);
        let mut sum = 0;
        for (done, planned) in forget(&mut network, &request).unwrap().iter().zip(planned) {
            let expected = &golden["kels"][percent][&done.name];
            assert_eq!(done.count() as u64, expected["count"].as_u64().unwrap(), "{} {percent}%", done.name);
            assert_eq!(done.mask_hash(), expected["sha256"], "{} {percent}%", done.name);
            assert_eq!(planned.forgotten, Some(done.count()));
            sum += done.count();
        }
        assert_eq!(total(&parts, &selection, share, false, Unit::Block), Some(sum));
    }
}

#[test]
fn kels_of_single_rows_is_what_it_is_of_all_in_those_rows() {
    let mut network = convnet("batch");
    let part = network.index_of("classifier.weight").unwrap();
    let selection = [Selected { part, rows: Some(vec![1, 3]) }];
    let by = Ranking::Block;
    let request = Request { by, unit: Unit::Block, ..request(&selection, 0.25, Fill::Zero) };
    let done = forget(&mut network, &request).unwrap();
    // 54 inputs, of which ceil(0.75 * 54) = 41 are kept.
    let expected: Vec<usize> = [1, 3].into_iter().flat_map(|row| row * 54 + 41..row * 54 + 54).collect();
    assert_eq!(done[0].indices, expected);
}

#[test]
fn a_fixed_mask_is_the_same_at_every_event_and_a_fresh_one_is_not() {
    let hashes = |mask: &str, event: u64| {
        let spec = spec(&rankings::RANDOM, &[("mask", testing::word(mask))]);
        let mut network = convnet("batch");
        let selection = whole(&network);
        let by = Ranking::build(&spec, &[]);
        let request = Request { by, scope: &[event], ..request(&selection, 0.2, Fill::Init) };
        let done = forget(&mut network, &request).unwrap();
        (done.iter().map(Forgotten::mask_hash).collect::<Vec<_>>(), weights(&network, 4))
    };
    let ((first, values), (second, others)) = (hashes("fixed", 1), hashes("fixed", 2));
    assert_eq!(first, second);
    assert_ne!(values, others, "what they become is drawn anew");
    assert_ne!(hashes("fresh", 1).0, hashes("fresh", 2).0);
}

#[test]
fn shrink_and_perturb_is_a_sum_of_the_weight_and_a_fresh_draw() {
    let mut network = convnet("batch");
    let selection = named(&network, "encoder.block2.conv.weight");
    let part = selection[0].part;
    let before = weights(&network, part);
    let arguments = [("factor", Value::Real(0.4)), ("noise", Value::Real(0.1))];
    let checkpoint = BTreeMap::new();
    let fill = Fill::build(&spec(&fills::SHRINK, &arguments), &checkpoint);
    forget(&mut network, &request(&selection, 1.0, fill)).unwrap();
    let mut stream = Stream::new(3, "fill/encoder.block2.conv.weight", &[1]);
    let fresh = init::draw(&network.parameters()[part].part, before.len(), &mut stream);
    for ((before, fresh), after) in before.iter().zip(fresh).zip(weights(&network, part)) {
        assert_eq!(after, (0.4 * f64::from(*before) + 0.1 * f64::from(fresh)) as f32);
    }
    let defaults = Fill::build(&spec(&fills::SHRINK, &[]), &checkpoint);
    assert!(matches!(defaults, Fill::Shrink { factor: 0.3, noise: 0.001 }));
}

#[test]
fn kaimings_draws_have_pytorchs_spread() {
    let golden = golden();
    let root5 = 5f64.sqrt();
    for name in ["encoder.block2.conv.weight", "classifier.weight"] {
        for (case, a, fan) in [
            ("0.000 fan_in", 0.0, "in"),
            ("0.000 fan_out", 0.0, "out"),
            ("2.236 fan_in", root5, "in"),
            ("2.236 fan_out", root5, "out"),
        ] {
            let expected = &golden["kaiming"][name][case];
            let arguments = [("a", Value::Real(a)), ("fan", testing::word(fan))];
            let bound = expected["bound"].as_f64().unwrap();
            let uniform = drawn(name, &spec(&fills::KAIMING_UNIFORM, &arguments));
            let largest = uniform.iter().fold(0f64, |a, x| a.max(x.abs()));
            assert!(largest <= bound * 1.000_001 && largest > bound * 0.999, "{name} {case}: {largest} of {bound}");
            let std = expected["std"].as_f64().unwrap();
            let normal = drawn(name, &spec(&fills::KAIMING_NORMAL, &arguments));
            let found = (normal.iter().map(|x| x * x).sum::<f64>() / normal.len() as f64).sqrt();
            // 20,000 draws and more: standard error below 0.5 %.
            assert!((found / std - 1.0).abs() < 0.02, "{name} {case}: {found} for {std}");
        }
    }
    let spec = spec(&fills::KAIMING_UNIFORM, &[]);
    assert!((spec.real("a") - root5).abs() < 1e-14);
}

/// What many events make of one tensor.
fn drawn(name: &str, spec: &crate::components::Spec) -> Vec<f64> {
    let mut network = convnet("batch");
    let (selection, checkpoint) = (named(&network, name), BTreeMap::new());
    let mut all = Vec::new();
    for event in 0..100 {
        let request = Request { scope: &[event], ..request(&selection, 1.0, Fill::build(spec, &checkpoint)) };
        forget(&mut network, &request).unwrap();
        all.extend(weights(&network, selection[0].part).into_iter().map(f64::from));
    }
    all
}

#[test]
fn norms_have_no_inputs_to_count() {
    let mut network = convnet("batch");
    let (selection, checkpoint) = (named(&network, "encoder.block1.norm.weight"), BTreeMap::new());
    let fill = Fill::build(&spec(&fills::KAIMING_NORMAL, &[]), &checkpoint);
    let error = forget(&mut network, &request(&selection, 1.0, fill)).unwrap_err().to_string();
    assert!(error.starts_with("encoder.block1.norm.weight has no inputs and outputs to count"), "{error}");
}

#[test]
fn norms_of_the_layers_that_are_hit_start_anew() {
    for (norms, variance) in [(Norms::Initial, 1.0), (Norms::AsPublished, 0.0)] {
        let mut network = Golden::load().network();
        let selection = named(&network, "encoder.block2.conv.weight");
        let untouched = network.state_dict().unwrap();
        let untouched = untouched["encoder.block1.norm.running_var"].to_vec1::<f32>().unwrap();
        let done = reset_norms(&mut network, &selection, norms).unwrap();
        let names: Vec<&str> = done.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["encoder.block2.norm.weight", "encoder.block2.norm.bias"]);
        let state = network.state_dict().unwrap();
        let all = |name: &str| state[name].to_vec1::<f32>().unwrap();
        assert_eq!(all("encoder.block2.norm.weight"), [1.0; 6]);
        assert_eq!(all("encoder.block2.norm.bias"), [0.0; 6]);
        assert_eq!(all("encoder.block2.norm.running_mean"), [0.0; 6]);
        assert_eq!(all("encoder.block2.norm.running_var"), [variance; 6]);
        assert_eq!(all("encoder.block1.norm.running_var"), untouched);
    }
    let mut network = convnet("batch");
    let selection = whole(&network);
    assert!(reset_norms(&mut network, &selection, Norms::Keep).unwrap().is_empty());
    assert!(Norms::WORDS.iter().all(|word| Norms::of(word).is_some()));
}
