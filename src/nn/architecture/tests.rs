use super::testing::{conv, linear, norm, pooled, residual};
use super::*;

/// conv1; two stages of a pre-activation block, the second with a shortcut; bn; classifier.
fn preact() -> Architecture {
    let mut second = residual("b", 4, 4);
    if let Layer::Residual { shortcut, .. } = &mut second {
        shortcut.push(conv("b.shortcut.0", 4, 4));
    }
    let layers = vec![
        conv("conv1", 1, 4),
        Layer::Stage(vec![residual("a", 4, 4)]),
        Layer::Stage(vec![second]),
        norm("bn", 4),
        Layer::GlobalAvgPool,
        linear("linear", 4, 3),
    ];
    Architecture { input: Input::Image([1, 5, 5]), classes: 3, layers }
}

#[test]
fn a_layer_owns_its_bias_and_the_norm_that_follows_it() {
    let parts = preact().parts();
    let found: Vec<(&str, usize, Option<usize>)> = parts.iter().map(|p| (p.name.as_str(), p.layer, p.block)).collect();
    let expected = [
        ("conv1.weight", 0, None),
        ("conv1.bias", 0, None),
        // before the first convolution of its block: the layer before
        ("a.bn1.weight", 0, Some(0)),
        ("a.bn1.bias", 0, Some(0)),
        ("a.conv1.weight", 1, Some(0)),
        ("a.conv1.bias", 1, Some(0)),
        ("b.bn1.weight", 1, Some(1)),
        ("b.bn1.bias", 1, Some(1)),
        ("b.conv1.weight", 2, Some(1)),
        ("b.conv1.bias", 2, Some(1)),
        ("b.shortcut.0.weight", 3, Some(1)),
        ("b.shortcut.0.bias", 3, Some(1)),
        ("bn.weight", 3, None),
        ("bn.bias", 3, None),
        ("linear.weight", 4, None),
        ("linear.bias", 4, None),
    ];
    assert_eq!(found, expected);
    let heads: Vec<&str> = parts.iter().filter(|p| p.head).map(|p| p.name.as_str()).collect();
    assert_eq!(heads, ["linear.weight", "linear.bias"]);
}

#[test]
fn layers_blocks_and_features_are_counted() {
    let network = preact();
    assert_eq!(network.layers(), ["conv1", "a.conv1", "b.conv1", "b.shortcut.0", "linear"]);
    assert_eq!((network.blocks(), network.penultimate()), (2, 4));
    assert_eq!(network.head(), Some("linear"));
    let buffers: Vec<(String, usize)> = network.buffers().into_iter().map(|b| (b.name, b.layer)).collect();
    assert_eq!(buffers.len(), 9);
    assert_eq!(buffers[3], ("b.bn1.running_mean".to_string(), 1));
    assert_eq!(buffers[8], ("bn.num_batches_tracked".to_string(), 3));
}

#[test]
fn other_classes_change_the_head_alone() {
    let (old, new) = (pooled([1, 6, 6], 2), pooled([1, 6, 6], 2).with_classes(7));
    assert_eq!(new, pooled([1, 6, 6], 7));
    for (old, new) in old.parts().into_iter().zip(new.parts()) {
        assert_eq!(old.shape != new.shape, new.head, "{}", new.name);
    }
}

#[test]
fn a_bias_starts_by_its_weights_fan_in() {
    let parts = pooled([2, 6, 6], 2).parts();
    let fan: Vec<(&str, usize)> = parts.iter().map(|p| (p.name.as_str(), p.fan_in)).collect();
    assert_eq!(fan[..2], [("block.conv.weight", 18), ("block.conv.bias", 18)]);
    assert_eq!(fan[4..], [("classifier.weight", 36), ("classifier.bias", 36)]);
}
