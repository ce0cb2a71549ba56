//! A linear layer of few rows that nothing is learned from.

use crate::nn::kernels::gemm::thin;
use crate::nn::kernels::simd::Isa;
use crate::nn::kernels::{all_fast, buffer};
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
    if !all_fast(&[x, w]) {
        return x.matmul(&w.t()?);
    }
    let (x, w) = (x.contiguous()?, w.contiguous()?);
    let y = thin(Isa::in_use(), &buffer::view(&x)?, &buffer::view(&w)?, features);
    buffer::tensor(y, (n, outputs))
}
