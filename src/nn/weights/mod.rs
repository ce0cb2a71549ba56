//! Weights as files under PyTorch's names: safetensors, and GGUF to read from.

mod gguf;
mod safe;
mod stored;
#[cfg(test)]
mod tests;

use super::architecture::{Architecture, BufferKind};
use super::network::Network;
use crate::disk;
use crate::reading;
use candle_core::{DType, Device, Tensor, WithDType};
use half::{bf16, f16};
use safetensors::{Dtype, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use stored::{Numbers, Stored};

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
    /// cut short, of another form, or of types that are not read; `form` is what it was taken for
    #[error("{} is not a {form} file of weights: {what}", path.display())]
    Form { path: PathBuf, form: &'static str, what: String },
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
    /// as it is stored; quantized numbers are F32, which they become
    pub dtype: Dtype,
}

/// Writes all tensors of the network, so that a crash leaves the old file or the new one. The same weights in
/// the same types give the same bytes.
///
/// # Errors
/// What the file system says.
pub fn save(network: &Network, path: &Path) -> Result<(), WeightsError> {
    write(&network.state_dict()?, path)
}

/// Reads the network's weights and running statistics from a file that has exactly its names and shapes, or none of its
/// adapters, which then stay as they are. Nothing changes if there is an error.
///
/// # Errors
/// If the file cannot be read or has another form, and one error for all missing, extra and misshapen names.
pub fn load(network: &mut Network, path: &Path) -> Result<(), WeightsError> {
    fits(network.architecture(), path)?;
    Ok(network.adopt(read(path)?)?)
}

/// The same of some tensors alone: those of a file that are not `chosen` are not looked at, and the network keeps its others.
///
/// # Errors
/// As [`load`].
pub fn load_some(network: &mut Network, path: &Path, chosen: &BTreeSet<String>) -> Result<(), WeightsError> {
    some_fit(network.architecture(), path, chosen)?;
    let mut tensors = network.state_dict()?;
    each(path, |name, tensor| {
        if chosen.contains(name) {
            tensors.insert(name.to_string(), tensor);
        }
        Ok(())
    })?;
    Ok(network.adopt(tensors)?)
}

/// Whether a file has these tensors of a model, from its header alone.
///
/// # Errors
/// As [`load`].
pub fn some_fit(architecture: &Architecture, path: &Path, chosen: &BTreeSet<String>) -> Result<(), WeightsError> {
    let mut found = describe(path)?;
    found.retain(|facts| chosen.contains(&facts.name));
    let mut mismatch = compare(architecture, &found).unwrap_or_default();
    mismatch.missing = chosen.iter().filter(|name| found.iter().all(|facts| facts.name != **name)).cloned().collect();
    match mismatch == Mismatch::default() {
        true => Ok(()),
        false => Err(WeightsError::Mismatch { path: path.into(), mismatch }),
    }
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
/// If the file cannot be read or is no whole file of weights.
pub fn describe(path: &Path) -> Result<Vec<TensorFacts>, WeightsError> {
    let tensors = Weights::open(path)?.tensors.into_iter();
    let facts = tensors.map(|Stored { name, shape, numbers, .. }| {
        let dtype = if let Numbers::Plain(dtype) = numbers { dtype } else { Dtype::F32 };
        TensorFacts { name, shape, dtype }
    });
    let mut facts: Vec<TensorFacts> = facts.collect();
    facts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(facts)
}

/// Writes tensors (f32, bf16, f16, f64, i64, u32 or u8) under their names; as [`save`].
///
/// # Errors
/// What the file system says, or a tensor of another type.
pub fn write(tensors: &BTreeMap<String, Tensor>, path: &Path) -> Result<(), WeightsError> {
    disk::write_whole(path, &bytes(tensors)?).map_err(|source| WeightsError::Write { source })
}

/// The contents of a file of tensors (f32, bf16, f16, f64, i64, u32 or u8) under their names. The same tensors give the same bytes.
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

/// All tensors of a file, on the CPU, in the types they are stored in; quantized ones as f32.
///
/// # Errors
/// If the file cannot be read, is no whole file of weights or has a type that is not read here.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let mut read = BTreeMap::new();
    each(path, |name, tensor| {
        read.insert(name.to_string(), tensor);
        Ok(())
    })?;
    Ok(read)
}

/// Gives `f` the tensors of a file one after the other, as [`read`] reads them.
///
/// # Errors
/// As [`read`], and what `f` returns.
pub fn each(path: &Path, mut f: impl FnMut(&str, Tensor) -> Result<(), WeightsError>) -> Result<(), WeightsError> {
    let Weights { mut file, form, tensors } = Weights::open(path)?;
    for stored in tensors {
        let tensor = tensor(&mut file, &stored, path, form)?;
        f(&stored.name, tensor)?;
    }
    Ok(())
}

/// The tensor of that name, if a file has it, as [`read`] reads it; the others are not looked at.
///
/// # Errors
/// As [`read`].
pub fn one(path: &Path, name: &str) -> Result<Option<Tensor>, WeightsError> {
    let Weights { mut file, form, tensors } = Weights::open(path)?;
    let found = tensors.iter().find(|stored| stored.name == name);
    found.map(|stored| tensor(&mut file, stored, path, form)).transpose()
}

/// The tensor of a file of that form.
fn tensor(file: &mut File, stored: &Stored, path: &Path, form: &'static str) -> Result<Tensor, WeightsError> {
    let mut bytes = vec![0; stored.bytes as usize];
    let at = SeekFrom::Start(stored.from);
    file.seek(at).and_then(|_| file.read_exact(&mut bytes)).map_err(|source| io_error(path, source))?;
    stored.tensor(&bytes).map_err(|e| wrong(path, form, e))
}

/// A file and its checked header: its tensors have different names and lie within it.
struct Weights {
    file: File,
    form: &'static str,
    tensors: Vec<Stored>,
}

impl Weights {
    /// GGUF files are known by how they begin; as the length of a safetensors header that would be absurd.
    fn open(path: &Path) -> Result<Weights, WeightsError> {
        let (mut file, length) = reading::open(path).map_err(|source| io_error(path, source))?;
        let mut start = Vec::new();
        let begin = (&mut file).take(4).read_to_end(&mut start).and_then(|_| file.rewind());
        begin.map_err(|source| io_error(path, source))?;
        let source = BufReader::new(&mut file);
        let (form, tensors) = match start == gguf::MAGIC {
            true => ("GGUF", gguf::tensors(source, length)),
            false => ("safetensors", safe::tensors(source, length)),
        };
        let tensors = tensors.map_err(|what| wrong(path, form, what))?;
        let mut names = BTreeSet::new();
        match tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
            Some(twice) => Err(wrong(path, form, format!("it has {} twice", twice.name))),
            None => Ok(Weights { file, form, tensors }),
        }
    }
}

/// What differs between a model and tensors that were found; `None` where they fit.
pub fn compare(architecture: &Architecture, found: &[TensorFacts]) -> Option<Mismatch> {
    let mut wanted: BTreeMap<String, (Vec<usize>, bool)> = BTreeMap::new();
    let mut adapters = BTreeSet::new();
    for part in architecture.parts() {
        if part.is_adapter() {
            adapters.insert(part.name.clone());
        }
        wanted.insert(part.name, (part.shape, false));
    }
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
    // Weights from before a model was adapted have no adapters; some of them only, and something is wrong.
    if adapters.iter().all(|name| wanted.contains_key(name)) {
        wanted.retain(|name, _| !adapters.contains(name));
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

fn wrong(path: &Path, form: &'static str, what: impl ToString) -> WeightsError {
    WeightsError::Form { path: path.into(), form, what: short(&what.to_string()) }
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

/// A tensor on the CPU whose numbers become little-endian bytes when they are written, so that beside the file's bytes
/// only those of one tensor are there.
struct Bytes {
    dtype: Dtype,
    tensor: Tensor,
}

impl Bytes {
    fn of(tensor: &Tensor) -> candle_core::Result<Bytes> {
        let dtype = match tensor.dtype() {
            DType::F32 => Dtype::F32,
            DType::BF16 => Dtype::BF16,
            DType::F16 => Dtype::F16,
            DType::F64 => Dtype::F64,
            DType::I64 => Dtype::I64,
            DType::U32 => Dtype::U32,
            DType::U8 => Dtype::U8,
            other => candle_core::bail!("tensors of type {other:?} are not written"),
        };
        Ok(Bytes { dtype, tensor: tensor.to_device(&Device::Cpu)?.contiguous()? })
    }

    fn numbers<T: WithDType, const N: usize>(&self, bytes: impl Fn(T) -> [u8; N]) -> candle_core::Result<Vec<u8>> {
        Ok(self.tensor.flatten_all()?.to_vec1::<T>()?.into_iter().flat_map(bytes).collect())
    }
}

impl View for Bytes {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        self.tensor.dims()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = match self.dtype {
            Dtype::F32 => self.numbers(f32::to_le_bytes),
            Dtype::BF16 => self.numbers(bf16::to_le_bytes),
            Dtype::F16 => self.numbers(f16::to_le_bytes),
            Dtype::F64 => self.numbers(f64::to_le_bytes),
            Dtype::I64 => self.numbers(i64::to_le_bytes),
            Dtype::U32 => self.numbers(u32::to_le_bytes),
            _ => self.numbers(u8::to_le_bytes),
        };
        Cow::Owned(bytes.expect("a contiguous tensor on the CPU of this type, which `of` has seen to"))
    }

    fn data_len(&self) -> usize {
        self.tensor.elem_count() * self.dtype.bitsize() / 8
    }
}
