//! FAB and Square against pyautoattack's results (tests/goldens/make_square_fab.py), and what holds for any network.

use super::boundary::{self, Rival, Walk};
use super::candidate::{Candidate, Patterns, share};
use super::*;
use crate::components::Value;
use crate::components::metrics;
use crate::components::testing::{Golden, spec};
use crate::nn::check::{bits, same_bits_for_any_threads};
use candle_core::Device;

const DRAWS: Draws = Draws { seed: 1, clock: 7 };
const NORMS: [(Norm, &str, f64); 3] = [(Norm::Linf, "linf", 0.035), (Norm::L2, "l2", 0.3), (Norm::L1, "l1", 2.5)];

fn golden() -> Golden {
    Golden::of(include_bytes!("../../../tests/goldens/square_fab.safetensors"))
}

fn network(golden: &Golden) -> Network {
    golden.network_for([2, 10, 10], 5)
}

fn attack(name: &str, norm: &str, eps: f64, more: &[(&str, Value)]) -> Box<dyn Attack> {
    let member = MEMBERS.iter().find(|member| member.name == name).unwrap();
    let mut given = vec![("norm", Value::Word(norm.into())), ("eps", Value::Real(eps))];
    given.extend_from_slice(more);
    build(&spec(member, &given))
}

fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
    tensor.flatten_from(1).unwrap().to_vec2().unwrap()
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn survivors(network: &Network, images: &Tensor, labels: &[u32]) -> Vec<bool> {
    metrics::correct(&network.logits(images, Mode::Eval).unwrap(), labels).unwrap()
}

#[test]
fn moves_onto_hyperplanes_are_those_of_the_reference() {
    let golden = golden();
    for (norm, name, _) in NORMS {
        let of = |part: &str| rows(golden.get(&format!("projection.{name}.{part}")));
        let b: Vec<f32> = golden.get(&format!("projection.{name}.b")).to_vec1().unwrap();
        let mut reached = 0;
        for (i, ((t, w), expected)) in of("t").iter().zip(of("w")).zip(of("d")).enumerate() {
            let d = hyperplane::project(norm, t, &w, b[i]);
            let error = largest(&d, &expected);
            assert!(error < 1e-5, "{name} {i}: {error}");
            let moved: Vec<f32> = t.iter().zip(&d).map(|(t, d)| t + d).collect();
            assert!(moved.iter().all(|x| (-1e-6..=1.0 + 1e-6).contains(x)), "{name} {i}");
            reached += usize::from((hyperplane::dot(&w, &moved) - b[i]).abs() < 1e-4);
        }
        assert!((15..30).contains(&reached), "{name}: {reached} of 30 hyperplanes pass through the box");
    }
}

#[test]
fn the_l1_ball_within_the_box_is_that_of_the_reference() {
    let golden = golden();
    let [x, y, r] = ["ball.x", "ball.y", "ball.r"].map(|name| rows(golden.get(name)));
    for ((x, y), r) in x.iter().zip(&y).zip(&r) {
        let back = l1::way_back(x, y, 3.0);
        let found: Vec<f32> = x.iter().zip(y).map(|(&x, &y)| back(x, y)).collect();
        assert!(largest(&found, r) < 1e-5);
        let size: f32 = y.iter().zip(&found).map(|(y, r)| (y + r).abs()).sum();
        assert!(size < 3.0 + 1e-4, "{size}");
    }
}

#[test]
fn the_first_steps_of_fab_are_those_of_the_reference() {
    let golden = golden();
    let (network, batch) = (network(&golden), golden.batch("images", "labels"));
    for (norm, name, _) in NORMS {
        for (kind, rival) in [("fab_t", Rival::Rank(1)), ("fab", Rival::Nearest)] {
            for iters in [1, 3] {
                // A budget that nothing meets, so that no image leaves early.
                let walk = Walk { norm, iters, enough: -1.0 };
                let starts = rows(&batch.pixels);
                let found = walk.run(&network, Mode::Eval, &batch, starts, rival).unwrap();
                let expected = rows(golden.get(&format!("{kind}.{name}.{iters}")));
                let mut wrong = 0;
                for (i, (found, expected)) in found.into_iter().zip(expected).enumerate() {
                    let original = &rows(&batch.pixels)[i];
                    let (image, distance) =
                        found.map_or_else(|| (original.clone(), 0.0), |found| (found.image, found.distance));
                    let error = largest(&image, &expected);
                    assert!(error < 1e-5, "{kind} {name}, {iters} steps, image {i}: {error}");
                    let change: Vec<f32> = expected.iter().zip(original).map(|(a, b)| a - b).collect();
                    assert!((distance - boundary::length(norm, &change)).abs() < 1e-4, "{kind} {name} {i}");
                    wrong += usize::from(distance > 0.0);
                }
                assert!(wrong > 0, "{kind} {name}: {iters} steps find something");
            }
        }
    }
}

#[test]
fn fab_fools_the_images_that_the_reference_fools() {
    let golden = golden();
    let (network, batch) = (network(&golden), golden.batch("images", "labels"));
    for (norm, name, eps) in NORMS {
        for (kind, more) in [("fab_t", ("targets", Value::Int(4))), ("fab", ("restarts", Value::Int(1)))] {
            let images = attack(kind, name, eps, &[more]).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
            let expected = golden.labels(&format!("{kind}.{name}.survive"));
            let found: Vec<u32> = survivors(&network, &images, &batch.labels).into_iter().map(u32::from).collect();
            assert_eq!(found, expected, "{kind} {name}");
            within(norm, eps, &images, &batch.pixels);
        }
    }
}

/// In 0..=1, and no farther from the originals than `eps`.
fn within(norm: Norm, eps: f64, images: &Tensor, originals: &Tensor) {
    for (image, original) in rows(images).iter().zip(rows(originals)) {
        assert!(image.iter().all(|x| (-1e-6..=1.0 + 1e-6).contains(x)), "{norm:?}");
        let change: Vec<f32> = image.iter().zip(original).map(|(a, b)| a - b).collect();
        let size = boundary::length(norm, &change);
        assert!(f64::from(size) <= eps * (1.0 + 1e-5) + 1e-6, "{norm:?}: {size}");
    }
}

#[test]
fn squares_shrink_as_published() {
    let queries =
        [0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 6000, 6001, 8000, 8001, 9999];
    let expected: Vec<f64> = golden().get("share").to_vec1().unwrap();
    assert_eq!(queries.map(|query| share(0.8, query)).to_vec(), expected);
    let frame = |norm| Candidate { norm, eps: 0.1, channels: 1, height: 28, width: 28 };
    let sides = |norm: Norm| [0.8, 0.1, 0.05, 0.001].map(|share| frame(norm).side(share));
    assert_eq!(sides(Norm::Linf), [25, 9, 6, 1]);
    assert_eq!(sides(Norm::L2), [25, 9, 7, 3]);
    assert_eq!(Candidate { width: 6, ..frame(Norm::L2) }.side(0.8), 6, "a square fits into the image");
}

#[test]
fn searches_are_those_of_the_reference_on_the_same_draws() {
    let golden = golden();
    let (network, batch) = (network(&golden), golden.batch("images", "labels"));
    for (norm, name, eps) in NORMS {
        for loss in if norm == Norm::Linf { &["margin", "ce"][..] } else { &["margin"] } {
            let search = |queries: i64| {
                attack("square", name, eps, &[("queries", Value::Int(queries)), ("loss", Value::Word((*loss).into()))])
            };
            let survive = golden.labels(&format!("square.{name}.{loss}.survive"));
            let images = search(400).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
            let found: Vec<u32> = survivors(&network, &images, &batch.labels).into_iter().map(u32::from).collect();
            assert_eq!(found, survive, "{name} {loss}");
            within(norm, eps, &images, &batch.pixels);
            // The images of those that were fooled, by 30 queries and by 400.
            for queries in [30, 400] {
                let images = rows(&search(queries).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap());
                let expected = golden.get(&format!("square.{name}.{loss}.{queries}"));
                let fooled = survivors(&network, expected, &batch.labels);
                for (i, (image, expected)) in images.iter().zip(rows(expected)).enumerate().filter(|(i, _)| !fooled[*i])
                {
                    let error = largest(image, &expected);
                    assert!(error < 1e-5, "{name} {loss}, {queries} queries, image {i}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_search_starts_where_the_reference_starts() {
    let golden = golden();
    let batch = golden.batch("images", "labels");
    for (norm, name, eps) in NORMS {
        let frame = Candidate { norm, eps: eps as f32, channels: 2, height: 10, width: 10 };
        let patterns = Patterns::new(norm, frame.start_side());
        let expected = rows(golden.get(&format!("square.{name}.margin.0")));
        for ((image, &id), expected) in rows(&batch.pixels).iter().zip(&batch.ids).zip(expected) {
            let start = frame.start(image, &patterns, &mut DRAWS.stream("square", &[id, 7, 0]));
            assert!(largest(&start, &expected) < 1e-6, "{name} {id}");
        }
    }
}

#[test]
fn images_of_any_size_have_starts_and_squares() {
    for (height, width) in [(1, 1), (3, 7), (12, 12), (14, 9)] {
        for (norm, ..) in NORMS {
            let frame = Candidate { norm, eps: 0.2, channels: 3, height, width };
            let mut stream = DRAWS.stream("square", &[]);
            let x = vec![0.5; 3 * height * width];
            let start = frame.start(&x, &Patterns::new(norm, frame.start_side()), &mut stream);
            let patterns = Patterns::new(norm, frame.side(0.5));
            let next = frame.next(&x, &start, &patterns, &mut stream);
            assert!(next.iter().all(|x| (0.0..=1.0).contains(x)), "{norm:?} {height}x{width}: {next:?}");
        }
    }
}

#[test]
fn an_image_is_searched_alike_whatever_stands_beside_it_and_on_any_number_of_threads() {
    let golden = golden();
    let (network, batch) = (network(&golden), golden.batch("images", "labels"));
    let places = [5usize, 1, 7];
    let part = batch.pick(&places).unwrap();
    let index = Tensor::new(&[5u32, 1, 7], &Device::Cpu).unwrap();
    for (_, name, eps) in NORMS {
        let few = [("iters", Value::Int(5)), ("restarts", Value::Int(2))];
        let fab = attack("fab", name, eps, &few);
        let fab_t = attack("fab_t", name, eps, &few);
        let square = attack("square", name, eps, &[("queries", Value::Int(40)), ("restarts", Value::Int(2))]);
        for attack in [fab, fab_t, square] {
            let whole = attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
            let alone = attack.perturb(&network, Mode::Eval, &part, &DRAWS).unwrap();
            assert_eq!(bits(&whole.index_select(&index, 0).unwrap()), bits(&alone), "{name}");
            same_bits_for_any_threads(|| vec![attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap()]);
        }
    }
}

#[test]
fn restarts_fool_more_images_and_a_budget_of_nothing_fools_none() {
    let golden = golden();
    let (network, batch) = (network(&golden), golden.batch("images", "labels"));
    let standing = |attack: Box<dyn Attack>| {
        let images = attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
        survivors(&network, &images, &batch.labels).into_iter().filter(|&right| right).count()
    };
    let square = |restarts: i64| {
        attack("square", "linf", 0.05, &[("queries", Value::Int(20)), ("restarts", Value::Int(restarts))])
    };
    assert!(standing(square(6)) < standing(square(1)));
    for (name, more) in
        [("fab", ("iters", Value::Int(3))), ("fab_t", ("iters", Value::Int(3))), ("square", ("queries", Value::Int(5)))]
    {
        for (_, norm, _) in NORMS {
            assert_eq!(
                standing(attack(name, norm, 0.3, std::slice::from_ref(&more)).with_eps(0.0)),
                8,
                "{name} {norm}"
            );
        }
    }
    assert_eq!((square(2).passes(), square(2).forwards()), (0, 42));
    let fab_t = attack("fab_t", "l2", 0.3, &[("targets", Value::Int(4)), ("restarts", Value::Int(2))]);
    assert_eq!((fab_t.passes(), fab_t.forwards(), fab_t.eps(), fab_t.norm()), (800, 800, 0.3, Norm::L2));
    let ensemble = |more: &[(&str, Value)]| attack("autoattack", "linf", 0.1, more).forwards();
    assert_eq!(ensemble(&[]) - ensemble(&[("queries", Value::Int(500))]), 4500);
}
