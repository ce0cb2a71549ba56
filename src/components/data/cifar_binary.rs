//! The original binary batches of CIFAR: records of label bytes and 3 * 32 * 32 pixel bytes (red, green, blue planes).

use super::files::{DataFile, Folder, bad};
use super::reader::RawSplit;
use crate::components::{Problem, ProblemKind};
use std::io::Read;

/// C, H, W of all CIFAR images.
pub(super) const SHAPE: [usize; 3] = [3, 32, 32];
/// Bytes of one image.
pub(super) const IMAGE: usize = 3 * 32 * 32;

/// Where a record holds its label.
#[derive(Clone, Copy)]
pub(super) struct Records {
    /// bytes before the pixels
    pub(super) labels: usize,
    /// which of them is the label
    pub(super) label: usize,
    pub(super) classes: u8,
}

impl Records {
    /// Images in these files, by their sizes.
    pub(super) fn count(self, files: &[DataFile]) -> Result<usize, Problem> {
        let record = (self.labels + IMAGE) as u64;
        files.iter().try_fold(0, |sum, file| match file.size {
            0 => Err(bad(&file.shown, "is empty")),
            size if size % record != 0 => Err(bad(
                &file.shown,
                format!("holds {size} bytes, which is no multiple of {record}, the length of a record"),
            )),
            size => Ok(sum + (size / record) as usize),
        })
    }

    /// All examples of these files, whose number a header has found within limits; `split` as for [`RawSplit::numbered`].
    pub(super) fn read(self, split: usize, files: &[DataFile]) -> Result<RawSplit, Problem> {
        let count = self.count(files)?;
        let mut pixels = Vec::with_capacity(count * IMAGE);
        let mut labels = Vec::with_capacity(count);
        for file in files {
            let mut source = file.open()?;
            let mut record = vec![0; self.labels + IMAGE];
            for number in 0..file.size / record.len() as u64 {
                source.read_exact(&mut record).map_err(|e| bad(&file.shown, format!("ends too soon: {e}")))?;
                let label = record[self.label];
                if label >= self.classes {
                    let last = self.classes - 1;
                    return Err(bad(
                        &file.shown,
                        format!("gives record {number} the label {label}; labels are 0 to {last}"),
                    ));
                }
                labels.push(u32::from(label));
                pixels.extend_from_slice(&record[self.labels..]);
            }
        }
        Ok(RawSplit::numbered(split, pixels, labels))
    }
}

/// All of these files, or none where none is there; some alone are a problem, so that no run misses a part unnoticed.
pub(super) fn all_or_none<S: AsRef<str>>(folder: &Folder, names: &[S]) -> Result<Vec<DataFile>, Problem> {
    let found: Vec<Option<DataFile>> =
        names.iter().map(|name| folder.find(&[name.as_ref()])).collect::<Result<_, _>>()?;
    if let (Some(absent), true) = (found.iter().position(Option::is_none), found.iter().any(Option::is_some)) {
        let message =
            format!("`{}` holds only some of the batches: `{}` is missing", folder.shown(), names[absent].as_ref());
        return Err(Problem::new(ProblemKind::MissingFile, message)
            .help("unpack the whole archive there")
            .of("folder"));
    }
    Ok(found.into_iter().flatten().collect())
}
