//! Data sets.

use crate::components::{Problem, Spec, Split};
use std::path::PathBuf;

/// Where files may be looked for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// folder of the program; relative paths start here
    pub program: PathBuf,
    /// `--data-dir`: named data sets are looked for here
    pub data: PathBuf,
    /// `--allow-path`: further folders that may be read
    pub allowed: Vec<PathBuf>,
}

/// What the checker must know of a data set; read from headers alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    /// C, H, W
    pub shape: [usize; 3],
    pub classes: usize,
    pub class_names: Vec<String>,
    /// images in train, validation, test; 0 where there is no such split
    pub counts: [usize; 3],
}

impl DataFacts {
    pub fn count(&self, split: Split) -> usize {
        self.counts[split as usize]
    }
}

/// The facts of a data set without reading its images.
pub fn describe(_spec: &Spec, _places: &Places, _seed: u64) -> Result<DataFacts, Problem> {
    unimplemented!("made by the data readers")
}
