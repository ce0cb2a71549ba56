//! The header of a safetensors file: eight bytes of length, then JSON. The library's own reader keeps the whole JSON as
//! generic values first, which take thirty times its length where a shape is a long list.

use super::stored::{Numbers, Stored};
use crate::reading::limits::{DIMENSIONS, TENSORS, WEIGHTS_HEADER_BYTES};
use safetensors::Dtype;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::io::Read;

/// The tensors of a file of `length` bytes in the order of their bytes, which fill the rest of the file exactly.
///
/// # Errors
/// What is wrong with the header.
pub fn tensors(mut source: impl Read, length: u64) -> Result<Vec<Stored>, String> {
    let mut size = [0; 8];
    if length < 8 {
        return Err(format!("it has {length} bytes"));
    }
    source.read_exact(&mut size).map_err(|e| e.to_string())?;
    let size = u64::from_le_bytes(size);
    if size > length - 8 || size > WEIGHTS_HEADER_BYTES {
        return Err(format!("its first 8 bytes announce a header of {size} bytes"));
    }
    let mut text = vec![0; size as usize];
    source.read_exact(&mut text).map_err(|e| e.to_string())?;
    let Header(mut entries) = serde_json::from_slice(&text).map_err(|e| format!("its header: {e}"))?;
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let start = 8 + size;
    let mut end = 0;
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let numbers = Numbers::Plain(entry.dtype);
        let bytes = Stored::size(&name, &entry.shape.0, numbers)?;
        let (from, to) = entry.data_offsets;
        if from != end || to.checked_sub(from) != Some(bytes) {
            return Err(format!("its header: {name} takes {bytes} bytes, and is said to lie from {from} to {to}"));
        }
        end = to;
        if end > length - start {
            return Err(format!("its header tells of {end} bytes of tensors, {} follow", length - start));
        }
        tensors.push(Stored { name, shape: entry.shape.0, numbers, from: start + from, bytes });
    }
    if end != length - start {
        return Err(format!("its header tells of {end} bytes of tensors, {} follow", length - start));
    }
    Ok(tensors)
}

struct Header(Vec<(String, Entry)>);

#[derive(Deserialize)]
struct Entry {
    dtype: Dtype,
    shape: Shape,
    data_offsets: (u64, u64),
}

struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Header, M::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else if entries.len() as u64 >= TENSORS {
                        return Err(M::Error::custom(format!("it has more than {TENSORS} tensors")));
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of sizes")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Shape, S::Error> {
                let mut sizes = Vec::new();
                while let Some(size) = seq.next_element()? {
                    if sizes.len() as u64 >= DIMENSIONS {
                        return Err(S::Error::custom(format!("a tensor has more than {DIMENSIONS} dimensions")));
                    }
                    sizes.push(size);
                }
                Ok(Shape(sizes))
            }
        }
        deserializer.deserialize_seq(Sizes)
    }
}
