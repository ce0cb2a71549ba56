//! The tensors of a GGUF file; their numbers are unpacked by candle.

use super::stored::{Numbers, Stored};
use crate::reading::gguf::Header;
use crate::reading::limits::DIMENSIONS;
use candle_core::quantized::GgmlDType;
use safetensors::Dtype;
use std::io::Read;

pub use crate::reading::gguf::MAGIC;

/// The tensors of a file of `length` bytes in the order of their bytes; no two share any.
///
/// # Errors
/// What is wrong with the header.
pub fn tensors(source: impl Read, length: u64) -> Result<Vec<Stored>, String> {
    let mut header = Header::open(source, length, &|_| false, &mut |_, _| {})?;
    let tensors = (0..header.tensors).map(|_| tensor(&mut header)).collect::<Result<Vec<_>, _>>()?;
    placed(&header, tensors)
}

/// What the header says of a tensor; `from` counts from where all tensors begin.
fn tensor(header: &mut Header<impl Read>) -> Result<Stored, String> {
    let name = header.name()?;
    let dimensions = header.u32()?;
    if u64::from(dimensions) > DIMENSIONS {
        return Err(format!("{name} has {dimensions} dimensions; at most {DIMENSIONS} are read"));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        shape.push(usize::try_from(header.u64()?).map_err(|e| e.to_string())?);
    }
    // The file names the innermost dimension first.
    shape.reverse();
    let kind = header.u32()?;
    let numbers = numbers(kind).ok_or_else(|| format!("{name} has type {kind}, which is not read here"))?;
    let bytes = Stored::size(&name, &shape, numbers)?;
    Ok(Stored { name, shape, numbers, from: header.u64()?, bytes })
}

/// The tensors with their places in the file.
fn placed(header: &Header<impl Read>, mut tensors: Vec<Stored>) -> Result<Vec<Stored>, String> {
    let start = header.position().next_multiple_of(header.alignment);
    tensors.sort_by_key(|tensor| (tensor.from, tensor.bytes));
    let mut end = 0;
    for tensor in &mut tensors {
        let name = &tensor.name;
        if !tensor.from.is_multiple_of(header.alignment) {
            return Err(format!("{name} begins at {}, no multiple of {}", tensor.from, header.alignment));
        }
        if tensor.from < end {
            return Err(format!("{name} begins within the tensor before it"));
        }
        end = tensor.from.saturating_add(tensor.bytes);
        if end > header.length().saturating_sub(start) {
            return Err(format!("{name} goes on after the end of the file"));
        }
        tensor.from += start;
    }
    Ok(tensors)
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
