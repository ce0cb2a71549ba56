//! `idx("folder")`: MNIST and its family as they are distributed.

use super::files::{DataFile, Folder, bad, missing};
use super::idx_file::{self, ImageHeader};
use super::reader::{Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::{Family, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "idx",
    params: &[
        Param::new(
            "folder",
            Type::Text,
            "holds train-images-idx3-ubyte, train-labels-idx1-ubyte, test-* or t10k-*, .gz or not",
        ),
        VALIDATION,
        TRAIN,
        LABEL_NOISE,
    ],
    doc: "a folder of IDX files, as MNIST, Fashion-MNIST, KMNIST and EMNIST come; with only train or test files it has only that split",
    source: "LeCun, Cortes and Burges, the MNIST database",
    example: "data idx(\"fashion-mnist\", validation: 10%)",
};

/// Images and labels of one split.
struct Pair {
    images: DataFile,
    labels: DataFile,
}

pub(super) fn header(spec: &Spec, places: &Places) -> Result<Header, Problem> {
    let (folder, pairs) = pairs(spec, places)?;
    let mut shape = None;
    let mut classes = 0;
    let mut counts = [0; 3];
    for (pair, count) in pairs.iter().zip(&mut counts) {
        let Some(pair) = pair else { continue };
        let images = idx_file::image_header(&mut pair.images.stream()?)?;
        let (labels, largest) = idx_file::scan_labels(pair.labels.stream()?)?;
        *count = pair.agreed(&mut shape, images, labels)?;
        classes = classes.max(usize::from(largest) + 1);
    }
    let class_names = (0..classes).map(|class| class.to_string()).collect();
    let shape = shape.ok_or_else(|| nothing(&folder))?;
    Header { shape, class_names, counts }.within_limits(folder.shown())
}

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Raw, Problem> {
    let header = header(spec, places)?;
    let (folder, pairs) = pairs(spec, places)?;
    let mut splits = [RawSplit::default(), RawSplit::default(), RawSplit::default()];
    for (at, (pair, split)) in pairs.iter().zip(&mut splits).enumerate() {
        let Some(pair) = pair else { continue };
        let (_, pixels) = idx_file::images(pair.images.stream()?)?;
        let labels = idx_file::labels(pair.labels.stream()?)?;
        *split = RawSplit::numbered(at, pixels, labels.into_iter().map(u32::from).collect());
    }
    Raw { header, white: 255, splits }.verified(folder.shown())
}

impl Pair {
    /// The first that is there of the usual ways to write `train-images-idx3-ubyte`.
    fn find(folder: &Folder, prefix: &str) -> Result<Option<Pair>, Problem> {
        let names = |what: &str, dimensions: u8| {
            [("-", ""), (".", ""), ("-", ".gz"), (".", ".gz")]
                .map(|(dash, end)| format!("{prefix}-{what}{dash}idx{dimensions}-ubyte{end}"))
        };
        let (images, labels) = (names("images", 3), names("labels", 1));
        match (folder.find(&images)?, folder.find(&labels)?) {
            (Some(images), Some(labels)) => Ok(Some(Pair { images, labels })),
            (None, None) => Ok(None),
            (None, _) => Err(missing(folder.shown(), &format!("{prefix} images"), &either(&images))),
            (_, None) => Err(missing(folder.shown(), &format!("{prefix} labels"), &either(&labels))),
        }
    }

    /// The number of images, if there are as many labels and the images have the shape of those before.
    fn agreed(&self, shape: &mut Option<[usize; 3]>, images: ImageHeader, labels: usize) -> Result<usize, Problem> {
        if images.count != labels {
            let images = images.count;
            return Err(bad(
                &self.labels.shown,
                format!("holds {labels} labels; `{}` holds {images} images", self.images.shown),
            ));
        }
        let expected = *shape.get_or_insert(images.shape);
        if expected != images.shape {
            let ([_, h, w], [_, height, width]) = (images.shape, expected);
            return Err(bad(
                &self.images.shown,
                format!("holds images of {h}x{w}; the train images are {height}x{width}"),
            ));
        }
        Ok(images.count)
    }
}

/// Train, no validation, and test files, which MNIST calls t10k.
fn pairs<'a>(spec: &Spec, places: &'a Places) -> Result<(Folder<'a>, [Option<Pair>; 3]), Problem> {
    let folder = Folder::open(places, spec.text("folder"))?;
    let train = Pair::find(&folder, "train")?;
    let test = match Pair::find(&folder, "test")? {
        Some(pair) => Some(pair),
        None => Pair::find(&folder, "t10k")?,
    };
    if train.is_none() && test.is_none() {
        return Err(nothing(&folder));
    }
    Ok((folder, [train, None, test]))
}

fn nothing(folder: &Folder) -> Problem {
    missing(folder.shown(), "IDX files", "`train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, .gz or not,")
        .of("folder")
}

/// The plain name, which is the first.
fn either(names: &[String; 4]) -> String {
    format!("`{}` or `{}`", names[0], names[2])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, places, spec};
    use super::super::{Dataset, describe, load};
    use super::*;
    use crate::components::ProblemKind;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    use std::path::Path;

    /// An IDX file of these sizes and bytes.
    fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, sizes.len() as u8];
        sizes.iter().for_each(|size| file.extend(size.to_be_bytes()));
        file.extend(bytes);
        file
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    /// Four train images of 2x3 with labels 0 2 1 2 and two test images with labels 1 0.
    fn files() -> Vec<(&'static str, Vec<u8>)> {
        let pixels: Vec<u8> = (0..24).collect();
        vec![
            ("train-images-idx3-ubyte", idx(&[4, 2, 3], &pixels)),
            ("train-labels-idx1-ubyte", idx(&[4], &[0, 2, 1, 2])),
            ("t10k-images-idx3-ubyte", idx(&[2, 2, 3], &pixels[12..])),
            ("t10k-labels-idx1-ubyte", idx(&[2], &[1, 0])),
        ]
    }

    fn written(files: &[(impl AsRef<Path>, Vec<u8>)]) -> tempfile::TempDir {
        let program = tempfile::tempdir().unwrap();
        std::fs::create_dir(program.path().join("set")).unwrap();
        for (name, bytes) in files {
            std::fs::write(program.path().join("set").join(name), bytes).unwrap();
        }
        program
    }

    fn loaded(files: &[(impl AsRef<Path>, Vec<u8>)]) -> Result<Dataset, Problem> {
        let program = written(files);
        load(&spec("idx", &[folder("set")]), &places(program.path()), 0)
    }

    /// The problem of the set with one file replaced, which loading must find; describing too where `seen` says so.
    #[track_caller]
    fn problem(name: &str, bytes: Vec<u8>, seen: bool) -> Problem {
        let mut files = files();
        files.retain(|(present, _)| *present != name.trim_end_matches(".gz"));
        let mut files: Vec<_> = files.into_iter().map(|(name, bytes)| (name.to_string(), bytes)).collect();
        files.push((name.to_string(), bytes));
        let program = written(&files);
        let (spec, places) = (spec("idx", &[folder("set")]), places(program.path()));
        let problem = load(&spec, &places, 0).unwrap_err();
        assert_eq!(describe(&spec, &places, 0).is_err(), seen, "{problem}");
        assert!(problem.message.contains(&format!("`set/{name}`")), "{problem}");
        problem
    }

    #[test]
    fn reads_what_is_there() {
        let data = loaded(&files()).unwrap();
        assert_eq!((data.facts.image(), data.facts.classes, data.facts.counts), ([1, 2, 3], 3, [4, 0, 2]));
        assert_eq!(data.facts.class_names, ["0", "1", "2"]);
        assert_eq!(data.train.all_labels(), [0, 2, 1, 2]);
        assert_eq!(data.train.batch(&[1]), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0].map(|v: f32| v / 255.0));
        assert_eq!((data.test.labels(&[1]), data.test.ids(&[1])), (vec![0], vec![(1 << 32) + 1]));
    }

    #[test]
    fn packed_and_plain_are_the_same_data() {
        let packed: Vec<_> = files().into_iter().map(|(name, bytes)| (format!("{name}.gz"), gz(&bytes))).collect();
        let (plain, packed) = (loaded(&files()).unwrap(), loaded(&packed).unwrap());
        assert_eq!((&plain.facts, &plain.checksum), (&packed.facts, &packed.checksum));
        let all = [0, 1, 2, 3];
        assert_eq!(plain.train.batch(&all), packed.train.batch(&all));
    }

    #[test]
    fn one_split_alone_will_do_and_test_goes_by_both_names() {
        let train = loaded(&files()[..2]).unwrap();
        assert_eq!((train.facts.counts, train.test.len()), ([4, 0, 0], 0));
        let test: Vec<_> = files().split_off(2).into_iter().map(|(n, b)| (n.replace("t10k", "test"), b)).collect();
        assert_eq!(loaded(&test).unwrap().facts.counts, [0, 0, 2]);
        let program = written(&test);
        let spec = spec("idx", &[folder("set"), ("validation", crate::components::Value::Real(0.5))]);
        let problem = describe(&spec, &places(program.path()), 0).unwrap_err();
        assert_eq!((problem.kind, problem.argument), (ProblemKind::NoSplit, Some("validation")));
    }

    #[test]
    fn absent_folders_and_files_are_named() {
        let none: [(&str, Vec<u8>); 0] = [];
        let empty = loaded(&none).unwrap_err();
        assert_eq!((empty.kind, empty.message.as_str()), (ProblemKind::MissingFile, "`set` holds no IDX files"));
        let unlabelled = loaded(&files()[..1]).unwrap_err();
        assert_eq!(unlabelled.message, "`set` holds no train labels");
        assert!(unlabelled.help.unwrap().contains("`train-labels-idx1-ubyte`"));
        let program = written(&files());
        let at = |path: &str| describe(&spec("idx", &[folder(path)]), &places(program.path()), 0).unwrap_err();
        assert_eq!((at("sett").kind, at("sett").argument), (ProblemKind::MissingFile, Some("folder")));
        assert_eq!(at("set/train-labels-idx1-ubyte").kind, ProblemKind::MissingFile);
        assert_eq!(at("../set").kind, ProblemKind::ForbiddenPath);
    }

    #[test]
    fn damaged_files_are_problems_that_say_what_was_found() {
        let images = "train-images-idx3-ubyte";
        let whole = idx(&[4, 2, 3], &[7; 24]);
        let says = |bytes: Vec<u8>, text: &str| {
            let problem = problem(images, bytes, true);
            assert_eq!(problem.kind, ProblemKind::BadFile);
            assert!(problem.message.contains(text), "{problem}");
        };
        says(vec![], "should go on with 4 bytes of its header but has 0");
        says(whole[..10].to_vec(), "12 bytes of its header but has 6");
        says(whole[..39].to_vec(), "announces 4 x 2 x 3 = 24 bytes of images but holds 23");
        says([&whole[..], &[0]].concat(), "holds 25");
        says(b"<html>".to_vec(), "starts with 3c 68 74 6d");
        says(idx(&[4], &[0; 4]), "has 1 dimensions; a file of images has 3");
        says(idx(&[0, 2, 3], &[]), "is empty");
        says(idx(&[u32::MAX; 3], &[]), "at most 4294967296 are read");
        says([&[0, 0, 0x0d, 3], &whole[4..]].concat(), "type 0x0d");
        says(idx(&[3, 2, 3], &[7; 18]), "");
        let labels = problem("train-labels-idx1-ubyte", idx(&[3], &[0, 1, 2]), true);
        assert!(labels.message.contains("holds 3 labels; `set/train-images-idx3-ubyte` holds 4 images"), "{labels}");
        let shapes = problem("t10k-images-idx3-ubyte", idx(&[2, 3, 3], &[0; 18]), true);
        assert!(shapes.message.contains("images of 3x3; the train images are 2x3"), "{shapes}");
    }

    #[test]
    fn damaged_packed_files_too() {
        let images = "train-images-idx3-ubyte.gz";
        let whole = gz(&idx(&[4, 2, 3], &(0..24).map(|i| i * 37).map(|i: u32| i as u8).collect::<Vec<_>>()));
        let says = |bytes: Vec<u8>, seen: bool, text: &str| {
            let problem = problem(images, bytes, seen);
            assert_eq!(problem.kind, ProblemKind::BadFile);
            assert!(problem.message.contains(text), "{problem}");
        };
        says(whole[..whole.len() - 12].to_vec(), false, "cut off");
        says(whole[..12].to_vec(), true, "cut off");
        let mut wrong_sum = whole.clone();
        let sum = whole.len() - 6;
        wrong_sum[sum] ^= 1;
        says(wrong_sum, false, "not a sound gzip file");
        says(gz(&idx(&[4, 2, 3], &[7; 23])), false, "ends after 23 of 24 bytes of images");
        // A bomb: 64 MB of zeros behind a header of 24 bytes, or behind a header that asks for more than can be there.
        says(gz(&idx(&[4, 2, 3], &vec![0; 64 << 20])), false, "goes on after");
        says(gz(&idx(&[4, 20000, 20000], &[0; 24])), true, "at most ");
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_folder_are_refused() {
        let program = written(&files()[1..]);
        let outside = tempfile::tempdir().unwrap();
        let (name, bytes) = &files()[0];
        std::fs::write(outside.path().join(name), bytes).unwrap();
        std::os::unix::fs::symlink(outside.path().join(name), program.path().join("set").join(name)).unwrap();
        let problem = describe(&spec("idx", &[folder("set")]), &places(program.path()), 0).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::ForbiddenPath, "{problem}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let program = written(&files()[1..]);
        let pipe = program.path().join("set").join(files()[0].0);
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        let problem = describe(&spec("idx", &[folder("set")]), &places(program.path()), 0).unwrap_err();
        assert!(problem.message.contains("is not a regular file"), "{problem}");
    }
}
