//! `digits`: handwritten digits of 8x8, the smallest real data set, for first tries and tests.

use super::files::{Stream, bad};
use super::reader::{Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::Family;

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "digits",
    params: &[VALIDATION, TRAIN, LABEL_NOISE],
    doc: "1,797 handwritten digits, 8x8 grey, built in: the first 1,297 to train, the last 500 to test",
    source: "Alpaydin and Kaynak 1998, test part, as in scikit-learn",
    example: "data digits",
};

const CSV: &[u8] = include_bytes!("../../../data/digits/digits.csv.gz");
const CSV_BYTES: u64 = 264_712;
const SHOWN: &str = "data/digits/digits.csv.gz";
const SHAPE: [usize; 3] = [1, 8, 8];
const TRAIN_COUNT: usize = 1297;
const TEST_COUNT: usize = 500;
/// Grey levels run from 0 to 16.
const WHITE: u8 = 16;

pub(super) fn header(_: &Spec, _: &Places) -> Result<Header, Problem> {
    let class_names = (0..10).map(|digit| digit.to_string()).collect();
    Ok(Header { shape: SHAPE, class_names, counts: [TRAIN_COUNT, 0, TEST_COUNT] })
}

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Raw, Problem> {
    let mut stream = Stream::new(CSV, CSV.len() as u64, SHOWN)?;
    let text = stream.bytes(CSV_BYTES, "text")?;
    stream.end()?;
    let mut train = (Vec::new(), Vec::new());
    let mut test = (Vec::new(), Vec::new());
    for (number, line) in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).enumerate() {
        let (pixels, labels) = if number < TRAIN_COUNT { &mut train } else { &mut test };
        labels
            .push(u32::from(parse(line, pixels).ok_or_else(|| bad(SHOWN, format!("has a bad line {}", number + 1)))?));
    }
    let splits = [RawSplit::numbered(0, train.0, train.1), RawSplit::default(), RawSplit::numbered(2, test.0, test.1)];
    Raw { header: header(spec, places)?, white: WHITE, splits }.verified(SHOWN)
}

/// 64 grey levels, row by row, then the label.
fn parse(line: &[u8], pixels: &mut Vec<u8>) -> Option<u8> {
    let numbers: Vec<u8> = std::str::from_utf8(line).ok()?.split(',').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    let (label, levels) = numbers.split_last()?;
    if levels.len() != 64 || levels.iter().any(|level| *level > WHITE) {
        return None;
    }
    pixels.extend_from_slice(levels);
    Some(*label)
}
