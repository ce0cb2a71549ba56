//! The complete data sets, where they are at hand: `scripts/real_data.sh` downloads them and runs these tests.

use super::tests::{folder, per_class, places, spec};
use super::*;
use std::time::Instant;

/// Loads a set of the folder that `FSCHED_REAL_DATA` names and prints what it is.
fn complete(name: &str, at: &str) -> Dataset {
    let root = std::env::var_os("FSCHED_REAL_DATA").expect("scripts/real_data.sh sets FSCHED_REAL_DATA");
    let (spec, places) = (spec(name, &[folder(at)]), places(std::path::Path::new(&root)));
    let start = Instant::now();
    let facts = describe(&spec, &places, 0).unwrap();
    let described = start.elapsed();
    let data = load(&spec, &places, 0).unwrap();
    assert_eq!(data.facts, facts);
    println!("{name}(\"{at}\"): shape {:?}, {} classes, counts {:?}", facts.image(), facts.classes, facts.counts);
    println!(
        "  described in {described:.2?}, loaded in {:.2?}, checksum {}",
        start.elapsed() - described,
        data.checksum
    );
    data
}

/// Mean and standard deviation of each channel.
fn moments(examples: &Examples) -> Vec<(f64, f64)> {
    let [channels, height, width] = examples.shape();
    let plane = height * width;
    let mut sums = vec![(0.0, 0.0); channels];
    for start in (0..examples.len()).step_by(1000) {
        let pixels = examples.batch(&(start..(start + 1000).min(examples.len())).collect::<Vec<_>>());
        for (at, values) in pixels.chunks_exact(plane).enumerate() {
            let sum = &mut sums[at % channels];
            for value in values.iter().map(|value| f64::from(*value)) {
                *sum = (sum.0 + value, sum.1 + value * value);
            }
        }
    }
    let count = (examples.len() * plane) as f64;
    let moments: Vec<_> = sums.iter().map(|(s, q)| (s / count, (q / count - (s / count).powi(2)).sqrt())).collect();
    moments.iter().for_each(|(mean, deviation)| println!("  mean {mean:.8}, standard deviation {deviation:.8}"));
    moments
}

#[test]
#[ignore = "needs complete Fashion-MNIST: scripts/real_data.sh"]
fn complete_fashion_mnist() {
    let data = complete("idx", "fashion");
    assert_eq!((data.facts.image(), data.facts.counts), ([1, 28, 28], [60_000, 0, 10_000]));
    assert_eq!(per_class(data.train.all_labels(), 10), [6000; 10]);
    assert_eq!(per_class(data.test.all_labels(), 10), [1000; 10]);
    let (mean, deviation) = moments(&data.train)[0];
    // The published 0.2860 and 0.3530.
    assert!((mean - 0.2860).abs() < 5e-5 && (deviation - 0.3530).abs() < 5e-5);

    // The embedded part is the first 200 train and 50 test images of each class.
    let part = load(&spec("fashion", &[]), &Places::default(), 0).unwrap();
    for (all, part, most) in [(&data.train, &part.train, 200), (&data.test, &part.test, 50)] {
        let mut seen = [0; 10];
        let first: Vec<usize> = (0..all.len())
            .filter(|i| {
                let seen = &mut seen[all.all_labels()[*i] as usize];
                *seen += 1;
                *seen <= most
            })
            .collect();
        assert_eq!(all.labels(&first), part.all_labels());
        assert_eq!(all.batch(&first), part.batch(&(0..part.len()).collect::<Vec<_>>()));
    }
    println!("  the embedded part is its first 200 and 50 images of each class");
}

#[test]
#[ignore = "needs complete CIFAR-10: scripts/real_data.sh"]
fn complete_cifar10() {
    let data = complete("cifar10", "cifar10");
    assert_eq!((data.facts.image(), data.facts.counts), ([3, 32, 32], [50_000, 0, 10_000]));
    assert_eq!(per_class(data.train.all_labels(), 10), [5000; 10]);
    assert_eq!(per_class(data.test.all_labels(), 10), [1000; 10]);
    assert_eq!(data.train.labels(&[0, 1, 2, 3, 4]), [6, 9, 9, 4, 1]);
    let first = data.train.batch(&[0]);
    assert_eq!([first[0], first[1024], first[2048]], [59.0, 62.0, 63.0].map(|level: f32| level / 255.0));
    let published = [(0.49139968, 0.24703223), (0.48215841, 0.24348513), (0.44653091, 0.26158784)];
    for (found, published) in moments(&data.train).into_iter().zip(published) {
        assert!((found.0 - published.0).abs() < 1e-7 && (found.1 - published.1).abs() < 1e-7, "{found:?}");
    }
}
