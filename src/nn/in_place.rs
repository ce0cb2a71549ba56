//! Changing the numbers of tensors where they lie. A clone of a candle tensor shares its numbers, so it sees what is
//! written; copy with [`Tensor::copy`] what must stay.

use super::kernels::buffer;
use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor, bail};
use std::cell::RefCell;

/// Gives `f` the numbers of `tensor` to change. Nothing else may read or write them meanwhile: calls nest over
/// different tensors, and over the same one they would wait for each other for ever. From another device than the
/// CPU they are fetched and sent back.
///
/// # Errors
/// If the tensor is not f32 or not contiguous, and what `f` returns.
pub fn write<R>(tensor: &Tensor, f: impl FnOnce(&mut [f32]) -> Result<R>) -> Result<R> {
    if !tensor.device().is_cpu() {
        return write_by_copy(tensor, f);
    }
    let op = Write { f: RefCell::new(Some(f)), result: RefCell::new(None) };
    tensor.inplace_op1(&op)?;
    match op.result.into_inner() {
        Some(result) => Ok(result),
        None => bail!("the numbers of a tensor on {:?} cannot be changed in place", tensor.device()),
    }
}

/// [`write`] by way of the CPU's memory.
fn write_by_copy<R>(tensor: &Tensor, f: impl FnOnce(&mut [f32]) -> Result<R>) -> Result<R> {
    if !tensor.is_contiguous() {
        bail!("only contiguous f32 tensors are changed in place");
    }
    let flat = tensor.flatten_all()?;
    let mut numbers = flat.to_vec1::<f32>()?;
    let result = f(&mut numbers)?;
    if !numbers.is_empty() {
        flat.slice_set(&Tensor::from_vec(numbers, flat.dims(), tensor.device())?, 0, 0)?;
    }
    Ok(result)
}

/// `tensor` contiguous, and copied if it shares memory with `other`, so that one can be read while the other is
/// written.
///
/// # Errors
/// If one of them is not f32 or not on the CPU, or `other` is not contiguous.
pub fn apart(tensor: &Tensor, other: &Tensor) -> Result<Tensor> {
    let tensor = tensor.contiguous()?;
    let range = |t: &Tensor| -> Result<_> { Ok(buffer::view(t)?.as_ptr_range()) };
    let (a, b) = (range(&tensor)?, range(other)?);
    if a.start < b.end && b.start < a.end { tensor.copy() } else { Ok(tensor) }
}

struct Write<F, R> {
    f: RefCell<Option<F>>,
    result: RefCell<Option<R>>,
}

impl<R, F: FnOnce(&mut [f32]) -> Result<R>> InplaceOp1 for Write<F, R> {
    fn name(&self) -> &'static str {
        "write-in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(numbers), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("only contiguous f32 tensors are changed in place");
        };
        if let Some(f) = self.f.borrow_mut().take() {
            *self.result.borrow_mut() = Some(f(&mut numbers[start..end])?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, IndexOp};

    #[test]
    fn writing_changes_the_tensor_and_its_clones_but_not_its_copies() -> Result<()> {
        let tensor = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
        let (clone, copy) = (tensor.clone(), tensor.copy()?);
        let old = write(&tensor.i(1)?, |row| Ok(std::mem::replace(&mut row[0], 7.0)))?;
        assert_eq!(old, 3.0);
        assert_eq!(clone.to_vec2::<f32>()?, [[1.0, 2.0], [7.0, 4.0]]);
        assert_eq!(copy.to_vec2::<f32>()?, [[1.0, 2.0], [3.0, 4.0]]);
        Ok(())
    }

    #[test]
    fn writing_by_copy_does_the_same() -> Result<()> {
        let tensor = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
        let clone = tensor.clone();
        let old = write_by_copy(&tensor.i(1)?, |row| Ok(std::mem::replace(&mut row[0], 7.0)))?;
        assert_eq!(old, 3.0);
        assert_eq!(clone.to_vec2::<f32>()?, [[1.0, 2.0], [7.0, 4.0]]);
        assert!(write_by_copy(&tensor.t()?, |_| Ok(())).is_err());
        assert!(write_by_copy(&Tensor::new(&[1i64], &Device::Cpu)?, |_| Ok(())).is_err());
        Ok(())
    }

    #[test]
    fn other_types_and_strided_tensors_are_refused() -> Result<()> {
        assert!(write(&Tensor::new(&[1i64], &Device::Cpu)?, |_| Ok(())).is_err());
        assert!(write(&Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu)?.t()?, |_| Ok(())).is_err());
        Ok(())
    }

    #[test]
    fn a_shared_tensor_is_copied_apart() -> Result<()> {
        let tensor = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
        let apart = apart(&tensor, &tensor.clone())?;
        write(&tensor, |numbers| {
            let seen = buffer::view(&apart)?;
            numbers.iter_mut().zip(seen.iter()).for_each(|(n, s)| *n += s);
            Ok(())
        })?;
        assert_eq!(tensor.to_vec1::<f32>()?, [2.0, 4.0]);
        Ok(())
    }
}
