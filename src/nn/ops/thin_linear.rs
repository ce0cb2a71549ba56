//! A linear layer of few rows that nothing is learned from.

use crate::nn::kernels::gemm::thin;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{buffer, is_fast, narrow};
use candle_core::{Result, Tensor, bail};

/// y = x wᵀ for x (N, F) with N of a few, w (O, F). Not recorded: for texts that are being written.
///
/// # Errors
/// If the shapes do not fit.
pub fn thin_linear(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let ((n, features), (outputs, columns)) = (x.dims2()?, w.dims2()?);
    if features != columns {
        bail!("linear: the input has {features} features, the weight {outputs}x{columns} expects another number");
    }
    if !is_fast(x) || !narrow::is_readable(w) {
        return x.matmul(&w.to_dtype(x.dtype())?.t()?);
    }
    let (x, w) = (x.contiguous()?, w.contiguous()?);
    let y = narrow::with(&w, |w| Ok(thin(Isa::in_use(), &buffer::view(&x)?, w, features)))?;
    buffer::tensor(y, (n, outputs))
}
