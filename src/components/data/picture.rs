//! PNG and JPEG files as bytes in the order C, H, W.

use super::files::{DataFile, bad};
use crate::components::Problem;
use crate::reading;
use crate::reading::limits::PICTURE_BYTES;
use image::{ColorType, DynamicImage, ImageDecoder};
use std::io::{BufRead, Cursor, Seek};

/// What a picture says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PictureHeader {
    pub(super) width: usize,
    pub(super) height: usize,
    /// 1 for grey, 3 for RGB
    pub(super) channels: usize,
}

impl std::fmt::Display for PictureHeader {
    /// `RGB 32x48`, width first as image programs show it
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colour = if self.channels == 1 { "grey" } else { "RGB" };
        write!(f, "{colour} {}x{}", self.width, self.height)
    }
}

/// Size and colours of a picture, without its pixels. `most` is the largest width and height.
pub(super) fn header(file: &DataFile, most: (u32, u32)) -> Result<PictureHeader, Problem> {
    if file.size > PICTURE_BYTES {
        return Err(bad(&file.shown, format!("has {} bytes; pictures of at most {PICTURE_BYTES} are read", file.size)));
    }
    header_of(&decoder(file.open()?, file, most)?, file)
}

/// A picture: its header and `channels * height * width` bytes in that order.
pub(super) fn pixels(file: &DataFile, most: (u32, u32)) -> Result<(PictureHeader, Vec<u8>), Problem> {
    let bytes = file.bytes("a picture", PICTURE_BYTES)?;
    reading::picture::whole(&bytes).map_err(|what| bad(&file.shown, what))?;
    let decoder = decoder(Cursor::new(bytes), file, most)?;
    let header = header_of(&decoder, file)?;
    let picture =
        DynamicImage::from_decoder(decoder).map_err(|e| bad(&file.shown, reading::picture::undecodable(&e)))?;
    let opaque = match &picture {
        DynamicImage::ImageLumaA8(grey) => grey.pixels().all(|p| p[1] == 255),
        DynamicImage::ImageRgba8(colour) => colour.pixels().all(|p| p[3] == 255),
        _ => true,
    };
    if !opaque {
        return Err(bad(&file.shown, "is transparent in places; save it without an alpha channel"));
    }
    let interleaved =
        if header.channels == 1 { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() };
    Ok((header, planes(&interleaved, header.channels)))
}

/// H, W, C → C, H, W
pub(super) fn planes(interleaved: &[u8], channels: usize) -> Vec<u8> {
    let mut planes = Vec::with_capacity(interleaved.len());
    (0..channels).for_each(|c| planes.extend(interleaved.iter().skip(c).step_by(channels)));
    planes
}

fn decoder<'a>(
    bytes: impl BufRead + Seek + 'a,
    file: &DataFile,
    most: (u32, u32),
) -> Result<impl ImageDecoder + 'a, Problem> {
    reading::picture::decoder(bytes, most).map_err(|what| bad(&file.shown, what))
}

fn header_of(decoder: &impl ImageDecoder, file: &DataFile) -> Result<PictureHeader, Problem> {
    let (width, height) = decoder.dimensions();
    let channels = match decoder.color_type() {
        ColorType::L8 | ColorType::La8 => 1,
        ColorType::Rgb8 | ColorType::Rgba8 => 3,
        other => return Err(bad(&file.shown, format!("has {other:?} pixels; 8-bit grey and RGB are read"))),
    };
    Ok(PictureHeader { width: width as usize, height: height as usize, channels })
}
