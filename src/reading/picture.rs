//! PNG and JPEG pictures of strangers: no more memory than the limits say, and none that is cut off.

use super::limits::PICTURE_MEMORY;
use image::{ImageDecoder, ImageError, ImageReader, Limits};
use std::io::{BufRead, Seek};

/// A decoder that has read the header. `most` is the largest width and height.
///
/// # Errors
/// What is wrong with the picture.
pub fn decoder<'a>(bytes: impl BufRead + Seek + 'a, most: (u32, u32)) -> Result<impl ImageDecoder + 'a, String> {
    // The form is seen by the first bytes: pictures named .png that are JPEG are common.
    let mut reader = ImageReader::new(bytes).with_guessed_format().map_err(|e| format!("cannot be read: {e}"))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(most.0), Some(most.1));
    limits.max_alloc = Some(PICTURE_MEMORY);
    reader.limits(limits);
    reader.into_decoder().map_err(|e| undecodable(&e))
}

/// Whether a JPEG picture has its end. The decoder fills in grey what is missing, and says nothing. Within a scan, a
/// byte 255 has a 0 behind it or begins a marker.
///
/// # Errors
/// That it is cut off.
pub fn whole(bytes: &[u8]) -> Result<(), String> {
    let jpeg = bytes.starts_with(&[0xff, 0xd8]);
    // The pictures in miniature that some cameras add stand in segments, before the first scan.
    let scan = || bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]);
    match jpeg && scan().is_none_or(|from| !bytes[from..].windows(2).any(|pair| pair == [0xff, 0xd9])) {
        true => Err("is cut off: it has no end of a JPEG picture".into()),
        false => Ok(()),
    }
}

/// What a decoder says, as the rest of a sentence about the picture.
pub fn undecodable(error: &ImageError) -> String {
    format!("is not a sound PNG or JPEG picture: {error}")
}
