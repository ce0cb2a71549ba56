//! CIFAR-10 as picture sheets: tall PNGs 1024 wide with one image a row (its 32 x 32 pixels in a line), and a JSON list
//! of labels for all sheets of a split.

use super::cifar_binary::{IMAGE, SHAPE};
use super::files::{DataFile, bad};
use super::picture;
use super::reader::RawSplit;
use crate::components::Problem;

const WIDTH: u32 = 1024;
/// The real sheets have 10,000 rows; the limit is what one decoded sheet may take (192 MiB).
const MOST_ROWS: u32 = 1 << 16;
/// The real list of 50,000 labels takes 100 kB.
const MOST_LABEL_BYTES: u64 = 64 << 20;
const CLASSES: u32 = 10;

/// The sheets of one split and its labels.
pub(super) struct Sheets {
    pub(super) sheets: Vec<DataFile>,
    pub(super) labels: DataFile,
}

impl Sheets {
    /// Images on the sheets, by their headers, if there are as many labels.
    pub(super) fn count(&self) -> Result<usize, Problem> {
        self.sheets.iter().try_fold(0, |sum, sheet| Ok(sum + rows(sheet)?)).and_then(|count| {
            let labels = self.labels()?.len();
            if labels == count {
                return Ok(count);
            }
            Err(bad(&self.labels.shown, format!("holds {labels} labels; the sheets hold {count} images")))
        })
    }

    /// All examples; `split` as for [`RawSplit::numbered`].
    pub(super) fn read(&self, split: usize) -> Result<RawSplit, Problem> {
        let mut pixels = Vec::with_capacity(self.count()? * IMAGE);
        for sheet in &self.sheets {
            rows(sheet)?;
            let (header, planes) = picture::pixels(sheet, (WIDTH, MOST_ROWS))?;
            let plane = WIDTH as usize;
            for row in 0..header.height {
                for channel in 0..SHAPE[0] {
                    let start = (channel * header.height + row) * plane;
                    pixels.extend_from_slice(&planes[start..start + plane]);
                }
            }
        }
        Ok(RawSplit::numbered(split, pixels, self.labels()?))
    }

    fn labels(&self) -> Result<Vec<u32>, Problem> {
        if self.labels.size > MOST_LABEL_BYTES {
            let size = self.labels.size;
            return Err(bad(&self.labels.shown, format!("has {size} bytes; at most {MOST_LABEL_BYTES} are read")));
        }
        let labels: Vec<u32> = serde_json::from_slice(&self.labels.bytes("labels")?)
            .map_err(|e| bad(&self.labels.shown, format!("is not a JSON list of labels: {e}")))?;
        match labels.iter().position(|label| *label >= CLASSES) {
            Some(at) => {
                Err(bad(&self.labels.shown, format!("gives image {at} the label {}; labels are 0 to 9", labels[at])))
            }
            None => Ok(labels),
        }
    }
}

fn rows(sheet: &DataFile) -> Result<usize, Problem> {
    let header = picture::header(sheet, (WIDTH, MOST_ROWS))?;
    if (header.width, header.channels) != (WIDTH as usize, SHAPE[0]) {
        return Err(bad(&sheet.shown, format!("is {header}; a sheet is RGB and {WIDTH} wide")));
    }
    Ok(header.height)
}
