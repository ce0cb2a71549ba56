//! `image_folder("folder")`: one's own pictures, a folder for each class.

use super::files::{DataFile, Folder, bad, make_room, missing};
use super::picture::{self, PictureHeader};
use super::reader::{Header, Raw, RawSplit};
use super::split::{LABEL_NOISE, TRAIN, VALIDATION};
use super::{Member, Places, Problem, Spec};
use crate::components::{Family, Param, Type};
use crate::reading::limits::PICTURE_SIDE;

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "image_folder",
    params: &[
        Param::new("folder", Type::Text, "holds train/CLASS/*.png and perhaps validation/ and test/, or CLASS/*.png"),
        VALIDATION,
        TRAIN,
        LABEL_NOISE,
    ],
    doc: "PNG and JPEG pictures of one size, grey or RGB, in a folder for each class; without train/ and test/ folders all are to train",
    source: "",
    example: "data image_folder(\"photos\", validation: 10%)",
};

const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// The folder as found: names and files, nothing read.
struct Layout<'a> {
    root: Folder<'a>,
    classes: Vec<String>,
    /// (class, file) of train, validation, test
    pictures: [Vec<(usize, DataFile)>; 3],
}

pub(super) fn header(spec: &Spec, places: &Places) -> Result<Header, Problem> {
    let layout = Layout::find(places, spec.text("folder"))?;
    layout.header()
}

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Raw, Problem> {
    let layout = Layout::find(places, spec.text("folder"))?;
    let header = layout.header()?;
    let mut splits = [RawSplit::default(), RawSplit::default(), RawSplit::default()];
    for (at, (pictures, split)) in layout.pictures.iter().zip(&mut splits).enumerate() {
        let mut pixels = Vec::new();
        for (_, file) in pictures {
            let (found, planes) = picture::pixels(file, (PICTURE_SIDE, PICTURE_SIDE))?;
            if [found.channels, found.height, found.width] != header.shape {
                return Err(bad(&file.shown, format!("is {found}; it was another size a moment ago")));
            }
            make_room(&mut pixels, planes.len(), pictures.len() * header.image_size());
            pixels.extend_from_slice(&planes);
        }
        *split = RawSplit::numbered(at, pixels, pictures.iter().map(|(class, _)| *class as u32).collect());
    }
    Raw { header, white: 255, splits }.verified(layout.root.shown())
}

impl<'a> Layout<'a> {
    fn find(places: &'a Places, text: &str) -> Result<Layout<'a>, Problem> {
        let root = Folder::open(places, text)?;
        let mut found: [Option<Folder>; 3] = [const { None }; 3];
        if has_split_level(&root)? {
            for name in folders(&root)? {
                let Some(at) = SPLITS.iter().position(|split| *split == name) else {
                    let problem = bad(root.shown(), format!("holds `{name}` beside its splits"));
                    return Err(problem.help("name the splits `train`, `validation` and `test`").of("folder"));
                };
                found[at] = Some(root.folder(&name)?);
            }
        } else {
            found[0] = Some(Folder::open(places, text)?);
        }
        let mut layout = Layout { root, classes: Vec::new(), pictures: [const { Vec::new() }; 3] };
        for (at, folder) in found.iter().enumerate().filter_map(|(at, folder)| Some((at, folder.as_ref()?))) {
            layout.pictures[at] = layout.split(folder)?;
        }
        Ok(layout)
    }

    /// The pictures of one split by class, then name. The first split says which classes there are.
    fn split(&mut self, folder: &Folder) -> Result<Vec<(usize, DataFile)>, Problem> {
        let names = folders(folder)?;
        if names.is_empty() {
            return Err(missing(folder.shown(), "class folders", "a folder of pictures for each class").of("folder"));
        }
        if self.classes.is_empty() {
            self.classes.clone_from(&names);
        }
        let mut pictures = Vec::new();
        for name in names {
            let Ok(class) = self.classes.binary_search(&name) else {
                let problem = bad(folder.shown(), format!("has a class `{name}`, which the first split has not"));
                return Err(problem.of("folder"));
            };
            let inside = folder.folder(&name)?;
            let before = pictures.len();
            for entry in inside.entries()?.iter().filter(|entry| !entry.is_folder && is_picture(&entry.name)) {
                pictures.push((class, inside.file(&entry.name)?));
            }
            if pictures.len() == before {
                return Err(missing(inside.shown(), "pictures", ".png or .jpg files").of("folder"));
            }
        }
        Ok(pictures)
    }

    /// Reads the header of every picture: all must be of the size and colours of the first.
    fn header(&self) -> Result<Header, Problem> {
        let mut first: Option<(PictureHeader, &str)> = None;
        for (_, file) in self.pictures.iter().flatten() {
            let found = picture::header(file, (PICTURE_SIDE, PICTURE_SIDE))?;
            let (expected, name) = *first.get_or_insert((found, &file.shown));
            if found != expected {
                let problem = bad(&file.shown, format!("is {found}, but `{name}` is {expected}"));
                return Err(problem.help("bring all pictures to one size and one kind of colour").of("folder"));
            }
        }
        let Some((PictureHeader { width, height, channels }, _)) = first else {
            return Err(missing(self.root.shown(), "pictures", ".png or .jpg files").of("folder"));
        };
        let counts = [0, 1, 2].map(|split| self.pictures[split].len());
        let class_names = self.classes.clone();
        let files = self.pictures.iter().flatten().map(|(_, file)| file.size).sum();
        Header { shape: [channels, height, width], class_names, counts }.plausible(self.root.shown(), files)
    }
}

/// Whether a folder `train` or `test` holds folders; a class may have such a name (CIFAR-100 has a `train`), but holds
/// pictures.
fn has_split_level(root: &Folder) -> Result<bool, Problem> {
    for name in folders(root)? {
        if SPLITS.contains(&name.as_str()) && !folders(&root.folder(&name)?)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn folders(folder: &Folder) -> Result<Vec<String>, Problem> {
    let entries = folder.entries()?.into_iter().filter(|entry| entry.is_folder);
    Ok(entries.map(|entry| entry.name).collect())
}

fn is_picture(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(end.as_str(), "png" | "jpg" | "jpeg")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, places, spec};
    use super::super::{Dataset, describe, load};
    use super::*;
    use crate::components::{ProblemKind, Value};
    use image::{GrayImage, Luma, Rgb, RgbImage};
    use std::fs;
    use std::path::Path;

    fn grey(at: &Path, name: &str, width: u32, level: u8) {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(width, 2, Luma([level])).save(path).unwrap();
    }

    fn attempt(write: impl Fn(&Path)) -> Result<Dataset, Problem> {
        let program = tempfile::tempdir().unwrap();
        fs::create_dir(program.path().join("set")).unwrap();
        write(&program.path().join("set"));
        let (spec, places) = (spec("image_folder", &[folder("set")]), places(program.path()));
        let described = describe(&spec, &places, 0);
        let loaded = load(&spec, &places, 0);
        if let (Ok(described), Ok(loaded)) = (&described, &loaded) {
            assert_eq!(described, &loaded.facts);
        }
        loaded
    }

    #[track_caller]
    fn says(write: impl Fn(&Path), kind: ProblemKind, text: &str) {
        let problem = attempt(write).unwrap_err();
        assert_eq!(problem.kind, kind, "{problem}");
        assert!(problem.message.contains(text), "{problem}");
    }

    #[test]
    fn splits_and_classes_come_by_name() {
        let data = attempt(|at| {
            grey(at, "train/dog/b.png", 3, 40);
            grey(at, "train/dog/a.png", 3, 30);
            grey(at, "train/cat/z.PNG", 3, 20);
            grey(at, "validation/dog/a.png", 3, 60);
            grey(at, "test/cat/a.png", 3, 50);
            fs::write(at.join("train/dog/notes.txt"), "not a picture").unwrap();
            fs::write(at.join("train/.hidden"), "").unwrap();
        });
        let data = data.unwrap();
        assert_eq!((data.facts.image(), data.facts.counts), ([1, 2, 3], [3, 1, 1]));
        assert_eq!(data.facts.class_names, ["cat", "dog"]);
        assert_eq!(data.train.all_labels(), [0, 1, 1]);
        let first: Vec<f32> = (0..3).map(|i| data.train.batch(&[i])[0]).collect();
        assert_eq!(first, [20.0, 30.0, 40.0].map(|v: f32| v / 255.0));
        assert_eq!((data.validation.all_labels(), data.test.all_labels()), (&[1][..], &[0][..]));
    }

    #[test]
    fn without_splits_all_is_to_train_even_where_a_class_is_called_train() {
        let data = attempt(|at| ["bus/a.png", "train/a.png"].iter().for_each(|name| grey(at, name, 3, 1))).unwrap();
        assert_eq!((data.facts.counts, data.facts.class_names), ([2, 0, 0], vec!["bus".into(), "train".into()]));
    }

    #[test]
    fn colours_are_planes_and_jpeg_is_read() {
        let data = attempt(|at| {
            fs::create_dir(at.join("c")).unwrap();
            let colours = RgbImage::from_fn(2, 2, |x, y| Rgb([(y * 2 + x) as u8, 100, 200]));
            colours.save(at.join("c/a.png")).unwrap();
            image::RgbaImage::from_pixel(2, 2, image::Rgba([9, 8, 7, 255])).save(at.join("c/b.png")).unwrap();
            RgbImage::from_pixel(2, 2, Rgb([128, 128, 128])).save(at.join("c/c.jpg")).unwrap();
        });
        let data = data.unwrap();
        assert_eq!(data.facts.image(), [3, 2, 2]);
        let bytes = |i| data.train.batch(&[i]).iter().map(|v| (v * 255.0).round() as u8).collect::<Vec<_>>();
        assert_eq!(bytes(0), [0, 1, 2, 3, 100, 100, 100, 100, 200, 200, 200, 200]);
        assert_eq!(bytes(1), [9, 9, 9, 9, 8, 8, 8, 8, 7, 7, 7, 7]);
        assert_eq!(bytes(2), [128; 12]);
    }

    #[test]
    fn pictures_of_another_size_are_named_with_both_sizes() {
        let uneven = |at: &Path| {
            grey(at, "a/1.png", 3, 0);
            grey(at, "b/2.png", 4, 0);
        };
        says(uneven, ProblemKind::BadFile, "`set/b/2.png` is grey 4x2, but `set/a/1.png` is grey 3x2");
        let mixed = |at: &Path| {
            grey(at, "a/1.png", 3, 0);
            RgbImage::new(3, 2).save(at.join("a/2.png")).unwrap();
        };
        says(mixed, ProblemKind::BadFile, "`set/a/2.png` is RGB 3x2");
    }

    #[test]
    fn empty_and_strange_folders_are_problems() {
        says(|_| {}, ProblemKind::MissingFile, "`set` holds no class folders");
        says(|at| fs::create_dir(at.join("a")).unwrap(), ProblemKind::MissingFile, "`set/a` holds no pictures");
        let beside = |at: &Path| {
            grey(at, "train/a/1.png", 3, 0);
            grey(at, "extra/a/1.png", 3, 0);
        };
        says(beside, ProblemKind::BadFile, "`set` holds `extra` beside its splits");
        let unknown = |at: &Path| {
            grey(at, "train/a/1.png", 3, 0);
            grey(at, "test/b/1.png", 3, 0);
        };
        says(unknown, ProblemKind::BadFile, "`set/test` has a class `b`");
    }

    #[test]
    fn damaged_pictures_are_problems() {
        let with = |bytes: Vec<u8>| {
            move |at: &Path| {
                grey(at, "a/1.png", 3, 0);
                fs::write(at.join("a/2.png"), &bytes).unwrap();
            }
        };
        says(with(vec![]), ProblemKind::BadFile, "`set/a/2.png` is not a sound PNG or JPEG");
        says(with(b"GIF89a".to_vec()), ProblemKind::BadFile, "`set/a/2.png`");
        let cut = |at: &Path| {
            grey(at, "a/1.png", 3, 0);
            let bytes = fs::read(at.join("a/1.png")).unwrap();
            fs::write(at.join("a/2.png"), &bytes[..bytes.len() - 20]).unwrap();
        };
        says(cut, ProblemKind::BadFile, "`set/a/2.png` is not a sound PNG or JPEG");
        says(|at| grey(at, "a/1.png", 5000, 0), ProblemKind::BadFile, "`set/a/1.png`");
        let clear = |at: &Path| {
            fs::create_dir(at.join("a")).unwrap();
            image::RgbaImage::from_pixel(3, 2, image::Rgba([1, 2, 3, 4])).save(at.join("a/1.png")).unwrap();
        };
        says(clear, ProblemKind::BadFile, "transparent");
        let deep = |at: &Path| {
            fs::create_dir(at.join("a")).unwrap();
            image::ImageBuffer::from_pixel(3, 2, Luma([1u16])).save(at.join("a/1.png")).unwrap();
        };
        says(deep, ProblemKind::BadFile, "L16 pixels; 8-bit grey and RGB are read");
    }

    #[test]
    fn a_set_with_validation_pictures_takes_no_share_of_train() {
        let program = tempfile::tempdir().unwrap();
        ["train/a/1.png", "validation/a/1.png"].iter().for_each(|name| grey(&program.path().join("set"), name, 3, 0));
        let spec = spec("image_folder", &[folder("set"), ("validation", Value::Real(0.5))]);
        let problem = describe(&spec, &places(program.path()), 0).unwrap_err();
        assert_eq!((problem.kind, problem.argument), (ProblemKind::DoesNotFit, Some("validation")));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_refused() {
        let outside = tempfile::tempdir().unwrap();
        grey(outside.path(), "a/1.png", 3, 0);
        let link = |name: &'static str, target: &'static str| {
            let target = outside.path().join(target);
            move |at: &Path| {
                grey(at, "b/1.png", 3, 0);
                std::os::unix::fs::symlink(&target, at.join(name)).unwrap();
            }
        };
        says(link("c", "a"), ProblemKind::ForbiddenPath, "`set/c` is a link that leads outside");
        says(link("b/2.png", "a/1.png"), ProblemKind::ForbiddenPath, "`set/b/2.png` is a link");
        says(link("b/2.png", "nothing"), ProblemKind::MissingFile, "`set/b/2.png`");
    }
}
