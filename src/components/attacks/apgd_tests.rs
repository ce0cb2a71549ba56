//! Auto-PGD against pyautoattack's (tests/goldens/make_autoattack.py), and what holds for any network.

use super::*;
use crate::components::testing::{Golden, spec};
use crate::nn::check::bits;
use crate::nn::network::Network;
use apgd::Apgd;
use candle_core::Tensor;
use tests::largest_difference;

const DRAWS: Draws = Draws { seed: 1, clock: 7 };
const MEMBERS: [(&str, &Member); 3] = [("ce", &apgd_ce::MEMBER), ("dlr", &apgd_dlr::MEMBER), ("t", &apgd_t::MEMBER)];

fn eps(norm: &str) -> f64 {
    match norm {
        "linf" => 0.012,
        "l2" => 0.1,
        _ => 0.6,
    }
}

fn attack(loss: &str, norm: &str, iters: i64, more: &[(&str, Value)]) -> Apgd {
    let member = MEMBERS.iter().find(|(name, _)| *name == loss).unwrap().1;
    let mut given =
        vec![("norm", Value::Word(norm.into())), ("eps", Value::Real(eps(norm))), ("iters", Value::Int(iters))];
    given.extend_from_slice(more);
    let losses = [loss::Loss::Ce, loss::Loss::Dlr, loss::Loss::DlrTargeted];
    let at = MEMBERS.iter().position(|(name, _)| *name == loss).unwrap();
    let attack = Apgd::of(&spec(member, &given), losses[at]);
    if loss == "t" { attack.aiming_at(9) } else { attack }
}

/// The classes that are second for the network.
fn second(network: &Network, batch: &Batch) -> Vec<u32> {
    let rows: Vec<Vec<f32>> = network.logits(&batch.pixels, Mode::Eval).unwrap().to_vec2().unwrap();
    let second = |row: Vec<f32>| {
        let mut order: Vec<u32> = (0..row.len() as u32).collect();
        order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        order[1]
    };
    rows.into_iter().map(second).collect()
}

/// Each combination of norm, whether l1 goes through wider balls first, and loss.
fn kinds() -> impl Iterator<Item = (&'static str, bool, &'static str)> {
    let norms = [("linf", false), ("l2", false), ("l1", false), ("l1", true)];
    norms.into_iter().flat_map(|(norm, multi)| MEMBERS.map(|(loss, _)| (norm, multi, loss)))
}

/// The reference's start of these ascents, gone on from here; and what it found, under this key.
fn ascended(iters: i64, length: &str, (norm, multi, loss): (&str, bool, &str)) -> (ascent::Found, String) {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    let batch = golden.batch(&format!("{length}.images"), &format!("{length}.labels"));
    let key = format!("{length}.{norm}.{loss}{}", if multi { ".multi" } else { "" });
    let given: &[(&str, Value)] = if norm == "l1" { &[("multi_eps", Value::Bool(multi))] } else { &[] };
    let attack = attack(loss, norm, iters, given);
    let second = second(&network, &batch);
    let ascent = attack.on(&network, Mode::Eval, &batch, (loss == "t").then_some(&second[..]));
    let start = golden.get(&format!("{key}.start")).copy().unwrap();
    (attack.ascend(&ascent, start).unwrap(), key)
}

fn fooled(golden: &Golden, key: &str) -> Vec<bool> {
    golden.labels(&format!("{key}.fooled")).into_iter().map(|fooled| fooled == 1).collect()
}

#[test]
fn ascents_come_to_the_points_of_pyautoattack() {
    let golden = Golden::autoattack();
    for kind in kinds() {
        let (found, key) = ascended(6, "few", kind);
        assert_eq!(found.fooled, fooled(&golden, &key), "{key}");
        assert!(found.fooled.contains(&true) && found.fooled.contains(&false), "{key}");
        let difference = largest_difference(&found.points, golden.get(&format!("{key}.points")));
        assert!(difference < 1e-6, "{key}: {difference}");
        // Of images that are fooled the reference goes on, up to higher losses.
        let losses: Vec<f32> = golden.get(&format!("{key}.losses")).to_vec1().unwrap();
        for ((found, expected), fooled) in found.losses.iter().zip(losses).zip(found.fooled) {
            assert!(
                fooled || (found - expected).abs() <= 1e-5 * expected.abs() + 1e-6,
                "{key}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn long_ascents_fool_the_images_that_pyautoattack_fools() {
    let golden = Golden::autoattack();
    for kind in kinds() {
        let (found, key) = ascended(100, "many", kind);
        assert_eq!(found.fooled, fooled(&golden, &key), "{key}");
    }
}

#[test]
fn an_image_is_attacked_alike_whatever_stands_beside_it_and_stays_in_its_ball() {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    let all = golden.batch("many.images", "many.labels");
    let places = [20, 1, 7];
    let part = all.pick(&places).unwrap();
    for (norm, multi, loss) in kinds().filter(|(_, multi, loss)| !multi || *loss == "ce") {
        let mut given = vec![("restarts", Value::Int(2)), ("eot", Value::Int(2))];
        given.extend(multi.then_some(("multi_eps", Value::Bool(true))));
        let attack = attack(loss, norm, 10, &given);
        let whole = attack.perturb(&network, Mode::Eval, &all, &DRAWS).unwrap();
        let found = attack.perturb(&network, Mode::Eval, &part, &DRAWS).unwrap();
        let index = Tensor::from_iter(places.map(|i| i as u32), &candle_core::Device::Cpu).unwrap();
        assert_eq!(bits(&whole.index_select(&index, 0).unwrap()), bits(&found), "{norm} {loss}");
        let moved: Vec<Vec<f32>> = (&whole - &all.pixels).unwrap().flatten_from(1).unwrap().to_vec2().unwrap();
        for row in moved {
            let length = match norm {
                "linf" => row.iter().fold(0f64, |most, d| most.max(f64::from(d.abs()))),
                "l2" => row.iter().map(|&d| f64::from(d) * f64::from(d)).sum::<f64>().sqrt(),
                _ => row.iter().map(|d| f64::from(d.abs())).sum(),
            };
            assert!(length <= eps(norm) * (1.0 + 1e-5) + 1e-6, "{norm} {loss}: {length}");
            assert!(length > 0.0, "{norm} {loss}: none stands still");
        }
        let all: Vec<f32> = whole.flatten_all().unwrap().to_vec1().unwrap();
        assert!(all.iter().all(|x| (0.0..=1.0).contains(x)), "{norm} {loss}");
    }
}

#[test]
fn images_that_are_wrong_already_stay_as_they_are() {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    let mut batch = golden.batch("many.images", "many.labels");
    batch.labels[3] = (batch.labels[3] + 1) % 4;
    let found = attack("ce", "linf", 3, &[]).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    let row = |images: &Tensor, i: usize| bits(&images.narrow(0, i, 1).unwrap().contiguous().unwrap());
    assert_eq!(row(&found, 3), row(&batch.pixels, 3));
    assert_ne!(row(&found, 4), row(&batch.pixels, 4));
}

#[test]
fn an_attack_takes_the_passes_that_it_says() {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    let one = golden.batch("many.images", "many.labels").pick(&[20]).unwrap();
    let count = |attack: &dyn Attack| {
        gradient::PASSES.set(0);
        let found = attack.perturb(&network, Mode::Eval, &one, &DRAWS).unwrap();
        let withstood = metrics_correct(&network, &found, &one.labels);
        assert!(withstood, "an image that is done takes fewer");
        gradient::PASSES.get()
    };
    let targets = ("targets", Value::Int(3));
    for (loss, norm, more) in [
        ("ce", "linf", vec![("restarts", Value::Int(2))]),
        ("dlr", "l2", vec![("eot", Value::Int(3))]),
        ("ce", "l1", vec![]),
    ] {
        let attack = attack(loss, norm, 7, &more).with_eps(1e-4);
        assert_eq!(count(attack.as_ref()), attack.passes(), "{loss} {norm}");
    }
    let given = [("eps", Value::Real(1e-4)), ("iters", Value::Int(5)), targets];
    let aimed = build(&spec(&apgd_t::MEMBER, &given));
    assert_eq!((count(aimed.as_ref()), aimed.passes()), (18, 18));
    let pgd = with("pgd", &[("eps", Value::Real(1e-4)), ("iters", Value::Int(5)), ("restarts", Value::Int(2))]);
    assert_eq!((count(pgd.as_ref()), pgd.passes()), (10, 10));
}

fn metrics_correct(network: &Network, pixels: &Tensor, labels: &[u32]) -> bool {
    let logits = network.logits(pixels, Mode::Eval).unwrap();
    crate::components::metrics::correct(&logits, labels).unwrap().iter().all(|&right| right)
}

#[test]
fn pgd_with_other_losses_comes_to_the_points_of_torchattacks() {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    let batch = golden.batch("few.images", "few.labels");
    for (loss, kappa) in [("margin", None), ("cw", Some(0.2)), ("dlr", None)] {
        let mut given = vec![
            ("eps", Value::Real(0.02)),
            ("step", Value::Real(0.005)),
            ("iters", Value::Int(5)),
            ("random_start", Value::Bool(false)),
            ("loss", Value::Word(loss.into())),
        ];
        given.extend(kappa.map(|kappa| ("kappa", Value::Real(kappa))));
        let found = with("pgd", &given).perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
        let difference = largest_difference(&found, golden.get(&format!("pgd.{loss}")));
        assert!(difference < 1e-6, "{loss}: {difference}");
    }
}

#[test]
fn slopes_are_the_losses_derivatives() {
    use loss::Loss;
    let z = [0.3f32, -1.2, 0.9, 0.1, 2.0];
    let losses =
        [Loss::Ce, Loss::Margin, Loss::Cw { kappa: 5.0 }, Loss::Cw { kappa: -5.0 }, Loss::Dlr, Loss::DlrTargeted];
    for (loss, label) in losses.into_iter().flat_map(|loss| [(loss, 0), (loss, 4)]) {
        let mut slope = [0.0; 5];
        loss.at(&z, label, 2, &mut slope);
        for i in 0..z.len() {
            let at = |by: f32| {
                let mut z = z;
                z[i] += by;
                f64::from(loss.at(&z, label, 2, &mut [0.0; 5]))
            };
            let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!(
                (f64::from(slope[i]) - expected).abs() < 2e-4,
                "{loss:?} of {label} by {i}: {} for {expected}",
                slope[i]
            );
        }
    }
}

#[test]
fn fast_at_is_one_step_of_pgd_from_a_random_start() {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    let batch = golden.batch("few.images", "few.labels");
    let images = |attack: Box<dyn Attack>| bits(&attack.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap());
    let random = ("random_start", Value::Bool(true));
    let (eps, one) = (("eps", Value::Real(0.1)), ("iters", Value::Int(1)));
    let step = |step: f64| ("step", Value::Real(step));
    let fast = images(with("fgsm", &[eps.clone(), random.clone()]));
    assert_eq!(fast, images(with("pgd", &[eps.clone(), one.clone(), step(0.125), random.clone()])));
    let short = images(with("fgsm", &[eps.clone(), random.clone(), step(0.05)]));
    assert_eq!(short, images(with("pgd", &[eps, one, step(0.05), random])));
    assert_ne!(fast, short);
}

#[test]
fn parameters_of_others_and_too_few_classes_are_refused() {
    let wide =
        check(&spec(&apgd_ce::MEMBER, &[("eps", Value::Real(0.1)), ("multi_eps", Value::Bool(true))])).unwrap_err();
    assert_eq!((wide.argument, wide.message.contains("l1")), (Some("multi_eps"), true));
    let kappa = check(&spec(&pgd::MEMBER, &[("eps", Value::Real(0.1)), ("kappa", Value::Real(0.1))])).unwrap_err();
    assert_eq!((kappa.argument, kappa.message.contains("cw")), (Some("kappa"), true));
    let eps = [("eps", Value::Real(0.1))];
    for (name, member) in [("apgd_ce", &apgd_ce::MEMBER), ("apgd_dlr", &apgd_dlr::MEMBER), ("apgd_t", &apgd_t::MEMBER)]
    {
        let fitting: Vec<bool> = (1..=5).map(|classes| fits(&spec(member, &eps), classes).is_ok()).collect();
        let least = match name {
            "apgd_ce" => 1,
            "apgd_dlr" => 3,
            _ => 4,
        };
        assert_eq!(fitting, (1..=5).map(|classes| classes >= least).collect::<Vec<_>>(), "{name}");
    }
    let help = |classes| fits(&spec(&apgd_t::MEMBER, &eps), classes).unwrap_err().help.unwrap();
    assert_eq!((help(2), help(3)), ("take `apgd_ce`".into(), "take `apgd_ce` and `apgd_dlr`".into()));
}

/// As pyautoattack's `_set_version` has them.
#[test]
fn autoattack_takes_the_attacks_of_its_version_in_order() {
    let ensemble = |norm: &str, version: &str| {
        let word = |word: &str| Value::Word(word.into());
        with("autoattack", &[("eps", Value::Real(0.5)), ("norm", word(norm)), ("version", word(version))])
    };
    let parts = |norm: &str, version: &str| -> Vec<(&'static str, u64)> {
        ensemble(norm, version).parts().into_iter().map(|(name, part)| (name, part.passes())).collect()
    };
    let alone = |name: &str, more: &[(&str, Value)]| {
        let given: Vec<(&str, Value)> = [("eps", Value::Real(0.5))].iter().chain(more).cloned().collect();
        with(name, &given).passes()
    };
    let fab_t = alone("fab_t", &[]);
    for norm in ["linf", "l2"] {
        let standard = [("apgd_ce", 101), ("apgd_t", 9 * 101), ("fab_t", fab_t), ("square", 0)];
        assert_eq!(parts(norm, "standard"), standard, "{norm}");
    }
    assert_eq!(parts("l1", "standard"), [("apgd_ce", 5 * 103), ("apgd_t", 5 * 103), ("fab_t", fab_t), ("square", 0)]);
    let fab = alone("fab", &[("restarts", Value::Int(5))]);
    for norm in ["linf", "l2", "l1"] {
        let plus = [
            ("apgd_ce", 5 * 101),
            ("apgd_dlr", 5 * 101),
            ("fab", fab),
            ("square", 0),
            ("apgd_t", 9 * 101),
            ("fab_t", fab_t),
        ];
        assert_eq!(parts(norm, "plus"), plus, "{norm}");
        assert_eq!(parts(norm, "rand"), [("apgd_ce", 20 * 101), ("apgd_dlr", 20 * 101)], "{norm}");
    }
    let (all, other) = (ensemble("l2", "standard"), ensemble("l2", "standard").with_eps(0.25));
    assert!(all.forwards() > 5000 && all.norm() == Norm::L2);
    assert!(other.parts().iter().all(|(_, part)| part.eps() == 0.25 && part.norm() == Norm::L2));
}

#[test]
fn an_ensemble_fools_what_its_first_attack_that_can_fools() {
    let (network, golden) = (Golden::load().network(), Golden::autoattack());
    // Two that Auto-PGD fools, two that stand: a budget at which the last ones are asked too.
    let batch = golden.batch("few.images", "few.labels").pick(&[0, 1, 6, 7]).unwrap();
    let given = [("eps", Value::Real(0.012)), ("version", Value::Word("rand".into()))];
    let all = with("autoattack", &given);
    let found = all.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    let alone = all.parts()[0].1.perturb(&network, Mode::Eval, &batch, &DRAWS).unwrap();
    let right = |pixels: &Tensor| {
        let logits = network.logits(pixels, Mode::Eval).unwrap();
        crate::components::metrics::correct(&logits, &batch.labels).unwrap()
    };
    assert_eq!(right(&found)[..2], [false, false]);
    let row = |images: &Tensor, i: usize| bits(&images.narrow(0, i, 1).unwrap().contiguous().unwrap());
    for (i, right) in right(&alone).into_iter().enumerate() {
        assert_eq!(row(&found, i) == row(&alone, i), !right, "{i}: what the first attack fools, later ones don't see");
    }
}

#[test]
fn an_ascent_from_points_that_all_fool_ends_there() {
    let (network, batch) = (Golden::load().network(), Golden::load().batch("images", "labels"));
    let logits = network.logits(&batch.pixels, Mode::Eval).unwrap();
    let labels = logits.argmin(1).unwrap().to_vec1::<u32>().unwrap();
    let batch = Batch { labels, ..batch };
    for norm in ["linf", "l1"] {
        let attack = attack("ce", norm, 10, &[]);
        let found =
            attack.ascend(&attack.on(&network, Mode::Eval, &batch, None), batch.pixels.copy().unwrap()).unwrap();
        assert!(found.fooled.iter().all(|fooled| *fooled), "{norm}");
        assert_eq!(found.points.dims(), batch.pixels.dims());
        if norm == "linf" {
            assert_eq!(bits(&found.points), bits(&batch.pixels), "nothing is moved that is wrong as it is");
        }
    }
}
