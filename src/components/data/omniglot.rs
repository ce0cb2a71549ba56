//! `omniglot`: characters of eight alphabets, twenty drawings each, for continual learning.

use super::files::Stream;
use super::idx_file;
use super::reader::{FIRST_IDS, Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::{Default, Family, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "omniglot",
    params: &[
        Param::new(
            "split",
            Type::Word(&["all", "pretrain", "transfer"]),
            "all 242 characters; the 155 of Katakana, Korean, Sanskrit and Latin, all to train; the other 87",
        )
        .or(Default::Word("all"))
        .named(),
        Param::new("rotations", Type::Bool, "characters turned by 90, 180 and 270 degrees as further classes")
            .or(Default::Bool(false))
            .named(),
        VALIDATION,
        TRAIN,
        LABEL_NOISE,
    ],
    doc: "242 characters of 8 alphabets by 20 drawers, 28x28 grey, built in: 15 drawings to train, 5 to test",
    source: "Lake, Salakhutdinov and Tenenbaum 2015, the official minimal background sets",
    example: "data omniglot(split: transfer)",
};

const SHOWN: &str = "data/omniglot-small";
const IMAGES: &[u8] = include_bytes!("../../../data/omniglot-small/images-28x28-idx3-ubyte.gz");
const CLASSES: &str = include_str!("../../../data/omniglot-small/classes.tsv");
const PRETRAIN: [&str; 4] = ["Japanese_(katakana)", "Korean", "Sanskrit", "Latin"];
const SIDE: usize = 28;
/// Drawings of a character, one by each drawer; the file is sorted by character, then drawer.
const DRAWINGS: usize = 20;
/// Drawers 1 to 15 are to train, unless the whole split is.
const TRAIN_DRAWINGS: usize = 15;
const TURNS: [&str; 4] = ["", "/rot090", "/rot180", "/rot270"];

/// What the arguments choose.
struct Choice {
    /// (place in the file, name) of each character
    characters: Vec<(usize, String)>,
    train_drawings: usize,
    turns: usize,
}

pub(super) fn header(spec: &Spec, _: &Places) -> Result<Header, Problem> {
    Ok(Choice::of(spec).header())
}

pub(super) fn read(spec: &Spec, _: &Places) -> Result<Raw, Problem> {
    let choice = Choice::of(spec);
    let (_, pixels) = idx_file::images(Stream::new(IMAGES, IMAGES.len() as u64, SHOWN)?)?;
    let train = choice.split(0, &pixels, 0..choice.train_drawings);
    let test = choice.split(2, &pixels, choice.train_drawings..DRAWINGS);
    Raw { header: choice.header(), white: 255, splits: [train, RawSplit::default(), test] }.verified(SHOWN)
}

impl Choice {
    fn of(spec: &Spec) -> Choice {
        let split = spec.word("split");
        let chosen = |alphabet: &str| match split {
            "pretrain" => PRETRAIN.contains(&alphabet),
            "transfer" => !PRETRAIN.contains(&alphabet),
            _ => true,
        };
        let characters = CLASSES.lines().skip(1).enumerate().filter_map(|(place, line)| {
            let mut columns = line.split('\t').skip(1);
            let (alphabet, character) = (columns.next()?, columns.next()?);
            chosen(alphabet).then(|| (place, format!("{alphabet}/{character}")))
        });
        Choice {
            characters: characters.collect(),
            train_drawings: if split == "pretrain" { DRAWINGS } else { TRAIN_DRAWINGS },
            turns: if spec.bool("rotations") { TURNS.len() } else { 1 },
        }
    }

    fn header(&self) -> Header {
        let names = |turn: &'static str| self.characters.iter().map(move |(_, name)| format!("{name}{turn}"));
        let class_names: Vec<String> = TURNS[..self.turns].iter().flat_map(|turn| names(turn)).collect();
        let train = class_names.len() * self.train_drawings;
        let test = class_names.len() * DRAWINGS - train;
        Header { shape: [1, SIDE, SIDE], class_names, counts: [train, 0, test] }
    }

    /// These drawings of every chosen character. Turned classes come after all upright ones; ids count through the
    /// file, once for each turn, so they are the same in every split.
    fn split(&self, split: usize, pixels: &[u8], drawings: std::ops::Range<usize>) -> RawSplit {
        let all = CLASSES.lines().skip(1).count() * DRAWINGS;
        let mut out = RawSplit::default();
        for turn in 0..self.turns {
            for (class, (place, _)) in self.characters.iter().enumerate() {
                for image in drawings.clone().map(|drawing| place * DRAWINGS + drawing) {
                    let Some(upright) = pixels.get(image * SIDE * SIDE..(image + 1) * SIDE * SIDE) else { break };
                    out.pixels.extend(turned(upright, turn));
                    out.labels.push((turn * self.characters.len() + class) as u32);
                    out.ids.push(FIRST_IDS[split] + (turn * all + image) as u64);
                }
            }
        }
        out
    }
}

/// An image turned by so many quarters, counterclockwise (as `numpy.rot90`).
fn turned(image: &[u8], quarters: usize) -> impl Iterator<Item = u8> {
    (0..SIDE * SIDE).map(move |at| {
        let (mut row, mut column) = (at / SIDE, at % SIDE);
        for _ in 0..quarters {
            (row, column) = (column, SIDE - 1 - row);
        }
        image[row * SIDE + column]
    })
}
