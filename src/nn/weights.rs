//! Weights as files: safetensors under PyTorch's names.

use super::architecture::{Architecture, BufferKind};
use super::network::Network;
use crate::disk;
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest header that is read: room for some 100,000 tensors.
const MAX_HEADER: u64 = 16 << 20;

/// Why weights could not be read or written. The messages name the file and say what was found.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// the file system's own error
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// the same in writing, which says where
    #[error("{source}")]
    Write { source: io::Error },
    /// tensors that have no form in a file
    #[error("the tensors could not be written: {0}")]
    Serialize(safetensors::SafeTensorError),
    /// no file, cut short, of another form, or of types that are not read
    #[error("{} is not a safetensors file of weights: {what}", path.display())]
    Form { path: PathBuf, what: String },
    /// a good file for another model
    #[error("{} does not fit the model: {mismatch}", path.display())]
    Mismatch { path: PathBuf, mismatch: Mismatch },
    /// a tensor that cannot be written or taken over
    #[error("the tensors could not be converted: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// How the tensors of a file differ from those of a model. Not all three lists are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// names the model has and the file has not
    pub missing: Vec<String>,
    /// names the file has and the model has not
    pub extra: Vec<String>,
    /// names with a sentence: `conv1.weight is 64x1x3x3, the model's is 64x3x3x3`
    pub misshapen: Vec<String>,
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorFacts {
    /// as it stands in the file; escape it before printing
    pub name: String,
    /// empty for a single number
    pub shape: Vec<usize>,
    /// as it is stored
    pub dtype: Dtype,
}

/// Writes all tensors of the network, so that a crash leaves the old file or the new one. The same weights give the
/// same bytes.
///
/// # Errors
/// What the file system says.
pub fn save(network: &Network, path: &Path) -> Result<(), WeightsError> {
    write(&network.state_dict()?, path)
}

/// Reads the network's weights and running statistics from a file that has exactly its names and shapes. Nothing
/// changes if there is an error.
///
/// # Errors
/// If the file cannot be read or has another form, and one error for all missing, extra and misshapen names.
pub fn load(network: &mut Network, path: &Path) -> Result<(), WeightsError> {
    fits(network.architecture(), path)?;
    Ok(network.load_state_dict(&read(path)?)?)
}

/// Whether a file's tensors fit a model, from its header alone.
///
/// # Errors
/// As [`load`].
pub fn fits(architecture: &Architecture, path: &Path) -> Result<(), WeightsError> {
    match compare(architecture, &describe(path)?) {
        Some(mismatch) => Err(WeightsError::Mismatch { path: path.into(), mismatch }),
        None => Ok(()),
    }
}

/// Names, shapes and types of a file's tensors by name, from its header alone.
///
/// # Errors
/// If the file cannot be read or is no whole safetensors file.
pub fn describe(path: &Path) -> Result<Vec<TensorFacts>, WeightsError> {
    let (_, _, metadata) = open(path)?;
    let mut facts: Vec<TensorFacts> = metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| TensorFacts { name, shape: info.shape.clone(), dtype: info.dtype })
        .collect();
    facts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(facts)
}

/// Writes tensors (f32, f64, i64, u32 or u8) under their names; as [`save`].
///
/// # Errors
/// What the file system says, or a tensor of another type.
pub fn write(tensors: &BTreeMap<String, Tensor>, path: &Path) -> Result<(), WeightsError> {
    disk::write_whole(path, &bytes(tensors)?).map_err(|source| WeightsError::Write { source })
}

/// The contents of a file of tensors (f32, f64, i64, u32 or u8) under their names. The same tensors give the same bytes.
///
/// # Errors
/// A tensor of another type.
pub fn bytes(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, WeightsError> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        views.push((name.as_str(), Bytes::of(tensor)?));
    }
    // PyTorch's tools look for this word.
    let format = HashMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::serialize(views, Some(format)).map_err(WeightsError::Serialize)
}

/// All tensors of a file, on the CPU, in the types they are stored in.
///
/// # Errors
/// If the file cannot be read, is no whole safetensors file or has a type that is not read here.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let (mut file, start, metadata) = open(path)?;
    let mut tensors = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        let mut bytes = vec![0; to - from];
        let at = SeekFrom::Start(start + from as u64);
        file.seek(at).and_then(|_| file.read_exact(&mut bytes)).map_err(|source| io_error(path, source))?;
        let dtype = candle_type(info.dtype)
            .ok_or_else(|| form(path, format!("{} has type {:?}, which is not read here", short(&name), info.dtype)))?;
        let view = TensorView::new(info.dtype, info.shape.clone(), &bytes).map_err(|e| form(path, e))?;
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// The file, where its data start, and its checked header: the tensors fill the rest of the file exactly.
fn open(path: &Path) -> Result<(File, u64, Metadata), WeightsError> {
    let error = |source| io_error(path, source);
    // Asked before opening: a pipe in its place would wait for ever.
    let facts = std::fs::metadata(path).map_err(error)?;
    if !facts.is_file() {
        return Err(form(path, "it is not a file"));
    }
    let mut file = File::open(path).map_err(error)?;
    let length = facts.len();
    let mut size = [0; 8];
    if length < 8 {
        return Err(form(path, format!("it has {length} bytes")));
    }
    file.read_exact(&mut size).map_err(error)?;
    let size = u64::from_le_bytes(size);
    if size > length - 8 || size > MAX_HEADER {
        return Err(form(path, format!("its first 8 bytes announce a header of {size} bytes")));
    }
    let mut header = vec![0; size as usize];
    file.read_exact(&mut header).map_err(error)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| form(path, format!("its header: {e}")))?;
    let data = metadata.data_len() as u64;
    if 8 + size + data != length {
        return Err(form(path, format!("its header tells of {data} bytes of tensors, {} follow", length - 8 - size)));
    }
    Ok((file, 8 + size, metadata))
}

/// What differs between a model and a file; `None` where they fit.
fn compare(architecture: &Architecture, found: &[TensorFacts]) -> Option<Mismatch> {
    let mut wanted: BTreeMap<String, (Vec<usize>, bool)> = BTreeMap::new();
    wanted.extend(architecture.parts().into_iter().map(|part| (part.name, (part.shape, false))));
    for buffer in architecture.buffers() {
        wanted.insert(buffer.name, (buffer.shape, buffer.kind == BufferKind::BatchesTracked));
    }
    let mut mismatch = Mismatch::default();
    for TensorFacts { name, shape, dtype } in found {
        match wanted.remove(name) {
            None => mismatch.extra.push(short(name)),
            Some((wanted, _)) if wanted != *shape => {
                let sentence = format!("{name} is {}, the model's is {}", dims(shape), dims(&wanted));
                mismatch.misshapen.push(sentence);
            }
            Some((_, count)) => {
                let fits = if count { *dtype == Dtype::I64 } else { is_real(*dtype) };
                if !fits {
                    let kind = if count { "whole numbers (I64)" } else { "real numbers" };
                    mismatch.misshapen.push(format!("{name} has type {dtype:?}, the model's has {kind}"));
                }
            }
        }
    }
    mismatch.missing.extend(wanted.into_keys());
    (mismatch != Mismatch::default()).then_some(mismatch)
}

impl std::fmt::Display for Mismatch {
    /// All three lists in one sentence, the first ten of each.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        for (names, what) in [(&self.missing, "missing"), (&self.extra, "extra"), (&self.misshapen, "misshapen")] {
            if names.is_empty() {
                continue;
            }
            write!(
                f,
                "{}{} {what}: {}",
                if first { "" } else { "; " },
                names.len(),
                names[..names.len().min(10)].join(", ")
            )?;
            if names.len() > 10 {
                write!(f, " and {} more", names.len() - 10)?;
            }
            first = false;
        }
        Ok(())
    }
}

fn io_error(path: &Path, source: io::Error) -> WeightsError {
    WeightsError::Io { path: path.into(), source }
}

fn form(path: &Path, what: impl ToString) -> WeightsError {
    WeightsError::Form { path: path.into(), what: short(&what.to_string()) }
}

/// Text of a file, fit to be printed: escaped, at most 200 characters.
fn short(text: &str) -> String {
    let escaped: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    if text.chars().nth(200).is_some() { escaped + "…" } else { escaped }
}

/// 64x3x3x3
fn dims(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a single number".into();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

fn is_real(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64)
}

fn candle_type(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        Dtype::I64 => DType::I64,
        Dtype::U32 => DType::U32,
        Dtype::U8 => DType::U8,
        _ => return None,
    })
}

/// A tensor's numbers in little-endian bytes.
struct Bytes {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Bytes {
    fn of(tensor: &Tensor) -> candle_core::Result<Bytes> {
        let flat = tensor.flatten_all()?;
        let (dtype, bytes) = match tensor.dtype() {
            DType::F32 => (Dtype::F32, flat.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect()),
            DType::F64 => (Dtype::F64, flat.to_vec1::<f64>()?.into_iter().flat_map(f64::to_le_bytes).collect()),
            DType::I64 => (Dtype::I64, flat.to_vec1::<i64>()?.into_iter().flat_map(i64::to_le_bytes).collect()),
            DType::U32 => (Dtype::U32, flat.to_vec1::<u32>()?.into_iter().flat_map(u32::to_le_bytes).collect()),
            DType::U8 => (Dtype::U8, flat.to_vec1::<u8>()?),
            other => candle_core::bail!("tensors of type {other:?} are not written"),
        };
        Ok(Bytes { dtype, shape: tensor.dims().to_vec(), bytes })
    }
}

impl View for Bytes {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests;
