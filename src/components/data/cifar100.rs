//! `cifar100("folder")`: CIFAR-100 from the original binary batches, with its 100 fine or 20 coarse classes.

use super::cifar_binary::{Records, SHAPE, all_or_none};
use super::files::{DataFile, Folder, missing};
use super::reader::{Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::{Default, Family, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "cifar100",
    params: &[
        Param::new("folder", Type::Text, "holds train.bin and test.bin"),
        Param::new("labels", Type::Word(&["fine", "coarse"]), "100 classes, or their 20 groups")
            .or(Default::Word("fine"))
            .named(),
        VALIDATION,
        TRAIN,
        LABEL_NOISE,
    ],
    doc: "CIFAR-100, 32x32 RGB, 100 classes in 20 groups: the original binary batches",
    source: "Krizhevsky 2009",
    example: "data cifar100(\"cifar-100-binary\", labels: coarse)",
};

#[rustfmt::skip]
const FINE: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
];

const COARSE: [&str; 20] = [
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
];

/// A record starts with the coarse label, then the fine one.
fn records(spec: &Spec) -> (Records, &'static [&'static str]) {
    match spec.word("labels") {
        "coarse" => (Records { labels: 2, label: 0, classes: 20 }, &COARSE),
        _ => (Records { labels: 2, label: 1, classes: 100 }, &FINE),
    }
}

pub(super) fn header(spec: &Spec, places: &Places) -> Result<Header, Problem> {
    let (folder, [train, test]) = files(spec, places)?;
    let (records, names) = records(spec);
    let class_names = names.iter().map(|name| name.to_string()).collect();
    let counts = [records.count(&train)?, 0, records.count(&test)?];
    Header { shape: SHAPE, class_names, counts }.within_limits(folder.shown())
}

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Raw, Problem> {
    let (folder, [train, test]) = files(spec, places)?;
    let (records, _) = records(spec);
    let header = header(spec, places)?;
    let splits = [records.read(0, &train)?, RawSplit::default(), records.read(2, &test)?];
    Raw { header, white: 255, splits }.verified(folder.shown())
}

fn files<'a>(spec: &Spec, places: &'a Places) -> Result<(Folder<'a>, [Vec<DataFile>; 2]), Problem> {
    let folder = Folder::open(places, spec.text("folder"))?;
    let files = [all_or_none(&folder, &["train.bin"])?, all_or_none(&folder, &["test.bin"])?];
    if files.iter().all(Vec::is_empty) {
        return Err(missing(folder.shown(), "CIFAR-100 batches", "`train.bin` and `test.bin`").of("folder"));
    }
    Ok((folder, files))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, places, spec};
    use super::super::{Dataset, load};
    use super::*;
    use crate::components::{ProblemKind, Value};

    /// One record each of these (coarse, fine) labels.
    fn batch(labels: &[[u8; 2]]) -> Vec<u8> {
        labels.iter().flat_map(|pair| [pair.to_vec(), vec![pair[1]; 3072]].concat()).collect()
    }

    fn loaded(labels: &str, train: Vec<u8>) -> Result<Dataset, Problem> {
        let program = tempfile::tempdir().unwrap();
        std::fs::create_dir(program.path().join("set")).unwrap();
        std::fs::write(program.path().join("set/train.bin"), train).unwrap();
        let spec = spec("cifar100", &[folder("set"), ("labels", Value::Word(labels.into()))]);
        load(&spec, &places(program.path()), 0)
    }

    #[test]
    fn either_label_can_be_asked_for() {
        let train = || batch(&[[11, 19], [15, 29], [4, 0]]);
        let fine = loaded("fine", train()).unwrap();
        assert_eq!((fine.facts.classes, fine.facts.counts), (100, [3, 0, 0]));
        assert_eq!(fine.train.all_labels(), [19, 29, 0]);
        assert_eq!(fine.facts.class_names[19], "cattle");
        assert_eq!(fine.train.batch(&[1]), [29.0 / 255.0; 3072]);
        let coarse = loaded("coarse", train()).unwrap();
        assert_eq!((coarse.facts.classes, coarse.train.all_labels()), (20, &[11, 15, 4][..]));
        assert_eq!(coarse.facts.class_names[15], "reptiles");
    }

    #[test]
    fn labels_out_of_range_are_problems() {
        for (labels, pair) in [("fine", [0, 100]), ("coarse", [20, 0])] {
            let problem = loaded(labels, batch(&[[1, 1], pair])).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::BadFile);
            assert!(problem.message.contains("`set/train.bin` gives record 1 the label"), "{problem}");
        }
        assert_eq!(loaded("fine", vec![0; 3073]).unwrap_err().kind, ProblemKind::BadFile);
    }

    #[test]
    fn the_names_are_sorted_as_the_labels_are() {
        assert!(FINE.is_sorted() && COARSE.is_sorted());
    }
}
