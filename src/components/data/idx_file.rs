//! The IDX format of MNIST: `00 00 08 d`, then d big-endian u32 sizes, then unsigned bytes.

use super::files::{Stream, bad};
use crate::components::Problem;
use crate::reading::limits::DATA_BYTES;

/// What an IDX file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IdxHeader {
    sizes: Vec<usize>,
    /// product of the sizes
    bytes: u64,
}

/// A file of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ImageHeader {
    pub(super) count: usize,
    /// 1, H, W
    pub(super) shape: [usize; 3],
}

/// Number of images and their shape, without reading them.
pub(super) fn image_header(stream: &mut Stream) -> Result<ImageHeader, Problem> {
    let header = header(stream, 3, "images")?;
    let [count, height, width] = header.sizes[..] else { unreachable!("three sizes were asked for") };
    Ok(ImageHeader { count, shape: [1, height, width] })
}

/// All images: their header and `count * H * W` bytes.
pub(super) fn images(mut stream: Stream) -> Result<(ImageHeader, Vec<u8>), Problem> {
    let header = image_header(&mut stream)?;
    let size = header.shape.iter().product::<usize>();
    let bytes = stream.bytes((header.count * size) as u64, "images")?;
    stream.end()?;
    Ok((header, bytes))
}

/// All labels.
pub(super) fn labels(mut stream: Stream) -> Result<Vec<u8>, Problem> {
    let header = header(&mut stream, 1, "labels")?;
    let bytes = stream.bytes(header.bytes, "labels")?;
    stream.end()?;
    Ok(bytes)
}

/// Number of labels and the largest one, without keeping them.
pub(super) fn scan_labels(mut stream: Stream) -> Result<(usize, u8), Problem> {
    let header = header(&mut stream, 1, "labels")?;
    let mut largest = 0;
    stream.scan(header.bytes, "labels", |piece| largest = piece.iter().fold(largest, |a, b| a.max(*b)))?;
    stream.end()?;
    Ok((header.sizes[0], largest))
}

/// Checks magic, sizes, and the length of the file where it isn't packed.
fn header(stream: &mut Stream, dimensions: usize, what: &str) -> Result<IdxHeader, Problem> {
    let magic = stream.bytes(4, "its header")?;
    if magic[..2] != [0, 0] {
        let found = magic.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
        return Err(bad(stream.shown(), format!("is no IDX file: it starts with {found}, not with 00 00 08")));
    }
    if magic[2] != 8 {
        let found = magic[2];
        return Err(bad(
            stream.shown(),
            format!("holds values of type 0x{found:02x}; only unsigned bytes (0x08) are read"),
        ));
    }
    if magic[3] as usize != dimensions {
        let found = magic[3];
        return Err(bad(stream.shown(), format!("has {found} dimensions; a file of {what} has {dimensions}")));
    }
    let sizes = stream.bytes(4 * dimensions as u64, "its header")?;
    let sizes: Vec<usize> =
        sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let bytes = sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64));
    let shown = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    let bytes = match bytes {
        Some(0) => return Err(bad(stream.shown(), format!("is empty: its header says {shown}"))),
        Some(bytes) if bytes <= DATA_BYTES => bytes,
        _ => return Err(bad(stream.shown(), format!("announces {shown} bytes; at most {DATA_BYTES} are read"))),
    };
    match stream.exact_left() {
        Some(left) if left != bytes => {
            Err(bad(stream.shown(), format!("announces {shown} = {bytes} bytes of {what} but holds {left}")))
        }
        _ => stream.could_hold(bytes, what).map(|()| IdxHeader { sizes, bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn read_all(bytes: &[u8]) -> [bool; 4] {
        let stream = || Stream::new(bytes, bytes.len() as u64, "x").unwrap();
        [
            image_header(&mut stream()).is_ok(),
            images(stream()).is_ok(),
            labels(stream()).is_ok(),
            scan_labels(stream()).is_ok(),
        ]
    }

    proptest! {
        /// Whatever stands in a file, packed or not, reading it ends with an answer, and images are read only where
        /// their number fits.
        #[test]
        fn no_bytes_can_make_it_panic(
            dimensions in 0u8..5,
            sizes in prop::collection::vec(prop_oneof![0u32..4, any::<u32>()], 0..4),
            rest in prop::collection::vec(any::<u8>(), 0..40),
            cut in 0usize..60,
        ) {
            let mut bytes = vec![0, 0, 8, dimensions];
            sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
            bytes.extend(rest);
            bytes.truncate(cut);
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&bytes).unwrap();
            let mut packed = packer.finish().unwrap();
            prop_assert_eq!(&read_all(&bytes)[1..], &read_all(&packed)[1..]);
            packed.truncate(cut);
            read_all(&packed);
        }
    }
}
