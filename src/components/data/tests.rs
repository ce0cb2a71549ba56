//! The embedded sets, splits, subsets and noise through the public functions.

use super::*;

/// The spec of a data set as the checker would make it: these arguments and defaults.
pub(super) fn spec(name: &str, args: &[(&str, Value)]) -> Spec {
    let member = *MEMBERS.iter().find(|member| member.name == name).unwrap();
    assert!(args.iter().all(|(name, _)| member.param(name).is_some()), "{args:?}");
    let value = |param: &crate::components::Param| match args.iter().find(|(name, _)| *name == param.name) {
        Some((_, value)) => value.clone(),
        None => param.default.value(|_| unreachable!("data has no components as defaults")).expect(param.name),
    };
    Spec { member, args: member.params.iter().map(value).collect() }
}

pub(super) fn folder(path: &str) -> (&'static str, Value) {
    ("folder", Value::Text(path.into()))
}

/// Places whose program folder is that one.
pub(super) fn places(program: &std::path::Path) -> Places {
    Places { program: program.into(), data: program.join("data"), allowed: vec![] }
}

fn load_embedded(name: &str, args: &[(&str, Value)], seed: u64) -> Dataset {
    let (spec, places) = (spec(name, args), Places::default());
    let data = load(&spec, &places, seed).unwrap();
    assert_eq!(describe(&spec, &places, seed).unwrap(), data.facts);
    assert_eq!(checksum(&spec, &places).unwrap(), data.checksum);
    for (split, count) in [&data.train, &data.validation, &data.test].into_iter().zip(data.facts.counts) {
        assert_eq!([split.len(), split.all_labels().len(), split.all_ids().len()], [count; 3]);
        assert!(split.all_labels().iter().all(|label| (*label as usize) < data.facts.classes));
    }
    data
}

pub(super) fn mean(examples: &Examples) -> f64 {
    let all: Vec<usize> = (0..examples.len()).collect();
    let pixels = examples.batch(&all);
    pixels.iter().map(|p| f64::from(*p)).sum::<f64>() / pixels.len() as f64
}

pub(super) fn per_class(labels: &[u32], classes: usize) -> Vec<usize> {
    (0..classes as u32).map(|class| labels.iter().filter(|label| **label == class).count()).collect()
}

fn real(name: &'static str, value: f64) -> (&'static str, Value) {
    (name, Value::Real(value))
}

#[test]
fn digits_are_the_1797_of_scikit_learn() {
    let data = load_embedded("digits", &[], 0);
    assert_eq!((data.facts.image(), data.facts.classes, data.facts.counts), ([1, 8, 8], 10, [1297, 0, 500]));
    assert_eq!(data.train.labels(&[0, 1, 2, 3, 1296]), [0, 1, 2, 3, 9]);
    assert_eq!(&data.train.batch(&[0])[..8], [0.0, 0.0, 5.0 / 16.0, 13.0 / 16.0, 9.0 / 16.0, 1.0 / 16.0, 0.0, 0.0]);
    // numpy: loadtxt(csv)[:1297, :64].mean() / 16 and [1297:, :64]
    assert!((mean(&data.train) - 0.305_890_697).abs() < 1e-6, "{}", mean(&data.train));
    assert!((mean(&data.test) - 0.303_625).abs() < 1e-6, "{}", mean(&data.test));
}

#[test]
fn fashion_is_balanced_and_bright_as_published() {
    let data = load_embedded("fashion", &[], 0);
    assert_eq!((data.facts.image(), data.facts.classes, data.facts.counts), ([1, 28, 28], 10, [2000, 0, 500]));
    assert_eq!(per_class(data.train.all_labels(), 10), [200; 10]);
    assert_eq!(per_class(data.test.all_labels(), 10), [50; 10]);
    assert_eq!(data.train.labels(&[0, 1, 2, 3, 4]), [9, 0, 0, 3, 0]);
    assert_eq!(data.facts.class_names[9], "Ankle boot");
    assert!((mean(&data.train) - 0.286_448_677).abs() < 1e-6, "{}", mean(&data.train));
    assert!((mean(&data.test) - 0.289_435_394).abs() < 1e-6, "{}", mean(&data.test));
}

#[test]
fn omniglot_has_its_three_splits() {
    let split = |word: &str| ("split", Value::Word(word.into()));
    let all = load_embedded("omniglot", &[], 0);
    assert_eq!((all.facts.image(), all.facts.classes, all.facts.counts), ([1, 28, 28], 242, [242 * 15, 0, 242 * 5]));
    assert!((mean(&all.train) - 0.080_419_464).abs() < 1e-6, "{}", mean(&all.train));
    let pretrain = load_embedded("omniglot", &[split("pretrain")], 0);
    assert_eq!((pretrain.facts.classes, pretrain.facts.counts), (155, [155 * 20, 0, 0]));
    assert_eq!(pretrain.facts.class_names[0], "Japanese_(katakana)/character01");
    let transfer = load_embedded("omniglot", &[split("transfer")], 0);
    assert_eq!((transfer.facts.classes, transfer.facts.counts), (87, [87 * 15, 0, 87 * 5]));
    assert_eq!(transfer.facts.class_names[46], "Greek/character01");
    // An id means the same drawing in every split: Greek/character01 is class 46 here and there.
    let find = |data: &Dataset| data.train.batch(&[46 * 15 + 3]);
    assert_eq!(all.train.ids(&[46 * 15 + 3]), [46 * 20 + 3]);
    assert_eq!(transfer.train.ids(&[46 * 15 + 3]), [46 * 20 + 3]);
    assert_eq!(find(&all), find(&transfer));
    assert!(all.test.all_ids().iter().all(|id| *id >= 1 << 32));
}

#[test]
fn omniglot_turns_counterclockwise_into_new_classes() {
    let upright = load_embedded("omniglot", &[], 0);
    let turned = load_embedded("omniglot", &[("rotations", Value::Bool(true))], 0);
    assert_eq!((turned.facts.classes, turned.facts.counts), (968, [968 * 15, 0, 968 * 5]));
    assert_eq!(turned.facts.class_names[242], "Balinese/character01/rot090");
    assert_eq!(turned.train.labels(&[242 * 15]), [242]);
    let (image, quarter) = (upright.train.batch(&[0]), turned.train.batch(&[242 * 15]));
    assert_eq!(turned.train.batch(&[0]), image);
    // numpy.rot90: the last column becomes the first row
    let column: Vec<f32> = (0..28).map(|row| image[row * 28 + 27]).collect();
    assert_eq!(&quarter[..28], column);
    let half = turned.train.batch(&[2 * 242 * 15]);
    assert!(half.iter().eq(image.iter().rev()) && half != image);
}

#[test]
fn checksums_name_the_data_and_nothing_else() {
    let plain = load_embedded("fashion", &[], 0);
    let split = load_embedded("fashion", &[real("validation", 0.1), real("label_noise", 0.2)], 7);
    assert_eq!(plain.checksum, split.checksum);
    assert_eq!(plain.checksum.len(), 64);
    assert_ne!(plain.checksum, load_embedded("digits", &[], 0).checksum);
}

#[test]
fn validation_is_taken_from_train_class_by_class() {
    let data = load_embedded("fashion", &[real("validation", 0.1)], 3);
    assert_eq!(data.facts.counts, [1800, 200, 500]);
    assert_eq!(per_class(data.validation.all_labels(), 10), [20; 10]);
    assert_eq!(per_class(data.train.all_labels(), 10), [180; 10]);
    let mut ids: Vec<u64> = data.train.all_ids().iter().chain(data.validation.all_ids()).copied().collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..2000));
    let whole = load_embedded("fashion", &[], 0);
    let id = data.validation.ids(&[5])[0] as usize;
    assert_eq!(data.validation.batch(&[5]), whole.train.batch(&[id]));
    assert_eq!(data.validation.labels(&[5]), whole.train.labels(&[id]));
}

#[test]
fn the_seed_decides_which_and_only_which() {
    let ids = |seed| load_embedded("fashion", &[real("validation", 0.1)], seed).validation.all_ids().to_vec();
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}

#[test]
fn subsets_are_stratified_and_nested_and_leave_validation_alone() {
    let with = |train: Value| load_embedded("fashion", &[real("validation", 0.1), ("train", train)], 5);
    let (small, large) = (with(Value::Int(100)), with(Value::Real(0.2)));
    assert_eq!((small.facts.counts, large.facts.counts), ([100, 200, 500], [360, 200, 500]));
    assert_eq!(per_class(large.train.all_labels(), 10), [36; 10]);
    assert!(small.train.all_ids().iter().all(|id| large.train.all_ids().contains(id)));
    assert!(small.train.all_ids().is_sorted());
    assert_eq!(small.validation.all_ids(), large.validation.all_ids());
}

#[test]
fn uneven_classes_get_floors_and_largest_remainders() {
    // digits: train classes are not balanced
    let whole = per_class(load_embedded("digits", &[], 0).train.all_labels(), 10);
    let part = load_embedded("digits", &[("train", Value::Int(100))], 0);
    let got = per_class(part.train.all_labels(), 10);
    assert_eq!(got.iter().sum::<usize>(), 100);
    for (got, whole) in got.iter().zip(whole) {
        let exact = 100.0 * whole as f64 / 1297.0;
        assert!((*got as f64 - exact).abs() < 1.0, "{got} for {exact}");
    }
}

#[test]
fn noise_replaces_an_exact_count_of_train_labels_and_remembers_the_true_ones() {
    let noisy = |share, seed| load_embedded("fashion", &[real("validation", 0.1), real("label_noise", share)], seed);
    let wrong = |data: &Dataset| {
        let (labels, truth) = (data.train.all_labels(), data.train.true_labels());
        let wrong = (0..labels.len()).filter(|i| labels[*i] != truth[*i]);
        wrong.map(|i| (data.train.all_ids()[i], labels[i])).collect::<Vec<_>>()
    };
    let data = noisy(0.2, 1);
    assert_eq!(wrong(&data).len(), 360);
    assert_eq!(wrong(&noisy(0.29, 1)).len(), 522);
    assert_eq!(wrong(&data), wrong(&noisy(0.2, 1)));
    assert_ne!(wrong(&data), wrong(&noisy(0.2, 2)));
    let more = wrong(&noisy(0.5, 1));
    assert!(wrong(&data).iter().all(|change| more.contains(change)));
    let clean = load_embedded("fashion", &[real("validation", 0.1)], 1);
    assert_eq!(data.train.true_labels(), clean.train.all_labels());
    assert_eq!(data.validation.all_labels(), clean.validation.all_labels());
    assert_eq!(data.test.all_labels(), clean.test.all_labels());
}

#[test]
fn wrong_labels_are_uniform_over_the_other_classes() {
    let data = load_embedded("omniglot", &[("rotations", Value::Bool(true)), real("label_noise", 1.0)], 0);
    let (labels, truth) = (data.train.all_labels(), data.train.true_labels());
    assert!(labels.iter().zip(truth).all(|(label, truth)| label != truth));
    // Shifts between true and wrong label, in ten bins of 14520 draws: 1452 expected, standard deviation 36.
    let mut bins = [0; 10];
    for (label, truth) in labels.iter().zip(truth) {
        let shift = (label + 968 - truth) % 968 - 1;
        bins[(shift * 10 / 967) as usize] += 1;
    }
    assert!(bins.iter().all(|n| (1452i32 - n).abs() < 180), "{bins:?}");
}

#[test]
fn arguments_that_do_not_fit_are_problems_that_name_the_parameter() {
    let problem = |name: &str, args: &[(&str, Value)]| {
        let spec = spec(name, args);
        let problem = describe(&spec, &Places::default(), 0).unwrap_err();
        assert_eq!(load(&spec, &Places::default(), 0).unwrap_err(), problem);
        (problem.kind, problem.argument.unwrap())
    };
    let unfit = ProblemKind::DoesNotFit;
    assert_eq!(problem("fashion", &[("train", Value::Int(2001))]), (unfit, "train"));
    assert_eq!(problem("fashion", &[("train", Value::Int(1801)), real("validation", 0.1)]), (unfit, "train"));
    assert_eq!(problem("fashion", &[("train", Value::Int(-1))]), (unfit, "train"));
    assert_eq!(problem("fashion", &[real("train", 0.0001)]), (unfit, "train"));
    assert_eq!(problem("fashion", &[real("validation", 1.0)]), (unfit, "validation"));
    assert_eq!(problem("fashion", &[real("validation", 0.0001)]), (unfit, "validation"));
    assert_eq!(problem("fashion", &[real("label_noise", f64::NAN)]), (unfit, "label_noise"));
    let later =
        Value::Later(Box::new(crate::components::Expression::Variable(0, "n".into())), crate::components::Type::Int);
    assert_eq!(problem("fashion", &[("train", later)]), (unfit, "train"));
}

#[test]
fn every_data_set_is_described() {
    for member in MEMBERS {
        assert!(member.example.starts_with(&format!("data {}", member.name)), "{}", member.name);
        assert!(!member.doc.is_empty());
        let of_texts = texts::ENTRIES.iter().any(|(texts, _)| texts == member);
        for common in ["validation", "train", "label_noise"].into_iter().filter(|_| !of_texts) {
            assert!(member.param(common).is_some(), "{}", member.name);
        }
    }
}

#[test]
fn the_examples_of_the_error_pages_are_what_they_say() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let describe = |path: &str| describe(&spec("idx", &[folder(path)]), &places(repository), 0);
    assert_eq!(describe("fashion-mnist-small").unwrap().counts, [2000, 0, 500]);
    let kind = |path: &str| describe(path).unwrap_err().kind;
    assert_eq!(kind("fashion-mnist-smal"), ProblemKind::MissingFile);
    assert_eq!(kind("tests/fixtures/damaged"), ProblemKind::BadFile);
    assert_eq!(kind("../fashion-mnist-small"), ProblemKind::ForbiddenPath);
    let pretrain = spec("omniglot", &[("split", Value::Word("pretrain".into()))]);
    assert_eq!(super::describe(&pretrain, &Places::default(), 0).unwrap().count(Split::Validation), 0);
}
