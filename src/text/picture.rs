//! From a picture to the bytes that a vision tower takes in: square, of its size, in the order C, H, W.

use super::item::Picture;
use super::resize::{Side, bicubic};
use crate::reading;
use crate::reading::limits::{PICTURE_BYTES, PICTURE_SIDE};
use image::DynamicImage;
use std::io::Cursor;
use std::path::Path;

/// Means of CLIP's training pictures, by which its inputs are normalized; LLaVA pads with them.
pub const CLIP_MEAN: [f64; 3] = [0.48145466, 0.4578275, 0.40821073];

/// Standard deviations, likewise.
pub const CLIP_STD: [f64; 3] = [0.26862954, 0.26130258, 0.27577711];

/// Width · 3 bytes a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb {
    pub width: usize,
    pub height: usize,
    /// in the order H, W, C
    pub bytes: Vec<u8>,
}

/// How a picture that is no square becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// put in the middle of a square of this colour, as LLaVA-1.5 does (`image_aspect_ratio: pad`)
    Pad([u8; 3]),
    /// the shorter side resized, the longer one cut on both ends, as CLIP does
    Crop,
}

impl Fit {
    /// Padding in the colour that normalization by these means makes about 0.
    pub fn pad(mean: [f64; 3]) -> Fit {
        Fit::Pad(mean.map(|m| (255.0 * m) as u8))
    }
}

/// A picture's pixels in 3·size·size bytes.
///
/// # Errors
/// What is wrong with its file or its shape, in a sentence that names it.
pub fn pixels(picture: &Picture, fit: Fit, size: usize) -> Result<Vec<u8>, String> {
    let rgb = match picture {
        Picture::File(path) => read(path)?,
        Picture::Pixels { shape, bytes } => embedded(*shape, bytes)?,
    };
    Ok(planes(&fitted(&rgb, fit, size)))
}

/// A PNG or JPEG as Pillow's `convert("RGB")` gives it: grey is repeated, and what is transparent keeps its colour.
///
/// # Errors
/// What is wrong with the file, which the message names.
pub fn read(path: &Path) -> Result<Rgb, String> {
    let named = |what: String| format!("`{}` {what}", path.display());
    let bytes = reading::whole(path, PICTURE_BYTES).map_err(|e| e.to_string())?;
    reading::picture::whole(&bytes).map_err(named)?;
    let decoder = reading::picture::decoder(Cursor::new(bytes), (PICTURE_SIDE, PICTURE_SIDE)).map_err(named)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|e| named(reading::picture::undecodable(&e)))?;
    let rgb = picture.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    match width * height {
        0 => Err(named("has no pixels".into())),
        _ => Ok(Rgb { width, height, bytes: rgb.into_raw() }),
    }
}

fn embedded(shape: [usize; 3], bytes: &[u8]) -> Result<Rgb, String> {
    let [channels, height, width] = shape;
    let pixels = height.checked_mul(width).unwrap_or(0);
    if !matches!(channels, 1 | 3) || pixels == 0 || channels.checked_mul(pixels) != Some(bytes.len()) {
        return Err(format!("a picture of {channels}x{height}x{width} has {} bytes", bytes.len()));
    }
    let channel = |c: usize| if channels == 1 { bytes } else { &bytes[c * pixels..(c + 1) * pixels] };
    let (red, green, blue) = (channel(0), channel(1), channel(2));
    let bytes = (0..pixels).flat_map(|i| [red[i], green[i], blue[i]]).collect();
    Ok(Rgb { width, height, bytes })
}

/// The picture as a square of this size.
pub fn fitted(picture: &Rgb, fit: Fit, size: usize) -> Rgb {
    match fit {
        Fit::Pad(colour) => bicubic(&padded(picture, colour), Side::all(size), Side::all(size)),
        Fit::Crop => cropped(picture, size),
    }
}

fn padded(picture: &Rgb, colour: [u8; 3]) -> Rgb {
    let (width, height) = (picture.width, picture.height);
    let side = width.max(height);
    if width == height {
        return picture.clone();
    }
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    let mut bytes = colour.repeat(side * side);
    for (y, row) in picture.bytes.chunks_exact(width * 3).enumerate() {
        let start = ((top + y) * side + left) * 3;
        bytes[start..start + row.len()].copy_from_slice(row);
    }
    Rgb { width: side, height: side, bytes }
}

fn cropped(picture: &Rgb, size: usize) -> Rgb {
    let longer = size * picture.width.max(picture.height) / picture.width.min(picture.height);
    let middle = Side { to: longer, first: (longer - size) / 2, keep: size };
    match picture.width <= picture.height {
        true => bicubic(picture, Side::all(size), middle),
        false => bicubic(picture, middle, Side::all(size)),
    }
}

/// H, W, C → C, H, W
fn planes(picture: &Rgb) -> Vec<u8> {
    (0..3).flat_map(|c| picture.bytes.iter().skip(c).step_by(3).copied()).collect()
}

#[cfg(test)]
mod tests;
