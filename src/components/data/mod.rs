//! Data sets: read from files or built in, split, and handed out as batches of pixels in [0, 1] or, those of [`texts`],
//! as conversations.
//!
//! [`describe`] answers from headers, for the checker; [`load`] reads everything. Each member's file holds its
//! description, its `header` and its `read`.

mod cifar10;
mod cifar100;
mod cifar_binary;
mod cifar_sheets;
mod digits;
mod examples;
mod fashion;
mod files;
mod idx;
mod idx_file;
mod image_folder;
mod omniglot;
mod picture;
mod places;
mod reader;
mod split;
pub mod texts;

pub use examples::Examples;
pub use places::{DEFAULT_DATA, Places};
pub use texts::{TextTask, Texts};

use crate::components::{Member, Problem, ProblemKind, Spec, Split, Value};
use examples::Pixels;
use reader::{Header, Raw, RawSplit};
use split::Settings;
use std::sync::Arc;

/// One data set: its description, the reader of its headers, the reader of all of it.
struct Entry {
    member: &'static Member,
    header: fn(&Spec, &Places) -> Result<Header, Problem>,
    read: fn(&Spec, &Places) -> Result<Raw, Problem>,
}

static ENTRIES: [Entry; 7] = [
    Entry { member: &digits::MEMBER, header: digits::header, read: digits::read },
    Entry { member: &fashion::MEMBER, header: fashion::header, read: fashion::read },
    Entry { member: &omniglot::MEMBER, header: omniglot::header, read: omniglot::read },
    Entry { member: &idx::MEMBER, header: idx::header, read: idx::read },
    Entry { member: &cifar10::MEMBER, header: cifar10::header, read: cifar10::read },
    Entry { member: &cifar100::MEMBER, header: cifar100::header, read: cifar100::read },
    Entry { member: &image_folder::MEMBER, header: image_folder::header, read: image_folder::read },
];

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &{
    let mut members = [ENTRIES[0].member; ENTRIES.len() + texts::ENTRIES.len()];
    let mut at = 0;
    while at < members.len() {
        members[at] = if at < ENTRIES.len() { ENTRIES[at].member } else { texts::ENTRIES[at - ENTRIES.len()].0 };
        at += 1;
    }
    members
};

/// What the checker must know of a data set; read from headers alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    pub holds: Holds,
    /// of images; of conversations the tasks
    pub classes: usize,
    pub class_names: Vec<String>,
    /// examples in train, validation, test; 0 where there is no such split
    pub counts: [usize; 3],
}

/// What the examples of a data set are.
#[derive(Clone, Debug, PartialEq)]
pub enum Holds {
    /// C, H, W
    Images([usize; 3]),
    Texts(Texts),
}

impl DataFacts {
    /// C, H, W of images; zeros of conversations.
    pub fn image(&self) -> [usize; 3] {
        match self.holds {
            Holds::Images(shape) => shape,
            Holds::Texts(_) => [0; 3],
        }
    }

    /// What is known of conversations, where it holds some.
    pub fn texts(&self) -> Option<&Texts> {
        match &self.holds {
            Holds::Images(_) => None,
            Holds::Texts(texts) => Some(texts),
        }
    }

    pub fn count(&self, split: Split) -> usize {
        self.counts[split as usize]
    }

    /// The split that a metric without one is measured on.
    pub fn default_split(&self) -> Split {
        if self.count(Split::Validation) > 0 { Split::Validation } else { Split::Test }
    }
}

/// A data set in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub facts: DataFacts,
    pub train: Examples,
    pub validation: Examples,
    pub test: Examples,
    /// SHA-256, in hex, of all pixels and labels that were read, before any were left out or relabelled; the same for
    /// the same data in any container
    pub checksum: String,
}

impl Dataset {
    /// The examples of a split; none where the data has no such split.
    pub fn split(&self, split: Split) -> &Examples {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }
}

/// The facts of a data set without reading its images. The seed decides which examples are taken, never how many.
pub fn describe(spec: &Spec, places: &Places, _seed: u64) -> Result<DataFacts, Problem> {
    known(spec)?;
    if let Some(texts) = texts::describe(spec, places) {
        return texts;
    }
    let (entry, settings) = prepare(spec)?;
    facts((entry.header)(spec, places)?, settings)
}

/// Reads a data set and makes its splits: the same bytes for the same files, arguments and seed.
pub fn load(spec: &Spec, places: &Places, seed: u64) -> Result<Dataset, Problem> {
    known(spec)?;
    if let Some(texts) = texts::load(spec, places) {
        return texts;
    }
    let (entry, settings) = prepare(spec)?;
    let raw = (entry.read)(spec, places)?;
    let checksum = raw.checksum();
    let Raw { header, white, splits: [train, own_validation, test] } = raw;
    let facts = facts(header, settings)?;
    let division = settings.divide(&train, facts.counts, facts.classes, seed);
    let noisy = settings.noisy_labels(&train, &division.train, facts.classes, seed);
    let share = |split: RawSplit| Shared::new(split, facts.image(), white);
    let (train, own_validation, test) = (share(train), share(own_validation), share(test));
    let validation =
        if own_validation.labels.is_empty() { train.rows(&division.validation) } else { own_validation.all() };
    let clean = train.rows(&division.train);
    let train = match noisy {
        Some(labels) => clean.relabelled(labels),
        None => clean,
    };
    Ok(Dataset { train, validation, test: test.all(), facts, checksum })
}

/// The checksum that [`load`] gives, without making splits.
pub fn checksum(spec: &Spec, places: &Places) -> Result<String, Problem> {
    known(spec)?;
    if let Some(texts) = texts::load(spec, places) {
        return Ok(texts?.checksum);
    }
    let (entry, _) = prepare(spec)?;
    Ok((entry.read)(spec, places)?.checksum())
}

/// Data are read before the run.
fn known(spec: &Spec) -> Result<(), Problem> {
    if let Some((param, _)) = spec.member.params.iter().zip(&spec.args).find(|(_, v)| matches!(v, Value::Later(..))) {
        let message = format!("`{}` of data must be known before the run", param.name);
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help("write it as a constant").of(param.name));
    }
    Ok(())
}

fn prepare(spec: &Spec) -> Result<(&'static Entry, Settings), Problem> {
    let Some(entry) = ENTRIES.iter().find(|entry| entry.member.name == spec.name()) else {
        unreachable!("`{}` is not described as a data set", spec.name());
    };
    Ok((entry, Settings::of(spec)?))
}

fn facts(header: Header, settings: Settings) -> Result<DataFacts, Problem> {
    let counts = settings.counts(&header)?;
    let Header { shape, class_names, .. } = header;
    Ok(DataFacts { holds: Holds::Images(shape), classes: class_names.len(), class_names, counts })
}

/// A split whose pixels several [`Examples`] may share.
struct Shared {
    pixels: Arc<Pixels>,
    labels: Vec<u32>,
    ids: Vec<u64>,
}

impl Shared {
    fn new(split: RawSplit, shape: [usize; 3], white: u8) -> Shared {
        let RawSplit { pixels, labels, ids } = split;
        Shared { pixels: Arc::new(Pixels::new(pixels, shape, white)), labels, ids }
    }

    fn rows(&self, rows: &[usize]) -> Examples {
        let labels = rows.iter().map(|row| self.labels[*row]).collect();
        let ids = rows.iter().map(|row| self.ids[*row]).collect();
        Examples::new(self.pixels.clone(), rows.iter().map(|row| *row as u32).collect(), labels, ids)
    }

    fn all(&self) -> Examples {
        self.rows(&(0..self.labels.len()).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod real_data;
#[cfg(test)]
mod tests;
