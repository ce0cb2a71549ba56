//! Numbers in two bytes, as files of large models keep them, read as the f32 that they are exactly.

use super::buffer::unfilled;
use super::simd::Isa;
use candle_core::{CpuStorage, DType, Result, Storage, Tensor, bail};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;
use std::ops::{Deref, Range};

/// Numbers where they lie.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    /// f32
    Single(&'a [f32]),
    /// bfloat16: the upper half of an f32
    Brain(&'a [bf16]),
    /// IEEE half precision
    Half(&'a [f16]),
}

impl<'a> From<&'a [f32]> for Numbers<'a> {
    fn from(numbers: &'a [f32]) -> Numbers<'a> {
        Numbers::Single(numbers)
    }
}

impl<'a> Numbers<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Numbers::Single(numbers) => numbers.len(),
            Numbers::Brain(numbers) => numbers.len(),
            Numbers::Half(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Those of a range.
    pub fn part(self, range: Range<usize>) -> Numbers<'a> {
        match self {
            Numbers::Single(numbers) => Numbers::Single(&numbers[range]),
            Numbers::Brain(numbers) => Numbers::Brain(&numbers[range]),
            Numbers::Half(numbers) => Numbers::Half(&numbers[range]),
        }
    }

    /// Writes them to `out`, which has as many.
    pub fn read_into(self, isa: Isa, out: &mut [f32]) {
        assert_eq!(self.len(), out.len(), "numbers and the room for them");
        match self {
            Numbers::Single(numbers) => out.copy_from_slice(numbers),
            Numbers::Brain(numbers) => isa.run(|| {
                out.iter_mut().zip(numbers).for_each(|(out, x)| *out = f32::from_bits(u32::from(x.to_bits()) << 16));
            }),
            Numbers::Half(numbers) => numbers.convert_to_f32_slice(out),
        }
    }

    /// All of them in f32.
    pub fn to_singles(self) -> Vec<f32> {
        let isa = Isa::in_use();
        // SAFETY: every piece is written below.
        let mut out = unsafe { unfilled(self.len()) };
        out.par_chunks_mut(PIECE).enumerate().for_each(|(i, out)| {
            self.part(i * PIECE..i * PIECE + out.len()).read_into(isa, out);
        });
        out
    }
}

/// Numbers that one task reads: some microseconds.
const PIECE: usize = 1 << 15;

/// Whether a tensor on the CPU has two bytes a number.
pub fn is_narrow(tensor: &Tensor) -> bool {
    matches!(tensor.dtype(), DType::BF16 | DType::F16)
}

/// Whether kernels read it as a weight: [`is_fast`](super::is_fast), or narrow on the CPU.
pub fn is_readable(tensor: &Tensor) -> bool {
    super::is_fast(tensor) || tensor.device().is_cpu() && is_narrow(tensor)
}

/// Gives `f` the numbers of a contiguous tensor on the CPU, without a copy.
///
/// # Errors
/// If the tensor is of another type, not on the CPU or not contiguous, and what `f` returns.
pub fn with<R>(tensor: &Tensor, f: impl FnOnce(Numbers) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("the kernel needs contiguous data, got strides {:?}", layout.stride());
    };
    match &*storage {
        Storage::Cpu(CpuStorage::F32(numbers)) => f(Numbers::Single(&numbers[start..end])),
        Storage::Cpu(CpuStorage::BF16(numbers)) => f(Numbers::Brain(&numbers[start..end])),
        Storage::Cpu(CpuStorage::F16(numbers)) => f(Numbers::Half(&numbers[start..end])),
        _ => bail!("the kernel needs real numbers on the CPU, got {:?} on {:?}", tensor.dtype(), tensor.device()),
    }
}

/// Numbers in f32: where they lie, or read into memory of their own.
pub enum Wide<V> {
    Lent(V),
    Own(Vec<f32>),
}

impl<V: Deref<Target = [f32]>> Deref for Wide<V> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Wide::Lent(view) => view,
            Wide::Own(numbers) => numbers,
        }
    }
}

/// The contents of a contiguous tensor on the CPU in f32, without a copy where they are.
///
/// # Errors
/// As [`with`].
pub fn wide(tensor: &Tensor) -> Result<Wide<impl Deref<Target = [f32]> + '_>> {
    match is_narrow(tensor) {
        true => Ok(Wide::Own(with(tensor, |numbers| Ok(numbers.to_singles()))?)),
        false => Ok(Wide::Lent(super::buffer::view(tensor)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn every_number_of_two_bytes_becomes_the_f32_that_it_is() {
        let patterns: Vec<u16> = (0..=u16::MAX).collect();
        let brain: Vec<bf16> = patterns.iter().map(|bits| bf16::from_bits(*bits)).collect();
        let half: Vec<f16> = patterns.iter().map(|bits| f16::from_bits(*bits)).collect();
        let same = |found: &[f32], expected: Vec<f32>| {
            let fits = |(x, y): (&f32, &f32)| x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan();
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(&expected).all(fits));
        };
        same(&Numbers::Brain(&brain).to_singles(), brain.iter().map(|x| x.to_f32()).collect());
        same(&Numbers::Half(&half).to_singles(), half.iter().map(|x| x.to_f32()).collect());
    }

    #[test]
    fn tensors_of_each_type_are_read() -> Result<()> {
        let numbers = [0.5f32, -3.0, 1024.0];
        let tensor = Tensor::new(&numbers, &Device::Cpu)?;
        for dtype in [DType::F32, DType::BF16, DType::F16] {
            assert_eq!(&*wide(&tensor.to_dtype(dtype)?)?, numbers);
        }
        assert!(wide(&tensor.to_dtype(DType::F64)?).is_err());
        assert!(!is_readable(&tensor.to_dtype(DType::F64)?));
        Ok(())
    }
}
