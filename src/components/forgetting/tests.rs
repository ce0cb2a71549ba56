//! Forgetting: counts, masks against PyTorch's (tests/goldens/make_forgetting.py), new values against their
//! distributions.

use super::*;
use crate::components::objectives::{self, Draws};
use crate::components::testing::{Golden, convnet, spec};
use crate::nn::architecture::{Architecture, Init, Input, Layer, Linear};
use crate::nn::check::bits;
use crate::nn::network::Trainable;
use candle_core::Device;

fn whole(part: usize) -> Selected {
    Selected { part, rows: None }
}

fn rows(part: usize, rows: &[usize]) -> Selected {
    Selected { part, rows: Some(rows.to_vec()) }
}

fn request<'a>(selection: &'a [Selected], share: f64) -> Request<'a> {
    let (by, to) = (Ranking::Random { fixed: false }, Fill::Zero);
    Request { selection, share, overall: false, unit: Unit::Weight, by, to, seed: 3, scope: &[0] }
}

fn weights(network: &Network, part: usize) -> Vec<f32> {
    network.parameters()[part].tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn overwrite(network: &mut Network, part: usize, change: impl FnOnce(&mut [f32])) {
    let write = |weights: &mut [f32]| {
        change(weights);
        Ok(())
    };
    network.write(part, write).unwrap();
}

/// A flattened image of `features` pixels and one linear layer.
fn classifier(features: usize, classes: usize) -> Network {
    let (bias, init) = (Some(Init::Default), Init::Default);
    let head = Linear { name: "classifier".into(), input: features, output: classes, bias, init, adapters: vec![] };
    let layers = vec![Layer::Flatten, Layer::Linear(head)];
    let architecture = Architecture { input: Input::Image([1, features, 1]), classes, layers };
    Network::new(architecture, 0, &Device::Cpu).unwrap()
}

#[test]
fn counts_are_exact_and_only_selected_numbers_change() {
    for (features, classes) in [(1, 1), (3, 2), (7, 5), (16, 9), (33, 10)] {
        for permille in [0, 1, 35, 299, 300, 333, 500, 999, 1000] {
            for selected in
                [whole(0), rows(0, &[]), rows(0, &[classes - 1]), rows(0, &(0..classes).collect::<Vec<_>>())]
            {
                let mut network = classifier(features, classes);
                let before = weights(&network, 0);
                let n = selected.rows.as_ref().map_or(classes, Vec::len) * features;
                let selection = [selected, whole(1)];
                let done = forget(&mut network, &request(&selection, permille as f64 / 1000.0)).unwrap();
                assert_eq!((done[0].selected, done[0].count()), (n, permille * n / 1000));
                assert_eq!((done[1].selected, done[1].count()), (classes, permille * classes / 1000));
                let after = weights(&network, 0);
                for (place, (before, after)) in before.iter().zip(&after).enumerate() {
                    let hit = done[0].indices.binary_search(&place).is_ok();
                    assert_eq!(*after, if hit { 0.0 } else { *before });
                    let allowed = selection[0].rows.as_ref().is_none_or(|rows| rows.contains(&(place / features)));
                    assert!(!hit || allowed, "{place} isn't selected");
                }
            }
        }
    }
}

#[test]
fn every_weight_has_the_same_chance() {
    let mut counts = [0usize; 40];
    for event in 0..3000 {
        let mut network = classifier(8, 5);
        let done = forget(&mut network, &Request { scope: &[event], ..request(&[whole(0)], 0.3) }).unwrap();
        done[0].indices.iter().for_each(|&place| counts[place] += 1);
    }
    // 3000 events with chance 0.3: 900 expected, standard deviation 25.
    assert!(counts.iter().all(|count| (775..1025).contains(count)), "{counts:?}");
}

#[test]
fn masks_depend_on_seed_event_and_name_alone() {
    let mask = |selection: &[Selected], seed, event| {
        let mut network = convnet("batch");
        let done = forget(&mut network, &Request { seed, scope: &[event], ..request(selection, 0.2) }).unwrap();
        done.iter().map(Forgotten::mask_hash).collect::<Vec<_>>()
    };
    let both = mask(&[whole(4), whole(8)], 3, 0);
    assert_eq!(both[1], mask(&[whole(8)], 3, 0)[0], "another selected tensor changes nothing");
    assert_ne!(both[1], mask(&[whole(8)], 3, 1)[0]);
    assert_ne!(both[1], mask(&[whole(8)], 4, 0)[0]);
}

#[test]
fn the_hash_is_sha_256_of_the_indices() {
    let mut network = classifier(3, 2);
    overwrite(&mut network, 0, |w| w.copy_from_slice(&[0.1, 5.0, -0.2, 6.0, -7.0, 0.3]));
    let done = forget(&mut network, &Request { by: Ranking::Smallest, ..request(&[whole(0)], 0.5) }).unwrap();
    assert_eq!(done[0].indices, [0, 2, 5]);
    // python3 -c "import hashlib; print(hashlib.sha256(b''.join(i.to_bytes(8,'little') for i in [0,2,5])).hexdigest())"
    assert_eq!(done[0].mask_hash(), "f62528b597c4e65034ca22484fac4e85d699b226ef79fa8ce524182fd2332995");
    let norm = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>().sqrt();
    assert!((done[0].norm_before - norm(&[0.1, 5.0, 0.2, 6.0, 7.0, 0.3])).abs() < 1e-6);
    assert!((done[0].norm_after - norm(&[5.0, 6.0, 7.0])).abs() < 1e-6);
}

#[test]
fn ties_go_by_index() {
    for by in [Ranking::Smallest, Ranking::Largest] {
        let mut network = classifier(4, 3);
        overwrite(&mut network, 0, |w| w.fill(0.5));
        let done = forget(&mut network, &Request { by, ..request(&[rows(0, &[0, 2])], 0.75) }).unwrap();
        assert_eq!(done[0].indices, [0, 1, 2, 3, 8, 9]);
    }
}

#[test]
fn rankings_are_pytorchs() {
    let golden = Golden::load();
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/goldens/forgetting.json")).unwrap();
    let gradients = summed_gradients(&golden);
    let saliency = |highest| Ranking::Saliency { gradients: &gradients, highest };
    let cases = [
        ("smallest 30%", Ranking::Smallest, 0.3),
        ("largest 12.5%", Ranking::Largest, 0.125),
        ("saliency lowest 20%", saliency(false), 0.2),
        ("saliency highest 20%", saliency(true), 0.2),
    ];
    let names = ["encoder.block2.conv.weight", "encoder.block2.norm.weight", "classifier.weight"];
    let selection = names.map(|name| whole(golden.network().index_of(name).unwrap()));
    for (case, by, share) in cases {
        let done = forget(&mut golden.network(), &Request { by, ..request(&selection, share) }).unwrap();
        for (name, done) in names.iter().zip(done) {
            let expected = &expected[name][case];
            assert_eq!((done.count() as u64, done.mask_hash().as_str()), counted(expected), "{name}, {case}");
        }
    }
    let channels = Request { by: Ranking::Smallest, unit: Unit::Channel, ..request(&selection, 0.5) };
    for (name, done) in names.iter().zip(forget(&mut golden.network(), &channels).unwrap()) {
        let expected = expected[name]["smallest channels 50%"].as_array().unwrap();
        let row: usize = done.shape.iter().skip(1).product();
        let expected = expected.iter().flat_map(|c| (0..row).map(move |i| c.as_u64().unwrap() as usize * row + i));
        assert_eq!(done.indices, expected.collect::<Vec<_>>(), "{name}");
    }
    let overall = Request { by: Ranking::Smallest, overall: true, ..request(&selection, 0.3) };
    let done = forget(&mut golden.network(), &overall).unwrap();
    let mut start = 0;
    let mut together = done[0].clone();
    together.indices.clear();
    for one in &done {
        together.indices.extend(one.indices.iter().map(|i| i + start));
        start += one.shape.iter().product::<usize>();
    }
    assert_eq!((together.count() as u64, together.mask_hash().as_str()), counted(&expected["overall"]["smallest 30%"]));
}

fn counted(entry: &serde_json::Value) -> (u64, &str) {
    (entry["count"].as_u64().unwrap(), entry["sha256"].as_str().unwrap())
}

/// Of the images 0 to 3 and 4 to 7, each mean cross-entropy in train mode.
fn summed_gradients(golden: &Golden) -> Vec<Option<Tensor>> {
    let objective = objectives::build(&spec(&objectives::cross_entropy::MEMBER, &[]));
    let batch = golden.batch("images", "labels");
    let network = golden.network();
    let pass = |from: usize| {
        let pixels = batch.pixels.narrow(0, from, 4).unwrap();
        let part = objectives::Batch { pixels, labels: batch.labels[from..from + 4].to_vec(), ids: vec![0; 4] };
        objective.pass(&network, &part, Trainable::All, &Draws { seed: 0, clock: 0 }).unwrap().gradients
    };
    pass(0).into_iter().zip(pass(4)).map(|(a, b)| Some((a.unwrap() + b.unwrap()).unwrap())).collect()
}

#[test]
fn a_share_overall_is_counted_over_all_tensors() {
    let mut network = convnet("batch");
    let selection = [whole(0), whole(4), rows(8, &[0, 3])];
    let n: usize = 54 + 324 + 2 * 54;
    let done = forget(&mut network, &Request { overall: true, ..request(&selection, 0.35) }).unwrap();
    assert_eq!(done.iter().map(Forgotten::count).sum::<usize>(), n * 35 / 100);
    assert!(done[2].indices.iter().all(|i| [0, 3].contains(&(i / 54))));
    let parts: Vec<_> = network.parameters().iter().map(|p| p.part.clone()).collect();
    assert_eq!(total(&parts, &selection, 0.35, true, Unit::Weight), Some(n * 35 / 100));
}

#[test]
fn channels_go_as_whole_rows() {
    let selection = [whole(4), whole(5), rows(8, &[1, 2, 3])];
    for overall in [false, true] {
        let mut network = convnet("batch");
        let done = forget(&mut network, &Request { overall, unit: Unit::Channel, ..request(&selection, 0.5) }).unwrap();
        let mut channels = Vec::new();
        for (done, row) in done.iter().zip([54, 1, 54]) {
            let hit: std::collections::BTreeSet<usize> = done.indices.iter().map(|i| i / row).collect();
            assert_eq!(done.indices, hit.iter().flat_map(|c| c * row..(c + 1) * row).collect::<Vec<_>>());
            channels.push(hit.len());
        }
        // 6, 6 and 3 rows.
        if overall { assert_eq!(channels.iter().sum::<usize>(), 7) } else { assert_eq!(channels, [3, 3, 1]) }
    }
}

#[test]
fn layers_go_whole_with_all_their_selected_tensors() {
    let mut network = convnet("batch");
    // Weight and bias of both convolutions, and the classifier's weight.
    let selection = [whole(0), whole(1), whole(4), whole(5), whole(8)];
    let layers: Vec<usize> = selection.iter().map(|s| network.parameters()[s.part].part.layer).collect();
    assert_eq!(layers, [0, 0, 1, 1, 2]);
    for event in 0..20 {
        let done =
            forget(&mut network, &Request { scope: &[event], unit: Unit::Layer, ..request(&selection, 0.67) }).unwrap();
        let hit: Vec<bool> = done.iter().map(|done| done.count() > 0).collect();
        assert!(done.iter().all(|done| [0, done.selected].contains(&done.count())));
        assert!(hit[0] == hit[1] && hit[2] == hit[3]);
        assert_eq!([hit[0], hit[2], hit[4]].iter().filter(|&&hit| hit).count(), 2);
    }
    overwrite(&mut network, 0, |w| w.fill(9.0));
    overwrite(&mut network, 4, |w| w.fill(1e-6));
    overwrite(&mut network, 5, |w| w.fill(1e-6));
    overwrite(&mut network, 8, |w| w.fill(0.1));
    let by = Ranking::Smallest;
    let done = forget(&mut network, &Request { by, unit: Unit::Layer, ..request(&selection, 0.34) }).unwrap();
    assert_eq!(done.iter().map(Forgotten::count).collect::<Vec<_>>(), [0, 0, 324, 6, 0]);
}

#[test]
fn forgotten_weights_start_anew_from_their_own_distribution() {
    let mut network = classifier(400, 250);
    overwrite(&mut network, 0, |w| w.fill(7.0));
    let done = forget(&mut network, &Request { to: Fill::Init, ..request(&[whole(0)], 0.4) }).unwrap();
    let after = weights(&network, 0);
    let new: Vec<f64> = done[0].indices.iter().map(|&i| f64::from(after[i])).collect();
    assert_eq!((new.len(), after.iter().filter(|&&w| w == 7.0).count()), (40_000, 60_000));
    let mean = new.iter().sum::<f64>() / 40_000.0;
    let std = (new.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 40_000.0).sqrt();
    // U(-1/20, 1/20): standard deviation 1/(20 sqrt 3) = 0.02887; standard errors 1.4e-4 and 6.5e-5.
    assert!(mean.abs() < 6e-4 && (std - 0.05 / 3f64.sqrt()).abs() < 3e-4, "{mean} {std}");
    assert!(new.iter().all(|w| w.abs() <= 0.05 + 1e-9));
}

#[test]
fn noise_is_added_to_the_old_value() {
    let mut network = classifier(400, 100);
    let before = weights(&network, 0);
    let done = forget(&mut network, &Request { to: Fill::Noise { std: 0.5 }, ..request(&[whole(0)], 0.5) }).unwrap();
    let after = weights(&network, 0);
    let moves: Vec<f64> = done[0].indices.iter().map(|&i| f64::from(after[i]) - f64::from(before[i])).collect();
    let mean = moves.iter().sum::<f64>() / 20_000.0;
    let std = (moves.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
    // Standard errors 3.5e-3 and 2.5e-3.
    assert!(mean.abs() < 0.018 && (std - 0.5).abs() < 0.013, "{mean} {std}");
}

#[test]
fn rewinding_takes_the_checkpoints_values_at_the_same_places() {
    let mut network = classifier(8, 6);
    let then = network.copy().unwrap();
    overwrite(&mut network, 0, |w| w.fill(7.0));
    let checkpoint = then.state_dict().unwrap();
    let to = Fill::Rewind(&checkpoint);
    let done = forget(&mut network, &Request { to, ..request(&[whole(0)], 0.5) }).unwrap();
    let (then, now) = (weights(&then, 0), weights(&network, 0));
    for (place, now) in now.iter().enumerate() {
        assert_eq!(*now, if done[0].indices.contains(&place) { then[place] } else { 7.0 });
    }
    let other = classifier(8, 5).state_dict().unwrap();
    let to = Fill::Rewind(&other);
    let error = forget(&mut network, &Request { to, ..request(&[whole(0)], 0.5) }).unwrap_err().to_string();
    assert!(error.contains("classifier.weight had shape [5, 8] at the checkpoint and has [6, 8] now"), "{error}");
}

#[test]
fn after_an_error_the_network_is_as_it_was() {
    let mut network = convnet("batch");
    let before: Vec<_> = (0..10).map(|part| bits(&network.parameters()[part].tensor)).collect();
    let mut checkpoint = network.state_dict().unwrap();
    checkpoint.remove("classifier.weight");
    let gradients: Vec<Option<Tensor>> = vec![None; 10];
    let selection = [whole(0), whole(8)];
    let good = request(&selection, 0.5);
    let (beyond, twice, disorder) = ([whole(10)], [whole(0), whole(0)], [rows(8, &[2, 1])]);
    let saliency = Ranking::Saliency { gradients: &gradients, highest: false };
    let bad = [
        (Request { share: 1.5, ..good }, "outside 0 to 1"),
        (Request { share: f64::NAN, ..good }, "outside 0 to 1"),
        (Request { to: Fill::Rewind(&checkpoint), ..good }, "has no classifier.weight to rewind to"),
        (Request { by: saliency, ..good }, "no gradient of encoder.block1.conv.weight"),
        (Request { selection: &beyond, ..good }, "parameter 10 was selected, the network has 10"),
        (Request { selection: &twice, ..good }, "was selected twice"),
        (Request { selection: &disorder, ..good }, "rows of classifier.weight are not rows of"),
    ];
    for (request, expected) in bad {
        let error = forget(&mut network, &request).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let after: Vec<_> = (0..10).map(|part| bits(&network.parameters()[part].tensor)).collect();
    assert_eq!(before, after);
}

#[test]
fn zapped_rows_have_the_published_scales() {
    let moments = |scale, rows: Option<&[usize]>| {
        let mut network = classifier(2304, 1000);
        let (before, bias) = (weights(&network, 0), weights(&network, 1));
        let done = zap(&mut network, rows, scale, 5, 0).unwrap();
        assert_eq!(weights(&network, 1), bias, "the bias is not touched");
        let after = weights(&network, 0);
        let untouched = (0..before.len()).filter(|i| done.indices.binary_search(i).is_err());
        untouched.for_each(|i| assert_eq!(before[i], after[i]));
        let new: Vec<f64> = done.indices.iter().map(|&i| f64::from(after[i])).collect();
        let mean = new.iter().sum::<f64>() / new.len() as f64;
        (new.len(), mean, (new.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / new.len() as f64).sqrt())
    };
    let (n, mean, std) = moments(ResetScale::PerRow, None);
    assert!(n == 2_304_000 && mean.abs() < 1e-4 && (std - 0.0295).abs() < 1e-4, "{mean} {std}");
    let (_, mean, std) = moments(ResetScale::AsPublished, None);
    assert!(mean.abs() < 4e-6 && (std - 9.3e-4).abs() < 4e-6, "{mean} {std}");
    let (n, _, std) = moments(ResetScale::AsPublished, Some(&[17]));
    assert!(n == 2304 && (std - 0.0295).abs() < 2.2e-3, "{std}");
    let (n, _, std) = moments(ResetScale::PerRow, Some(&[3, 17]));
    assert!(n == 4608 && (std - 0.0295).abs() < 1.6e-3, "{std}");
}

#[test]
fn components_build_requests() {
    let saliency = spec(&rankings::SALIENCY, &[("order", crate::components::Value::Word("highest".into()))]);
    assert_eq!((saliency_batches(&saliency), saliency_batches(&spec(&rankings::RANDOM, &[]))), (Some(1), None));
    assert!(matches!(Ranking::build(&saliency, &[]), Ranking::Saliency { highest: true, .. }));
    assert!(matches!(Ranking::build(&spec(&rankings::RANDOM, &[]), &[]), Ranking::Random { fixed: false }));
    let rewind = spec(&fills::REWIND, &[("name", crate::components::Value::Text("start".into()))]);
    assert_eq!((rewinds_to(&rewind), rewinds_to(&spec(&fills::INIT, &[]))), (Some("start"), None));
    let noise = spec(&fills::NOISE, &[("std", crate::components::Value::Real(0.25))]);
    assert!(matches!(Fill::build(&noise, &BTreeMap::new()), Fill::Noise { std: 0.25 }));
    assert!(Unit::WORDS.iter().all(|word| Unit::of(word).is_some()));
    assert!(ResetScale::WORDS.iter().all(|word| ResetScale::of(word).is_some()));
}
