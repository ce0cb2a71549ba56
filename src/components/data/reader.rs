//! What a reader of a data set gives: its header first, its examples later.

use super::files::{bad, plausible};
use crate::components::Problem;
use crate::reading::limits::{DATA_BYTES, EXAMPLE_BYTES};
use sha2::{Digest, Sha256};

/// A data set as its headers describe it, before anything is split off or left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// C, H, W
    pub(super) shape: [usize; 3],
    pub(super) class_names: Vec<String>,
    /// images in train, validation, test
    pub(super) counts: [usize; 3],
}

/// A data set as it lies in its files.
pub(super) struct Raw {
    pub(super) header: Header,
    /// the byte that means 1.0
    pub(super) white: u8,
    /// train, validation, test; empty where there is no such split
    pub(super) splits: [RawSplit; 3],
}

/// The examples of one split in the order of their files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RawSplit {
    /// count * C * H * W bytes
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<u32>,
    /// index in the original file; [`FIRST_IDS`] keeps the splits apart
    pub(super) ids: Vec<u64>,
}

/// Where the ids of train, validation and test begin.
pub(super) const FIRST_IDS: [u64; 3] = [0, 2 << 32, 1 << 32];

impl Header {
    /// Bytes of one image.
    pub(super) fn image_size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Refuses what would not fit in memory.
    pub(super) fn within_limits(self, shown: &str) -> Result<Header, Problem> {
        let images = self.counts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n as u64));
        match images.zip(self.example_bytes()).and_then(|(images, size)| images.checked_mul(size)) {
            Some(bytes) if bytes <= DATA_BYTES => Ok(self),
            _ => Err(bad(shown, format!("takes more than {DATA_BYTES} bytes in memory; at most that is read"))),
        }
    }

    /// Refuses images that can't lie in files of so many bytes together.
    pub(super) fn plausible(self, shown: &str, files: u64) -> Result<Header, Problem> {
        let header = self.within_limits(shown)?;
        let bytes = header.counts.iter().sum::<usize>() as u64 * header.image_size() as u64;
        if bytes <= plausible(files) {
            return Ok(header);
        }
        Err(bad(shown, format!("announces {bytes} bytes of images in {files} bytes of files, which is not credible")))
    }

    /// Bytes of an image and what is kept beside it.
    fn example_bytes(&self) -> Option<u64> {
        let size = self.shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n as u64))?;
        size.checked_add(EXAMPLE_BYTES)
    }
}

impl RawSplit {
    /// Examples numbered in the order of their file; `split` is 0 for train, 1 for validation, 2 for test.
    pub(super) fn numbered(split: usize, pixels: Vec<u8>, labels: Vec<u32>) -> RawSplit {
        let first = FIRST_IDS[split];
        let ids = (first..first + labels.len() as u64).collect();
        RawSplit { pixels, labels, ids }
    }
}

impl Raw {
    /// Compares what was read with what the header announced; files may change between the two.
    pub(super) fn verified(self, shown: &str) -> Result<Raw, Problem> {
        let (size, classes) = (self.header.image_size(), self.header.class_names.len());
        for (split, announced) in self.splits.iter().zip(self.header.counts) {
            let (images, labels) = (split.pixels.len() / size.max(1), split.labels.len());
            if images != labels || labels != announced {
                return Err(bad(shown, format!("has {images} images but {labels} labels, {announced} were announced")));
            }
            if let Some(at) = split.labels.iter().position(|label| *label as usize >= classes) {
                let found = split.labels[at];
                return Err(bad(shown, format!("gives image {at} the label {found}; there are {classes} classes")));
            }
        }
        Ok(self)
    }

    /// SHA-256 of shape, pixels and labels in hex: the same for the same data in any container (gzipped or not,
    /// binary batches or picture sheets).
    pub(super) fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        for size in self.header.shape {
            hash.update((size as u64).to_le_bytes());
        }
        for split in &self.splits {
            hash.update((split.labels.len() as u64).to_le_bytes());
            hash.update(&split.pixels);
            let labels: Vec<u8> = split.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
            hash.update(&labels);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
