//! The header of a GGUF file, as llama.cpp writes it (`docs/gguf.md` of ggml). Candle's reader trusts an alignment of 0,
//! keeps all values and lets tensors share their bytes, so this one is ours; the numbers are unpacked by candle.

use super::stored::{Numbers, Stored};
use crate::reading::limits::{DIMENSIONS, GGUF_DEPTH, GGUF_PAIRS, TENSOR_NAME_BYTES, TENSORS};
use candle_core::quantized::GgmlDType;
use safetensors::Dtype;
use std::io::{self, Read};

/// The first bytes of a file.
pub const MAGIC: &[u8; 4] = b"GGUF";

/// The tensors of a file of `length` bytes in the order of their bytes; no two share any.
///
/// # Errors
/// What is wrong with the header.
pub fn tensors(source: impl Read, length: u64) -> Result<Vec<Stored>, String> {
    let mut header = Header { source, read: 0, length, alignment: 32 };
    if header.take()? != *MAGIC {
        return Err("it does not begin with `GGUF`".into());
    }
    match header.u32()? {
        2 | 3 => {}
        version if (2..=3).contains(&version.swap_bytes()) => return Err("it is big-endian".into()),
        version => return Err(format!("it has version {version}; 2 and 3 are read")),
    }
    let count = header.count(TENSORS, "tensors")?;
    for _ in 0..header.count(GGUF_PAIRS, "pairs of key and value")? {
        header.pair()?;
    }
    let mut tensors = Vec::new();
    for _ in 0..count {
        tensors.push(header.tensor()?);
    }
    header.placed(tensors)
}

struct Header<R> {
    source: R,
    /// bytes so far
    read: u64,
    /// of the whole file
    length: u64,
    /// `general.alignment`: tensors begin at multiples of it
    alignment: u64,
}

impl<R: Read> Header<R> {
    fn left(&self) -> u64 {
        self.length.saturating_sub(self.read)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes).map_err(ended)?;
        self.read += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.take().map(u64::from_le_bytes)
    }

    fn count(&mut self, most: u64, what: &str) -> Result<u64, String> {
        match self.u64()? {
            count if count > most => Err(format!("it announces {count} {what}; at most {most} are read")),
            count => Ok(count),
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let skipped = match bytes <= self.left() {
            true => io::copy(&mut (&mut self.source).take(bytes), &mut io::sink()).map_err(ended)?,
            false => 0,
        };
        self.read += skipped;
        if skipped < bytes { Err(ended(io::ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
    }

    /// A name, whose length stands before it.
    fn name(&mut self) -> Result<String, String> {
        let length = self.u64()?;
        if length > TENSOR_NAME_BYTES {
            return Err(format!("a name has {length} bytes; at most {TENSOR_NAME_BYTES} are read"));
        }
        let mut bytes = vec![0; length as usize];
        self.source.read_exact(&mut bytes).map_err(ended)?;
        self.read += length;
        String::from_utf8(bytes).map_err(|_| "a name is not UTF-8".into())
    }

    /// A key and its value, of which only the alignment matters to weights.
    fn pair(&mut self) -> Result<(), String> {
        let key = self.name()?;
        let kind = self.u32()?;
        if key != "general.alignment" {
            return self.skip_value(kind, 0);
        }
        if kind != 4 {
            return Err(format!("`general.alignment` has type {kind}; it is a u32, type 4"));
        }
        self.alignment = self.u32()?.into();
        match self.alignment.is_power_of_two() && self.alignment <= 1 << 20 {
            true => Ok(()),
            false => Err(format!("`general.alignment` is {}, no power of 2 up to 1048576", self.alignment)),
        }
    }

    fn skip_value(&mut self, kind: u32, depth: u32) -> Result<(), String> {
        match (width(kind), kind) {
            (Some(bytes), _) => self.skip(bytes),
            (None, 8) => self.u64().and_then(|length| self.skip(length)),
            (None, 9) if depth < GGUF_DEPTH => self.skip_list(depth),
            (None, 9) => Err(format!("a value has lists more than {GGUF_DEPTH} deep")),
            (None, _) => Err(format!("a value has type {kind}, which does not exist")),
        }
    }

    fn skip_list(&mut self, depth: u32) -> Result<(), String> {
        let kind = self.u32()?;
        let count = self.u64()?;
        if let Some(bytes) = width(kind) {
            return self.skip(count.saturating_mul(bytes));
        }
        // Each takes eight bytes at least, so the end of the file ends this.
        (0..count).try_for_each(|_| self.skip_value(kind, depth + 1))
    }

    /// What the header says of a tensor; `from` counts from where all tensors begin.
    fn tensor(&mut self) -> Result<Stored, String> {
        let name = self.name()?;
        let dimensions = self.u32()?;
        if u64::from(dimensions) > DIMENSIONS {
            return Err(format!("{name} has {dimensions} dimensions; at most {DIMENSIONS} are read"));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(usize::try_from(self.u64()?).map_err(|e| e.to_string())?);
        }
        // The file names the innermost dimension first.
        shape.reverse();
        let kind = self.u32()?;
        let numbers = numbers(kind).ok_or_else(|| format!("{name} has type {kind}, which is not read here"))?;
        let bytes = Stored::size(&name, &shape, numbers)?;
        Ok(Stored { name, shape, numbers, from: self.u64()?, bytes })
    }

    /// The tensors with their places in the file.
    fn placed(&self, mut tensors: Vec<Stored>) -> Result<Vec<Stored>, String> {
        let start = self.read.next_multiple_of(self.alignment);
        tensors.sort_by_key(|tensor| (tensor.from, tensor.bytes));
        let mut end = 0;
        for tensor in &mut tensors {
            let name = &tensor.name;
            if !tensor.from.is_multiple_of(self.alignment) {
                return Err(format!("{name} begins at {}, no multiple of {}", tensor.from, self.alignment));
            }
            if tensor.from < end {
                return Err(format!("{name} begins within the tensor before it"));
            }
            end = tensor.from.saturating_add(tensor.bytes);
            if end > self.length.saturating_sub(start) {
                return Err(format!("{name} goes on after the end of the file"));
            }
            tensor.from += start;
        }
        Ok(tensors)
    }
}

fn ended(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off in its header".into(),
        _ => error.to_string(),
    }
}

/// Bytes of a value, where each of its type has as many.
fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

/// The types of `ggml.h` that are read.
fn numbers(kind: u32) -> Option<Numbers> {
    Some(match kind {
        0 => Numbers::Plain(Dtype::F32),
        1 => Numbers::Plain(Dtype::F16),
        2 => Numbers::Packed(GgmlDType::Q4_0),
        3 => Numbers::Packed(GgmlDType::Q4_1),
        6 => Numbers::Packed(GgmlDType::Q5_0),
        7 => Numbers::Packed(GgmlDType::Q5_1),
        8 => Numbers::Packed(GgmlDType::Q8_0),
        10 => Numbers::Packed(GgmlDType::Q2K),
        11 => Numbers::Packed(GgmlDType::Q3K),
        12 => Numbers::Packed(GgmlDType::Q4K),
        13 => Numbers::Packed(GgmlDType::Q5K),
        14 => Numbers::Packed(GgmlDType::Q6K),
        27 => Numbers::Plain(Dtype::I64),
        28 => Numbers::Plain(Dtype::F64),
        30 => Numbers::Plain(Dtype::BF16),
        _ => return None,
    })
}
