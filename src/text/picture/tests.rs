use super::super::golden::golden;
use super::*;
use sha2::{Digest, Sha256};

/// The picture of tests/goldens/make_text.py.
fn drawn(width: usize, height: usize) -> Rgb {
    let byte =
        |y: usize, x: usize, c: usize| ((x * 7 + y * 13 + c * 50 + x * y / 3 + (x / 5 + y / 4) % 2 * 90) % 256) as u8;
    let pixel = |(y, x)| (0..3).map(move |c| byte(y, x, c));
    let bytes = (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).flat_map(pixel).collect();
    Rgb { width, height, bytes }
}

#[test]
fn pictures_become_squares_as_llava_and_clip_make_them() {
    for case in golden()["pictures"].as_array().unwrap() {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let fit = if case["fit"] == "pad" { Fit::pad(CLIP_MEAN) } else { Fit::Crop };
        let made = planes(&fitted(&drawn(number("width"), number("height")), fit, number("size")));
        if let Some(expected) = case.get("bytes") {
            let hex = expected.as_str().unwrap();
            let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
            let most = (0..made.len()).map(|i| byte(i).abs_diff(made[i])).max();
            assert_eq!(most, Some(0), "{case}");
            assert_eq!(made.len() * 2, hex.len());
        }
        let hash: String = Sha256::digest(&made).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash, case["sha256"].as_str().unwrap(), "{} {}", case["width"], case["fit"]);
    }
}

#[test]
fn padding_has_clips_colour_and_whole_pixels_on_both_sides() {
    assert_eq!(Fit::pad(CLIP_MEAN), Fit::Pad([122, 116, 104]));
    let square = padded(&Rgb { width: 1, height: 4, bytes: vec![9; 12] }, [1, 2, 3]);
    let row: Vec<u8> = square.bytes[..12].to_vec();
    assert_eq!((square.width, square.height), (4, 4));
    assert_eq!(row, [1, 2, 3, 9, 9, 9, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn files_and_embedded_pictures_become_rgb() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    // What is transparent keeps its colour, as in Pillow's `convert("RGB")`.
    image::RgbaImage::from_raw(2, 1, vec![1, 2, 3, 0, 4, 5, 6, 255]).unwrap().save(&path).unwrap();
    assert_eq!(pixels(&Picture::File(path.clone()), Fit::Crop, 1).unwrap().len(), 3);
    assert_eq!(read(&path).unwrap().bytes, [1, 2, 3, 4, 5, 6]);
    image::GrayImage::from_raw(1, 2, vec![7, 8]).unwrap().save(&path).unwrap();
    assert_eq!(read(&path).unwrap(), Rgb { width: 1, height: 2, bytes: vec![7, 7, 7, 8, 8, 8] });
    let grey = Picture::Pixels { shape: [1, 1, 2], bytes: vec![7, 8].into() };
    let colour = Picture::Pixels { shape: [3, 1, 2], bytes: vec![1, 2, 3, 4, 5, 6].into() };
    let same = |picture: &Picture| {
        let Picture::Pixels { shape, bytes } = picture else { unreachable!("they are embedded") };
        embedded(*shape, bytes).unwrap().bytes
    };
    assert_eq!((same(&grey), same(&colour)), (vec![7, 7, 7, 8, 8, 8], vec![1, 3, 5, 2, 4, 6]));
    // A square of the right size stays as it is.
    let square = Picture::Pixels { shape: [3, 1, 1], bytes: vec![1, 2, 3].into() };
    assert_eq!(pixels(&square, Fit::Crop, 1).unwrap(), [1, 2, 3]);
}

#[test]
fn unsound_pictures_are_named() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read(&path).unwrap_err()
    };
    let text = error(b"no picture");
    assert!(text.contains("a.png` is not a sound PNG or JPEG picture"), "{text}");
    let cut = error(&[0xff, 0xd8, 0xff, 0xda, 0, 1]);
    assert!(cut.ends_with("a.png` is cut off: it has no end of a JPEG picture"), "{cut}");
    std::fs::remove_file(&path).unwrap();
    assert!(read(&path).unwrap_err().starts_with("cannot read `"));
    let flat = Picture::Pixels { shape: [2, 1, 1], bytes: vec![1, 2].into() };
    assert_eq!(pixels(&flat, Fit::Crop, 4).unwrap_err(), "a picture of 2x1x1 has 2 bytes");
}
