//! Metrics against PyTorch's numbers (tests/goldens/make_attacks.py) and against doing without the short cuts.

use super::*;
use crate::components::attacks::{self, Attack, Norm, fgsm, pgd};
use crate::components::objectives::{Batch, Draws};
use crate::components::testing::{Golden, spec};
use crate::components::{Family, Metric, Problem, Value};
use crate::nn::network::{Mode, Network};
use candle_core::{Device, Result, Tensor};
use std::ops::Range;
use std::sync::Arc;

const DRAWS: Draws = Draws { seed: 1, clock: 7 };

struct Split(Batch);

impl Examples for Split {
    fn count(&self) -> usize {
        self.0.labels.len()
    }

    fn batch(&self, range: Range<usize>) -> Result<Batch> {
        Ok(Batch {
            pixels: self.0.pixels.narrow(0, range.start, range.len())?,
            labels: self.0.labels[range.clone()].to_vec(),
            ids: self.0.ids[range].to_vec(),
        })
    }
}

fn pgd(norm: &str) -> Spec {
    let given = [
        ("norm", Value::Word(norm.into())),
        ("eps", Value::Real(0.1)),
        ("iters", Value::Int(4)),
        ("step", Value::Real(0.02)),
    ];
    spec(&pgd::MEMBER, &given)
}

fn measure(member: &'static Member, given: &[(&str, Value)]) -> Measure {
    Measure::build(&spec(member, given), None, &mut no_costs).unwrap()
}

fn no_costs(file: &str) -> std::result::Result<Arc<Costs>, Problem> {
    panic!("{file} is asked for")
}

#[test]
fn accuracy_and_loss_are_pytorchs() {
    let golden = Golden::load();
    let split = Split(golden.batch("images", "labels"));
    let fgsm = spec(&fgsm::MEMBER, &[("eps", Value::Real(4.0 / 255.0))]);
    let measures = [
        measure(&loss::MEMBER, &[]),
        measure(&clean::MEMBER, &[]),
        measure(&robust::MEMBER, &[("attack", Value::Component(fgsm))]),
    ];
    let found = evaluate(&golden.network(), &split, &measures, 3, &DRAWS).unwrap();
    let losses: Vec<f32> = golden.get("losses").to_vec1().unwrap();
    for (found, &expected) in found[0].per_example.iter().zip(&losses) {
        assert!((found - f64::from(expected)).abs() < 1e-5 * f64::from(expected).max(0.1), "{found} for {expected}");
    }
    let labels = golden.labels("labels");
    let equal = |predicted: &str| -> Vec<f64> {
        golden.labels(predicted).iter().zip(&labels).map(|(a, b)| f64::from(u8::from(a == b))).collect()
    };
    assert_eq!(found[1].per_example, equal("predicted"));
    assert_eq!(found[1].value, 5.0 / 8.0);
    let withstood = equal("fgsm.predicted").iter().zip(equal("predicted")).map(|(a, b)| a * b).collect::<Vec<_>>();
    assert_eq!(found[2].per_example, withstood);
    assert_eq!((found[2].n(), passes(&measures[2]), passes(&measures[1])), (8, 1, 0));
}

/// Gradient evaluations of an image at most.
fn passes(measure: &Measure) -> u64 {
    match measure {
        Measure::Robust(robust) => robust.stages().iter().map(|stage| stage.attack.passes()).sum(),
        _ => 0,
    }
}

#[test]
fn skipping_what_is_wrong_already_and_the_batch_size_change_nothing() {
    let golden = Golden::load();
    let (network, batch) = (golden.network(), golden.batch("images", "labels"));
    for norm in ["linf", "l2"] {
        let robust = || [measure(&robust::MEMBER, &[("attack", Value::Component(pgd(norm)))])];
        let adversarial = attacks::build(&pgd(norm)).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
        let right = |pixels: &Tensor| correct(&network.logits(pixels, Mode::Eval).unwrap(), &batch.labels).unwrap();
        let both = right(&batch.pixels).into_iter().zip(right(&adversarial));
        let expected: Vec<f64> = both.map(|(before, after)| f64::from(u8::from(before && after))).collect();
        for size in [1, 3, 8, 100] {
            let found = evaluate(&network, &Split(batch.clone()), &robust(), size, &DRAWS).unwrap();
            assert_eq!(found[0].per_example, expected, "{norm}, batches of {size}");
        }
    }
}

#[test]
fn the_first_of_equal_logits_counts_and_nan_is_wrong() {
    let rows = [[1f32, 2.0, 2.0], [1.0, 2.0, 2.0], [f32::NAN, 1.0, 0.0], [0.0, f32::NAN, 0.0], [f32::NAN; 3]];
    let logits = Tensor::new(&rows, &Device::Cpu).unwrap();
    assert_eq!(correct(&logits, &[1, 2, 1, 0, 0]).unwrap(), [true, false, false, false, false]);
    assert!(
        correct(&logits, &[0, 0, 3, 0, 0]).unwrap_err().to_string().contains("label 3 of a network with 3 classes")
    );
    assert!(correct(&logits, &[0]).unwrap_err().to_string().contains("1 labels for 5 images"));
}

#[test]
fn an_empty_split_cannot_be_measured() {
    let golden = Golden::load();
    let pixels = Tensor::zeros((0, 1, 12, 12), candle_core::DType::F32, &Device::Cpu).unwrap();
    let split = Split(Batch { pixels, labels: vec![], ids: vec![] });
    assert!(evaluate(&golden.network(), &split, &[Measure::Clean], 8, &DRAWS).is_err());
}

#[test]
fn a_bare_robust_means_the_objectives_attack() {
    let bare = spec(&robust::MEMBER, &[]);
    assert_eq!(Measure::build(&bare, None, &mut no_costs).err().unwrap().argument, Some("attack"));
    let built = |spec| Measure::build(spec, Some(&pgd("linf")), &mut no_costs).map(|measure| passes(&measure)).ok();
    assert_eq!(built(&bare), Some(4));
    let gap = spec(&gap::MEMBER, &[("metric", Value::Metric(Metric { split: None, spec: bare.clone() }))]);
    assert_eq!(built(&gap), Some(4));
}

#[test]
fn metrics_know_their_range_and_direction() {
    let clean = describe(&spec(&clean::MEMBER, &[]));
    assert!(clean.higher_is_better && clean.better(0.9, 0.8) && clean.bounds.max == 1.0);
    let loss = spec(&loss::MEMBER, &[]);
    assert!(describe(&loss).better(0.1, 0.2));
    let gap = describe(&spec(&gap::MEMBER, &[("metric", Value::Metric(Metric { split: None, spec: loss }))]));
    assert_eq!((gap.member.name, gap.higher_is_better, gap.unit), ("gap", false, MetricUnit::Nats));
    assert_eq!(gap.bounds.max, f64::INFINITY);
    assert!(MEMBERS.iter().all(|member| member.family == Family::Metric));
}

#[test]
fn mistakes_cost_what_the_matrix_says_and_nan_the_most_of_its_row() {
    let rows = [[3f32, 1.0, 2.0], [0.0, 5.0, 5.0], [0.0, 1.0, 2.0], [f32::NAN, 0.0, 9.0]];
    let logits = Tensor::new(&rows, &Device::Cpu).unwrap();
    let matrix = Matrix::parse("c.csv", b",a,b,c\na,0,1,2\nb,4,0,8\nc,16,32,0.5\n").unwrap();
    let costs = matrix.of_classes(&["a", "b", "c"].map(String::from)).unwrap();
    // Predicted a, b (the first of equals), c and nothing; true c, c, c and b.
    assert_eq!(logits::paid(&logits, &[2, 2, 2, 1], &costs).unwrap(), [16.0, 32.0, 0.5, 8.0]);
}

/// An attack that breaks the images of some ids from a budget on, whatever the network.
struct Breaks {
    ids: Vec<u64>,
    from: f64,
    eps: f64,
    parts: Vec<(&'static str, Breaks)>,
}

impl Breaks {
    fn alone(ids: &[u64], from: f64) -> Breaks {
        Breaks { ids: ids.to_vec(), from, eps: 0.1, parts: Vec::new() }
    }

    fn with(&self, eps: f64) -> Breaks {
        let parts = self.parts.iter().map(|(name, part)| (*name, part.with(eps))).collect();
        Breaks { ids: self.ids.clone(), from: self.from, eps, parts }
    }
}

impl Attack for Breaks {
    /// Noise that the network takes for something else, by trying; the image itself where it isn't to be broken.
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, _: &Draws) -> Result<Tensor> {
        let mut images = Vec::new();
        for (i, id) in batch.ids.iter().enumerate() {
            let image = batch.pixels.narrow(0, i, 1)?;
            let breaks = self.ids.contains(id) && self.eps >= self.from;
            let noise = |n: u64| -> Result<Tensor> {
                let mut pixels = vec![0.0; image.elem_count()];
                crate::nn::rng::Stream::new(n, "noise", &[*id]).fill_uniform(&mut pixels, 0.0, 1.0);
                Tensor::from_vec(pixels, image.shape(), image.device())
            };
            let wrong =
                |image: &Tensor| correct(&network.logits(image, mode).unwrap(), &batch.labels[i..=i]).unwrap()[0];
            images.push(match breaks {
                true => (0..500)
                    .map(|n| noise(n).unwrap())
                    .find(|image| !wrong(image))
                    .expect("some noise is taken for another class"),
                false => image,
            });
        }
        Tensor::cat(&images, 0)
    }

    fn passes(&self) -> u64 {
        1
    }

    fn parts(&self) -> Vec<(&'static str, &dyn Attack)> {
        self.parts.iter().map(|(name, part)| (*name, part as &dyn Attack)).collect()
    }

    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(self.with(eps))
    }
}

/// Ids of the golden images that are classified correctly: five of eight.
fn right_ids(golden: &Golden) -> Vec<u64> {
    let batch = golden.batch("images", "labels");
    let right = correct(&golden.network().logits(&batch.pixels, Mode::Eval).unwrap(), &batch.labels).unwrap();
    batch.ids.into_iter().zip(right).filter(|(_, right)| *right).map(|(id, _)| id).collect()
}

#[test]
fn parts_of_an_ensemble_try_what_is_left_and_budgets_go_up() {
    let golden = Golden::load();
    let ids = right_ids(&golden);
    let ensemble = Breaks {
        parts: vec![("apgd", Breaks::alone(&ids[..1], 0.0)), ("square", Breaks::alone(&ids[..3], 0.1))],
        ..Breaks::alone(&[], 0.0)
    };
    let split = Split(golden.batch("images", "labels"));
    let measures = [Measure::Robust(Robust::of(Box::new(ensemble.with(0.1)), &[0.05, 0.2]))];
    let found = evaluate(&golden.network(), &split, &measures, 3, &DRAWS).unwrap().remove(0);
    let parts: Vec<(&str, f64, usize)> =
        found.parts.iter().map(|p| (p.name.as_str(), p.value * 8.0, p.broke.unwrap())).collect();
    let expected = [
        ("eps 0.05 apgd", 4.0, 1),
        ("eps 0.05 square", 4.0, 0),
        ("eps 0.1 apgd", 4.0, 0),
        ("eps 0.1 square", 2.0, 2),
        ("eps 0.2 apgd", 2.0, 0),
        ("eps 0.2 square", 2.0, 0),
    ];
    assert_eq!(parts, expected);
    assert_eq!(found.value, 2.0 / 8.0);
    let broken = found.broken_by.iter().flatten().filter(|by| *by == "eps 0.1 square").count();
    let wrong = found.broken_by.iter().flatten().filter(|by| *by == "clean").count();
    assert_eq!((broken, wrong, found.broken_by.iter().filter(|by| by.is_none()).count()), (2, 3, 2));
    assert_eq!(found.flags[0].code, "square-beats-white-box");
    assert!(found.flags[0].seen.starts_with("square broke 2 images"), "{:?}", found.flags);
}

#[test]
fn what_only_a_larger_budget_breaks_stands_at_the_attacks_own() {
    let golden = Golden::load();
    let ids = right_ids(&golden);
    let split = Split(golden.batch("images", "labels"));
    let measures = [Measure::Robust(Robust::of(Box::new(Breaks::alone(&ids, 0.2)), &[0.05, 0.2]))];
    let found = evaluate(&golden.network(), &split, &measures, 8, &DRAWS).unwrap().remove(0);
    assert_eq!(found.value, 5.0 / 8.0);
    assert_eq!(found.parts.iter().map(|p| p.value * 8.0).collect::<Vec<_>>(), [5.0, 5.0, 0.0]);
    assert_eq!(stages::shown(8.0 / 255.0), "8/255");
}

#[test]
fn an_evaluation_saved_after_each_piece_comes_to_the_same() {
    let golden = Golden::load();
    let (network, split) = (golden.network(), Split(golden.batch("images", "labels")));
    let ids = right_ids(&golden);
    let measures = || {
        let ensemble = Breaks {
            parts: vec![("a", Breaks::alone(&ids[..2], 0.0)), ("b", Breaks::alone(&ids[1..3], 0.0))],
            ..Breaks::alone(&[], 0.0)
        };
        let attack = spec(&robust::MEMBER, &[("attack", Value::Component(pgd("l2")))]);
        [
            measure(&loss::MEMBER, &[]),
            Measure::Robust(Robust::of(Box::new(ensemble), &[])),
            Measure::build(&attack, None, &mut no_costs).unwrap(),
        ]
    };
    let whole = evaluate(&network, &split, &measures(), 8, &DRAWS).unwrap();
    let mut saved = serde_json::to_string(&Evaluation::default()).unwrap();
    let mut pieces = 0;
    let found = loop {
        let measures = measures();
        let work = Work {
            network: &network,
            examples: &split,
            measures: &measures,
            batch_size: 5,
            piece: &|_| 2,
            draws: DRAWS,
        };
        let mut evaluation: Evaluation = serde_json::from_str(&saved).unwrap();
        assert!(evaluation.fits(&measures, 8));
        pieces += 1;
        let over = evaluation.step(&work).unwrap();
        saved = serde_json::to_string(&evaluation).unwrap();
        let standing = evaluation.standing(&work);
        assert_eq!((standing.share == 1.0, standing.done == 8, standing.of), (over, over, 8));
        if over {
            break evaluation.finish(&measures);
        }
    };
    assert!(pieces > 6, "two batches, each attacked in pieces");
    assert_eq!(found, whole);
    let other: Evaluation = serde_json::from_str(r#"{"done":3,"found":[[0,1]]}"#).unwrap();
    assert!(!other.fits(&measures(), 8), "a file may say anything");
}
