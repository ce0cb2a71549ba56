use super::*;
use crate::nn::architecture::testing::{conv, linear, norm, pooled, residual};

#[test]
fn costs_are_counted_by_hand() {
    // conv 1→4 on 6x6, pool to 3x3, linear 36→2
    let network = pooled([1, 6, 6], 2);
    assert_eq!(network.check(), Ok(()));
    assert_eq!(network.forward_flops(), 2 * (4 * 36 * 9) + 2 * (36 * 2));
    // image, conv, norm, relu, pool, flatten, linear
    let numbers = 36 + 144 + 144 + 144 + 36 + 36 + 2;
    assert_eq!(network.activation_bytes(3), numbers * 4 * 3);
}

#[test]
fn what_does_not_fit_is_said_in_the_users_words() {
    let says = |layers: Vec<Layer>, words: &str| {
        let found = Architecture { input: Input::Image([1, 6, 6]), classes: 2, layers }.check().expect_err(words);
        assert!(found.contains(words), "{found}");
    };
    let pool = || Layer::MaxPool { kernel: 2, stride: 2 };
    says(vec![conv("a", 3, 4)], "a takes 3 channels, but gets 1");
    says(vec![norm("a", 2)], "a takes 2 channels, but gets 1");
    says(vec![pool(), pool(), pool()], "a 2x2 max-pool does not fit on what is left of the image there, 1x1");
    says(vec![linear("fc", 36, 2)], "the linear layer fc takes a vector, but gets 1 channels of 6x6; put flatten");
    says(vec![Layer::Flatten, linear("fc", 35, 2)], "fc takes 35 inputs, but gets 36");
    says(vec![Layer::Flatten, conv("a", 1, 4)], "the 3x3 convolution a takes an image, but gets a vector of 36");
    says(vec![residual("r", 1, 4)], "they must agree");
    says(vec![Layer::Flatten, linear("fc", 36, 3)], "the model's output is a vector of 3, the data has 2 classes");
    says(vec![Layer::Flatten], "no linear layer");
    says(vec![Layer::Normalize { mean: vec![0.1; 3], std: vec![1.0; 3] }], "3 means and 3 deviations are given");
}

#[test]
fn nothing_overflows_on_absurd_sizes() {
    let huge = usize::MAX;
    let pool = |kernel, stride| Layer::MaxPool { kernel, stride };
    let wide = |padding| Layer::Conv {
        name: "a".into(),
        input: 1,
        output: huge,
        kernel: 3,
        stride: 1,
        padding,
        bias: None,
        init: crate::nn::architecture::Init::Default,
    };
    for layers in [vec![pool(huge, 1)], vec![pool(2, 0)], vec![wide(huge)], vec![wide(1), Layer::Flatten]] {
        let network = Architecture { input: Input::Image([1, 6, 6]), classes: 2, layers };
        assert!(network.check().is_err());
        network.forward_flops();
        network.activation_bytes(huge);
    }
}
