//! Networks and attacks that make a robust accuracy doubtful, each in one way.

use super::*;
use crate::components::attacks::{Norm, pgd};
use crate::components::testing::{Golden, spec};
use candle_core::Device;
use std::collections::BTreeMap;

const DRAWS: Draws = Draws { seed: 1, clock: 7 };

fn attack() -> Spec {
    spec(&pgd::MEMBER, &[("eps", Argument::Real(0.1)), ("iters", Argument::Int(4))])
}

/// All golden images, and those of them that are right.
fn images(network: &Network) -> (Batch, Batch) {
    let batch = Golden::load().batch("images", "labels");
    let right = correct(&network.logits(&batch.pixels, Mode::Eval).unwrap(), &batch.labels).unwrap();
    let places: Vec<usize> = (0..right.len()).filter(|i| right[*i]).collect();
    let right = batch.pick(&places).unwrap();
    (batch, right)
}

/// Half of 1000 images withstood `attack`; those that it broke are the same as those that are right.
fn checked<'a>(network: &'a Network, images: &'a Batch, right: &'a Batch, attack: &'a Spec) -> Checked<'a> {
    Checked { network, loaded: true, images, right, broken: right, attack, of: (1000, 500), draws: DRAWS }
}

fn codes(network: &Network) -> Vec<String> {
    let (images, right) = images(network);
    let attack = attack();
    let checked = Checked { of: (10_000, 5000), ..checked(network, &images, &right, &attack) };
    check(&checked).unwrap().into_iter().map(|flag| flag.code).collect()
}

/// The golden network with its head scaled and moved.
fn with_head(scale: f64, bias: Option<f32>) -> Network {
    let mut network = Golden::load().network();
    let mut weights: BTreeMap<String, Tensor> = network.state_dict().unwrap();
    for (name, tensor) in &mut weights {
        if name.starts_with("classifier") {
            *tensor = (tensor.clone() * scale).unwrap();
        }
        if let (Some(bias), "classifier.bias") = (bias, name.as_str()) {
            *tensor = Tensor::full(bias, tensor.shape(), &Device::Cpu).unwrap();
        }
    }
    network.load_state_dict(&weights).unwrap();
    network
}

#[test]
fn an_honest_network_raises_nothing() {
    let network = Golden::load().network();
    let (images, right) = images(&network);
    let broken = right.pick(&[]).unwrap();
    let attack = attack();
    let checked = Checked { broken: &broken, ..checked(&network, &images, &right, &attack) };
    assert_eq!(check(&checked).unwrap(), []);
}

#[test]
fn a_saturated_softmax_has_no_gradients() {
    let network = with_head(1e6, None);
    let (images, right) = images(&network);
    assert_eq!(right.labels.len(), 5, "no prediction changes");
    let flag = zero_gradients(&network, &images).unwrap().unwrap();
    assert_eq!(flag.code, "zero-gradients");
    assert!(flag.seen.ends_with("of 8 images"), "{}", flag.seen);
    assert!(codes(&network).contains(&"zero-gradients".to_string()));
}

#[test]
fn outputs_that_sum_to_one_are_probabilities() {
    assert!(codes(&with_head(0.0, Some(0.25))).contains(&"probabilities".to_string()));
    let logits = Tensor::new(&[[0.2f32, 0.8], [0.5, 0.6]], &Device::Cpu).unwrap();
    assert_eq!(probabilities(&logits).unwrap(), None, "all of them must");
}

#[test]
fn outputs_that_differ_are_random() {
    let logits = |x: f32| Tensor::new(&[[x, 0.0]], &Device::Cpu).unwrap();
    assert_eq!(random(&logits(1.0), &logits(1.0)).unwrap(), None);
    assert_eq!(random(&logits(1.0), &logits(1.0000001)).unwrap().unwrap().code, "random-outputs");
}

#[test]
fn a_network_that_wants_normalized_pixels_is_known() {
    let (network, golden) = (Golden::load().network(), Golden::load());
    let batch = golden.batch("images", "labels");
    let mean = batch.pixels.mean_all().unwrap().to_scalar::<f32>().unwrap();
    let spread = (&batch.pixels - f64::from(mean)).unwrap().sqr().unwrap().mean_all().unwrap().sqrt().unwrap();
    let spread = f64::from(spread.to_scalar::<f32>().unwrap());
    // Pixels that the network's own are the normalized ones of, up to a shift and a factor.
    let pixels = ((&batch.pixels * 0.001).unwrap() + 0.5).unwrap();
    let outside = ((&batch.pixels - f64::from(mean)).unwrap() / spread).unwrap();
    let labels = network.logits(&outside, Mode::Eval).unwrap().argmax(1).unwrap().to_vec1::<u32>().unwrap();
    let shown = Batch { pixels, labels, ids: batch.ids };
    let logits = network.logits(&shown.pixels, Mode::Eval).unwrap();
    assert_eq!(normalized_outside(&network, &shown, &logits).unwrap(), None, "8 images are too few");
    let shown = shown.pick(&[0, 1, 2, 3, 4, 5, 6, 7].repeat(20)).unwrap();
    let logits = network.logits(&shown.pixels, Mode::Eval).unwrap();
    let flag = normalized_outside(&network, &shown, &logits).unwrap().unwrap();
    assert!(flag.code == "normalized-outside" && flag.seen.contains("100.0% normalized"), "{flag:?}");
}

/// Breaks everything, whatever its budget is, or nothing.
struct Careless {
    breaks: bool,
}

impl Attack for Careless {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, _: &Draws) -> Result<Tensor> {
        if !self.breaks {
            return Ok(batch.pixels.clone());
        }
        let of = |i: usize| -> Result<Tensor> {
            let noise = |n: u64| -> Result<Tensor> {
                let mut pixels = vec![0.0; batch.pixels.elem_count() / batch.labels.len()];
                crate::nn::rng::Stream::new(n, "noise", &[]).fill_uniform(&mut pixels, 0.0, 1.0);
                Tensor::from_vec(pixels, batch.pixels.narrow(0, i, 1)?.shape(), &Device::Cpu)
            };
            let breaks =
                |image: &Tensor| !correct(&network.logits(image, mode).unwrap(), &batch.labels[i..=i]).unwrap()[0];
            Ok((0..500).map(|n| noise(n).unwrap()).find(breaks).expect("some noise is taken for another class"))
        };
        Tensor::cat(&(0..batch.labels.len()).map(of).collect::<Result<Vec<_>>>()?, 0)
    }

    fn passes(&self) -> u64 {
        0
    }

    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn eps(&self) -> f64 {
        0.1
    }

    fn with_eps(&self, _: f64) -> Box<dyn Attack> {
        Box::new(Careless { breaks: self.breaks })
    }
}

#[test]
fn attacks_that_leave_their_budget_or_get_weaker_are_found() {
    let network = Golden::load().network();
    let (images, right) = images(&network);
    let attack = attack();
    let checked = checked(&network, &images, &right, &attack);
    let flag = still_right(&checked, Careless { breaks: true }.with_eps(0.0).as_ref()).unwrap().unwrap();
    assert_eq!((flag.code.as_str(), &flag.seen[..28]), ("budget-zero-breaks", "with a budget of 0, 5 of 5 i"));
    assert_eq!(still_right(&checked, &Careless { breaks: false }).unwrap(), None);
    let flag = weaker(&checked, &Careless { breaks: false }, 10).unwrap().unwrap();
    assert_eq!(flag.code, "more-steps-weaker");
    assert_eq!(flag.seen, "5 of 5 images that 10 steps break withstand 20 steps");
    assert_eq!(weaker(&checked, &Careless { breaks: true }, 10).unwrap(), None);
}

#[test]
fn few_images_and_guesses_are_told_of() {
    assert_eq!(small_sample((100, 50)).unwrap().seen, "100 images: the share lies between 40.4% and 59.6%");
    assert_eq!(small_sample((1000, 500)), None);
    let guesses = Tensor::zeros((40, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
    let labels: Vec<u32> = (0..40).map(|i| i % 4).collect();
    let pixels = Tensor::zeros((40, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
    let images = Batch { pixels, labels, ids: (0..40).collect() };
    assert_eq!(
        at_chance(&guesses, &images).unwrap().unwrap().seen,
        "10 of 40 images are right as they are, among 4 classes"
    );
}

#[test]
fn square_is_held_against_the_other_attacks_of_its_budget() {
    let part = |name: &str, value: f64, broke: usize| Part { name: name.into(), value, broke: Some(broke) };
    let last = |broke: usize| {
        let left = 0.4 - broke as f64 / 1000.0;
        black_box(&[part("apgd_ce", 0.5, 100), part("apgd_t", 0.4, 100), part("square", left, broke)], 1000)
    };
    assert_eq!(last(2), None, "0.2 % are not more than 0.2 %");
    assert_eq!(last(3).unwrap().seen, "square broke 3 images that withstood all attacks with gradients");
    let plus = [part("fab", 0.5, 100), part("square", 0.4, 100), part("apgd_t", 0.4, 0), part("fab_t", 0.4, 0)];
    assert_eq!(black_box(&plus, 1000), None, "the attacks after it leave no more than it did");
    let budgets = [
        part("eps 0.1 apgd_ce", 0.5, 100),
        part("eps 0.1 square", 0.4, 100),
        part("eps 0.2 apgd_ce", 0.3, 100),
        part("eps 0.2 square", 0.3, 0),
    ];
    assert_eq!(black_box(&budgets, 1000).unwrap().code, "square-beats-white-box");
    assert_eq!(black_box(&[part("eps 0.1", 0.5, 100), part("eps 0.2 square", 0.4, 100)], 1000), None);
}
