//! Tensors as they lie in a file: what both forms of weights come down to.

use crate::reading::limits::{DIMENSIONS, TENSOR_NAME_BYTES};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::ggml_file::qtensor_from_ggml;
use candle_core::{DType, Device, Result, Tensor};
use safetensors::Dtype;

/// A tensor of a file, whose bytes lie in it as far as its header can tell.
#[derive(Clone, Debug)]
pub struct Stored {
    /// as it stands in the file; escape it before printing
    pub name: String,
    /// empty for a single number
    pub shape: Vec<usize>,
    pub numbers: Numbers,
    /// where its bytes begin in the file
    pub from: u64,
    pub bytes: u64,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// one after another, little-endian
    Plain(Dtype),
    /// quantized: blocks of small numbers with their scales
    Packed(GgmlDType),
}

impl Stored {
    /// Bytes that a tensor of this shape takes.
    ///
    /// # Errors
    /// What is wrong with the shape, or with the name.
    pub fn size(name: &str, shape: &[usize], numbers: Numbers) -> std::result::Result<u64, String> {
        if name.len() as u64 > TENSOR_NAME_BYTES {
            return Err(format!("a name has {} bytes; at most {TENSOR_NAME_BYTES} are read", name.len()));
        }
        if shape.len() as u64 > DIMENSIONS {
            return Err(format!("{name} has {} dimensions; at most {DIMENSIONS} are read", shape.len()));
        }
        // Strides are products too, so a size of 0 doesn't excuse the others.
        let counted = shape.iter().try_fold(1usize, |product, n| product.checked_mul((*n).max(1)));
        let count =
            counted.filter(|n| *n <= 1 << 48).ok_or_else(|| format!("{name} has more numbers than any disk"))?;
        let count = if shape.contains(&0) { 0 } else { count as u64 };
        match numbers {
            Numbers::Plain(dtype) => Ok(count * dtype.bitsize() as u64 / 8),
            Numbers::Packed(dtype) => {
                let block = dtype.block_size();
                if shape.last().is_none_or(|n| n % block != 0) {
                    return Err(format!("{name} is quantized in blocks of {block}, which its rows are no multiple of"));
                }
                Ok(count / block as u64 * dtype.type_size() as u64)
            }
        }
    }

    /// The tensor of these bytes; quantized numbers become f32.
    pub fn tensor(&self, bytes: &[u8]) -> Result<Tensor> {
        let shape = self.shape.as_slice();
        match self.numbers {
            // Without numbers there is nothing to take from the bytes.
            _ if shape.contains(&0) => Tensor::zeros(shape, self.dtype()?, &Device::Cpu),
            Numbers::Plain(_) => Tensor::from_raw_buffer(bytes, self.dtype()?, shape, &Device::Cpu),
            Numbers::Packed(dtype) => {
                qtensor_from_ggml(dtype, bytes, shape.to_vec(), &Device::Cpu)?.dequantize(&Device::Cpu)
            }
        }
    }

    /// The type that [`Stored::tensor`] has.
    fn dtype(&self) -> Result<DType> {
        let dtype = match self.numbers {
            Numbers::Packed(_) => DType::F32,
            Numbers::Plain(dtype) => match dtype {
                Dtype::F16 => DType::F16,
                Dtype::BF16 => DType::BF16,
                Dtype::F32 => DType::F32,
                Dtype::F64 => DType::F64,
                Dtype::I64 => DType::I64,
                Dtype::U32 => DType::U32,
                Dtype::U8 => DType::U8,
                _ => candle_core::bail!("{} has type {dtype:?}, which is not read here", super::short(&self.name)),
            },
        };
        Ok(dtype)
    }
}
