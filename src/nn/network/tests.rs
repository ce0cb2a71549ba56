use super::*;
use crate::nn::architecture::testing::pooled;
use crate::nn::check::{bits, numbers, same_bits_for_any_threads, test_tensor};
use crate::nn::ops::{Reduction, cross_entropy};

const INPUT: [usize; 3] = [2, 6, 6];

fn network(seed: u64) -> Network {
    Network::new(pooled(INPUT, 3), seed, &Device::Cpu).expect("it can be made")
}

fn images() -> Tensor {
    test_tensor(&[4, 2, 6, 6], 9)
}

fn all_bits(network: &Network) -> Vec<Vec<u32>> {
    network.parameters().iter().map(|p| bits(&p.tensor)).collect()
}

#[test]
fn the_start_depends_on_the_seed_and_is_pytorchs() {
    assert_eq!(all_bits(&network(3)), all_bits(&network(3)));
    let (a, b) = (all_bits(&network(3)), all_bits(&network(4)));
    let differ: Vec<bool> = a.iter().zip(&b).map(|(a, b)| a != b).collect();
    assert_eq!(differ, [true, true, false, false, true, true], "norms start at one and zero");
    let state = network(3).state_dict().expect("its tensors");
    let at = |name: &str| numbers(&state[name]).expect("numbers");
    assert_eq!(at("block.norm.weight"), [1.0; 4]);
    assert_eq!((at("block.norm.running_mean"), at("block.norm.running_var")), (vec![0.0; 4], vec![1.0; 4]));
    assert_eq!(state["block.norm.num_batches_tracked"].to_scalar::<i64>().expect("a count"), 0);
}

#[test]
fn only_wanted_weights_get_leaves() -> Result<()> {
    let network = network(0);
    let wanted = [false, true, false, false, true, false];
    let tape = Tape::new();
    let x = Value::constant(images());
    let forward = network.forward(&tape, &x, Mode::Train, Trainable::Only(&wanted))?;
    let loss = cross_entropy(&tape, &forward.logits, &[0, 1, 2, 0], 0.0, Reduction::Mean)?;
    let gradients = tape.backward(&loss)?;
    for (leaf, wanted) in forward.leaves.iter().zip(wanted) {
        assert_eq!(leaf.is_some(), wanted);
        assert_eq!(leaf.as_ref().and_then(|l| gradients.get(l)).is_some(), wanted);
    }
    let frozen = network.forward(&Tape::new(), &x, Mode::Train, Trainable::None)?;
    assert!(!frozen.logits.is_tracked());
    assert_eq!(bits(frozen.logits.tensor()), bits(&network.logits(&images(), Mode::Train)?));
    Ok(())
}

#[test]
fn statistics_move_only_where_applied() -> Result<()> {
    let mut network = network(0);
    let pass = |n: &Network| n.forward(&Tape::new(), &Value::constant(images()), Mode::Train, Trainable::None);
    let forward = pass(&network)?;
    assert_eq!(numbers(&network.batch_norms()[0].running.mean)?, [0.0; 4], "a pass changes nothing");
    network.apply_statistics(forward.statistics.clone(), |layer| layer == 0);
    assert_eq!(network.batch_norms()[0].batches, 0, "frozen");
    network.apply_statistics(forward.statistics, |layer| layer == 1);
    assert_eq!(network.batch_norms()[0].batches, 1);
    assert!(numbers(&network.batch_norms()[0].running.mean)?.iter().all(|m| *m != 0.0));
    let eval = network.forward(&Tape::new(), &Value::constant(images()), Mode::Eval, Trainable::None)?;
    assert!(eval.statistics.is_empty());
    Ok(())
}

#[test]
fn a_copy_is_not_reached_by_updates() -> Result<()> {
    let mut network = network(0);
    let copy = network.copy()?;
    let before = all_bits(&network);
    for index in 0..network.parameters().len() {
        network.write(index, |numbers| {
            numbers.fill(0.5);
            Ok(())
        })?;
    }
    let forward = network.forward(&Tape::new(), &Value::constant(images()), Mode::Train, Trainable::None)?;
    network.apply_statistics(forward.statistics, |_| false);
    assert_eq!(all_bits(&copy), before);
    assert_eq!(numbers(&copy.batch_norms()[0].running.var)?, [1.0; 4]);
    assert!(all_bits(&network).iter().flatten().all(|b| *b == 0.5f32.to_bits()));
    assert!(network.write(99, |_| Ok(())).is_err());
    Ok(())
}

#[test]
fn a_resized_head_keeps_rows_and_draws_new_ones() -> Result<()> {
    let mut network = network(0);
    let at = |network: &Network, name: &str| -> Result<Vec<f64>> {
        let index = network.index_of(name).expect("a parameter of that name");
        numbers(&network.parameters()[index].tensor)
    };
    let (weight, bias) = (at(&network, "classifier.weight")?, at(&network, "classifier.bias")?);
    network.resize_head(5, &mut Stream::new(0, "zap", &[1]))?;
    assert_eq!(network.architecture(), &pooled(INPUT, 5));
    assert_eq!(at(&network, "classifier.weight")?[..108], weight);
    assert_eq!(at(&network, "classifier.bias")?[..3], bias);
    let new = at(&network, "classifier.weight")?.split_off(108);
    assert_eq!(new.len(), 72);
    assert!(new.iter().all(|w| w.abs() <= 1.0 / 6.0 && *w != 0.0));
    assert_eq!(network.logits(&images(), Mode::Eval)?.dims(), [4, 5]);
    network.resize_head(2, &mut Stream::new(0, "zap", &[2]))?;
    assert_eq!(at(&network, "classifier.weight")?, weight[..72]);
    Ok(())
}

#[test]
fn wrong_images_and_tensors_are_errors_and_change_nothing() -> Result<()> {
    let mut network = network(0);
    for shape in [&[4, 1, 6, 6][..], &[4, 72], &[4, 2, 6, 5]] {
        assert!(network.logits(&test_tensor(shape, 1), Mode::Eval).is_err(), "{shape:?}");
    }
    let before = all_bits(&network);
    let mut tensors = Network::new(pooled(INPUT, 3), 1, &Device::Cpu)?.state_dict()?;
    tensors.insert("classifier.bias".into(), test_tensor(&[4], 1));
    assert!(network.load_state_dict(&tensors).is_err());
    tensors.remove("classifier.bias");
    let error = network.load_state_dict(&tensors).expect_err("a bias is missing");
    assert!(error.to_string().contains("classifier.bias is missing"), "{error}");
    assert_eq!(all_bits(&network), before);
    Ok(())
}

#[test]
fn loading_copies() -> Result<()> {
    let (mut a, b) = (network(0), network(1));
    a.load_state_dict(&b.state_dict()?)?;
    let before = all_bits(&b);
    assert_eq!(all_bits(&a), before);
    a.write(0, |numbers| {
        numbers.fill(0.0);
        Ok(())
    })?;
    assert_eq!(all_bits(&b), before);
    Ok(())
}

#[test]
fn a_pass_has_the_same_bits_for_any_number_of_threads() {
    let network = network(0);
    same_bits_for_any_threads(|| {
        let tape = Tape::new();
        let x = tape.leaf(&images());
        let forward = network.forward(&tape, &x, Mode::Train, Trainable::All).expect("a pass");
        let loss = cross_entropy(&tape, &forward.logits, &[0, 1, 2, 0], 0.0, Reduction::Mean).expect("a loss");
        let logits = forward.logits.tensor().clone();
        let mut gradients = tape.backward(&loss).expect("gradients");
        let leaves = forward.leaves.iter().flatten().chain([&x]);
        leaves.map(|leaf| gradients.take(leaf).expect("a gradient")).chain([logits]).collect()
    });
}
