//! CIFAR-10 as picture sheets: tall PNGs 1024 wide with one image a row (its 32 x 32 pixels in a line), and a JSON list
//! of labels for all sheets of a split.

use super::cifar_binary::{IMAGE, SHAPE};
use super::files::{DataFile, bad, make_room};
use super::picture;
use super::reader::RawSplit;
use crate::components::Problem;
use crate::reading::limits::{LABELS_BYTES, SHEET_ROWS};

const WIDTH: u32 = 1024;
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
        let all = self.count()? * IMAGE;
        let mut pixels = Vec::new();
        for sheet in &self.sheets {
            rows(sheet)?;
            let (header, planes) = picture::pixels(sheet, (WIDTH, SHEET_ROWS))?;
            let plane = WIDTH as usize;
            make_room(&mut pixels, planes.len(), all);
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
        let labels: Vec<u32> = serde_json::from_slice(&self.labels.bytes("labels", LABELS_BYTES)?)
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
    let header = picture::header(sheet, (WIDTH, SHEET_ROWS))?;
    if (header.width, header.channels) != (WIDTH as usize, SHAPE[0]) {
        return Err(bad(&sheet.shown, format!("is {header}; a sheet is RGB and {WIDTH} wide")));
    }
    Ok(header.height)
}
