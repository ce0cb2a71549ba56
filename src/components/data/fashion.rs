//! `fashion`: a balanced part of Fashion-MNIST, the default data set.

use super::files::Stream;
use super::idx_file;
use super::reader::{Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::Family;

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "fashion",
    params: &[VALIDATION, TRAIN, LABEL_NOISE],
    doc: "part of Fashion-MNIST, 28x28 grey, 10 classes, built in: 2,000 images to train, 500 to test, balanced",
    source: "Xiao, Rasul and Vollgraf 2017; the first 200 train and 50 test images of each class",
    example: "data fashion(validation: 10%)",
};

const SHOWN: &str = "data/fashion-mnist-small";
const TRAIN_IMAGES: &[u8] = include_bytes!("../../../data/fashion-mnist-small/train-images-idx3-ubyte.gz");
const TRAIN_LABELS: &[u8] = include_bytes!("../../../data/fashion-mnist-small/train-labels-idx1-ubyte.gz");
const TEST_IMAGES: &[u8] = include_bytes!("../../../data/fashion-mnist-small/test-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../../../data/fashion-mnist-small/test-labels-idx1-ubyte.gz");

const CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

pub(super) fn header(_: &Spec, _: &Places) -> Result<Header, Problem> {
    let class_names = CLASSES.map(String::from).to_vec();
    Ok(Header { shape: [1, 28, 28], class_names, counts: [2000, 0, 500] })
}

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Raw, Problem> {
    let splits =
        [embedded(0, TRAIN_IMAGES, TRAIN_LABELS)?, RawSplit::default(), embedded(2, TEST_IMAGES, TEST_LABELS)?];
    Raw { header: header(spec, places)?, white: 255, splits }.verified(SHOWN)
}

fn embedded(split: usize, images: &[u8], labels: &[u8]) -> Result<RawSplit, Problem> {
    let (_, pixels) = idx_file::images(Stream::new(images, images.len() as u64, SHOWN)?)?;
    let labels = idx_file::labels(Stream::new(labels, labels.len() as u64, SHOWN)?)?;
    Ok(RawSplit::numbered(split, pixels, labels.into_iter().map(u32::from).collect()))
}
