//! Files made to take much memory or time, and files that are none.

use crate::allocations::{peak, turn};
use crate::honest;
use crate::readers::{Reader, named};
use crate::suite::{PROGRAM, SLACK};
use std::fs;
use std::path::Path;

/// What the reader says of these bytes, within the memory of the bytes and 256 MB.
#[track_caller]
fn refused(reader: &Reader, bytes: &[u8], words: &str) {
    let place = reader.place();
    let (answer, peak) = peak(|| reader.read(&place, bytes));
    let error = answer.expect_err(words);
    assert!(error.contains(words) && error.contains(reader.shown), "{error}");
    assert!(peak <= bytes.len() + SLACK, "{peak} bytes for {} of {}: {error}", bytes.len(), reader.name);
}

#[test]
fn packed_zeros_are_not_unpacked_beyond_what_images_could_be() {
    let _turn = turn();
    // 100 MB of zeros in 100 kB are unpacked no further than the images go that the header tells of.
    let zeros = vec![0; 100_000_000];
    refused(named("gzip"), &honest::packed(&honest::idx(&[4, 3, 3], &zeros)), "goes on after the bytes");
    // A header that tells of gigabytes in a file of kilobytes.
    let lie = honest::packed(&honest::idx(&[4, 30_000, 30_000], &zeros));
    refused(named("gzip"), &lie, "room for at most");
    refused(named("gzip"), &honest::packed(&honest::idx(&[4, u32::MAX, u32::MAX], &[])), "bytes; at most 4294967296");
    refused(named("gzip"), &honest::packed(&honest::idx(&[u32::MAX, 1, 1], &zeros[..9])), "images but");
}

#[test]
fn headers_of_plain_files_are_held_against_their_length() {
    let _turn = turn();
    let sizes = [4, 60_000, 1_000];
    refused(named("idx images"), &honest::idx(&sizes, &[0; 9]), "announces 4 x 60000 x 1000 = 240000000 bytes");
    refused(named("idx labels"), &honest::idx(&[u32::MAX], &[0; 9]), "announces 4294967295");
}

/// A PNG picture with another size in its header.
fn resized(bytes: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    honest::checksummed(&bytes).expect("a PNG file")
}

/// A PNG file whose colour profile, or some other chunk, unpacks to 200 MB.
fn with_chunk(kind: &[u8; 4], before: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, &vec![0; 200_000_000]).expect("memory");
    let data = [before, &packer.finish().expect("memory")].concat();
    let chunk = [&(data.len() as u32).to_be_bytes()[..], kind, &data, &[0; 4]].concat();
    let png = &honest::pngs()[0];
    honest::checksummed(&[&png[..33], &chunk, &png[33..]].concat()).expect("a PNG file")
}

#[test]
fn pictures_stay_within_their_sizes() {
    let _turn = turn();
    let png = &honest::pngs()[0];
    refused(named("png"), &resized(png, 4096, 4096), "`set/b/1.png` is RGB 8x6, but `set/a/1.png` is RGB 4096x4096");
    refused(named("png"), &resized(png, 4097, 1), "not a sound PNG or JPEG picture");
    refused(named("png"), &resized(png, u32::MAX, u32::MAX), "not a sound PNG or JPEG picture");
    refused(named("cifar10 sheet"), &resized(&honest::sheet()[0], 1024, 16_385), "not a sound PNG or JPEG picture");
    refused(named("cifar10 sheet"), &resized(&honest::sheet()[0], 1024, 16_384), "the sheets hold 16384 images");
    let reader = named("png");
    for bytes in [with_chunk(b"iCCP", b"x\0\0"), with_chunk(b"zTXt", b"x\0\0")] {
        let place = reader.place();
        let (_, peak) = peak(|| reader.read(&place, &bytes));
        assert!(peak <= bytes.len() + SLACK, "{peak}");
    }
}

#[test]
fn a_jpeg_picture_that_is_cut_off_is_not_filled_in_grey() {
    let _turn = turn();
    for jpeg in honest::jpegs() {
        for kept in [jpeg.len() - 2, jpeg.len() * 9 / 10, jpeg.len() / 2] {
            refused(named("jpeg"), &jpeg[..kept], "`set/a/1.jpg` is ");
        }
    }
}

#[test]
fn weights_are_believed_as_far_as_their_file_goes() {
    let _turn = turn();
    let tensor =
        |shape: &str, end: u64| format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
    let safe = |header: String| honest::safetensors_of(&header, 8);
    let reader = named("safetensors");
    refused(reader, &safe(tensor("[1073741824,1024]", 4 << 40)), "bytes of tensors, 8 follow");
    refused(reader, &safe(tensor(&format!("[{}1]", "1,".repeat(4_000_000)), 4)), "more than 8 dimensions");
    let entry = |n: usize| format!(r#""{n}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#);
    let many = format!("{{{}}}", (0..100_001).map(entry).collect::<Vec<_>>().join(","));
    refused(reader, &honest::safetensors_of(&many, 0), "more than 100000 tensors");
    refused(reader, &safe("[".repeat(10_000_000)), "its header");
    refused(reader, &safe(format!(r#"{{"__metadata__":{}"#, "{\"a\":".repeat(1_000_000))), "its header");
    let mut sparse = honest::safetensors_of("{}", 0);
    sparse[0..8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    refused(reader, &sparse, "announce a header of 1099511627776 bytes");
}

#[test]
fn records_take_no_more_memory_than_their_length_lets_expect() {
    let _turn = turn();
    for part in ["[],", "{\"\":0},", "0,"] {
        let text = format!("[{}0]", part.repeat((40 << 20) / part.len()));
        refused(named("plan"), text.as_bytes(), "far more memory than its text");
    }
    for name in ["plan", "manifest", "events"] {
        let deep = [&b"{\"bindings\":"[..], &b"[".repeat(1 << 20)].concat();
        refused(named(name), &deep, "");
    }
    let line = format!(r#"{{"t":0.0,"step":"1","kind":"measure","spec":[{}0]"#, "[],".repeat(300_000));
    refused(named("events"), line.as_bytes(), "events.jsonl");
    refused(named("events"), &vec![b' '; 50 << 20], "line 1: it has more than 1048576 bytes");
    refused(named("ledger"), &vec![b'['; 50 << 20], "");
    refused(named("manifest"), &vec![b' '; 5 << 20], "it has 5242880 bytes; at most 4194304 are read");
}

#[test]
fn programs_end_at_their_limits() {
    let _turn = turn();
    refused(named("program"), &b"train 1\n".repeat(600_000), "a program may have 4 MiB");
    refused(named("program"), &b"(".repeat(1 << 20), "");
    refused(named("--set"), &b"(".repeat(1 << 20), "");
    // Three imports of three megabytes each.
    let large = [b"# ", &b"x".repeat(3 << 20)[..], b"\n"].concat();
    let reader = named("program");
    (0..3).for_each(|n| fs::write(reader.place().join(format!("{n}.fsched")), &large).unwrap());
    refused(reader, b"use \"0.fsched\"; use \"1.fsched\"; use \"2.fsched\"", "more than 8 MiB of text");
    // Nothing is shorter than this and takes as much.
    let long = b"train 1\n".repeat((1 << 20) / 8);
    let (answer, peak) = peak(|| reader.read(&reader.place(), &long));
    assert!(answer.is_ok() && peak <= long.len() * PROGRAM as usize, "{peak} bytes: {answer:?}");
    // Phases that call others twice.
    let doubled = |n: usize| format!("phase p{} {{ p{n}; p{n} }}\n", n + 1);
    let phases = (0..18).map(doubled).collect::<String>();
    let doubled = format!("data digits\nphase p0 {{ train 1 }}\n{phases}p17\n");
    refused(reader, doubled.as_bytes(), "more than 250000 statements");
}

/// A pipe, a folder, a device in the place of each file, and no file at all.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_at_once() {
    let _turn = turn();
    for reader in crate::readers::READERS.iter().filter(|r| r.name != "--set") {
        let place = reader.place();
        let file = place.join(reader.file);
        let away = |path: &Path| fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        let put: [&dyn Fn(&Path); 4] = [
            &|_| {},
            &|path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()),
            &|path| fs::create_dir(path).unwrap(),
            &|path| std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        ];
        for put in put {
            let _ = away(&file);
            put(&file);
            let answer = reader.read_there(&place);
            // A lock that can't be read is one that is being written.
            assert!(answer.is_err() || reader.name == "lock" || reader.name.starts_with("cifar10"), "{}", reader.name);
        }
        away(&file).unwrap();
    }
}
