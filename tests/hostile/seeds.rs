//! The first inputs of the fuzz targets for files: the honest ones, in `fuzz/files`, as the targets take them.

use crate::allocations::turn;
use crate::readers::{CIFAR, GGUF, GZIP, IDX, PICTURE, RECORDS, SAFETENSORS, TEXT, named};
use std::fs;
use std::path::PathBuf;

const TARGETS: [(&str, &[&str]); 8] = [
    ("idx", IDX),
    ("gzip", GZIP),
    ("cifar", CIFAR),
    ("picture", PICTURE),
    ("safetensors", SAFETENSORS),
    ("gguf", GGUF),
    ("text", TEXT),
    ("records", RECORDS),
];

/// `FSCHED_BLESS=1` writes them anew.
#[test]
fn each_target_starts_from_files_that_are_read() {
    let _turn = turn();
    for (target, names) in TARGETS {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/files").join(target);
        for (choice, name) in names.iter().enumerate() {
            let reader = named(name);
            for (n, file) in (reader.honest)().into_iter().enumerate() {
                let path = folder.join(format!("{}-{n}", name.replace(' ', "-")));
                if std::env::var_os("FSCHED_BLESS").is_some() {
                    fs::create_dir_all(&folder).unwrap();
                    fs::write(&path, [&[choice as u8], &file[..]].concat()).unwrap();
                }
                let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                assert_eq!(usize::from(bytes[0]), choice, "{}", path.display());
                // What a state holds may change with any version; its file here is then one more damaged file.
                let answer = reader.read(&reader.place(), &bytes[1..]);
                assert!(n > 0 || answer.is_ok() || *name == "checkpoint", "{}: {answer:?}", path.display());
            }
        }
    }
}
